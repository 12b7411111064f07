"""The pipeline over many files: locked workers read, threads listen, one writer acknowledges what is safe."""

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from mediafp.case.ingestion import commit
from mediafp.case.ingestion.commit import _same, _unchanged
from mediafp.case.ingestion.items import IngestItem, iter_items
from mediafp.engine import analysis
from mediafp.engine.local.pool import WorkerPool
from mediafp.engine.local.transcription import TranscriptionPool
from mediafp.fingerprints.registry import needs_audio
from mediafp.ingest.files import OpenFile, file_sha256
from mediafp.ingest.sniff import detect_kind
from mediafp.ingest.walk import FoundFile
from mediafp.sightings.sidecars import is_sidecar
from mediafp.store.sqlite import custody_log, ledger, ocr_results, transcripts
from mediafp.store.sqlite.ledger import LedgerEntry
from mediafp.store.sqlite.store import SqliteStore
from mediafp.text.ocr.reader import ocr_version
from mediafp.types import model_files
from mediafp.types.errors import ErrorKind, MediaError, WorkerLost
from mediafp.types.matches import OcrResult
from mediafp.types.media import Audio, Kind, Sighting
from mediafp.types.runs import FileAnalysis, FileOutcome, IngestOptions
from mediafp.types.transcripts import TranscribedAudio
from mediafp.types.version import __version__

MAX_QUEUED_PER_WORKER = 8
"""Files a worker may have waiting."""
MAX_WAITING_DUPLICATES = 10_000
"""Copies that wait for the first of them at most; no more files are begun meanwhile."""
HASHING_THREADS = 2
"""Threads that open and hash files: one reads from the disk while the other hashes."""
COMMIT_FILES = 32
COMMIT_SECONDS = 0.5
"""A commit costs a flush to disk (4 ms), so finished files share one, but none waits longer than this."""
TRANSIENT_KINDS: frozenset[ErrorKind] = frozenset(("unreadable",))
"""Kinds of failure that lie in the moment, not in the file: each run tries again. The others wait for `retry_failed`."""


@dataclass(slots=True, kw_only=True, eq=False)
class PendingFile:
    """A file underway, and what is known of it by now."""

    item: IngestItem
    attempts: int = 0
    """How often it was tried before this run."""
    opened: OpenFile | None = None
    sha256: str = ""
    kind: Kind | None = None
    reading: FileAnalysis | None = None
    text: OcrResult | None = None
    """What stands in it, where only that was read."""
    audio: Audio | None = None
    spoken: TranscribedAudio | None = None
    warnings: tuple[str, ...] = ()
    error: MediaError | None = None


def run_ingest(
    store: SqliteStore, workers: WorkerPool, files: Iterable[FoundFile], options: IngestOptions
) -> Iterator[FileOutcome]:
    """Outcomes in the order in which files are done, each yielded after its commit.

    What was done by the same version of the pipeline is not done again. Beside another run on the same store it works
    on, and what both read is one asset.
    """
    with ExitStack() as stack:
        run = IngestRun(store, workers, options, stack)
        run.note("ingest", {"mediafp": __version__, "pipeline": run.version, **run.settings()})
        counts: Counter[str] = Counter()
        for outcome in run.outcomes(iter_items(files, workers, run.is_settled, sidecars=options.analysis.sidecars)):
            counts[outcome.status] += 1
            yield outcome
        run.note("ingested", dict(counts))


def find_current_entry(store: SqliteStore, item: IngestItem, version: str, *, retry_failed: bool) -> LedgerEntry | None:
    """What this version of the pipeline made of an item, where it is not to be read again."""
    entry = ledger.find_entry(store, item.uri, bytes=item.stamp[0], modified_ns=item.stamp[1])
    if entry is None or entry.version != version:
        return None
    return None if entry.state == "failed" and (retry_failed or entry.kind in TRANSIENT_KINDS) else entry


class IngestRun:
    """One ingest. The caller's thread alone uses the store; the threads open, hash, wait for workers and listen."""

    def __init__(self, store: SqliteStore, workers: WorkerPool, options: IngestOptions, stack: ExitStack) -> None:
        self._store, self._workers, self._options = store, workers, options
        self._jobs = options.jobs or os.cpu_count() or 1
        self.version = analysis.analysis_version(crops=options.analysis.reference_crops)
        self._listener = TranscriptionPool(options.analysis.speech) if options.analysis.speech else None
        self._text = ocr_version() if options.analysis.ocr else None
        """The version that reads text in pictures."""
        self._lookers = ThreadPoolExecutor(HASHING_THREADS)
        self._readers = ThreadPoolExecutor(self._jobs)
        self._underway: dict[Future[Any], list[Callable[[], None]]] = {}
        """Threads' work, and what comes after each."""
        self._duplicates: dict[str, list[PendingFile]] = {}
        """By SHA-256 of what is being read: other files with the same bytes, which wait for it."""
        self._failed_before = {entry.path for entry in ledger.failures(store)}
        self._mended: set[str] = set()
        """Of the paths that failed, the folders and archives in which files were found now."""
        self._done: deque[PendingFile] = deque()
        """What waits for its commit."""
        # In this order backwards: what waits for a worker gets an answer once the workers are gone.
        for pool in (self._lookers, self._readers):
            stack.callback(pool.shutdown, cancel_futures=True)
        stack.callback(workers.close)
        if self._listener:
            stack.callback(self._listener.shutdown)

    def settings(self) -> dict[str, object]:
        """What the log says of how files are read."""
        read = self._options.analysis
        return {
            "locked": self._workers.sandboxed,
            "full_decode": read.full_decode,
            "views": read.reference_crops,
            "sidecars": read.sidecars,
            "speech": self._listener.version if self._listener else None,
            "text": self._text,
            "models": {weight.name: weight.sha256 for weight in model_files.manifest()},
        }

    def note(self, what: str, details: dict[str, object]) -> None:
        """Nothing; adds to the store's log."""
        with self._store.writing():
            custody_log.append(self._store, what, details)

    def is_settled(self, item: IngestItem) -> bool:
        """Whether nothing is left to do for an item."""
        return self._settled(item) is not None

    def _settled(self, item: IngestItem) -> LedgerEntry | None:
        """What the ledger says of an item, where nothing is left to do for it."""
        entry = find_current_entry(self._store, item, self.version, retry_failed=self._options.retry_failed)
        return None if entry and entry.sha256 and self._lacks_text(entry.sha256) else entry

    def _lacks_text(self, sha256: str) -> bool:
        """Whether nobody has listened to what is said in an asset, or read what is written, and that is wanted."""
        if self._store.asset(sha256).kind == "image":
            return self._text is not None and not ocr_results.has_ocr_result(self._store, sha256, self._text)
        listener = self._listener
        return listener is not None and not transcripts.is_transcribed(self._store, sha256, listener.version)

    def outcomes(self, todo: Iterator[IngestItem]) -> Iterator[FileOutcome]:
        """What becomes of each file."""
        more, since = True, time.monotonic()
        while more or self._underway or self._done:
            while (
                more
                and len(self._underway) < self._jobs * MAX_QUEUED_PER_WORKER
                and len(self._done) < COMMIT_FILES
                and sum(map(len, self._duplicates.values())) < MAX_WAITING_DUPLICATES
            ):
                item = next(todo, None)
                if item is None:
                    more = False
                    self._clear_resolved_failures()
                elif outcome := self._begin(item):
                    yield outcome
            if self._underway:
                ready, _ = wait(self._underway, timeout=COMMIT_SECONDS, return_when=FIRST_COMPLETED)
                for future in ready:
                    for then in self._underway.pop(future):
                        then()
            late = time.monotonic() - since > COMMIT_SECONDS
            if self._done and (len(self._done) >= COMMIT_FILES or not self._underway or late):
                yield from self._commit()
                since = time.monotonic()

    def _clear_resolved_failures(self) -> None:
        with self._store.writing():
            for path in sorted(self._mended):
                ledger.clear_failure(self._store, path)

    # The way of a file ----------------------------------------------------------------------------

    def _begin(self, item: IngestItem) -> FileOutcome | None:
        """The outcome of a file that needs no work; else it is underway."""
        name = os.fspath(item.path)
        if self._failed_before:
            # An archive that cannot be read to its end comes behind what is in it.
            self._mended |= self._failed_before.intersection(map(str, PurePath(item.uri).parents))
            self._mended.discard(item.uri)
        if self._options.analysis.sidecars and is_sidecar(item.path):
            return FileOutcome(path=name, sha256=None, status="skipped")
        entry = self._settled(item)
        if entry is None:
            before = ledger.find_entry(self._store, item.uri, bytes=item.stamp[0], modified_ns=item.stamp[1])
            file = PendingFile(item=item, attempts=before.attempts if before and before.state == "failed" else 0)
            self._start(self._lookers, file, self._identify, self._on_identified)
            return None
        if entry.state == "failed":
            return FileOutcome(path=name, sha256=None, status="failed", kind=entry.kind, message=entry.message)
        if entry.sha256 is None:
            return FileOutcome(path=name, sha256=None, status="skipped")
        sighting, warnings = self._see(item, entry.sha256)
        if sighting.source and sighting not in self._store.sightings(entry.sha256):
            with self._store.writing():
                self._store.add_sighting(sighting)
        return FileOutcome(path=name, sha256=entry.sha256, status="known", warnings=tuple(warnings))

    def _start(
        self,
        pool: ThreadPoolExecutor,
        file: PendingFile,
        work: Callable[[PendingFile], None],
        then: Callable[[PendingFile], None],
    ) -> None:
        """Nothing; has a thread do the work, and the caller's thread what comes then."""

        def after() -> None:
            try:
                future.result()
            except MediaError as error:
                self._failed(file, error)
            else:
                then(file)

        future = pool.submit(work, file)
        self._underway[future] = [after]

    def _identify(self, file: PendingFile) -> None:
        opened = file.item.open()
        file.opened = opened
        file.kind = detect_kind(opened)
        if file.kind:
            file.sha256 = file_sha256(opened)

    def _on_identified(self, file: PendingFile) -> None:
        if file.kind is None:
            self._finished(file)
        elif file.sha256 in self._duplicates:
            self._duplicates[file.sha256].append(file)
            # It may wait for long, and there may be thousands.
            assert file.opened, "it was looked at"
            file.opened.close()
        elif any(one.sha256 == file.sha256 and (one.reading or one.text or one.spoken) for one in self._done):
            # Its twin was read, and is written before it.
            self._finished(file)
        elif not (known := self._is_known(file)) or self._lacks_text(file.sha256):
            self._duplicates[file.sha256] = []
            if not known:
                self._start(self._readers, file, self._read, self._on_audio)
            elif file.kind == "image":
                self._start(self._readers, file, self._read_text, self._finished)
            else:
                self._start(self._readers, file, self._decode_audio, self._on_audio)
        else:
            # The same bytes were read before.
            self._finished(file)

    def _is_known(self, file: PendingFile) -> bool:
        """Whether the store holds all that is kept of such bytes."""
        assert file.kind, "it was looked at"
        return self._store.has_fingerprints(
            file.sha256, analysis.fingerprint_versions(file.kind, crops=self._options.analysis.reference_crops)
        )

    def _read(self, file: PendingFile) -> None:
        assert file.opened and file.kind, "it was looked at"
        reading = self._workers.analyse(
            file.opened,
            file.sha256,
            file.kind,
            full_decode=self._options.analysis.full_decode,
            audio=self._listener is not None or needs_audio(),
            text=self._text is not None,
            crops=self._options.analysis.reference_crops,
        )
        _unchanged(file.opened)
        file.reading, file.audio = replace(reading, audio=None), reading.audio

    def _read_text(self, file: PendingFile) -> None:
        assert file.opened, "it was looked at"
        try:
            file.text, warnings = self._workers.run_ocr(file.opened)
        except MediaError as error:
            # What it shows is known and stays so.
            file.warnings = (f"the text in it could not be read: {error}",)
            return
        _unchanged(file.opened)
        file.warnings = tuple(warnings)

    def _decode_audio(self, file: PendingFile) -> None:
        assert file.opened, "it was looked at"
        try:
            file.audio, warnings = self._workers.read_audio(file.opened)
        except MediaError as error:
            # What it shows is known and stays so.
            file.warnings = (f"what is said in it could not be heard: {error}",)
            return
        _unchanged(file.opened)
        file.spoken, file.warnings = TranscribedAudio(audio_sha256=""), tuple(warnings)

    def _on_audio(self, file: PendingFile) -> None:
        """Nothing; has its sound listened to, unless there is none or what is said in it is known."""
        audio, file.audio = file.audio, None
        if self._listener is None or (audio is None and file.reading is None):
            self._finished(file)
        elif audio is None or transcripts.load_transcript(self._store, audio.sha256, self._listener.version):
            file.spoken = TranscribedAudio(audio_sha256=audio.sha256 if audio else "")
            self._finished(file)
        else:
            listening = self._listener.submit(audio)

            def after() -> None:
                file.spoken = listening.result()
                self._finished(file)

            self._underway.setdefault(listening, []).append(after)

    def _failed(self, file: PendingFile, error: MediaError) -> None:
        file.error = error
        for twin in self._duplicates.get(file.sha256, []):
            message = f"{twin.item.path.name!r} has the same bytes as {file.item.uri!r}, which failed: {error}"
            twin.error = _same(error, message)
        self._finished(file)

    def _finished(self, file: PendingFile) -> None:
        for one in (file, *self._duplicates.pop(file.sha256, [])):
            if one.opened:
                one.opened.close()
            self._done.append(one)

    # The commit -----------------------------------------------------------------------------------

    def _commit(self) -> list[FileOutcome]:
        outcomes, audio_tracks = [], set()
        with self._store.writing():
            while self._done:
                file = self._done.popleft()
                outcomes.append(self._keep(file))
                if file.spoken:
                    audio_tracks.add(file.spoken.audio_sha256)
        if self._listener:
            for audio in audio_tracks:
                self._listener.forget(audio)
        return outcomes

    def _keep(self, file: PendingFile) -> FileOutcome:
        """What became of a file, written."""
        path, error = os.fspath(file.item.path), file.error
        if error:
            self._enter(file, state="failed", kind=error.kind, message=str(error))
            return FileOutcome(path=path, sha256=None, status="failed", kind=error.kind, message=str(error))
        if file.kind is None:
            self._enter(file, state="skipped")
            return FileOutcome(path=path, sha256=None, status="skipped")
        sighting, warnings = self._see(file.item, file.sha256)
        new = False
        if file.reading:
            new = self._store.add_record(commit.build_ingest_record(file.reading, sighting, warnings))
            warnings = [*file.reading.warnings, *warnings]
        else:
            self._store.add_sighting(sighting)
        if text := file.text or (file.reading and file.reading.text):
            ocr_results.save_ocr_result(self._store, file.sha256, text)
        if file.spoken:
            transcripts.save_transcription(self._store, file.sha256, file.spoken)
        self._enter(file, state="done", sha256=file.sha256)
        return FileOutcome(
            path=path,
            sha256=file.sha256,
            status="added" if new else "known",
            warnings=(*file.warnings, *warnings),
        )

    def _enter(self, file: PendingFile, **told: Any) -> None:
        attempts = file.error.attempts if isinstance(file.error, WorkerLost) else 1
        size, modified_ns = file.item.stamp
        ledger.write_entry(
            self._store,
            LedgerEntry(
                path=file.item.uri,
                bytes=size,
                modified_ns=modified_ns,
                version=self.version,
                attempts=file.attempts + attempts,
                **told,
            ),
        )

    def _see(self, item: IngestItem, sha256: str) -> tuple[Sighting, list[str]]:
        if not self._options.analysis.sidecars:
            return Sighting(sha256=sha256, uri=item.uri), []
        return commit.build_sighting(item.uri, item.path.name, sha256, item.open_sibling)
