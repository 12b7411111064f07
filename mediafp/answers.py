"""What a store knows of a file that need not be in it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mediafp.errors import MediaError, UnreadableMedia
from mediafp.evidence import Answer, Match, Point, TextBox
from mediafp.ingest.open import sniff
from mediafp.ingest.probe import OpenFile, open_file
from mediafp.ingest.thumbnails import unpack_thumbnail
from mediafp.ingest.walk import Found, sha256_of
from mediafp.library import Library
from mediafp.matching.views import rectangles
from mediafp.matching.written import Lines
from mediafp.media import Pixels
from mediafp.pipeline import Reading
from mediafp.plane import corners
from mediafp.reading.speech import SpeechOptions
from mediafp.store.records import Store
from mediafp.workers.supervisor import Workers, spool

NOT_MEDIA = "not a picture, video or sound file"
TURNED_DOWN = 3
"""Candidates that are told with what speaks against them."""
READ_AT = 0.5
"""Probability from which a match's picture is read where the store does not hold its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is wanted of an answer: at most `top` matches with a probability of `least`; whether the text in pictures is
    read, of the query and of references whose text the store lacks; how to listen to it (None: not at all)."""

    top: int
    least: float
    text: bool
    speech: SpeechOptions | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """An answer, and the file as it was read; `reading` is None where it could not be."""

    answer: Answer
    reading: Reading | None


def ask(found: Found, store: Store, library: Library, workers: Workers, question: Question) -> Asked:
    """What the library knows of one file; an error is part of the answer.

    Words are sought where the library holds any; those of a known file come from the store.
    """
    name, speech = os.fspath(found.path), question.speech

    def failed(error: str) -> Asked:
        return Asked(answer=Answer(query=name, sha256=None, kind=None, error=error), reading=None)

    try:
        with open_file(found.path, found.root) as file:
            kind = sniff(file)
            if kind is None:
                return failed(NOT_MEDIA)
            heard = speech is not None and bool(library.scripts.assets)
            sha256 = sha256_of(file)
            reading = workers.read(file, sha256, kind, sound=heard, text=question.text, picture=True)
    except MediaError as error:
        return failed(str(error))

    def text_of(match: Match) -> Lines | None:
        lines = library.text_of(match)
        if lines is None and question.text and match.probability >= READ_AT:
            lines = _read_now(store, match.sha256, workers)
        return lines

    words = library.words(reading, speech) if speech and reading.sound else None
    matches = library.match(reading, words, text_of)
    likely = [match for match in matches if match.probability >= question.least]
    answer = Answer(
        query=name,
        sha256=sha256,
        kind=kind,
        error=None,
        matches=tuple(likely[: question.top]),
        turned_down=tuple(match for match in matches if match.probability < question.least)[:TURNED_DOWN],
        text=reading.text.lines if reading.text else None,
    )
    return Asked(answer=answer, reading=reading)


@contextmanager
def original(store: Store, sha256: str) -> Iterator[OpenFile | None]:
    """A file that still holds the asset's bytes; None where it is gone or was changed."""
    with ExitStack() as opened:
        found = None
        for uri in store.uris(sha256):
            try:
                file = opened.enter_context(open_file(Path(uri)))
                if sha256_of(file) == sha256:
                    found = file
                    break
            except UnreadableMedia:
                continue
        yield found


def frames(store: Store, sha256: str) -> list[tuple[Point, ...]]:
    """The rectangles that stand out in a stored picture, in its pixels."""
    jpeg = store.thumbnail_at(sha256, 0)
    if jpeg is None:
        return []
    thumbnail = unpack_thumbnail(jpeg)
    zoom = _enlargement(store, sha256, thumbnail)
    return [tuple((x * zoom, y * zoom) for x, y in corners(box).tolist()) for box in rectangles(thumbnail)]


def _enlargement(store: Store, sha256: str, thumbnail: Pixels) -> float:
    """Pixels of a stored picture a pixel of its thumbnail."""
    properties = store.asset(sha256).properties
    return max(int(properties["width"] or 0), int(properties["height"] or 0)) / float(max(thumbnail.shape[:2]))


def _read_now(store: Store, sha256: str, workers: Workers) -> tuple[TextBox, ...] | None:
    """The text of a stored picture, read from its file, else from its thumbnail; None where neither can be read."""
    try:
        with original(store, sha256) as file:
            if file:
                return workers.read_text(file)[0].lines
        jpeg = store.thumbnail_at(sha256, 0)
        if jpeg is None:
            return None
        with spool(workers.folder) as small:
            small.write(jpeg)
            small.flush()
            with OpenFile(sha256, os.dup(small.fileno())) as file:
                lines = workers.read_text(file)[0].lines
        zoom = _enlargement(store, sha256, unpack_thumbnail(jpeg))
        return tuple(replace(line, box=tuple((x * zoom, y * zoom) for x, y in line.box)) for line in lines)
    except MediaError:
        return None
