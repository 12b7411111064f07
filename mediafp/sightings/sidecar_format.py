"""Interface of a sidecar format, and bounded reading of sidecar files."""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Final

import msgspec

from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.values import FieldValues
from mediafp.types.errors import UnreadableMedia
from mediafp.types.media import SidecarFile

MAX_SIDECAR_BYTES: Final = 8 << 20
"""Size, bytes, above which a sidecar is not read: those of yt-dlp with every comment inside are smaller in most cases."""
MAX_NESTED_BYTES: Final = 64 << 10
"""Bytes of an object or a list, such as an account with its properties, that is a value of a sidecar: as Python objects
they take up to thirty times as much. Chosen, not measured."""
_ESCAPES: Final = re.compile(
    rb"(?:\\\\)++|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""Escaped backslashes, pairs of surrogates, and lone surrogates."""
_STRINGS_AND_NUMBERS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|(?P<number>NaN|-?Infinity)', re.DOTALL)
"""Strings, the last of which may have no end, and numbers that JSON does not have."""


type SiblingOpener = Callable[[str], SidecarFile | None]
"""Function that opens a file in the folder of the media file by its name, and returns None if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarFormat:
    """One format of sidecars.

    `matches` returns True if a lower-case file name is that of a sidecar of this format. `read` returns the fields that
    the sidecars of one media file state, None if there is none: it gets the name of the media file, an opener of the
    files beside it, and the warnings to add to; it never raises because of a sidecar's content.
    """

    name: str
    matches: Callable[[str], bool]
    read: Callable[[str, SiblingOpener, SidecarWarnings], FieldValues | None]


@contextmanager
def open_sidecar(name: str, open_sibling: SiblingOpener, warnings: SidecarWarnings) -> Iterator[SidecarFile | None]:
    """Open a file beside a media file; None if it does not exist or, with a warning, cannot be opened."""
    try:
        file = open_sibling(name)
    except (UnreadableMedia, ValueError) as error:
        warnings.add(f"skipped a sidecar: {error}")
        file = None
    try:
        yield file
    finally:
        if file is not None:
            file.close()


def read_bytes(file: SidecarFile, warnings: SidecarWarnings, *, max_bytes: int = MAX_SIDECAR_BYTES) -> bytes | None:
    """Return the content of a sidecar; None, with a warning, if it is too large, unreadable or grows meanwhile."""
    if file.bytes > max_bytes:
        size, unit = (max_bytes >> 20, "MiB") if max_bytes >= 1 << 20 else (max_bytes >> 10, "KiB")
        warnings.add(f"skipped {file.name!r}: {file.bytes:,} bytes are over the limit of {size} {unit}")
        return None
    try:
        with file.reader() as reader:
            content = reader.read(file.bytes + 1)
    except (OSError, UnreadableMedia) as error:
        warnings.add(f"skipped {file.name!r}: cannot be read ({getattr(error, 'strerror', None) or error})")
        return None
    if len(content) > file.bytes:
        warnings.add(f"skipped {file.name!r}: it grew while it was read")
        return None
    return content


def read_json_values(
    name: str, keys: Mapping[str, tuple[str, ...]], open_sibling: SiblingOpener, warnings: SidecarWarnings
) -> Mapping[str, object] | None:
    """Return the values of some keys of the JSON object in a file beside a media file.

    Nothing else of the file becomes a Python object: 8 MiB of small values would take 800 MB. If a key occurs twice, its
    last value is used.

    Args:
        name: Name of the file.
        keys: Keys of each field, as in `collect_fields`.
        open_sibling: Opener of the files beside the media file.
        warnings: Receives the reason if there is no usable file, or a value is too long.

    Returns:
        The values of the keys that it has; None if there is no file or, with a warning, no object.
    """
    with open_sidecar(name, open_sibling, warnings) as file:
        content = read_bytes(file, warnings) if file else None
    if content is None:
        return None
    content = content.removeprefix(codecs.BOM_UTF8)
    wanted = tuple(chain.from_iterable(keys.values()))
    try:
        parts = _decode_record(content, wanted)
    except msgspec.ValidationError:
        warnings.add(f"skipped {name!r}: it is not a JSON object")
        return None
    except RecursionError:
        warnings.add(f"skipped {name!r}: its values are nested too deeply")
        return None
    except (msgspec.DecodeError, ValueError):
        warnings.add(f"skipped {name!r}: it is not valid JSON")
        return None
    values: dict[str, object] = {}
    for key, part in zip(parts.__struct_fields__, msgspec.structs.astuple(parts), strict=True):
        value = bytes(part)
        if value[:1] in (b"{", b"[") and len(value) > MAX_NESTED_BYTES:
            size = f"its {len(value):,} bytes are over the limit of {MAX_NESTED_BYTES >> 10} KiB"
            warnings.add(f"skipped {key!r} of {name!r}: {size}")
        elif value:
            values[key] = _decode_value(value)
    return values


def _decode_record(content: bytes, keys: tuple[str, ...]) -> Any:
    decoder = _record_decoder(keys)
    try:
        return decoder.decode(content)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return decoder.decode(_strict_json(content))


def _strict_json(content: bytes) -> bytearray:
    """Return JSON in which lone surrogates are question marks, and NaN and infinity are values that no field accepts.

    Python writes both, and a cut emoji leaves half a pair. Each is replaced in place, by as many bytes: a list of the parts
    of a sidecar would take many times its size.
    """
    strict = bytearray(content)
    for match in _ESCAPES.finditer(content):
        if match["lone"]:
            strict[slice(*match.span())] = rb"\u003f"
    for match in _STRINGS_AND_NUMBERS.finditer(content):
        if match["number"]:
            strict[slice(*match.span())] = b"[0]".ljust(len(match[0]))
    return strict


@cache
def _record_decoder(keys: tuple[str, ...]) -> "msgspec.json.Decoder[Any]":
    """Return a decoder of objects that keeps the values of these keys as JSON, and skips all others."""
    fields = [(key, msgspec.Raw, msgspec.Raw(b"")) for key in dict.fromkeys(keys)]
    return msgspec.json.Decoder(msgspec.defstruct("Record", fields))


def _decode_value(value: bytes) -> object:
    """Return a value from its JSON; False, which no field accepts, if it cannot be decoded."""
    try:
        # Other than msgspec, it accepts integers of any size, up to the 4,300 digits that Python converts.
        return json.loads(value.decode())
    except (ValueError, RecursionError):
        return False
