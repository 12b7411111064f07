"""Clues in a manifest of C2PA: who made it and what it says of the image, without a check of its signature."""

import re
from collections.abc import Iterator
from typing import Final

from mediafp.ingest.metadata_clues import text_clue
from mediafp.types.sightings import Clue

MAX_MANIFEST_BYTES: Final = 1 << 20
"""Bytes of a manifest that are searched; its thumbnails come after its claims or before them. Chosen, not measured."""
MAX_STATEMENTS: Final = 8
"""Statements of one key that are read. Chosen, not measured."""
_PRESENT: Final = "present, its signature not checked; check it with a reader of Content Credentials"
"""Value of the clue that a file has a manifest."""
_GENERATOR: Final = re.compile(rb"claim_generator(?=[\x60-\x79])|claim_generator_info.{0,12}?\x64name", re.DOTALL)
"""Keys of a claim before the name of the program that made the manifest (C2PA specification, versions 1 and 2)."""
_SOURCE_TYPE: Final = re.compile(rb"digitalSourceType(?=[\x60-\x79])")
_BYTES_OF_LENGTH: Final = {0x78: 1, 0x79: 2}
"""Number of bytes behind the head of a text in CBOR that state its length; a shorter text states it in its head."""
_SHORT_TEXTS: Final = range(0x60, 0x78)


def manifest_clues(manifest: bytes) -> list[Clue]:
    """Return the clues in a manifest: that the file has one, the programs that made it, and the types of its sources.

    Args:
        manifest: JUMBF boxes, or the start of them. Their CBOR is searched, not parsed.
    """
    manifest = manifest[:MAX_MANIFEST_BYTES]
    found = [Clue(kind="provenance_manifest", value=_PRESENT, source="C2PA", trust="medium")]
    for form, kind in ((_GENERATOR, "software"), (_SOURCE_TYPE, "source_type")):
        for text in _texts_after(form, manifest):
            found += text_clue(kind, text.rpartition("/")[2] if kind == "source_type" else text, "C2PA", "medium")
    return found


def _texts_after(key: re.Pattern[bytes], manifest: bytes) -> Iterator[str]:
    """Yield the texts in CBOR that follow a key."""
    for number, found in enumerate(key.finditer(manifest)):
        if number == MAX_STATEMENTS:
            return
        head = manifest[found.end()] if found.end() < len(manifest) else 0
        start = found.end() + 1 + _BYTES_OF_LENGTH.get(head, 0)
        if head in _SHORT_TEXTS:
            length = head - _SHORT_TEXTS.start
        elif head in _BYTES_OF_LENGTH:
            length = int.from_bytes(manifest[found.end() + 1 : start], "big")
        else:
            continue
        yield manifest[start : start + length].decode("utf-8", "replace")
