"""Paths, texts, times and JSON in the form in which the database contains them."""

import hashlib
import json
from collections.abc import Iterable

from mediafp.types.matches import Point

DAMAGE_ERRORS = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""Errors of decoding a stored value that is damaged."""


def path_bytes(path: str) -> bytes:
    """Return the bytes of a path on disk."""
    return path.encode("utf-8", "surrogateescape")


def path_string(data: bytes) -> str:
    """Return the path with these bytes; those that are not UTF-8 become surrogate escapes."""
    return data.decode("utf-8", "surrogateescape")


def replace_surrogates(text: str) -> str:
    """Return a text that SQLite can contain: lone surrogates, as in a hostile sidecar, become question marks."""
    return text.encode("utf-8", "replace").decode()


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value: ASCII, keys sorted, no spaces."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def text_sha256(text: str) -> str:
    """Return the SHA-256, in hex, of a text in UTF-8; surrogate escapes are the bytes that they stand for."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def read_text_line(text: object, box: Iterable[tuple[float, float]]) -> tuple[str, tuple[Point, ...]]:
    """Return the text and the corners of a stored line of text. Raises TypeError or ValueError if they are damaged."""
    if not isinstance(text, str):
        raise TypeError(f"the text of a line is of type {type(text).__name__}")
    return text, tuple((float(x), float(y)) for x, y in box)
