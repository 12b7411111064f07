"""Boxes of files that others than their decoders write: manifests of C2PA, and XMP packets of video editors."""

from typing import BinaryIO, Final

from mediafp.ingest.content_credentials import MAX_MANIFEST_BYTES, manifest_clues
from mediafp.ingest.metadata_clues import MAX_SEARCHED_CHARS, attempt, xmp_clues
from mediafp.types.sightings import Clue

MAX_BOXES: Final = 64
"""Boxes of a file, or chunks of a WebP file, that are visited. Chosen, not measured: the usual files have up to ten."""
_C2PA: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""Identifier of the box with a manifest (C2PA specification, BMFF-based formats)."""
_XMP: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""Identifier of the box with an XMP packet (XMP specification, part 3)."""
_MAX_POSITION: Final = 1 << 62
"""Position from which on no file has bytes; a larger one cannot be sought."""


def box_clues(file: BinaryIO) -> list[Clue]:
    """Return the clues in the boxes of an MP4, HEIF or AVIF file or the chunks of a WebP file; none in other files.

    The file is at its start afterwards.
    """
    file.seek(0)
    head = file.read(12)
    found: list[Clue] = []
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        found = attempt(_chunk_clues, file)
    elif head[4:8] == b"ftyp":
        found = attempt(_top_level_clues, file)
    file.seek(0)
    return found


def _top_level_clues(file: BinaryIO) -> list[Clue]:
    found: list[Clue] = []
    position = 0
    for _ in range(MAX_BOXES):
        file.seek(position)
        head = file.read(32)
        size, name = int.from_bytes(head[:4], "big"), head[4:8]
        start = 8
        if size == 1:
            size, start = int.from_bytes(head[8:16], "big"), 16
        if len(head) < start or 0 < size < start:
            break
        if name == b"uuid":
            identifier = head[start : start + 16] if start == 8 else head[16:32]
            file.seek(position + start + 16)
            if identifier == _C2PA:
                found += manifest_clues(file.read(min(size, MAX_MANIFEST_BYTES)))
            elif identifier == _XMP:
                found += xmp_clues(file.read(min(size, MAX_SEARCHED_CHARS)).decode("utf-8", "replace"))
        position += size
        if size == 0 or position > _MAX_POSITION:
            break
    return found


def _chunk_clues(file: BinaryIO) -> list[Clue]:
    position = 12
    for _ in range(MAX_BOXES):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            break
        size = int.from_bytes(head[4:], "little")
        if head[:4] == b"C2PA":
            return manifest_clues(file.read(min(size, MAX_MANIFEST_BYTES)))
        position += 8 + size + size % 2
    return []
