"""Files read by workers as an ingest reads them, with the CPU time and the memory that each one took.

Linux only. The torture tests import it as their neighbour; it is no program.
"""

import math
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from mediafp.engine.interface import AnalysisRequest
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.pool import WorkerPool
from mediafp.engine.local.process import WorkerCapabilities, WorkerProcess
from mediafp.ingest.archives.members import is_archive
from mediafp.ingest.files import OpenFile, file_sha256
from mediafp.ingest.sniff import detect_kind
from mediafp.types.errors import MediaError, NotMedia

MOST_CPU_SECONDS, MOST_BYTES = 10.0, 3 << 29
"""What one file may take, and a worker: 10 CPU seconds, 1.5 GiB."""
HUNG_SECONDS = 120.0
"""Wall seconds after which a worker is killed here and its file counts as hung. Ten CPU seconds take no longer."""
SAMPLE_SECONDS = 0.05
READ, NO_MEDIA, HUNG, SUPERVISOR = "read", "no_media", "hung", "supervisor"
"""What becomes of a file, beside the kinds of failure. The last: an error that the program did not foresee."""
LOST = ("crash", "oom", "timeout", HUNG, SUPERVISOR)
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Cost:
    """What a file took, of all workers that tried it."""

    cpu: float = 0.0
    memory: int = 0
    """The most that one of them had in memory, bytes; of its life where `reset` is not permitted."""
    hung: bool = False
    since: float = field(default_factory=time.monotonic)
    """The moment from which a worker is waited for; none while it waits itself, as one that unpacks does."""


@dataclass(slots=True, kw_only=True)
class Result:
    """What became of a file, or of an entry of an archive."""

    name: str
    outcome: str
    message: str = ""
    cost: Cost = field(default_factory=Cost)

    @property
    def over(self) -> bool:
        """Whether it took more than a file may."""
        return self.cost.cpu > MOST_CPU_SECONDS or self.cost.memory > MOST_BYTES


class Gauge(WorkerPool):
    """Workers whose use of CPU and memory is measured, file by file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.engine = LocalEngine(folder, pool=self)
        self.resets = True
        """Whether the kernel lets the peak of a process be forgotten."""
        self._here = threading.local()
        self._watched: set[_Watch] = set()
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()

    def close(self) -> None:
        """Ends every worker."""
        super().close()
        self._over.set()

    @contextmanager
    def measured(self) -> Iterator[Cost]:
        """The cost of what this thread has workers do in it."""
        stack: list[Cost] = self._here.__dict__.setdefault("stack", [])
        stack.append(Cost())
        try:
            yield stack[-1]
        finally:
            stack.pop()

    @contextmanager
    def worker(self, needed: WorkerCapabilities = WorkerCapabilities()) -> Iterator[WorkerProcess]:  # noqa: B008
        """A worker for one file."""
        cost: Cost = self._here.stack[-1]
        with super().worker(needed) as worker:
            watch = _Watch(worker.pid, cost)
            self.resets = self.resets and watch.resets
            self._watched.add(watch)
            try:
                yield worker
            finally:
                self._watched.discard(watch)
                watch.look()
                cost.cpu += watch.cpu
                cost.memory = max(cost.memory, watch.memory)

    def _sample(self) -> None:
        # The last sample tells of a worker that is gone before it could be asked.
        while not self._over.wait(SAMPLE_SECONDS):
            for watch in list(self._watched):
                watch.look()


class _Watch:
    """What a process took since it was first looked at."""

    def __init__(self, pid: int, cost: Cost) -> None:
        self._pid, self._cost = pid, cost
        self._before = _cpu_of(pid) or 0.0
        self.cpu, self.memory = 0.0, 0
        self._killed = False
        cost.since = time.monotonic()
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # its peak is what it has now
            self.resets = True
        except OSError:
            self.resets = False

    def look(self) -> None:
        """Nothing; notes what the process took by now, and kills it where it hangs."""
        self.cpu = max(self.cpu, (_cpu_of(self._pid) or 0.0) - self._before)
        self.memory = max(self.memory, _peak_of(self._pid))
        if time.monotonic() - self._cost.since > HUNG_SECONDS and not self._killed:
            self._killed = self._cost.hung = True
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)


def _cpu_of(pid: int) -> float | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICKS


def _peak_of(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return 0


def examine(gauge: Gauge, file: OpenFile) -> Iterator[Result]:
    """What becomes of a file; of an archive, first what became of it as a whole and then of each entry."""
    if not is_archive(file.name, file.read_head()):
        yield _read(gauge, file)
        return
    entries: list[Result] = []
    with gauge.measured() as cost:
        try:
            for entry in gauge.engine.unpack_archive(file, lambda name: True):
                cost.since = math.inf
                if entry.file:
                    with entry.file:
                        entries.append(_read(gauge, entry.file))
                elif entry.error:
                    entries.append(Result(name=entry.name, outcome=entry.error.kind, message=str(entry.error)))
                cost.since = time.monotonic()
            whole = Result(name=file.name, outcome=READ)
        except Exception as error:
            whole = _failed(file.name, error)
    yield _with(whole, cost)
    yield from entries


def _read(gauge: Gauge, file: OpenFile) -> Result:
    with gauge.measured() as cost:
        try:
            kind = detect_kind(file)
            if kind is None:
                return Result(name=file.name, outcome=NO_MEDIA)
            gauge.engine.analyse(file, file_sha256(file), kind, AnalysisRequest(audio=True))
            result = Result(name=file.name, outcome=READ)
        except Exception as error:
            result = _failed(file.name, error)
    return _with(result, cost)


def _with(result: Result, cost: Cost) -> Result:
    result.cost = cost
    if cost.hung:
        result.outcome = HUNG
    return result


def _failed(name: str, error: Exception) -> Result:
    if isinstance(error, NotMedia):
        return Result(name=name, outcome=NO_MEDIA, message=str(error))
    if isinstance(error, MediaError):
        return Result(name=name, outcome=error.kind, message=str(error))
    return Result(name=name, outcome=SUPERVISOR, message="".join(traceback.format_exception(error)))
