"""The pipeline over many files: a local pool of workers, one writer, each file acknowledged once it is safe."""

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
from pebble import ProcessExpired, ProcessPool

from mediafp import pipeline
from mediafp.errors import MediaError
from mediafp.ingest.sidecars import is_sidecar
from mediafp.store.records import Intake, Store

Status = Literal["added", "known", "failed", "skipped"]
FILE_SECONDS = 1800
"""Wall seconds after which a file's worker is ended; generous, since a busy machine is slow."""
AHEAD = 8
"""Files a worker may have waiting."""
COMMIT_FILES = 32
COMMIT_SECONDS = 0.5
"""A commit costs a flush to disk (4 ms), so finished files share one, but none waits longer than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """How to take files in; `jobs` workers (0: one a core)."""

    jobs: int = 0
    full_decode: bool = False
    sidecars: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one file; `kind` and `message` are set where it failed."""

    path: str
    sha256: str | None
    status: Status
    warnings: tuple[str, ...] = ()
    kind: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class _Failed:
    kind: str
    message: str


Work = Intake | _Failed | None


def ingest(store: Store, files: Iterable[Path], options: IngestOptions) -> Iterator[Outcome]:
    """Outcomes in the order in which files are done, each yielded after its commit."""
    jobs = options.jobs or os.cpu_count() or 1
    todo = iter(files)
    running: dict[Future[Work], Path] = {}
    done: deque[tuple[Path, Work]] = deque()
    since = time.monotonic()
    pool = ProcessPool(max_workers=jobs, initializer=_start, context=multiprocessing.get_context("spawn"))
    try:
        more = True
        while more or running or done:
            while more and len(running) < jobs * AHEAD:
                path = next(todo, None)
                if path is None:
                    more = False
                elif outcome := _without_work(store, path, options):
                    yield outcome
                else:
                    future = pool.schedule(
                        _work, args=(path, options.full_decode, options.sidecars), timeout=FILE_SECONDS
                    )
                    running[future] = path
            if running:
                ready, _ = wait(running, timeout=COMMIT_SECONDS, return_when=FIRST_COMPLETED)
                done.extend((running.pop(future), _result(future)) for future in ready)
            if done and (len(done) >= COMMIT_FILES or not running or time.monotonic() - since > COMMIT_SECONDS):
                yield from _commit(store, done)
                since = time.monotonic()
    except BaseException:
        pool.stop()  # type: ignore[no-untyped-call]
        raise
    finally:
        pool.close()  # type: ignore[no-untyped-call]
        pool.join()


def _without_work(store: Store, path: Path, options: IngestOptions) -> Outcome | None:
    """The outcome of a file that needs no decoding: a sidecar, or one taken in before and unchanged since."""
    name = os.fspath(path)
    if options.sidecars and is_sidecar(path):
        return Outcome(path=name, sha256=None, status="skipped")
    try:
        stat = path.stat()
    except OSError:
        return None
    sha256 = store.known(os.path.abspath(path), stat.st_size, stat.st_mtime_ns)
    if sha256 is None:
        return None
    warnings: list[str] = []
    if options.sidecars:
        sighting, warnings = pipeline.see(path, sha256)
        if sighting.source and sighting not in store.sightings(sha256):
            with store.writing():
                store.see(sighting)
    return Outcome(path=name, sha256=sha256, status="known", warnings=tuple(warnings))


def _commit(store: Store, done: deque[tuple[Path, Work]]) -> list[Outcome]:
    outcomes = []
    with store.writing():
        while done:
            path, work = done.popleft()
            name = os.fspath(path)
            if work is None:
                outcomes.append(Outcome(path=name, sha256=None, status="skipped"))
            elif isinstance(work, _Failed):
                store.fail(os.path.abspath(path), work.kind, work.message)
                outcomes.append(Outcome(path=name, sha256=None, status="failed", kind=work.kind, message=work.message))
            else:
                status: Status = "added" if store.add(work) else "known"
                warnings = (*work.warnings, *work.sidecar_warnings)
                outcomes.append(Outcome(path=name, sha256=work.asset.sha256, status=status, warnings=warnings))
    return outcomes


def _start() -> None:
    # Workers share the cores; a library's own threads would only fight over them.
    cv2.setNumThreads(1)


def _work(path: Path, full_decode: bool, sidecars: bool) -> Work:
    try:
        return pipeline.take_in(path, full_decode=full_decode, sidecars=sidecars)
    except MediaError as error:
        return _Failed(error.kind, str(error))


def _result(future: Future[Work]) -> Work:
    try:
        return future.result()
    except FutureTimeout:
        return _Failed("timeout", f"reading took more than {FILE_SECONDS} s")
    except ProcessExpired as error:
        return _Failed("crash", f"the worker that read it died (exit status {error.exitcode})")
    except MemoryError:
        return _Failed("oom", "there was not enough memory to read it")
    except Exception as error:
        return _Failed("crash", f"reading it failed: {type(error).__name__}: {error}")
