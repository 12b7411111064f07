"""Entries of an archive, as its format states them."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from mediafp.types.web_captures import WebCapture

TIMESTAMP_LIMIT: Final = 253_402_300_800
"""First second of the year 10000, in seconds since 1970: `datetime` represents no later time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveEntry:
    """One entry of an archive: its name as written, stated size, time of change, and bytes.

    `size` is in bytes and `modified_s` in seconds since 1970, UTC; each is None if the archive does not state it.
    `blocks` yields the content and raises a MediaError if this entry cannot be read; it is None for a folder, a link
    or a device. Undecodable bytes of `name` are surrogate escapes. `capture` is set for a file in a web archive.
    """

    name: str
    size: int | None
    modified_s: float | None
    blocks: Generator[bytes] | None
    capture: WebCapture | None = None


def parse_timestamp(seconds: float | bytes) -> float | None:
    """Return a time stamp in seconds since 1970, or None if the value is no usable time.

    Many archivers write 0 for an unknown time, so 0 is None too.
    """
    try:
        timestamp = float(seconds)
    except (ValueError, OverflowError):
        return None
    return timestamp if 0 < timestamp < TIMESTAMP_LIMIT else None
