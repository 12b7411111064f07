"""Archives that are not read, and parts of archives: the reason by name and first bytes, with what to do."""

import re
from typing import Final

from mediafp.types.media import MEDIA_SUFFIXES

_UNPACK: Final = "unpack it, then ingest the folder"
_SIGNATURES: Final = (
    (0, b"Rar!\x1a\x07", "RAR"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"MSCF\x00\x00\x00\x00", "CAB"),
    (0, b"xar!", "xar"),
    (0, b"ALZ\x01", "ALZ"),
    (0, b"EGGA", "EGG"),
    (7, b"**ACE**", "ACE"),
    (2, b"-lh", "LHA"),
    (0, b"\x60\xea", "ARJ"),
    (0, b"0707", "cpio"),
    (0, b"LZIP", "lzip"),
)
"""Offset and signature of formats that are not read."""
_NAMES: Final = re.compile(
    r".*\.(?:7z|rar|cab|alz|egg|ace|lzh|lha|arj|iso|dmg|arc\.gz|tar\.(?:lz|lz4|lzo|br|z)|tlz|taz)",
    re.IGNORECASE | re.DOTALL,
)
"""Names of archives of formats that are not read, some of which have no signature at their start."""
_MEDIA: Final = "|".join(re.escape(suffix[1:]) for suffix in sorted(MEDIA_SUFFIXES))
_COMPRESSED_MEDIA: Final = re.compile(rf".*\.(?:{_MEDIA})\.(?:gz|bz2|xz|zst|br|lzma)", re.IGNORECASE | re.DOTALL)
"""Names of media files that are compressed one by one."""
_PART: Final = re.compile(
    rf"(?P<first>.*\.(?:zip|zipx|7z|rar|tar|t?gz|bz2|xz|zst|{_MEDIA}))\.[0-9]{{3}}"
    r"|(?P<zip>.*)\.z[0-9]{2}|(?P<rar>.*)\.(?:part[0-9]+\.rar|[rs][0-9]{2})",
    re.IGNORECASE | re.DOTALL,
)
"""Names of the parts of a file that was split, as 7-Zip, WinZip, WinRAR and HJSplit write them."""


def find_part_reason(name: str) -> str | None:
    """Return why a file that is named like a part of a split file is not read, and what to do; None for another name."""
    match = _PART.fullmatch(name)
    if match is None:
        return None
    if match["first"]:
        todo = f"join the parts, for example with 7-Zip, to {match['first']!r}, then ingest that"
    else:
        first = f"{match['zip']}.zip" if match["zip"] is not None else f"{match['rar']}.rar"
        todo = f"unpack it from its first part or {first!r} with all others beside it, then ingest the folder"
    return f"it is a part of a file that was split; {todo}"


def find_unread_reason(name: str, head: bytes) -> str | None:
    """Return why a file that is an archive, by its name or its first bytes, is not read, and what to do; else None."""
    for offset, signature, label in _SIGNATURES:
        if head[offset:].startswith(signature) and (len(signature) > 3 or _NAMES.fullmatch(name)):
            return f"{label} archives are not read; {_UNPACK}"
    if _NAMES.fullmatch(name):
        return f"archives of this format are not read; {_UNPACK}"
    if _COMPRESSED_MEDIA.fullmatch(name):
        return "it is compressed; unpack it, then ingest the file"
    return None
