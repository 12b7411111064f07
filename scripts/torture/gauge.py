"""Analysis of files by workers as in an ingest, with the CPU time and the memory that each file takes.

Linux only. Other modules of this folder import it; it is not a program.
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
from mediafp.engine.local.capabilities import WorkerCapabilities
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.pool import WorkerPool
from mediafp.engine.local.process import WorkerProcess
from mediafp.ingest.archives.members import is_archive
from mediafp.ingest.files import OpenFile, file_sha256
from mediafp.ingest.sniff import detect_kind
from mediafp.types.errors import MediaError, NotMedia

MAX_FILE_CPU_SECONDS, MAX_MEMORY_BYTES = 10.0, 3 << 29
"""CPU seconds that one file may take, and bytes of memory (1.5 GiB) that its worker may: a trial above one of them fails.
Chosen: the limits that mediafp/ingest/limits.py sets for a short file, with a margin."""
HUNG_SECONDS = 120.0
"""Wall seconds without progress after which a worker is killed and its file counts as hung. Chosen, not measured: ten CPU
seconds take less even on a busy machine."""
SAMPLE_INTERVAL_SECONDS = 0.05
"""Interval at which the use of each worker is read. Chosen, not measured."""
ANALYSED, NOT_MEDIA, HUNG, UNEXPECTED = "analysed", "not_media", "hung", "unexpected"
"""Outcomes of a file besides the kinds of failure; UNEXPECTED is an exception that the program does not handle."""
LOST_WORKER = ("crash", "oom", "timeout", HUNG, UNEXPECTED)
"""Outcomes that cost a worker or the program."""
CLOCK_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Cost:
    """Resources that a file took, over all workers that tried it."""

    cpu: float = 0.0
    """CPU seconds."""
    memory: int = 0
    """Peak resident memory of one worker in bytes; over its whole life if the kernel does not reset the peak."""
    hung: bool = False
    waiting_since: float = field(default_factory=time.monotonic)
    """Time since which the worker has been busy; infinite while an unpacking worker waits for its caller."""


@dataclass(slots=True, kw_only=True)
class Result:
    """Outcome and cost of a file or of an archive member."""

    name: str
    outcome: str
    message: str = ""
    cost: Cost = field(default_factory=Cost)

    @property
    def is_over_limit(self) -> bool:
        """True if the file took more CPU time or memory than a file may."""
        return self.cost.cpu > MAX_FILE_CPU_SECONDS or self.cost.memory > MAX_MEMORY_BYTES


class MeasuredPool(WorkerPool):
    """Worker pool that measures the CPU time and memory of each file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.engine = LocalEngine(folder, pool=self)
        self.resets_peak = True
        """True if the kernel lets the peak memory of a process be reset."""
        self._thread_costs = threading.local()
        self._monitors: set[_ProcessMonitor] = set()
        self._sampling_stopped = threading.Event()
        self._sampler = threading.Thread(target=self._sample_all, daemon=True)
        self._sampler.start()

    def close(self) -> None:
        """Stop all workers and the sampling thread."""
        super().close()
        self._sampling_stopped.set()

    @contextmanager
    def measured(self) -> Iterator[Cost]:
        """Yield the cost of the work that this thread gives to workers within the context."""
        stack: list[Cost] = self._thread_costs.__dict__.setdefault("stack", [])
        stack.append(Cost())
        try:
            yield stack[-1]
        finally:
            stack.pop()

    @contextmanager
    def worker(self, needed: WorkerCapabilities = WorkerCapabilities()) -> Iterator[WorkerProcess]:  # noqa: B008
        """Yield a worker for one file, and add its use to the innermost cost of this thread."""
        cost: Cost = self._thread_costs.stack[-1]
        with super().worker(needed) as worker:
            monitor = _ProcessMonitor(worker.pid, cost)
            self.resets_peak = self.resets_peak and monitor.resets_peak
            self._monitors.add(monitor)
            try:
                yield worker
            finally:
                self._monitors.discard(monitor)
                monitor.sample()
                cost.cpu += monitor.cpu
                cost.memory = max(cost.memory, monitor.memory)

    def _sample_all(self) -> None:
        # A worker may be gone before its context ends: then the last periodic sample counts.
        while not self._sampling_stopped.wait(SAMPLE_INTERVAL_SECONDS):
            for monitor in list(self._monitors):
                monitor.sample()


class _ProcessMonitor:
    """CPU time and peak memory of a process since the monitor was created."""

    def __init__(self, pid: int, cost: Cost) -> None:
        self._pid, self._cost = pid, cost
        self._cpu_before = _cpu_seconds(pid) or 0.0
        self.cpu, self.memory = 0.0, 0
        self._killed = False
        cost.waiting_since = time.monotonic()
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # resets the peak to the current memory
            self.resets_peak = True
        except OSError:
            self.resets_peak = False

    def sample(self) -> None:
        """Update the use of the process, and kill the process if it hangs."""
        self.cpu = max(self.cpu, (_cpu_seconds(self._pid) or 0.0) - self._cpu_before)
        self.memory = max(self.memory, peak_memory(self._pid))
        if time.monotonic() - self._cost.waiting_since > HUNG_SECONDS and not self._killed:
            self._killed = self._cost.hung = True
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)


def _cpu_seconds(pid: int) -> float | None:
    """Return the user and system time of a process; None if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS_PER_SECOND


def peak_memory(pid: int) -> int:
    """Return the peak resident memory of a process in bytes; 0 if it is gone.

    `ru_maxrss` would include that of the program that started it.
    """
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return 0


def analyse_file(pool: MeasuredPool, file: OpenFile) -> Iterator[Result]:
    """Yield the result of a file; for an archive, the result of unpacking it and then that of each member."""
    if not is_archive(file.name, file.read_head()):
        yield _analyse_media(pool, file)
        return
    members: list[Result] = []
    with pool.measured() as cost:
        try:
            for member in pool.engine.unpack_archive(file, lambda name: True):
                cost.waiting_since = math.inf
                if member.file:
                    with member.file:
                        members.append(_analyse_media(pool, member.file))
                elif member.error:
                    members.append(Result(name=member.name, outcome=member.error.kind, message=str(member.error)))
                cost.waiting_since = time.monotonic()
            archive = Result(name=file.name, outcome=ANALYSED)
        except Exception as error:
            archive = _failed_result(file.name, error)
    yield _with_cost(archive, cost)
    yield from members


def _analyse_media(pool: MeasuredPool, file: OpenFile) -> Result:
    with pool.measured() as cost:
        try:
            kind = detect_kind(file)
            if kind is None:
                return Result(name=file.name, outcome=NOT_MEDIA)
            pool.engine.analyse(file, file_sha256(file), kind, AnalysisRequest(audio=True))
            result = Result(name=file.name, outcome=ANALYSED)
        except Exception as error:
            result = _failed_result(file.name, error)
    return _with_cost(result, cost)


def _with_cost(result: Result, cost: Cost) -> Result:
    result.cost = cost
    if cost.hung:
        result.outcome = HUNG
    return result


def _failed_result(name: str, error: Exception) -> Result:
    if isinstance(error, NotMedia):
        return Result(name=name, outcome=NOT_MEDIA, message=str(error))
    if isinstance(error, MediaError):
        return Result(name=name, outcome=error.kind, message=str(error))
    return Result(name=name, outcome=UNEXPECTED, message="".join(traceback.format_exception(error)))
