"""Text on screen in the database: one row for each video."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mediafp.store.sqlite import custody_log, text_index
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import DAMAGE_ERRORS, canonical_json, read_text_line, replace_surrogates, text_sha256
from mediafp.types.contents import check_video_text
from mediafp.types.media import TimeSpan
from mediafp.types.video_text import VideoText, VideoTextLine


@dataclass(frozen=True, slots=True)
class ScreenPassage:
    """One line of text on screen as a passage."""

    text: str
    start: float
    end: float
    token_times: tuple[TimeSpan, ...] = ()


def save_video_text(database: Database, sha256: str, text: VideoText) -> None:
    """Save and log the text on screen of a video in place of an older one, and index it."""
    data = canonical_json(
        [[replace_surrogates(line.text), line.start, line.end, line.confidence, line.box] for line in text.lines]
    )
    if database.row("SELECT version, data FROM video_text WHERE sha256 = ?", (sha256,)) == (text.version, data):
        return
    database.execute("INSERT OR REPLACE INTO video_text VALUES (?, ?, ?)", (sha256, text.version, data))
    text_index.replace_passages(database, sha256, "screen", _passages(text.lines))
    details = {"sha256": sha256, "version": text.version, "text": text_sha256(data)}
    custody_log.append(database, "read_video", details)


def has_video_text(database: Database, sha256: str, version: str) -> bool:
    """Return True if the store contains the text on screen of a video by this version."""
    row = database.row("SELECT 1 FROM video_text WHERE sha256 = ? AND version = ?", (sha256, version))
    return row is not None


def video_text(database: Database, sha256: str) -> tuple[VideoTextLine, ...] | None:
    """Return the text on screen of a video, or None if it was not read."""
    row = database.row("SELECT CAST(data AS BLOB) FROM video_text WHERE sha256 = ?", (sha256,))
    if row is None:
        return None
    try:
        return _decode(row[0])
    except DAMAGE_ERRORS as error:
        database.on_damage(sha256, f"its text on screen is damaged ({error})")
        return None


def check_video_texts(database: Database) -> Iterator[str]:
    """Yield the problems of the texts on screen and of their passages."""
    for sha256, data in database.execute("SELECT sha256, data FROM video_text ORDER BY 1"):
        try:
            passages = [(passage.start, passage.end, passage.text) for passage in _passages(_decode(data))]
        except DAMAGE_ERRORS as error:
            yield f"the text on screen of {sha256} is damaged: {error}"
            continue
        if text_index.stored_passages(database, sha256, "screen") != sorted(passages):
            yield f"the passages of {sha256} differ from its text on screen"
    for holder in text_index.stray_holders(database, "screen", "SELECT sha256 FROM video_text"):
        yield f"video {holder} has passages and no text on screen"


def _passages(lines: Sequence[VideoTextLine]) -> list[ScreenPassage]:
    return [ScreenPassage(replace_surrogates(line.text), line.start, line.end) for line in lines]


def _decode(data: str | bytes) -> tuple[VideoTextLine, ...]:
    lines = []
    for text, start, end, confidence, box in json.loads(data):
        words, corners = read_text_line(text, box)
        lines.append(
            VideoTextLine(text=words, start=float(start), end=float(end), box=corners, confidence=float(confidence))
        )
    check_video_text(lines)
    return tuple(lines)
