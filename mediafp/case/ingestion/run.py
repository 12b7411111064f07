"""The scheduling of an ingest: workers analyse, threads transcribe, one thread writes."""

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from typing import Any

from mediafp.case.ingestion.archive_items import iter_archive_items
from mediafp.case.ingestion.commit import FileWriter
from mediafp.case.ingestion.items import IngestItem, item_on_disk
from mediafp.case.ingestion.known import KnownFiles
from mediafp.case.ingestion.listed_sidecars import ListedSidecars
from mediafp.case.ingestion.new_comparisons import NewComparisons
from mediafp.case.ingestion.order import defer_large_files
from mediafp.case.ingestion.pending import PendingFile
from mediafp.case.ingestion.resolved_failures import ResolvedFailures
from mediafp.case.ingestion.tasks import FileTasks
from mediafp.case.ingestion.unpacking import ArchiveUnpacker, Step
from mediafp.case.ingestion.watched_files import WatchedFiles
from mediafp.case.references import StoredReferences
from mediafp.engine.interface import AnalysisRequest, Engine
from mediafp.engine.versions import analysis_version, fingerprint_versions
from mediafp.ingest.archives.members import has_archive_suffix
from mediafp.ingest.walk import FoundFile
from mediafp.sightings.sidecars import SidecarReader, is_sidecar
from mediafp.store import Store
from mediafp.text.ocr.reader import ocr_version
from mediafp.text.ocr.video_text import video_text_version
from mediafp.types import model_files
from mediafp.types.custody import LogKind
from mediafp.types.errors import MediaError, WorkerLost
from mediafp.types.file_sounds import TranscribedFile, to_file_sound
from mediafp.types.runs import FileOutcome, IngestOptions, LedgerEntry
from mediafp.types.transcripts import TranscribedAudio
from mediafp.types.version import __version__
from mediafp.types.watches import CheckedWatches

MAX_QUEUED_PER_WORKER = 8
"""Files that wait per worker. Chosen, not measured."""
MAX_QUEUED = 256
"""Files that wait for all workers of a cluster: each is an open file. Chosen, not measured."""
MAX_WAITING_DUPLICATES = 10_000
"""Files that wait for another one with the same content; no more files are begun meanwhile. Chosen, not measured."""
HASHING_THREADS = 2
"""Threads that open and hash files: one reads from the disk while the other hashes."""
COMMIT_FILES = 32
"""Finished files that share a commit, which costs a flush to disk (4 ms). Chosen, not measured."""
COMMIT_BYTES = 32 << 20
"""Bytes of fingerprints of finished files that do not wait for others to share a commit. Chosen, not measured."""
COMMIT_SECONDS = 0.5
"""Seconds that a finished file waits for others to share a commit. Chosen, not measured."""


def run_ingest(
    store: Store,
    engine: Engine,
    files: Iterable[FoundFile],
    options: IngestOptions,
    open_references: Callable[[], StoredReferences],
    on_compared: Callable[[int, int], object] = lambda done, total: None,
    on_watched: Callable[[CheckedWatches], object] = lambda checked: None,
) -> Iterator[FileOutcome]:
    """Yield the outcome of each file after its commit, in the order in which files are done.

    Files that this version of the analysis has processed are not processed again. Several runs may write to one store
    at the same time; a content that both analyse becomes one asset.

    Args:
        store: The store.
        engine: The engine, which is closed at the end.
        files: The files.
        options: The options.
        open_references: Function that returns the references of the store, with everything that was ingested so far.
        on_compared: Called with the numbers of assets that were compared, and that must be so far.
        on_watched: Called with what was found of the watch list, before the outcomes of these files.

    Raises:
        ModelError: A model is missing.
        StoreError: The store cannot be read or written.
        SandboxError: The sandbox is unavailable.
    """
    with ExitStack() as stack:
        stack.callback(engine.close)
        watched = WatchedFiles(store, open_references, on_watched, compare=options.match)
        run = IngestRun(store, engine, options, watched, stack)
        if options.match:
            run.compare_with(open_references, on_compared, stack)
        run.append_log("ingest", {"mediafp": __version__, "pipeline": run.version, **run.settings()})
        counts: Counter[str] = Counter()
        for outcome in run.iter_outcomes(defer_large_files(map(item_on_disk, files))):
            counts[outcome.status] += 1
            yield outcome
        run.append_log("ingested", dict(counts))
        run.finish_comparisons()
        watched.check_rest()


class IngestRun:
    """One ingest. The caller's thread alone writes to the store; other threads run `FileTasks` and unpack archives."""

    def __init__(
        self, store: Store, engine: Engine, options: IngestOptions, watched: WatchedFiles, stack: ExitStack
    ) -> None:
        wanted = options.analysis
        self._watched = watched
        self._store, self._engine, self._options = store, engine, options
        self._jobs = options.jobs or engine.concurrency
        self._queue = engine.open_transcription(wanted.speech) if wanted.speech else None
        self._ocr_version = ocr_version() if wanted.ocr else None
        self.version = analysis_version(reference_crops=wanted.reference_crops)
        self._known = KnownFiles(
            store,
            version=self.version,
            retry_failed=options.retry_failed,
            ocr_version=self._ocr_version,
            video_text_version=video_text_version() if wanted.ocr else None,
            transcription_version=self._queue.version if self._queue else None,
        )
        request = AnalysisRequest(
            full_decode=wanted.full_decode,
            audio=wanted.speech is not None,
            ocr=wanted.ocr,
            reference_crops=wanted.reference_crops,
        )
        sidecars = SidecarReader() if wanted.sidecars else None
        self._listed_sidecars = ListedSidecars(sidecars) if sidecars else None
        self._tasks = FileTasks(engine, request, sidecars)
        self._writer = FileWriter(store, version=self.version)
        self._hashing_threads = ThreadPoolExecutor(HASHING_THREADS)
        self._analysis_threads = ThreadPoolExecutor(self._jobs)
        self._in_progress: dict[Future[Any], list[Callable[[], None]]] = {}
        """Work of the threads, and the functions to call after each."""
        self._duplicates: dict[str, list[PendingFile]] = {}
        """Files with a content that is being analysed, by its SHA-256: they wait for the result."""
        self._resolved_failures = ResolvedFailures(store)
        self._comparisons: NewComparisons | None = None
        self._finished: deque[PendingFile] = deque()
        """Files that wait for their commit."""
        self._outcomes: deque[FileOutcome] = deque()
        """Outcomes of files that need no work."""
        self._unpacker = ArchiveUnpacker(
            partial(iter_archive_items, engine=engine, is_done=self.is_done, sidecars=wanted.sidecars)
        )
        # Callbacks run in reverse order: closing the engine unblocks threads that wait for a worker.
        for threads in (self._hashing_threads, self._analysis_threads):
            stack.callback(threads.shutdown, cancel_futures=True)
        stack.callback(self._unpacker.close)
        stack.callback(engine.close)
        if sidecars:
            stack.callback(sidecars.close)
        stack.callback(self._tasks.cancel)
        if self._queue:
            stack.callback(self._queue.shutdown)

    def compare_with(
        self,
        open_references: Callable[[], StoredReferences],
        on_compared: Callable[[int, int], object],
        stack: ExitStack,
    ) -> None:
        """Compare each new asset with all others; arguments as in `run_ingest`."""
        self._comparisons = NewComparisons(self._store, self._engine, open_references, on_compared, jobs=self._jobs)
        stack.callback(self._comparisons.close)

    def finish_comparisons(self) -> None:
        """Compare what is left, if new assets are compared."""
        if self._comparisons:
            self._comparisons.finish()

    def settings(self) -> dict[str, object]:
        """Return the settings of the analysis, as the custody log states them."""
        wanted = self._options.analysis
        return {
            "engine": self._engine.name,
            "locked": self._engine.sandboxed,
            "full_decode": wanted.full_decode,
            "views": wanted.reference_crops,
            "sidecars": wanted.sidecars,
            "speech": self._queue.version if self._queue else None,
            "text": self._ocr_version,
            "video_text": video_text_version() if wanted.ocr else None,
            "models": {file.name: file.sha256 for file in model_files.manifest()},
        }

    def append_log(self, what: LogKind, details: dict[str, object]) -> None:
        """Append an entry to the custody log."""
        with self._store.writing():
            self._store.append_log(what, details)

    def is_done(self, item: IngestItem) -> bool:
        """Return True if a file needs no work. Any thread may call it."""
        return self._known.find_done(item) is not None

    def iter_outcomes(self, items: Iterator[IngestItem]) -> Iterator[FileOutcome]:
        """Yield the outcome of each file."""
        has_more_items, last_commit = True, time.monotonic()
        while has_more_items or self._unpacker.has_archives or self._in_progress or self._finished:
            while self._has_room():
                # Members of archives come before the files behind them, as far as they are there in time.
                if step := self._unpacker.start_step():
                    self._in_progress[step] = [partial(self._begin_members, step)]
                elif has_more_items and not self._unpacker.is_full:
                    item = next(items, None)
                    if item is None:
                        has_more_items = False
                    else:
                        self._begin_file(item)
                else:
                    break
                yield from self._take_outcomes()
            if self._in_progress:
                done, _ = wait(self._in_progress, timeout=COMMIT_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    for function in self._in_progress.pop(future):
                        function()
                yield from self._take_outcomes()
            is_late = time.monotonic() - last_commit > COMMIT_SECONDS
            is_large = sum(file.held_bytes for file in self._finished) > COMMIT_BYTES
            is_full = len(self._finished) >= COMMIT_FILES or is_large
            if self._finished and (is_full or not self._in_progress or is_late):
                yield from self._commit()
                # After the outcomes: if this fails, the files are stored all the same.
                if self._comparisons:
                    self._comparisons.save()
                last_commit = time.monotonic()
        if self._listed_sidecars:
            yield from self._listed_sidecars.iter_outcomes()
        self._resolved_failures.clear()

    def _take_outcomes(self) -> Iterator[FileOutcome]:
        """Yield the outcomes of the files that needed no work."""
        while self._outcomes:
            yield self._outcomes.popleft()

    def _begin_file(self, item: IngestItem) -> None:
        """Begin a file on disk."""
        if has_archive_suffix(item.path.name) and not item.decided:
            self._unpacker.add(item)
        else:
            self._begin(item)

    def _begin_members(self, step: "Future[Step]") -> None:
        """Begin the members of an archive that a step returns."""
        for item in self._unpacker.finish_step(step):
            self._begin(item)

    def _has_room(self) -> bool:
        """Return True if another file may begin."""
        return (
            len(self._in_progress) < min(self._jobs * MAX_QUEUED_PER_WORKER, self._jobs + MAX_QUEUED)
            and len(self._finished) < COMMIT_FILES
            and sum(map(len, self._duplicates.values())) < MAX_WAITING_DUPLICATES
        )

    def _begin(self, item: IngestItem) -> None:
        """Start the first task of a file, or add the outcome of one that needs no work."""
        if item.decided:
            self._outcomes.append(item.decided)
            return
        self._resolved_failures.note(item)
        if self._listed_sidecars and is_sidecar(item.path):
            self._outcomes.extend(self._listed_sidecars.add(item))
            return
        if entry := self._known.find_done(item):
            if item.unpacked:
                item.unpacked.close()
            self._finish_known(item, entry)
            return
        file = PendingFile(item=item, attempts=self._known.count_attempts(item))
        self._start(self._hashing_threads, file, self._tasks.identify, self._on_identified)

    def _finish_known(self, item: IngestItem, entry: LedgerEntry) -> None:
        """Add the outcome of a file that needs no work; what its sidecars state may have changed."""
        path = os.fspath(item.path)
        if entry.state == "failed":
            outcome = FileOutcome(
                path=path,
                sha256=None,
                status="failed",
                warnings=item.warnings,
                kind=entry.kind,
                message=entry.message,
            )
            self._outcomes.append(outcome)
        elif entry.sha256 is None:
            self._outcomes.append(FileOutcome(path=path, sha256=None, status="skipped"))
        else:
            sha256 = entry.sha256

            def on_read(file: PendingFile) -> None:
                outcome = FileOutcome(path=path, sha256=sha256, status="known", warnings=file.sidecars.warnings)
                if self._writer.update_known(file, sha256):
                    (outcome,) = self._watched.mark([(file.item.uri, outcome)])
                self._outcomes.append(outcome)

            self._start(self._hashing_threads, PendingFile(item=item), self._tasks.read_sidecars, on_read)

    def _start(
        self,
        threads: ThreadPoolExecutor,
        file: PendingFile,
        task: Callable[[PendingFile], None],
        on_success: Callable[[PendingFile], None],
    ) -> None:
        """Run a task in a thread, and then a function in the caller's thread."""

        def on_done() -> None:
            try:
                future.result()
            except MediaError as error:
                self._fail(file, error)
            else:
                on_success(file)

        future = threads.submit(task, file)
        self._in_progress[future] = [on_done]

    def _on_identified(self, file: PendingFile) -> None:
        """Start the task that a file needs, unless the same content is in progress or known."""
        if file.kind is None:
            self._finish(file)
            return
        if file.sha256 in self._duplicates:
            self._duplicates[file.sha256].append(file)
            # It may wait for long, with thousands of others.
            file.close()
            return
        if any(other.sha256 == file.sha256 and other.has_results for other in self._finished):
            # The same content was analysed, and is written before it.
            self._finish(file)
            return
        crops = self._options.analysis.reference_crops
        kind = self._known.find_kind(file.sha256, partial(fingerprint_versions, reference_crops=crops))
        if kind and not self._known.lacks_text(file.sha256):
            self._finish(file)
            return
        self._duplicates[file.sha256] = []
        if not kind:
            self._start(self._analysis_threads, file, self._tasks.analyse, self._on_audio)
        elif kind == "image":
            self._start(self._analysis_threads, file, self._tasks.run_ocr, self._finish)
        elif self._known.lacks_video_text(file.sha256):
            self._start(self._analysis_threads, file, self._tasks.read_video_text, self._on_video_text)
        else:
            self._start(self._analysis_threads, file, self._tasks.decode_audio, self._on_audio)

    def _on_video_text(self, file: PendingFile) -> None:
        """Decode the audio of a video whose text on screen was read, if its transcript is to be added too."""
        if self._known.lacks_transcript(file.sha256):
            self._start(self._analysis_threads, file, self._tasks.decode_audio, self._on_audio)
        else:
            self._finish(file)

    def _on_audio(self, file: PendingFile) -> None:
        """Submit the sounds of a file for transcription whose transcripts are not known."""
        audio, file.audio = file.audio, ()
        if self._queue is None or (not audio and file.analysis is None):
            self._finish(file)
            return
        sounds = tuple(map(to_file_sound, audio))
        wanted = {one.sha256: one for one in audio if not self._known.has_transcript(one.sha256)}
        file.transcribed = TranscribedFile(sounds=sounds)
        if not wanted:
            self._finish(file)
            return
        futures = [self._queue.submit(one) for one in wanted.values()]
        waiting = set(futures)

        def on_done(future: Future[TranscribedAudio]) -> None:
            future.result()
            waiting.discard(future)
            if not waiting:
                file.transcribed = TranscribedFile(sounds=sounds, made=tuple(one.result() for one in futures))
                self._finish(file)

        for future in futures:
            # Files with the same audio share the future.
            self._in_progress.setdefault(future, []).append(partial(on_done, future))

    def _fail(self, file: PendingFile, error: MediaError) -> None:
        file.error = error
        for duplicate in self._duplicates.get(file.sha256, []):
            name = duplicate.item.path.name
            message = f"cannot ingest {name!r}: its content is that of {file.item.uri!r}, which failed: {error}"
            duplicate.error = _copy_error(error, message)
        self._finish(file)

    def _finish(self, file: PendingFile) -> None:
        for finished in (file, *self._duplicates.pop(file.sha256, [])):
            finished.close()
            self._finished.append(finished)

    def _commit(self) -> list[FileOutcome]:
        files = list(self._finished)
        outcomes = self._writer.commit(files)
        if self._comparisons:
            self._comparisons.begin({outcome.sha256 for outcome in outcomes if outcome.sha256})
        outcomes = self._watched.mark([(file.item.uri, outcome) for file, outcome in zip(files, outcomes, strict=True)])
        self._finished.clear()
        if self._queue:
            for one in (made for file in files if file.transcribed for made in file.transcribed.made):
                self._queue.forget(one.audio_sha256)
        return outcomes


def _copy_error(error: MediaError, message: str) -> MediaError:
    """Return an error of the same kind with another message."""
    if isinstance(error, WorkerLost):
        return WorkerLost(error.kind, message, attempts=error.attempts, final=error.final)
    return type(error)(message)
