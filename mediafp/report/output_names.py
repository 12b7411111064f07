"""Names of output files, made from the names of other files."""

import hashlib
from typing import Final

MAX_NAME_BYTES: Final = 255
"""Bytes of a file name on the usual file systems (NAME_MAX of Linux; APFS, NTFS and exFAT allow 255 characters)."""
DIGEST_DIGITS: Final = 8
"""Digits of the SHA-256 of the whole name that replace the end of a name that is too long. Chosen, not measured."""


def fit_name(name: str, ending: str) -> str:
    """Return a file name with an ending, no longer than MAX_NAME_BYTES.

    A name that is too long is cut at a character; the digest of the whole name follows, so that it stays unique.

    Args:
        name: The name; bytes that are not UTF-8 are surrogate escapes, and stay.
        ending: The ending, which is kept whole: an ASCII text such as `.1a2b3c4d.srt`.
    """
    encoded = name.encode("utf-8", "surrogateescape")
    if len(encoded) + len(ending) <= MAX_NAME_BYTES:
        return name + ending
    ending = f"~{hashlib.sha256(encoded).hexdigest()[:DIGEST_DIGITS]}{ending}"
    room, kept = MAX_NAME_BYTES - len(ending), 0
    for length, character in enumerate(name):
        kept += len(character.encode("utf-8", "surrogateescape"))
        if kept > room:
            return name[:length] + ending
    raise AssertionError("a name with room is not shortened")
