"""Long work of the workbench, one job at a time: its progress survives a reload, and its record a restart."""

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, Literal

import msgspec

from mediafp.types.errors import MediafpError, UsageError
from mediafp.types.timestamps import utc_now
from mediafp.web.store_messages import public_text

_logger = logging.getLogger(__name__)
FOLDER_NAME: Final = "jobs"
"""Folder of the records in that of the store."""
MAX_MESSAGES: Final = 20
"""Messages about single files that the record of a job has, the last ones. Chosen, not measured."""
MAX_KEPT_JOBS: Final = 200
"""Records that are kept; the oldest are removed. Chosen, not measured."""
SAVE_SECONDS: Final = 1.0
"""Seconds between two saves of the progress of a job. Chosen: pages ask once a second."""
JobState = Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]
"""`interrupted`: the program ended meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The record of a job.

    Attributes:
        id: Random name.
        kind: Name of the work, such as `ingest`.
        title: Its subject, such as the name of a folder.
        options: Values that it was started with, to start it again.
        state: State.
        done: Units done.
        total: Units in all; None if unknown.
        counts: Numbers by name, such as `added`.
        messages: The last messages about single files, `MAX_MESSAGES` of them.
        more_messages: Number of those before them.
        result: Its outcome; a file that it wrote is named by `file`.
        error: Reason of a failure.
        created_at: ISO 8601 in UTC, as are the others.
    """

    id: str
    kind: str
    title: str
    options: dict[str, Any]
    state: JobState
    created_at: str
    done: int = 0
    total: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    messages: tuple[str, ...] = ()
    more_messages: int = 0
    result: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    running_seconds: float = 0.0

    @property
    def is_open(self) -> bool:
        """True if it waits or runs."""
        return self.state in ("waiting", "running")

    @property
    def seconds_left(self) -> float | None:
        """Estimate of the time left from the progress so far; None if there is too little."""
        if self.state != "running" or not self.total or self.done < 1 or self.running_seconds < 2:
            return None
        return max(0.0, (self.total - self.done) * self.running_seconds / self.done)


class JobCancelled(Exception):
    """The user cancelled the job."""


class RunningJob:
    """The job that runs, as its work sees it."""

    def __init__(self, job: Job, save: Callable[[Job], object], cancelled: threading.Event, folder: Path) -> None:
        self._job, self._save, self._cancelled = job, save, cancelled
        self._started, self._saved_at = time.monotonic(), 0.0
        self.folder = folder
        """Folder for the files that it writes."""

    @property
    def job(self) -> Job:
        """The record as it is now."""
        return self._job

    def check(self) -> None:
        """Raise JobCancelled if the user cancelled the job."""
        if self._cancelled.is_set():
            raise JobCancelled

    def update(
        self,
        *,
        done: int | None = None,
        total: int | None = None,
        counts: Mapping[str, int] | None = None,
        message: str = "",
    ) -> None:
        """Note progress, and raise JobCancelled if the user cancelled the job."""
        self.check()
        job = self._job
        messages = (*job.messages, message) if message else job.messages
        self._job = replace(
            job,
            done=job.done if done is None else done,
            total=job.total if total is None else total,
            counts=dict(counts) if counts is not None else job.counts,
            messages=messages[-MAX_MESSAGES:],
            more_messages=job.more_messages + len(messages[:-MAX_MESSAGES]),
            running_seconds=time.monotonic() - self._started,
        )
        if time.monotonic() - self._saved_at >= SAVE_SECONDS:
            self._saved_at = time.monotonic()
            self._save(self._job)


Work = Callable[[RunningJob], dict[str, Any]]
"""Function that does the work of a job and returns its result."""


class Jobs:
    """The jobs of a case. One thread runs them, in the order in which they were started."""

    def __init__(self, store_folder: Path, kinds: Mapping[str, Work]) -> None:
        """Read the records; a job that a program which ended was running is `interrupted`.

        Args:
            store_folder: Folder of the store.
            kinds: The work of each kind.
        """
        self._folder, self._kinds = store_folder / FOLDER_NAME, kinds
        self._lock = threading.Lock()
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._cancelled: dict[str, threading.Event] = {}
        self._jobs = {job.id: job for job in self._load_all()}
        self._changed = threading.Condition(self._lock)
        self._thread = threading.Thread(target=self._run_all, name="jobs", daemon=True)
        self._thread.start()

    def start(self, kind: str, title: str, options: Mapping[str, Any]) -> Job:
        """Start a job, or put it behind those that wait; return its record. Raises UsageError for an unknown kind."""
        if kind not in self._kinds:
            raise UsageError(f"cannot start {kind!r}: there is no such work; choose one of {', '.join(self._kinds)}")
        job = Job(
            id=secrets.token_hex(8),
            kind=kind,
            title=title,
            options=dict(options),
            state="waiting",
            created_at=utc_now(),
        )
        with self._lock:
            self._cancelled[job.id] = threading.Event()
            self._jobs[job.id] = job
        self._save(job)
        self._remove_oldest()
        self._queue.put(job.id)
        return job

    def again(self, id: str) -> Job:
        """Start a job anew with the same options, in place of its record if it has ended. Raises UsageError."""
        job = self.find(id)
        started = self.start(job.kind, job.title, job.options)
        if not job.is_open:
            self._remove(id)
        return started

    def cancel(self, id: str) -> Job:
        """Cancel a job, which keeps all that it has done, and return its record. Raises UsageError."""
        job = self.find(id)
        with self._lock:
            event = self._cancelled.get(id)
        if event:
            event.set()
            if job.state == "waiting":
                job = self._save(replace(job, state="cancelled", ended_at=utc_now()))
        return job

    def find(self, id: str) -> Job:
        """Return a job. Raises UsageError if there is none of this id."""
        with self._lock:
            job = self._jobs.get(id)
        if job is None:
            raise UsageError(f"cannot find the job {id[:40]!r}: there is none of this id; see the list of jobs")
        return job

    def latest(self) -> list[Job]:
        """Return all jobs, the latest first."""
        with self._lock:
            # Of those of one second, the one that was started last.
            return sorted(reversed(self._jobs.values()), key=lambda job: job.created_at, reverse=True)

    def wait(self, id: str, seconds: float) -> Job:
        """Return a job when it has ended, or after some seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._jobs[id].is_open, seconds)
            return self._jobs[id]

    def file(self, id: str) -> Path | None:
        """Return the file that a job wrote; None if there is none."""
        name = self.find(id).result.get("file")
        path = self._folder / id / str(name) if name else None
        return path if path and path.is_file() else None

    def close(self) -> None:
        """Cancel all jobs, and wait until the one that runs has ended."""
        with self._lock:
            for event in self._cancelled.values():
                event.set()
        self._queue.put(None)
        self._thread.join()

    def _run_all(self) -> None:
        while (id := self._queue.get()) is not None:
            job = self.find(id)
            if job.state == "waiting":
                self._run(job)

    def _run(self, job: Job) -> None:
        job = self._save(replace(job, state="running", started_at=utc_now()))
        running = RunningJob(job, self._save, self._cancelled[job.id], self._folder / job.id)
        state: JobState = "done"
        result: dict[str, Any] = {}
        error = None
        try:
            result = self._kinds[job.kind](running)
        except JobCancelled:
            state = "cancelled"
        except MediafpError as failure:
            _logger.warning("the job %s failed: %s", job.kind, failure)
            state, error = "failed", public_text(failure, self._folder.parent)
        except Exception:
            _logger.exception("the job %s failed", job.kind)
            state, error = "failed", "internal error; the terminal of mediafp serve states it"
        self._save(replace(running.job, state=state, result=result, error=error, ended_at=utc_now()))

    def _save(self, job: Job) -> Job:
        with self._changed:
            self._jobs[job.id] = job
            if not job.is_open:
                self._cancelled.pop(job.id, None)
            self._changed.notify_all()
            # A record that cannot be written is still shown until the program ends.
            with suppress(OSError):
                self._folder.mkdir(mode=0o700, exist_ok=True)
                draft = self._folder / f".{job.id}"
                draft.write_bytes(msgspec.json.encode(job))
                draft.replace(self._folder / f"{job.id}.json")
        return job

    def _load_all(self) -> list[Job]:
        jobs = []
        for path in sorted(self._folder.glob("*.json")) if self._folder.is_dir() else ():
            with suppress(OSError, msgspec.MsgspecError):
                job = msgspec.json.decode(path.read_bytes(), type=Job)
                jobs.append(replace(job, state="interrupted") if job.is_open else job)
        return jobs

    def _remove_oldest(self) -> None:
        for job in self.latest()[MAX_KEPT_JOBS:]:
            if not job.is_open:
                self._remove(job.id)

    def _remove(self, id: str) -> None:
        with self._lock:
            self._jobs.pop(id, None)
        with suppress(OSError):
            (self._folder / f"{id}.json").unlink()
        shutil.rmtree(self._folder / id, ignore_errors=True)
