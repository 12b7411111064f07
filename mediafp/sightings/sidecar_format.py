"""Interface of a sidecar format, and bounded reading of sidecar files."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from mediafp.sightings.values import FieldValues
from mediafp.types.errors import UnreadableMedia
from mediafp.types.media import SiblingOpener, SidecarFile

MAX_SIDECAR_BYTES: Final = 8 << 20
"""Size, bytes, above which a sidecar is not read: those of yt-dlp with every comment inside are smaller in most cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarFormat:
    """One format of sidecars.

    `matches` returns True if a lower-case file name is that of a sidecar of this format. `read` returns the fields that
    the sidecars of one media file state, None if there is none: it gets the name of the media file, an opener of the
    files beside it, and a list for warnings; it never raises because of a sidecar's content.
    """

    name: str
    matches: Callable[[str], bool]
    read: Callable[[str, SiblingOpener, list[str]], FieldValues | None]


@contextmanager
def open_sidecar(name: str, open_sibling: SiblingOpener, warnings: list[str]) -> Iterator[SidecarFile | None]:
    """Open a file beside a media file; None if it does not exist or, with a warning, cannot be opened."""
    try:
        file = open_sibling(name)
    except (UnreadableMedia, ValueError) as error:
        warnings.append(f"skipped a sidecar: {error}")
        file = None
    try:
        yield file
    finally:
        if file is not None:
            file.close()


def read_bytes(file: SidecarFile, warnings: list[str]) -> bytes | None:
    """Return the content of a sidecar; None, with a warning, if it is too large or unreadable."""
    if file.bytes > MAX_SIDECAR_BYTES:
        warnings.append(
            f"skipped {file.name!r}: {file.bytes:,} bytes are over the limit of {MAX_SIDECAR_BYTES >> 20} MiB"
        )
        return None
    try:
        with file.reader() as reader:
            return reader.read(MAX_SIDECAR_BYTES)
    except OSError as error:
        warnings.append(f"skipped {file.name!r}: cannot be read ({error.strerror})")
        return None


def read_json_object(name: str, open_sibling: SiblingOpener, warnings: list[str]) -> Mapping[str, object] | None:
    """Return the JSON object in a file beside a media file; None if there is no file or, with a warning, no object."""
    with open_sidecar(name, open_sibling, warnings) as file:
        raw = read_bytes(file, warnings) if file else None
    if raw is None:
        return None
    try:
        record = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        warnings.append(f"skipped {name!r}: it is not valid JSON")
        return None
    if not isinstance(record, dict):
        warnings.append(f"skipped {name!r}: it is not a JSON object")
        return None
    return record
