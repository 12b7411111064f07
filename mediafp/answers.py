"""What a store knows of a file that need not be in it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mediafp.errors import MediaError, UnreadableMedia
from mediafp.evidence import Match, Point, QueryResult, TextLine
from mediafp.ingest.open import detect_kind
from mediafp.ingest.probe import OpenFile, open_file
from mediafp.ingest.thumbnails import decode_thumbnail
from mediafp.ingest.walk import FoundFile, file_sha256
from mediafp.library import StoredReferences
from mediafp.matching.views import find_rectangles
from mediafp.matching.written import TextLines
from mediafp.media import Pixels
from mediafp.pipeline import FileAnalysis
from mediafp.plane import box_corners
from mediafp.reading.speech import SpeechOptions
from mediafp.store.records import SqliteStore
from mediafp.workers.supervisor import WorkerPool, anonymous_file

NOT_MEDIA_MESSAGE = "not a picture, video or sound file"
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


@contextmanager
def open_original(store: SqliteStore, sha256: str) -> Iterator[OpenFile | None]:
    """A file that still holds the asset's bytes; None where it is gone or was changed."""
    with ExitStack() as opened:
        found = None
        for uri in store.uris(sha256):
            try:
                file = opened.enter_context(open_file(Path(uri)))
                if file_sha256(file) == sha256:
                    found = file
                    break
            except UnreadableMedia:
                continue
        yield found


def find_stored_rectangles(store: SqliteStore, sha256: str) -> list[tuple[Point, ...]]:
    """The rectangles that stand out in a stored picture, in its pixels."""
    jpeg = store.row_thumbnail(sha256, 0)
    if jpeg is None:
        return []
    thumbnail = decode_thumbnail(jpeg)
    zoom = _enlargement(store, sha256, thumbnail)
    return [tuple((x * zoom, y * zoom) for x, y in box_corners(box).tolist()) for box in find_rectangles(thumbnail)]


def _enlargement(store: SqliteStore, sha256: str, thumbnail: Pixels) -> float:
    """Pixels of a stored picture a pixel of its thumbnail."""
    properties = store.asset(sha256).properties
    return max(int(properties["width"] or 0), int(properties["height"] or 0)) / float(max(thumbnail.shape[:2]))


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
