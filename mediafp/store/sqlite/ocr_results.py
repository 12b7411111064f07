"""OCR results in the database: one row for each image."""

import json
from collections.abc import Iterator

from mediafp.store.sqlite import comparisons, custody_log, text_index
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import DAMAGE_ERRORS, canonical_json, read_text_line, replace_surrogates, text_sha256
from mediafp.types.contents import check_text_lines
from mediafp.types.matches import OcrResult, TextLine


def save_ocr_result(database: Database, sha256: str, result: OcrResult) -> None:
    """Save and log the OCR result of an image in place of an older one, and index its text."""
    data = canonical_json([[replace_surrogates(line.text), line.confidence, line.box] for line in result.lines])
    stored = database.row("SELECT version, data FROM picture_text WHERE sha256 = ?", (sha256,))
    if stored == (result.version, data):
        return
    database.execute("INSERT OR REPLACE INTO picture_text VALUES (?, ?, ?)", (sha256, result.version, data))
    text_index.replace_passages(database, sha256, "picture", _passages(result.lines))
    custody_log.append(database, "read", {"sha256": sha256, "version": result.version, "text": text_sha256(data)})
    if data != (stored[1] if stored else "[]"):
        # The text is evidence for and against a copy.
        comparisons.note_change(database, sha256, "picture")


def has_ocr_result(database: Database, sha256: str, version: str) -> bool:
    """Return True if the store contains the OCR result of an image by this version."""
    row = database.row("SELECT 1 FROM picture_text WHERE sha256 = ? AND version = ?", (sha256, version))
    return row is not None


def ocr_lines(database: Database, sha256: str) -> tuple[TextLine, ...] | None:
    """Return the text lines of an image, or None if the store contains no OCR result of it."""
    row = database.row("SELECT CAST(data AS BLOB) FROM picture_text WHERE sha256 = ?", (sha256,))
    if row is None:
        return None
    try:
        return _decode(row[0])
    except DAMAGE_ERRORS as error:
        database.on_damage(sha256, f"its OCR result is damaged ({error})")
        return None


def check_ocr_results(database: Database) -> Iterator[str]:
    """Yield the problems of the OCR results and of their passages."""
    for sha256, data in database.execute("SELECT sha256, data FROM picture_text ORDER BY 1"):
        try:
            passages = [(passage.start, passage.end, passage.text) for passage in _passages(_decode(data))]
        except DAMAGE_ERRORS as error:
            yield f"the OCR result of {sha256} is damaged: {error}"
            continue
        if text_index.stored_passages(database, sha256, "picture") != passages:
            yield f"the passages of {sha256} differ from its OCR result"
    for holder in text_index.stray_holders(database, "picture", "SELECT sha256 FROM picture_text"):
        yield f"image {holder} has passages and no OCR result"


def _passages(lines: tuple[TextLine, ...]) -> list[text_index.UntimedPassage]:
    return [text_index.UntimedPassage("\n".join(replace_surrogates(line.text) for line in lines))] if lines else []


def _decode(data: str | bytes) -> tuple[TextLine, ...]:
    lines = []
    for text, confidence, box in json.loads(data):
        words, corners = read_text_line(text, box)
        lines.append(TextLine(text=words, box=corners, confidence=float(confidence)))
    check_text_lines(lines)
    return tuple(lines)
