"""The Python face: `mediafp.open(folder)` gives a case with the same verbs as the command line."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Self

import platformdirs

from mediafp.case import clusters, originals, query, transcription
from mediafp.case.evidence import StoredEvidence
from mediafp.case.ingestion import estimate, run
from mediafp.case.ingestion.estimate import IngestEstimate
from mediafp.case.originals import OriginalCheck
from mediafp.case.query import AnalysedQuery, QueryOptions
from mediafp.case.references import StoredReferences
from mediafp.case.trace import build_trace
from mediafp.engine.local.clips import cut_clips
from mediafp.engine.local.pool import WorkerPool
from mediafp.engine.local.programs import find_ffmpeg
from mediafp.ingest.files import file_sha256, open_file
from mediafp.ingest.walk import walk
from mediafp.report.evidence_page import write_report
from mediafp.report.trace_page import write_trace
from mediafp.store.sqlite import text_index
from mediafp.store.sqlite.store import DATABASE_NAME, SqliteStore
from mediafp.text.speech.misreadings import DEFAULT_LIST, load_misreadings
from mediafp.types.clusters import Clustering
from mediafp.types.errors import UnreadableMedia, UsageError
from mediafp.types.matches import Clip, Match, PairKey, QueryResult, Trace, pair_key
from mediafp.types.media import Asset
from mediafp.types.runs import FileOutcome, IngestOptions, SpeechOptions
from mediafp.types.transcripts import FileTranscription, SearchHit

DEFAULT_TOP = 10
TRACE_TOP = 10_000
"""Matches of a trace at most: it names every one."""
DEFAULT_MIN_PROBABILITY = 0.5


class Case:
    """One store and what can be asked of it. Use it as a context manager, or call `close`."""

    def __init__(self, store: SqliteStore, *, sandboxed: bool = True) -> None:
        self._store = store
        self._sandboxed = sandboxed

    def close(self) -> None:
        """Closes the store, and ends the workers that read files for it."""
        for name in ("_workers", "_readers"):
            if name in self.__dict__:
                self.__dict__[name].close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def _library(self) -> StoredReferences:
        return StoredReferences(self._store)

    @cached_property
    def _workers(self) -> WorkerPool:
        return WorkerPool(self._store.folder, sandboxed=self._sandboxed)

    @cached_property
    def _readers(self) -> WorkerPool:
        """Workers that read text in pictures too."""
        return WorkerPool(self._store.folder, sandboxed=self._sandboxed, text=True)

    def ingest(self, paths: Sequence[Path], options: IngestOptions | None = None) -> Iterator[FileOutcome]:
        """What became of each file, as soon as it is safe in the store; folders are walked."""
        options = options or IngestOptions()
        try:
            workers = WorkerPool(self._store.folder, sandboxed=self._sandboxed, text=options.analysis.ocr)
            yield from run.run_ingest(self._store, workers, walk(paths), options)
        finally:
            self.__dict__.pop("_library", None)

    def check_originals(self) -> Iterator[OriginalCheck]:
        """Every sighting, and whether the file there still holds the asset's bytes."""
        for asset in self._store.assets():
            for uri in self._store.uris(asset.sha256):
                try:
                    with open_file(Path(uri)) as file:
                        same = file_sha256(file) == asset.sha256
                except UnreadableMedia:
                    yield OriginalCheck(uri=uri, sha256=asset.sha256, state="out of reach")
                else:
                    yield OriginalCheck(uri=uri, sha256=asset.sha256, state="same" if same else "changed")

    def match(
        self,
        paths: Sequence[Path],
        *,
        top: int = DEFAULT_TOP,
        min_probability: float = DEFAULT_MIN_PROBABILITY,
        text: bool = True,
        speech: SpeechOptions | None = SpeechOptions(),  # noqa: B008
    ) -> Iterator[QueryResult]:
        """The answer for each file, in the order asked; folders are walked, and what is not media in them is left out.

        With `text` what stands in the query is read, and in references where the case does not hold it. Where the case
        holds transcripts, files are listened to, unless `speech` is None.
        """
        question = QueryOptions(top=top, min_probability=min_probability, ocr=text, speech=speech)
        return (asked.result for asked in self._ask(paths, question))

    def _ask(self, paths: Sequence[Path], question: QueryOptions) -> Iterator[AnalysedQuery]:
        """What is known of each file; what is not media in folders is left out."""
        workers = self._readers if question.ocr else self._workers
        for found in walk(paths):
            asked = query.run_query(found, self._store, self._library, workers, question)
            if asked.result.error != query.NOT_MEDIA_MESSAGE or found.root is None:
                yield asked

    def trace(
        self,
        paths: Sequence[Path],
        *,
        min_probability: float = DEFAULT_MIN_PROBABILITY,
        text: bool = True,
        report_path: Path | None = None,
    ) -> Iterator[Trace]:
        """Where each picture was seen, oldest first; folders are walked. With `page` the evidence is written there.

        Raises UsageError where the page cannot be written, or is wanted of several pictures.
        """
        if report_path:
            _must_be_a_page(report_path)
            if len(list(islice(walk(paths), 2))) > 1:
                raise UsageError("a page shows the trace of one picture; name one")
        question = QueryOptions(top=TRACE_TOP, min_probability=min_probability, ocr=text, speech=None)
        for asked in self._ask(paths, question):
            traced = build_trace(
                asked.result,
                self._store.sightings,
                lambda sha256: originals.find_stored_rectangles(self._store, sha256),
            )
            if report_path and asked.analysis:
                with _writing(report_path):
                    write_trace(report_path, traced, StoredEvidence(self._store, asked.analysis))
            yield traced

    def transcribe(
        self,
        paths: Sequence[Path],
        speech: SpeechOptions = SpeechOptions(),  # noqa: B008
        *,
        tells: Path = DEFAULT_LIST,
        on_progress: Callable[[float], object] = lambda files: None,
    ) -> Iterator[FileTranscription]:
        """What is said in each file, in the order asked, out of the store where it was heard before; folders are walked.

        What is no media in a folder is left out. `step` is told how many files are done, those underway in part. Raises
        ModelError before the first file where a model is missing.
        """
        for done in transcription.run_transcription(
            self._store, self._workers, walk(paths), speech, load_misreadings(tells), on_progress=on_progress
        ):
            if done.is_media or done.named_explicitly:
                yield done

    def search(self, text: str) -> Iterator[SearchHit]:
        """The passages of what is said, and written in pictures, that hold all words and phrases of a text, best first."""
        return text_index.search_passages(self._store, text)

    def match_all(self) -> Iterator[tuple[Asset, list[Match]]]:
        """Every asset with its matches among the others, unlikely ones included."""
        return self._library.relations()

    def cluster(self, relations: list[tuple[Asset, list[Match]]] | None = None) -> Clustering:
        """The groups of near-duplicates, from `relations` where they are at hand."""
        return clusters.cluster_store(self._store, list(self.match_all()) if relations is None else relations)

    def pairwise_results(self, relations: list[tuple[Asset, list[Match]]]) -> list[QueryResult]:
        """The likely matches within the store, each pair once: of two directions the likelier.

        Of two pictures that are as likely, the part is held against the whole, so that the cut can be seen.
        """

        def worth(match: Match) -> tuple[float, float]:
            return round(match.probability, 2), -match.placement.covered if match.placement else 0.0

        best: dict[PairKey, tuple[str, Match]] = {}
        for asset, matches in relations:
            for match in matches:
                pair = pair_key(asset.sha256, match.sha256, match.relation)
                if match.probability >= DEFAULT_MIN_PROBABILITY and (
                    pair not in best or worth(match) > worth(best[pair][1])
                ):
                    best[pair] = (asset.sha256, match)
        chosen: dict[str, list[Match]] = {}
        for sha256, match in best.values():
            chosen.setdefault(sha256, []).append(match)
        return [
            QueryResult(
                query=self._store.uris(asset.sha256)[0],
                sha256=asset.sha256,
                kind=asset.kind,
                error=None,
                matches=tuple(chosen.get(asset.sha256, ())),
            )
            for asset, _ in relations
        ]

    def report(
        self,
        out: Path,
        *,
        clips: bool,
        on_progress: Callable[[], object] = lambda: None,
        on_clip: Callable[[], object] = lambda: None,
    ) -> list[Clip]:
        """Writes the evidence page, and with `clips` the matched stretches into a folder beside it.

        `step` is called once an asset compared, `cut` once a clip. Raises UsageError where `out` cannot be written, or
        is no page, and SandboxError where ffmpeg cannot be locked in; both before the first.
        """
        ffmpeg = find_ffmpeg(sandboxed=self._sandboxed) if clips else None
        folder = out.with_name(out.stem + "-clips")
        with _writing(folder):
            if clips:
                folder.mkdir(parents=True, exist_ok=True)
        _must_be_a_page(out)
        relations = []
        for relation in self.match_all():
            relations.append(relation)
            on_progress()
        found = self.pairwise_results(relations)
        clustering = self.cluster(relations)

        def write(linked: Sequence[Clip] = ()) -> None:
            with _writing(out):
                write_report(
                    out, results=found, clustering=clustering, source=StoredEvidence(self._store), clips=linked
                )

        # Clips take long: the page is there before them, and again with links to them.
        write()
        made = []
        if ffmpeg:
            for clip in cut_clips(folder, answers=found, originals=self._original, run=ffmpeg.run):
                made.append(clip)
                on_clip()
            if any(clip.path for clip in made):
                write(made)
            with suppress(OSError):
                # It is empty where nothing could be cut.
                folder.rmdir()
        return made

    @contextmanager
    def _original(self, sha256: str) -> Iterator[int | None]:
        """The descriptor of a file that still holds the asset's bytes; None where it is gone or was changed."""
        with originals.open_original(self._store, sha256) as file:
            yield file.descriptor if file else None


def _must_be_a_page(out: Path) -> None:
    """Nothing; raises UsageError where a page cannot be written, or would take the place of something else."""
    with _writing(out):
        if out.exists() and not out.read_bytes()[:9].lower() == b"<!doctype":
            raise UsageError(f"{out} is there and is no page; name another file")
        if not out.parent.is_dir():
            raise UsageError(f"{out.parent} is no folder; make it first")


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Errors of the disk as a UsageError that names the file."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{error.filename or out} cannot be written: {error.strerror}") from error


def estimate_ingest(
    folder: Path | None, paths: Sequence[Path], options: IngestOptions | None = None, *, sandboxed: bool = True
) -> IngestEstimate:
    """What `ingest` into the case of a folder would do, and roughly how long it would take. Writes nothing."""
    folder = folder or default_store_folder()
    with ExitStack() as stack:
        store = stack.enter_context(SqliteStore(folder)) if (folder / DATABASE_NAME).exists() else None
        options = options or IngestOptions()
        workers = stack.enter_context(WorkerPool(folder, sandboxed=sandboxed, text=options.analysis.ocr))
        return estimate.estimate_ingest(store, workers, walk(paths), options)


def default_store_folder() -> Path:
    """The store's folder where none is named: MEDIAFP_STORE, else the user's data folder."""
    named = os.environ.get("MEDIAFP_STORE")
    return Path(named) if named else Path(platformdirs.user_data_dir("mediafp")) / "case"


def open_case(folder: Path | str | None = None, *, create: bool = False, sandboxed: bool = True) -> Case:
    """The case in a folder. Raises StoreError where there is none and `create` is false.

    Without `locked`, files are read in workers that are not locked in: for a system that has no locks, and for trusted
    files alone.
    """
    if folder == "":
        raise UsageError("--store needs a folder's name")
    return Case(
        SqliteStore(Path(folder) if folder is not None else default_store_folder(), create=create), sandboxed=sandboxed
    )
