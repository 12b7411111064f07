"""The pipeline over many files: a local pool of workers, one writer, each file acknowledged once it is safe."""

import multiprocessing
import multiprocessing.synchronize
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
from pebble import ProcessExpired, ProcessPool

from mediafp import pipeline
from mediafp.errors import MediaError
from mediafp.ingest.sidecars import is_sidecar
from mediafp.pipeline import ReadOptions, Taken
from mediafp.reading.speech import transcriber
from mediafp.store import transcripts
from mediafp.store.records import Store
from mediafp.store.transcripts import Spoken

Status = Literal["added", "known", "failed", "skipped"]
FILE_SECONDS = 1800
"""Wall seconds after which a file's worker is ended; generous, since a busy machine is slow."""
SPEECH_SECONDS = 5400
"""The same for listening, on top: four hours of speech take one core an hour."""
AHEAD = 8
"""Files a worker may have waiting."""
COMMIT_FILES = 32
COMMIT_SECONDS = 0.5
"""A commit costs a flush to disk (4 ms), so finished files share one, but none waits longer than this."""
START_SECONDS = 30
"""Wall seconds in which a worker starts, generously."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """How to take files in; `jobs` workers (0: one a core)."""

    jobs: int = 0
    read: ReadOptions = ReadOptions()  # noqa: RUF009


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


@dataclass(frozen=True, slots=True)
class _Heard:
    sha256: str
    spoken: Spoken


Work = Taken | _Heard | _Failed | None


def ingest(store: Store, files: Iterable[Path], options: IngestOptions) -> Iterator[Outcome]:
    """Outcomes in the order in which files are done, each yielded after its commit."""
    jobs = options.jobs or os.cpu_count() or 1
    todo = iter(files)
    running: dict[Future[Work], Path] = {}
    done: deque[tuple[Path, Work]] = deque()
    since = time.monotonic()
    reading = options.read
    version = None
    if reading.speech:
        version = transcriber(reading.speech).version
        # Workers share the cores.
        reading = replace(reading, speech=replace(reading.speech, threads=max(1, (os.cpu_count() or 1) // jobs)))
    seconds = FILE_SECONDS + (SPEECH_SECONDS if version else 0)
    context = multiprocessing.get_context("spawn")
    started = context.Semaphore(0)
    pool = ProcessPool(max_workers=jobs, initializer=_start, initargs=(started,), context=context)
    try:
        more, scheduled = True, False
        while more or running or done:
            while more and len(running) < jobs * AHEAD:
                path = next(todo, None)
                if path is None:
                    more = False
                    continue
                known = _known(store, path)
                if outcome := _without_work(store, path, known, version, options):
                    yield outcome
                else:
                    work = _listen if known else _work
                    scheduled = True
                    running[pool.schedule(work, args=(path, reading), timeout=seconds)] = path
            if running:
                ready, _ = wait(running, timeout=COMMIT_SECONDS, return_when=FIRST_COMPLETED)
                done.extend((running.pop(future), _result(future)) for future in ready)
            if done and (len(done) >= COMMIT_FILES or not running or time.monotonic() - since > COMMIT_SECONDS):
                yield from _commit(store, done)
                since = time.monotonic()
    except BaseException:
        pool.stop()  # type: ignore[no-untyped-call]
        raise
    else:
        # The pool's locks go before its workers do: one that was still starting would fail, in the open.
        for _ in range(jobs if scheduled else 0):
            started.acquire(timeout=START_SECONDS)
    finally:
        pool.close()  # type: ignore[no-untyped-call]
        pool.join()


def _known(store: Store, path: Path) -> str | None:
    """The asset that the file was taken in as, if it is unchanged since."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return store.known(os.path.abspath(path), stat.st_size, stat.st_mtime_ns)


def _without_work(
    store: Store, path: Path, sha256: str | None, version: str | None, options: IngestOptions
) -> Outcome | None:
    """The outcome of a file that needs no decoding: a sidecar, or one known as `sha256` that was listened to."""
    name = os.fspath(path)
    if options.read.sidecars and is_sidecar(path):
        return Outcome(path=name, sha256=None, status="skipped")
    if sha256 is None or (version and not transcripts.transcribed(store, sha256, version)):
        return None
    warnings: list[str] = []
    if options.read.sidecars:
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
            elif isinstance(work, _Heard):
                transcripts.keep(store, work.sha256, work.spoken)
                outcomes.append(Outcome(path=name, sha256=work.sha256, status="known", warnings=work.spoken.warnings))
            else:
                intake = work.intake
                status: Status = "added" if store.add(intake) else "known"
                if work.spoken:
                    transcripts.keep(store, intake.asset.sha256, work.spoken)
                warnings = (*intake.warnings, *intake.sidecar_warnings)
                outcomes.append(Outcome(path=name, sha256=intake.asset.sha256, status=status, warnings=warnings))
    return outcomes


def _start(started: multiprocessing.synchronize.Semaphore) -> None:
    # Workers share the cores; a library's own threads would only fight over them.
    cv2.setNumThreads(1)
    started.release()


def _work(path: Path, options: ReadOptions) -> Work:
    try:
        return pipeline.take_in(path, options)
    except MediaError as error:
        return _Failed(error.kind, str(error))


def _listen(path: Path, options: ReadOptions) -> Work:
    assert options.speech, "a known file is looked at again for its words alone"
    try:
        return _Heard(*pipeline.hear(path, options.speech))
    except MediaError as error:
        return _Failed(error.kind, str(error))


def _result(future: Future[Work]) -> Work:
    try:
        return future.result()
    except FutureTimeout as error:
        seconds = error.args[1] if len(error.args) > 1 else FILE_SECONDS
        return _Failed("timeout", f"reading took more than {seconds} s")
    except ProcessExpired as error:
        return _Failed("crash", f"the worker that read it died (exit status {error.exitcode})")
    except MemoryError:
        return _Failed("oom", "there was not enough memory to read it")
    except Exception as error:
        return _Failed("crash", f"reading it failed: {type(error).__name__}: {error}")
