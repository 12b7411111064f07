"""The matches of one file that need not be in the store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import PurePath
from typing import Literal

from mediafp.case.common_stretches import mark_matches
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.decided_matches import as_decided
from mediafp.case.hash_lists import find_listed, find_listed_analysis
from mediafp.case.incomplete_matches import match_warnings
from mediafp.case.joined_sounds import join_sounds
from mediafp.case.known_query import known_matches
from mediafp.case.match_sources import count_with_sources, iter_with_sources
from mediafp.case.matching import add_scripts, add_texts, match_content
from mediafp.case.originals import open_original
from mediafp.case.recalibrated_matches import model_minimum
from mediafp.case.references import StoredReferences
from mediafp.case.sources import QueryFile
from mediafp.case.stored_images import report_damage, thumbnail_scale
from mediafp.engine.interface import AnalysisRequest, Engine
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.ingest.files import file_sha256
from mediafp.ingest.sniff import detect_kind
from mediafp.ingest.stable_content import stable_content
from mediafp.matching.images.text_evidence import TextLines, takes_text_evidence
from mediafp.sightings.name_clues import name_clues
from mediafp.store import Store
from mediafp.types.errors import CorruptMedia, MediaError, StoreError, UsageError
from mediafp.types.file_sounds import to_file_sound
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.hashes import ListedHit
from mediafp.types.jpeg import check_stored_thumbnail
from mediafp.types.kept_matches import MIN_KEPT_PROBABILITY
from mediafp.types.matches import Match, QueryResult, TextLine
from mediafp.types.media import Asset, Audio
from mediafp.types.runs import FileAnalysis, SpeechOptions
from mediafp.types.sightings import Clue
from mediafp.types.transcripts import TranscribedAudio, Transcript

PartState = Literal["matching", "transcribing"]
"""State of a query of which a part of the matches is known: the text in images is read next, or its speech is transcribed."""
NOT_MEDIA_MESSAGE = "not an image, video or audio file"
"""Error of a query result whose file is not media."""
MAX_NEAR_MISSES = 3
"""Candidates below the probability threshold that a result lists with their reasons by default. Chosen, not measured."""
MIN_OCR_PROBABILITY = 0.5
"""Probability of a match from which OCR is run on its image if the store has no OCR result of it. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOptions:
    """Options of a query."""

    top: int
    """Largest number of matches."""
    min_probability: float
    """Probability below which a match is not returned."""
    ocr: bool
    """Run OCR on the query, and on probable matches without an OCR result in the store."""
    speech: SpeechOptions | None
    """Options for transcribing the query; None to compare no speech."""
    near_misses: int = MAX_NEAR_MISSES
    """Candidates below the probability threshold that are listed with their reasons."""
    since: str | None = None
    """Time, as `parse_since` returns it, from which on a reference was added; None for all references."""

    def __post_init__(self) -> None:
        """Check the numbers. Raises UsageError for one outside its limits."""
        if self.top < 0:
            raise UsageError(f"cannot return {self.top} matches: top is negative; choose 0 or more")
        # Written so that NaN is refused too.
        if not 0 <= self.min_probability <= 1:
            raise UsageError(
                f"cannot omit matches below probability {self.min_probability}: min_probability is outside 0..1;"
                " choose a number from 0 to 1"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnalysedQuery:
    """The result of a query, and the analysis of its file; None if it failed or was not needed."""

    result: QueryResult
    analysis: FileAnalysis | None
    transcript: Transcript | None = None
    """Transcript of a file that was analysed, if its speech was compared."""


def run_query(
    query: QueryFile,
    store: Store,
    open_references: Callable[[], StoredReferences],
    open_engine: Callable[[], Engine],
    options: QueryOptions,
    *,
    on_part: Callable[["AnalysedQuery", PartState], object] = lambda part, state: None,
) -> AnalysedQuery:
    """Return the matches of one file; a file that cannot be used gives a result with an error.

    Speech is compared if the store contains transcripts. The transcript of a known file comes from the store. A file whose
    content was compared when it was ingested is not analysed: its kept matches are the answer.

    Args:
        query: The file.
        store: The store.
        open_references: Function that returns the references of the store.
        open_engine: Function that returns the engine.
        options: The options.
        on_part: Called with the matches that are known and what follows: `matching`, that OCR is run on references whose text
            the store lacks; `transcribing`, that the speech of the query is transcribed.

    Raises:
        ModelError: A model is missing.
        StoreError: The store cannot be read.
        SandboxError: The sandbox is unavailable.
    """
    run = _QueryRun(query=query, store=store, open_engine=open_engine, options=options)
    try:
        with query.open() as file:
            kind = detect_kind(file)
            if kind is None:
                return _fail(query, NOT_MEDIA_MESSAGE)
            sha256 = file_sha256(file)
            asset = _find_compared(store, sha256, options)
            if asset is None:
                references = open_references()
                speech = options.speech if options.speech and references.transcripts.assets else None
                request = AnalysisRequest(audio=speech is not None, ocr=options.ocr, image=True, matched_only=True)
                with stable_content(file, sha256) as content:
                    analysis = open_engine().analyse(content, sha256, kind, request)
            else:
                matches = known_matches(store, asset, speech=options.speech is not None, ocr_lines=run.ocr_lines)
    except MediaError as error:
        return _fail(query, str(error))
    if asset:
        return run.answer_known(asset, matches)
    return run.answer_analysed(analysis, references, speech, on_part)


def _fail(query: QueryFile, error: str) -> AnalysedQuery:
    return AnalysedQuery(result=QueryResult(query=query.name, sha256=None, kind=None, error=error), analysis=None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _QueryRun:
    """A query in progress."""

    query: QueryFile
    store: Store
    open_engine: Callable[[], Engine]
    options: QueryOptions

    def ocr_lines(self, match: Match) -> TextLines | None:
        """Return the text in the image of a match, by OCR if the store lacks it; None if it is unknown."""
        lines = self.store.ocr_lines(match.sha256)
        if lines is None and self.options.ocr and match.probability >= MIN_OCR_PROBABILITY:
            lines = _run_ocr_on_asset(self.store, match.sha256, self.open_engine())
        return lines

    def answer_known(self, asset: Asset, matches: list[Match]) -> AnalysedQuery:
        """Return the result of a file whose kept matches answer the query."""
        facts = _QueryFacts(
            asset=asset,
            clues=self.store.clues_at(asset.sha256, ""),
            listed=tuple(find_listed(self.store, asset.sha256)),
            # Kept matches were searched for by `relate`; the index need not be there for them.
            warnings=lambda: (*self.store.warnings(asset.sha256), *match_warnings(self.store, asset.sha256)),
        )
        return self._build_result(facts, matches, self.store.ocr_lines(asset.sha256))

    def answer_analysed(
        self,
        analysis: FileAnalysis,
        references: StoredReferences,
        speech: SpeechOptions | None,
        on_part: Callable[[AnalysedQuery, PartState], object],
    ) -> AnalysedQuery:
        """Return the result of a file that was analysed; its speech is transcribed with `speech` if that is not None."""
        facts = _QueryFacts(
            asset=analysis.asset,
            clues=analysis.clues,
            listed=tuple(find_listed_analysis(self.store, analysis, references.decode)),
            warnings=lambda: (*analysis.warnings, *references.search_warnings()),
            analysis=analysis,
        )
        text = analysis.text.lines if analysis.text else None
        found = match_content(references, analysis)
        with_texts = partial(add_texts, found, self.store, references, analysis)
        if self.options.ocr and any(map(self._lacks_text, found)):
            known = with_texts(ocr_lines=lambda match: self.store.ocr_lines(match.sha256))
            on_part(self._build_result(facts, known, text), "matching")
        matches = with_texts(ocr_lines=self.ocr_lines)
        if speech is None or not analysis.audio:
            return self._build_result(facts, matches, text)
        on_part(self._build_result(facts, matches, text), "transcribing")
        words, transcript = _read_speech(analysis, self.store, references, self.open_engine(), speech)
        matches = add_scripts(matches, words, transcript, references)
        return replace(self._build_result(facts, matches, text), transcript=transcript)

    def _lacks_text(self, match: Match) -> bool:
        is_read = match.probability < MIN_OCR_PROBABILITY or not takes_text_evidence(match)
        return not is_read and self.store.ocr_lines(match.sha256) is None

    def _build_result(self, facts: "_QueryFacts", matches: list[Match], text: TextLines | None) -> AnalysedQuery:
        store, options, sha256 = self.store, self.options, facts.asset.sha256
        matches = as_decided(matches, sha256, store)
        if facts.asset.kind == "video":
            matches = mark_matches(matches, sha256, store)
        if options.since:
            matches = [match for match in matches if store.added_at(match.sha256) >= options.since]
        clues = tuple(dict.fromkeys((*facts.clues, *name_clues(PurePath(self.query.name).name))))
        own = (sha256, self.query.uri)
        matches_others = partial(iter_with_sources, store=store, query=own, query_clues=clues)
        # What is left of it after the listed ones is counted, at no cost for each.
        probable = (match for match in matches if match.probability >= options.min_probability)
        listed_matches = tuple(islice(matches_others(probable), options.top))
        near_misses = matches_others(match for match in matches if match.probability < options.min_probability)
        result = QueryResult(
            query=self.query.name,
            sha256=sha256,
            kind=facts.asset.kind,
            error=None,
            matches=listed_matches,
            more_matches=count_with_sources(probable, store, query=own),
            near_misses=tuple(islice(near_misses, options.near_misses)),
            text=tuple(text) if text is not None else None,
            clues=clues,
            listed=facts.listed,
            warnings=facts.warnings(),
        )
        return AnalysedQuery(result=result, analysis=facts.analysis)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _QueryFacts:
    """Facts that the results of one query have in common, whichever matches are known."""

    asset: Asset
    clues: Sequence[Clue]
    """Clues in the content of the file."""
    listed: tuple[ListedHit, ...]
    warnings: Callable[[], tuple[str, ...]]
    """Returns the warnings so far: a search adds some."""
    analysis: FileAnalysis | None = None


def _find_compared(store: Store, sha256: str, options: QueryOptions) -> Asset | None:
    """Return the asset with the content of a query if what was kept of it answers the query, else None."""
    versions = comparison_versions()
    if model_minimum(store, options.min_probability) < MIN_KEPT_PROBABILITY or not store.is_compared(sha256, versions):
        return None
    if store.has_changed_assets():
        # What was ingested or changed after the asset was compared is not among its kept matches yet.
        return None
    try:
        asset = store.asset(sha256)
    except StoreError:
        # It is damaged: the file itself is analysed.
        return None
    # The text of the query is evidence, and part of the result.
    lacks_text = asset.kind == "image" and options.ocr and store.ocr_lines(sha256) is None
    return None if lacks_text else asset


def _read_speech(
    analysis: FileAnalysis, store: Store, references: StoredReferences, engine: Engine, speech: SpeechOptions
) -> tuple[Fingerprint, Transcript | None]:
    """Return the transcript fingerprint of a file with audio, and its transcript; only unknown sounds are transcribed.

    Raises:
        ModelError: The speech model is missing.
    """
    sha256 = analysis.asset.sha256
    if stored := references.transcripts.fingerprints.get(sha256):
        return stored, store.find_transcript(sha256)
    by_sound = {audio.sha256: audio for audio in analysis.audio}
    known = {sound: transcript for sound in by_sound if (transcript := store.best_transcript(sound))}
    unknown = [audio for sound, audio in by_sound.items() if sound not in known]
    known |= {one.audio_sha256: one.transcript for one in _transcribe(engine, speech, unknown)}
    transcript = join_sounds([(to_file_sound(audio), known[audio.sha256]) for audio in analysis.audio])
    return fingerprint_transcript(sha256, transcript), transcript


def _transcribe(engine: Engine, speech: SpeechOptions, sounds: Sequence[Audio]) -> list[TranscribedAudio]:
    if not sounds:
        return []
    queue = engine.open_transcription(speech)
    try:
        return [future.result() for future in [queue.submit(audio) for audio in sounds]]
    finally:
        queue.shutdown()


def _run_ocr_on_asset(store: Store, sha256: str, engine: Engine) -> tuple[TextLine, ...] | None:
    """Return the text in a stored image, from its original or else from its thumbnail; None if neither can be read."""
    try:
        with open_original(store, sha256) as file:
            if file:
                with stable_content(file, sha256) as content:
                    return engine.run_ocr(content)[0].lines
        jpeg = store.row_thumbnail(sha256, 0)
        if jpeg is None:
            return None
        try:
            scale = thumbnail_scale(store, sha256, check_stored_thumbnail(jpeg))
        except CorruptMedia as error:
            report_damage(store, sha256, error)
            return None
        lines = engine.run_ocr_on_jpeg(jpeg, sha256)[0].lines
        return tuple(replace(line, box=tuple((x * scale, y * scale) for x, y in line.box)) for line in lines)
    except MediaError:
        return None
