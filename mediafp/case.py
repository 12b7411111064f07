"""The Python face: `mediafp.open(folder)` gives a case with the same verbs as the command line."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import Literal, Self

import platformdirs

from mediafp import answers, jobs, library, scribe
from mediafp.answers import Asked, Question
from mediafp.errors import UnreadableMedia, UsageError
from mediafp.evidence import Answer, Clustering, Hint, Hit, Link, Match, Trace, Transcript, link
from mediafp.ingest.probe import open_file
from mediafp.ingest.walk import sha256_of, walk
from mediafp.jobs import IngestOptions, Outcome
from mediafp.library import Library
from mediafp.media import Asset
from mediafp.pipeline import Reading
from mediafp.plan import Plan, plan
from mediafp.reading.speech import SpeechOptions
from mediafp.reading.tells import SHIPPED, hints, read_tells
from mediafp.report.clips import Clip, write_clips
from mediafp.report.page import write_report
from mediafp.report.trace import write_trace
from mediafp.scribe import Transcription
from mediafp.store import passages, transcripts
from mediafp.store.records import FILE_NAME, Store
from mediafp.trace import trace
from mediafp.workers.program import find_ffmpeg
from mediafp.workers.supervisor import Workers

TOP = 10
EVERY = 10_000
"""Matches of a trace at most: it names every one."""
LEAST_PROBABILITY = 0.5
CARDS_SPOKEN = 64
"""Transcripts that are kept at hand while a page is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A file in which an asset was seen: still the same, changed since, or out of reach (gone, or in an archive)."""

    uri: str
    sha256: str
    state: Literal["same", "changed", "out of reach"]


class Case:
    """One store and what can be asked of it. Use it as a context manager, or call `close`."""

    def __init__(self, store: Store, *, locked: bool = True) -> None:
        self.store = store
        self._locked = locked

    def close(self) -> None:
        """Closes the store, and ends the workers that read files for it."""
        for name in ("_workers", "_readers"):
            if name in self.__dict__:
                self.__dict__[name].close()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def _library(self) -> Library:
        return Library(self.store)

    @cached_property
    def _workers(self) -> Workers:
        return Workers(self.store.folder, locked=self._locked)

    @cached_property
    def _readers(self) -> Workers:
        """Workers that read text in pictures too."""
        return Workers(self.store.folder, locked=self._locked, text=True)

    def ingest(self, paths: Sequence[Path], options: IngestOptions | None = None) -> Iterator[Outcome]:
        """What became of each file, as soon as it is safe in the store; folders are walked."""
        options = options or IngestOptions()
        try:
            workers = Workers(self.store.folder, locked=self._locked, text=options.read.text)
            yield from jobs.ingest(self.store, workers, walk(paths), options)
        finally:
            self.__dict__.pop("_library", None)

    def originals(self) -> Iterator[Original]:
        """Every sighting, and whether the file there still holds the asset's bytes."""
        for asset in self.store.assets():
            for uri in self.store.uris(asset.sha256):
                try:
                    with open_file(Path(uri)) as file:
                        same = sha256_of(file) == asset.sha256
                except UnreadableMedia:
                    yield Original(uri=uri, sha256=asset.sha256, state="out of reach")
                else:
                    yield Original(uri=uri, sha256=asset.sha256, state="same" if same else "changed")

    def match(
        self,
        paths: Sequence[Path],
        *,
        top: int = TOP,
        least: float = LEAST_PROBABILITY,
        text: bool = True,
        speech: SpeechOptions | None = SpeechOptions(),  # noqa: B008
    ) -> Iterator[Answer]:
        """The answer for each file, in the order asked; folders are walked, and what is not media in them is left out.

        With `text` what stands in the query is read, and in references where the case does not hold it. Where the case
        holds transcripts, files are listened to, unless `speech` is None.
        """
        question = Question(top=top, least=least, text=text, speech=speech)
        return (asked.answer for asked in self._ask(paths, question))

    def _ask(self, paths: Sequence[Path], question: Question) -> Iterator[Asked]:
        """What is known of each file; what is not media in folders is left out."""
        workers = self._readers if question.text else self._workers
        for found in walk(paths):
            asked = answers.ask(found, self.store, self._library, workers, question)
            if asked.answer.error != answers.NOT_MEDIA or found.root is None:
                yield asked

    def trace(
        self,
        paths: Sequence[Path],
        *,
        least: float = LEAST_PROBABILITY,
        text: bool = True,
        page: Path | None = None,
    ) -> Iterator[Trace]:
        """Where each picture was seen, oldest first; folders are walked. With `page` the evidence is written there.

        Raises UsageError where the page cannot be written, or is wanted of several pictures.
        """
        if page:
            _must_be_a_page(page)
            if len(list(islice(walk(paths), 2))) > 1:
                raise UsageError("a page shows the trace of one picture; name one")
        question = Question(top=EVERY, least=least, text=text, speech=None)
        for asked in self._ask(paths, question):
            traced = trace(asked.answer, self.store.sightings, lambda sha256: answers.frames(self.store, sha256))
            if page and asked.reading:
                with _writing(page):
                    write_trace(page, traced, _Evidence(self.store, asked.reading))
            yield traced

    def transcribe(
        self,
        paths: Sequence[Path],
        speech: SpeechOptions = SpeechOptions(),  # noqa: B008
        *,
        tells: Path = SHIPPED,
        step: Callable[[float], object] = lambda files: None,
    ) -> Iterator[Transcription]:
        """What is said in each file, in the order asked, out of the store where it was heard before; folders are walked.

        What is no media in a folder is left out. `step` is told how many files are done, those underway in part. Raises
        ModelError before the first file where a model is missing.
        """
        for done in scribe.transcribe(self.store, self._workers, walk(paths), speech, read_tells(tells), step=step):
            if done.is_media or done.named:
                yield done

    def search(self, text: str) -> Iterator[Hit]:
        """The passages of what is said, and written in pictures, that hold all words and phrases of a text, best first."""
        return passages.search(self.store, text)

    def relations(self) -> Iterator[tuple[Asset, list[Match]]]:
        """Every asset with its matches among the others, unlikely ones included."""
        return self._library.relations()

    def cluster(self, relations: list[tuple[Asset, list[Match]]] | None = None) -> Clustering:
        """The groups of near-duplicates, from `relations` where they are at hand."""
        return library.cluster(self.store, list(self.relations()) if relations is None else relations)

    def answers(self, relations: list[tuple[Asset, list[Match]]]) -> list[Answer]:
        """The likely matches within the store, each pair once: of two directions the likelier.

        Of two pictures that are as likely, the part is held against the whole, so that the cut can be seen.
        """

        def worth(match: Match) -> tuple[float, float]:
            return round(match.probability, 2), -match.placement.covered if match.placement else 0.0

        best: dict[Link, tuple[str, Match]] = {}
        for asset, matches in relations:
            for match in matches:
                pair = link(asset.sha256, match.sha256, match.relation)
                if match.probability >= LEAST_PROBABILITY and (pair not in best or worth(match) > worth(best[pair][1])):
                    best[pair] = (asset.sha256, match)
        chosen: dict[str, list[Match]] = {}
        for sha256, match in best.values():
            chosen.setdefault(sha256, []).append(match)
        return [
            Answer(
                query=self.store.uris(asset.sha256)[0],
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
        step: Callable[[], object] = lambda: None,
        cut: Callable[[], object] = lambda: None,
    ) -> list[Clip]:
        """Writes the evidence page, and with `clips` the matched stretches into a folder beside it.

        `step` is called once an asset compared, `cut` once a clip. Raises UsageError where `out` cannot be written, or
        is no page, and SandboxError where ffmpeg cannot be locked in; both before the first.
        """
        ffmpeg = find_ffmpeg(locked=self._locked) if clips else None
        folder = out.with_name(out.stem + "-clips")
        with _writing(folder):
            if clips:
                folder.mkdir(parents=True, exist_ok=True)
        _must_be_a_page(out)
        relations = []
        for relation in self.relations():
            relations.append(relation)
            step()
        found = self.answers(relations)
        clustering = self.cluster(relations)

        def write(linked: Sequence[Clip] = ()) -> None:
            with _writing(out):
                write_report(out, answers=found, clustering=clustering, source=_Evidence(self.store), clips=linked)

        # Clips take long: the page is there before them, and again with links to them.
        write()
        made = []
        if ffmpeg:
            for clip in write_clips(folder, answers=found, originals=self._original, run=ffmpeg.run):
                made.append(clip)
                cut()
            if any(clip.path for clip in made):
                write(made)
            with suppress(OSError):
                # It is empty where nothing could be cut.
                folder.rmdir()
        return made

    @contextmanager
    def _original(self, sha256: str) -> Iterator[int | None]:
        """The descriptor of a file that still holds the asset's bytes; None where it is gone or was changed."""
        with answers.original(self.store, sha256) as file:
            yield file.descriptor if file else None


class _Evidence:
    """The store as a page sees it (an `EvidenceSource`), and beside it the file that is asked about, where one is."""

    def __init__(self, store: Store, asked: Reading | None = None) -> None:
        self._store, self._asked = store, asked
        self._tells = read_tells()
        self.sightings = store.sightings
        # A card asks for the words of each of its segments.
        self.spoken = lru_cache(CARDS_SPOKEN)(self._spoken)

    def asset(self, sha256: str) -> Asset:
        """One asset."""
        asked = self._of(sha256)
        return asked.asset if asked else self._store.asset(sha256)

    def thumbnail(self, sha256: str, seconds: float | None = None) -> bytes | None:
        """The kept JPEG nearest to a time (None: the first)."""
        asked = self._of(sha256)
        if asked is None:
            return self._store.thumbnail(sha256, seconds)
        nearest = min(asked.thumbnails, key=lambda one: abs(one.seconds - (seconds or 0.0)), default=None)
        return nearest.jpeg if nearest else None

    def _of(self, sha256: str) -> Reading | None:
        return self._asked if self._asked and self._asked.asset.sha256 == sha256 else None

    def _spoken(self, sha256: str) -> tuple[Transcript, tuple[Hint, ...]] | None:
        """An asset's best transcript, and the known slips in it."""
        said = transcripts.transcript_of(self._store, sha256)
        if said is None:
            return None
        return said, tuple(hints(said, self._tells, self._store.captions(sha256)))


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


def plan_ingest(
    folder: Path | None, paths: Sequence[Path], options: IngestOptions | None = None, *, locked: bool = True
) -> Plan:
    """What `ingest` into the case of a folder would do, and roughly how long it would take. Writes nothing."""
    folder = folder or default_folder()
    with ExitStack() as stack:
        store = stack.enter_context(Store(folder)) if (folder / FILE_NAME).exists() else None
        options = options or IngestOptions()
        workers = stack.enter_context(Workers(folder, locked=locked, text=options.read.text))
        return plan(store, workers, walk(paths), options)


def default_folder() -> Path:
    """The store's folder where none is named: MEDIAFP_STORE, else the user's data folder."""
    named = os.environ.get("MEDIAFP_STORE")
    return Path(named) if named else Path(platformdirs.user_data_dir("mediafp")) / "case"


def open_case(folder: Path | str | None = None, *, create: bool = False, locked: bool = True) -> Case:
    """The case in a folder. Raises StoreError where there is none and `create` is false.

    Without `locked`, files are read in workers that are not locked in: for a system that has no locks, and for trusted
    files alone.
    """
    if folder == "":
        raise UsageError("--store needs a folder's name")
    return Case(Store(Path(folder) if folder is not None else default_folder(), create=create), locked=locked)
