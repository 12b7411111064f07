"""A case: one open store and its operations, one method for each command."""

import logging
import threading
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mediafp.case.decision_methods import DecisionMethods
from mediafp.case.exchange_methods import ExchangeMethods
from mediafp.case.exports import iter_asset_records
from mediafp.case.index_methods import IndexMethods
from mediafp.case.originals import OriginalCheck, check_originals
from mediafp.case.overview_methods import OverviewMethods
from mediafp.case.publication_methods import PublicationMethods
from mediafp.case.relation_methods import RelationMethods
from mediafp.case.search_methods import SearchMethods
from mediafp.case.since import Since, parse_since
from mediafp.case.sources import PathLike, Paths, Queries, iter_query_files, list_paths
from mediafp.case.store_folder import resolve_store_folder, scratch_folder
from mediafp.case.watch_methods import WatchMethods
from mediafp.case.workbench_methods import WorkbenchMethods
from mediafp.ingest.walk import walk
from mediafp.store import Store, open_store
from mediafp.store.interface import READ_ONLY_REASON
from mediafp.types.damage import DamageHandler, DamageLog
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY, DEFAULT_TOP
from mediafp.types.errors import StoreError, UsageError
from mediafp.types.file_sounds import TrackChoice
from mediafp.types.forgetting import Forgotten
from mediafp.types.kept_matches import LostPair, LostPairHandler
from mediafp.types.matches import QueryResult, Trace
from mediafp.types.runs import (
    AssetRecord,
    EngineOptions,
    FileOutcome,
    IngestOptions,
    IntegrityReport,
    LedgerEntry,
    SpeechOptions,
)
from mediafp.types.shared_clues import SharedClue
from mediafp.types.transcripts import FileTranscription
from mediafp.types.watches import CheckedWatches

# A method that needs the engine, the models or the report templates imports them: a case that is only searched, listed
# or counted opens without them.
if TYPE_CHECKING:
    from mediafp.case.answers.answers import Answers
    from mediafp.case.pairs import Pairs
    from mediafp.case.previews import Previews
    from mediafp.case.query import AnalysedQuery, QueryOptions
    from mediafp.case.references import StoredReferences
    from mediafp.case.saved_queries import SavedQueries
    from mediafp.case.thumbnail_decoder import ThumbnailDecoder
    from mediafp.engine.interface import Engine

_logger = logging.getLogger(__name__)
TRACE_TOP = 10_000
"""Largest number of matches of a trace, which lists all of them."""


class Case(
    DecisionMethods,
    ExchangeMethods,
    IndexMethods,
    OverviewMethods,
    PublicationMethods,
    RelationMethods,
    SearchMethods,
    WatchMethods,
    WorkbenchMethods,
):
    """One open store and its operations.

    Several threads may use one case. It is a context manager; `close` is called once, when no thread uses it any more.
    Paths are given as one path or several; folders are searched. Iterators are lazy.

    All methods raise StoreError if the store cannot be read or written, and SandboxError if the sandbox is unavailable.
    """

    def __init__(
        self,
        store: Store,
        start_engine: "Callable[[], Engine]",
        on_damage: DamageHandler | None = None,
        on_lost: LostPairHandler | None = None,
    ) -> None:
        """Take over an open store. `open_case` is the usual way to get a case.

        Args:
            store: The store, which `close` closes.
            start_engine: Function that returns a new engine.
            on_damage: As for `open_case`.
            on_lost: As for `open_case`.
        """
        self._store = store
        self._damage = DamageLog(on_damage or _log_damage)
        store.on_damage = self._damage.add
        self._on_lost = on_lost or _log_lost
        self._start_engine = start_engine
        self._lock = threading.RLock()
        self._opened_engine: Engine | None = None
        self._opened_references: StoredReferences | None = None

    def close(self) -> None:
        """Close the store, and end the worker processes."""
        try:
            if self._opened_engine:
                self._opened_engine.close()
        finally:
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def folder(self) -> Path:
        """Folder of the store."""
        return self._store.folder

    @property
    def is_read_only(self) -> bool:
        """True if nothing may be written to the folder of the store, as on a read-only mount: what would change it is refused."""
        return self._store.is_read_only

    def check_writable(self) -> None:
        """Raise StoreError if nothing may be written to the folder of the store."""
        if self.is_read_only:
            raise StoreError(f"cannot write the store '{self.folder}': {READ_ONLY_REASON}", kind="read_only")

    @property
    def damaged(self) -> dict[str, str]:
        """Reasons by the SHA-256 of each asset of which something was found to be damaged; methods go on without that part."""
        return dict(self._damage.reasons)

    def ingest(
        self,
        paths: Paths,
        options: IngestOptions | None = None,
        *,
        on_compared: Callable[[int, int], object] = lambda done, total: None,
        on_watched: Callable[[CheckedWatches], object] = lambda checked: None,
    ) -> Iterator[FileOutcome]:
        """Add files to the store; yield the outcome of each after it is durable.

        Args:
            paths: Files and folders.
            options: The options.
            on_compared: Called with the numbers of assets that were compared, and that must be so far.
            on_watched: Called with new hits of the watch list, before the outcomes of these files.

        Raises:
            ModelError: A model is missing.
            StoreError: The store is read only.
        """
        from mediafp.case.ingestion.run import run_ingest

        if self._store.is_read_only:
            raise StoreError(
                f"cannot ingest into the store '{self._store.folder}': {READ_ONLY_REASON}", kind="read_only"
            )
        lost_before = self.lost_pairs()
        # An engine of its own, which the run closes when it ends or is abandoned.
        yield from run_ingest(
            self._store,
            self._start_engine(),
            walk(list_paths(paths)),
            options or IngestOptions(),
            self._references,
            on_compared,
            on_watched,
        )
        for pair in self.lost_pairs(exclude=lost_before):
            self._on_lost(pair)

    def match(
        self,
        queries: Queries,
        *,
        top: int = DEFAULT_TOP,
        min_probability: float = DEFAULT_MIN_PROBABILITY,
        ocr: bool = True,
        speech: SpeechOptions | None = SpeechOptions(),  # noqa: B008
        since: Since | None = None,
    ) -> Iterator[QueryResult]:
        """Yield the matches of each query, in order; files in folders that are not media are omitted.

        Args:
            queries: Paths, contents as bytes, or open files: one or several. They are not added to the store.
            top: Largest number of matches of each query.
            min_probability: Probability below which a match is not returned.
            ocr: Run OCR on the query, and on probable matches without an OCR result in the store.
            speech: Options for transcribing the query, if the store contains transcripts; None to compare no speech.
            since: Date or time from which on a reference was added, ISO 8601 if it is a string, in UTC without a zone.

        Raises:
            UsageError: `top` is negative, `min_probability` is not in 0..1, or `since` is no date or time.
        """
        from mediafp.case.query import QueryOptions
        from mediafp.case.quoted_scripts import quote_scripts

        first = None if since is None else parse_since(since)
        options = QueryOptions(top=top, min_probability=min_probability, ocr=ocr, speech=speech, since=first)
        for query in self._run_queries(queries, options):
            yield quote_scripts(query.result, query.transcript, self._store)

    def trace(
        self,
        queries: Queries,
        *,
        min_probability: float = DEFAULT_MIN_PROBABILITY,
        ocr: bool = True,
        report_path: PathLike | None = None,
        paths: bool = False,
    ) -> Iterator[Trace]:
        """Yield where each image was seen, by date, and its most complete reference.

        Args:
            queries: As for `match`.
            min_probability: As for `match`.
            ocr: As for `match`.
            report_path: HTML page to write the evidence of a single query to.
            paths: Show the whole paths of files on the page, not only their names.

        Raises:
            UsageError: The page cannot be written, there are several queries for it, or `min_probability` is not in 0..1.
        """
        from mediafp.case.known_query import find_own_match
        from mediafp.case.query import QueryOptions
        from mediafp.case.reports import check_page_path, write_trace_page
        from mediafp.case.stored_images import find_stored_rectangles
        from mediafp.case.trace import build_trace

        page = Path(report_path) if report_path else None
        if page:
            check_page_path(page)
            if len(list(islice(iter_query_files(queries, scratch_folder(self._store)), 2))) > 1:
                raise UsageError("cannot write several traces to one page; name one image")
        options = QueryOptions(top=TRACE_TOP, min_probability=min_probability, ocr=ocr, speech=None)
        for query in self._run_queries(queries, options):
            own = find_own_match(self._store, query.result.sha256)
            rectangles = partial(find_stored_rectangles, self._store, self._thumbnails.decode)
            trace = build_trace(query.result, rectangles, own)
            if page and query.result.error is None:
                write_trace_page(page, trace, self._store, self._thumbnails, query.analysis, paths=paths)
            yield trace

    def transcribe(
        self,
        paths: Paths,
        speech: SpeechOptions = SpeechOptions(),  # noqa: B008
        *,
        tracks: TrackChoice = "all",
        misreadings: PathLike | None = None,
        on_progress: Callable[[float], object] = lambda files: None,
    ) -> Iterator[FileTranscription]:
        """Yield the transcript of each file, in order, and store it; a stored transcript is returned as it is.

        Files in folders that are not media are omitted.

        Args:
            paths: Files and folders; the files need not be in the store.
            speech: Options of the transcription.
            tracks: The audio tracks of each file to transcribe: `all`, `played`, or some numbers, from 0.
            misreadings: TOML list of the misreadings to find; None for the included one.
            on_progress: Called with the number of files done, including fractions of those in progress.

        Raises:
            ModelError: The speech model is missing; raised before the first file.
            UsageError: The list of misreadings cannot be read.
        """
        from mediafp.case.transcription import run_transcription
        from mediafp.text.speech.misreadings import DEFAULT_LIST, load_misreadings

        known_misreadings = load_misreadings(Path(misreadings) if misreadings else DEFAULT_LIST)
        files = walk(list_paths(paths))
        for result in run_transcription(
            self._store, self._engine, files, speech, known_misreadings, tracks=tracks, on_progress=on_progress
        ):
            if result.is_media or result.named_explicitly:
                yield result

    def saved_queries(self) -> "SavedQueries":
        """Return the queries that were uploaded, which are kept beside the store with their results."""
        from mediafp.case.saved_queries import SavedQueries

        return SavedQueries(self._store, self._references, lambda: self._engine, self._thumbnails)

    def pairs(self, queries: "SavedQueries") -> "Pairs":
        """Return the pairs of an asset with another one or with one of some queries, as they are shown side by side."""
        from mediafp.case.pairs import Pairs

        return Pairs(self._store, queries, lambda: self._engine, self._thumbnails)

    def previews(self, pairs: "Pairs") -> "Previews":
        """Return the small copies of the videos of pairs that browsers play, which are kept beside the store."""
        from mediafp.case.previews import Previews

        return Previews(self.folder, pairs, lambda: self._engine)

    def answers(self, queries: "SavedQueries") -> "Answers":
        """Return the answers to saved queries and about assets: their uses by source image, footage and words."""
        from mediafp.case.answers.answers import Answers

        return Answers(self._store, queries, lambda: self._engine, self._thumbnails)

    def forget(self, target: PathLike) -> list[Forgotten]:
        """Remove the sightings at a path, or of a SHA-256, with the last one of an asset everything made of it.

        Raises:
            UsageError: The store contains neither an asset of this SHA-256, nor a file of this path, as given to `ingest`.
            StoreError: The indexes lie elsewhere, and cannot be removed there; nothing is forgotten.
        """
        from mediafp.case.forgetting import forget_file

        return forget_file(self._store, target)

    def check_originals(self) -> Iterator[OriginalCheck]:
        """Yield the state of the original file of every sighting, after hashing it."""
        return check_originals(self._store)

    def verify(self) -> IntegrityReport:
        """Return the result of checking the store against itself and its custody log.

        If there are problems, `assets` and `log_entries` are 0 and `last_log_hash` is empty: a damaged store is not read
        any further.
        """
        from mediafp.case.verification import verify_store

        return verify_store(self._store)

    def failures(self) -> list[LedgerEntry]:
        """Return the paths that failed, with the reasons."""
        return self._store.failures()

    def export_records(self) -> Iterator[AssetRecord]:
        """Yield everything that an export contains of each asset, by SHA-256."""
        return iter_asset_records(self._store)

    def shared_clues(self, sha256: str) -> list[SharedClue]:
        """Return the clues of an asset that other assets state too, such as an account's number or an editor's project.

        They say that files have a source in common, nothing about who used it.
        """
        return self._store.shared_clues(sha256)

    def count_assets(self) -> int:
        """Return the number of assets in the store."""
        return self._store.count_assets()

    def count_files(self, paths: Paths, on_skipped: Callable[[Path], object] = lambda path: None) -> int:
        """Return the number of files in paths; `on_skipped` gets each entry of a folder that is hidden or no file."""
        return sum(1 for _ in walk(list_paths(paths), on_skipped))

    def has_transcripts(self) -> bool:
        """Return True if the store contains a transcript."""
        return self._store.has_transcripts()

    @property
    def _engine(self) -> "Engine":
        """Engine of all operations but `ingest`."""
        with self._lock:
            if self._opened_engine is None:
                self._opened_engine = self._start_engine()
            return self._opened_engine

    @cached_property
    def _thumbnails(self) -> "ThumbnailDecoder":
        """Pixels of thumbnails, decoded by workers of the engine."""
        from mediafp.case.thumbnail_decoder import ThumbnailDecoder

        return ThumbnailDecoder(lambda: self._engine)

    def _references(self) -> "StoredReferences":
        """Return the references, with everything that was ingested so far."""
        from mediafp.case.references import StoredReferences

        with self._lock:
            references = self._opened_references
            if references is None or not references.update():
                references = self._opened_references = StoredReferences(self._store, self._thumbnails.decode)
            return references

    def _run_queries(self, queries: Queries, options: "QueryOptions") -> "Iterator[AnalysedQuery]":
        from mediafp.case.query import NOT_MEDIA_MESSAGE, run_query

        for file in iter_query_files(queries, scratch_folder(self._store)):
            query = run_query(file, self._store, self._references, lambda: self._engine, options)
            if query.result.error != NOT_MEDIA_MESSAGE or file.named_explicitly:
                yield query


def open_case(
    folder: Path | str | None = None,
    *,
    create: bool = False,
    sandboxed: bool = True,
    engine: EngineOptions = EngineOptions(),  # noqa: B008
    on_damage: DamageHandler | None = None,
    on_lost: LostPairHandler | None = None,
) -> Case:
    """Return the case in a folder, opened.

    Args:
        folder: Folder of the store; None for MEDIAFP_STORE, or else the user's data folder.
        create: Create the store if it does not exist.
        sandboxed: False to decode files without the sandbox: for trusted files, or a system that has no sandbox.
        engine: The machines on which files are analysed: this one, or a Ray cluster.
        on_damage: Function that gets the SHA-256 of each asset of which a part is damaged, once, and the reason; the
            methods of the case go on without this part. None to log a warning.
        on_lost: Function that gets each pair of assets that no worker could compare, at the end of a method that compares; the
            other pairs were compared, and `relate` compares it again. None to log a warning.

    Raises:
        StoreError: The store does not exist, is damaged, or was made by a newer version.
    """
    store = open_store(resolve_store_folder(folder), create=create)
    start_engine = partial(_start_engine, scratch_folder(store), sandboxed=sandboxed, options=engine)
    return Case(store, start_engine, on_damage, on_lost)


def _log_damage(sha256: str, reason: str) -> None:
    _logger.warning("skipped %s: %s; see: mediafp verify", sha256, reason)


def _log_lost(pair: LostPair) -> None:
    _logger.warning("%s", pair.message)


def _start_engine(scratch: Path, *, sandboxed: bool, options: EngineOptions) -> "Engine":
    from mediafp.case.engines import new_engine

    return new_engine(scratch, sandboxed=sandboxed, options=options)
