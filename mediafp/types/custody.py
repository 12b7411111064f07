"""Entries of a store's custody log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

LogKind = Literal[
    "ingest",
    "ingested",
    "added",
    "refreshed",
    "adopted",
    "seen",
    "sighted",
    "moved",
    "transcribed",
    "read",
    "read_video",
    "failed",
    "mended",
    "forgotten",
    "listed",
    "unlisted",
    "decided",
    "undecided",
    "recalibrated",
    "watch_added",
    "watch_removed",
    "rows",
    "published",
]
"""Kinds of entries, as they are stored; `docs/formats.md` states the meaning and the details of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One entry of the custody log.

    Attributes:
        n: Number of the entry, from 1. It alone gives the order; clocks may be set back.
        at: Time of the entry, ISO 8601 in UTC.
        what: Kind of the entry.
        details: JSON values of the entry; paths contain surrogate escapes.
        hash: SHA-256, in hex, of the fields above and the hash of the entry before it.
    """

    n: int
    at: str
    what: LogKind
    details: Mapping[str, Any]
    hash: str
