"""What a store knows of a file that need not be in it."""

import os
from dataclasses import dataclass, replace

from mediafp.case.originals import _enlargement, open_original
from mediafp.case.references import StoredReferences
from mediafp.engine.local.pool import WorkerPool
from mediafp.engine.local.process import anonymous_file
from mediafp.ingest.files import OpenFile, file_sha256, open_file
from mediafp.ingest.sniff import detect_kind
from mediafp.ingest.thumbnails import decode_thumbnail
from mediafp.ingest.walk import FoundFile
from mediafp.matching.images.text_evidence import TextLines
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.errors import MediaError
from mediafp.types.matches import Match, QueryResult, TextLine
from mediafp.types.runs import FileAnalysis, SpeechOptions

NOT_MEDIA_MESSAGE = "not an image, video or audio file"
MAX_NEAR_MISSES = 3
"""Candidates that are told with what speaks against them."""
MIN_OCR_PROBABILITY = 0.5
"""Probability from which a match's picture is read where the store does not hold its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOptions:
    """What is wanted of an answer: at most `top` matches with a probability of `least`; whether the text in pictures is
    read, of the query and of references whose text the store lacks; how to listen to it (None: not at all)."""

    top: int
    min_probability: float
    ocr: bool
    speech: SpeechOptions | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnalysedQuery:
    """An answer, and the file as it was read; `reading` is None where it could not be."""

    result: QueryResult
    analysis: FileAnalysis | None


def run_query(
    found: FoundFile, store: SqliteStore, library: StoredReferences, workers: WorkerPool, question: QueryOptions
) -> AnalysedQuery:
    """What the library knows of one file; an error is part of the answer.

    Words are sought where the library holds any; those of a known file come from the store.
    """
    name, speech = os.fspath(found.path), question.speech

    def failed(error: str) -> AnalysedQuery:
        return AnalysedQuery(result=QueryResult(query=name, sha256=None, kind=None, error=error), analysis=None)

    try:
        with open_file(found.path, found.root) as file:
            kind = detect_kind(file)
            if kind is None:
                return failed(NOT_MEDIA_MESSAGE)
            heard = speech is not None and bool(library.transcripts.assets)
            sha256 = file_sha256(file)
            reading = workers.analyse(file, sha256, kind, audio=heard, text=question.ocr, image=True)
    except MediaError as error:
        return failed(str(error))

    def text_of(match: Match) -> TextLines | None:
        lines = library.text_of(match)
        if lines is None and question.ocr and match.probability >= MIN_OCR_PROBABILITY:
            lines = _read_now(store, match.sha256, workers)
        return lines

    words = library.transcript_fingerprint(reading, speech) if speech and reading.audio else None
    matches = library.match(reading, words, text_of)
    likely = [match for match in matches if match.probability >= question.min_probability]
    answer = QueryResult(
        query=name,
        sha256=sha256,
        kind=kind,
        error=None,
        matches=tuple(likely[: question.top]),
        near_misses=tuple(match for match in matches if match.probability < question.min_probability)[:MAX_NEAR_MISSES],
        text=reading.text.lines if reading.text else None,
    )
    return AnalysedQuery(result=answer, analysis=reading)


def _read_now(store: SqliteStore, sha256: str, workers: WorkerPool) -> tuple[TextLine, ...] | None:
    """The text of a stored picture, read from its file, else from its thumbnail; None where neither can be read."""
    try:
        with open_original(store, sha256) as file:
            if file:
                return workers.run_ocr(file)[0].lines
        jpeg = store.row_thumbnail(sha256, 0)
        if jpeg is None:
            return None
        with anonymous_file(workers.folder) as small:
            small.write(jpeg)
            small.flush()
            with OpenFile(sha256, os.dup(small.fileno())) as file:
                lines = workers.run_ocr(file)[0].lines
        zoom = _enlargement(store, sha256, decode_thumbnail(jpeg))
        return tuple(replace(line, box=tuple((x * zoom, y * zoom) for x, y in line.box)) for line in lines)
    except MediaError:
        return None
