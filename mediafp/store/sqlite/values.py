"""Arrays, paths, texts and JSON in the one form in which the store keeps them, and back."""

import json
from datetime import UTC, datetime


def path_bytes(path: str) -> bytes:
    """A path as the bytes that it has on disk."""
    return path.encode("utf-8", "surrogateescape")


def path_string(data: bytes) -> str:
    """The path of these bytes; those that are not UTF-8 are surrogate escapes."""
    return data.decode("utf-8", "surrogateescape")


def replace_surrogates(text: str) -> str:
    """The text as SQLite can hold it: lone surrogates, as a hostile sidecar may have, become question marks."""
    return text.encode("utf-8", "replace").decode()


def canonical_json(value: object) -> str:
    """JSON in the one way of writing it: ASCII, keys sorted, no spaces."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def utc_now() -> str:
    """This second, ISO 8601 in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
