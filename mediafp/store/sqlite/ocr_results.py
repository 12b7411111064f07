"""What stands written in pictures, in a store."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from mediafp.store.sqlite import custody_log, text_index
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import canonical_json, replace_surrogates
from mediafp.types.errors import StoreError
from mediafp.types.matches import OcrResult, TextLine
from mediafp.types.media import TimeSpan

_DAMAGED = (ValueError, TypeError, RecursionError)
"""What reading a stored text raises where it is none."""


@dataclass(frozen=True, slots=True)
class _Passage:
    """All lines of a picture, which is no moment of anything."""

    text: str
    start: float = 0.0
    end: float = 0.0
    token_times: tuple[TimeSpan, ...] = ()


def save_ocr_result(database: Database, sha256: str, read: OcrResult) -> None:
    """Writes what was read in a picture in place of what an older version read. Call it inside `writing`."""
    data = canonical_json([[replace_surrogates(line.text), line.confidence, line.box] for line in read.lines])
    if database.row("SELECT version, data FROM picture_text WHERE sha256 = ?", (sha256,)) == (read.version, data):
        return
    database.execute("INSERT OR REPLACE INTO picture_text VALUES (?, ?, ?)", (sha256, read.version, data))
    text_index.replace_passages(database, sha256, "picture", _passages(read.lines))
    custody_log.append(database, "read", {"sha256": sha256, "version": read.version, "text": ocr_digest(data)})


def has_ocr_result(database: Database, sha256: str, version: str) -> bool:
    """Whether this version has read the picture."""
    return database.row("SELECT 1 FROM picture_text WHERE sha256 = ? AND version = ?", (sha256, version)) is not None


def ocr_lines(database: Database, sha256: str) -> tuple[TextLine, ...] | None:
    """The lines of text of a picture; None where nobody has looked for any."""
    row = database.row("SELECT data FROM picture_text WHERE sha256 = ?", (sha256,))
    if row is None:
        return None
    try:
        return _load(row[0])
    except _DAMAGED as error:
        raise StoreError(f"the text of {sha256} is damaged ({error}); see: mediafp verify") from error


def ocr_digest(data: str) -> str:
    """The SHA-256, in hex, of a text as it is stored: what the log says of it."""
    return hashlib.sha256(data.encode("utf-8", "surrogateescape")).hexdigest()


def check_ocr_results(database: Database) -> Iterator[str]:
    """What is wrong with the texts and their passages."""
    db = database.connection
    for sha256, data in db.execute("SELECT sha256, data FROM picture_text ORDER BY 1"):
        try:
            told = [(one.start, one.end, one.text) for one in _passages(_load(data))]
        except _DAMAGED as error:
            yield f"the text of {sha256} is damaged: {error}"
            continue
        if text_index.stored_passages(database, sha256, "picture") != told:
            yield f"the passages of {sha256} are not those of its text"
    for (holder,) in db.execute(
        "SELECT DISTINCT holder FROM passage WHERE source = 'picture'"
        " AND holder NOT IN (SELECT sha256 FROM picture_text) ORDER BY 1"
    ):
        yield f"picture {holder} has passages and no text"


def _passages(lines: tuple[TextLine, ...]) -> list[_Passage]:
    return [_Passage("\n".join(replace_surrogates(line.text) for line in lines))] if lines else []


def _load(data: str) -> tuple[TextLine, ...]:
    lines = []
    for text, confidence, box in json.loads(data):
        if not isinstance(text, str):
            raise TypeError("a line that is no text")
        corners = tuple((float(x), float(y)) for x, y in box)
        lines.append(TextLine(text=text, box=corners, confidence=float(confidence)))
    return tuple(lines)
