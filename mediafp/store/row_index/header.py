"""The header of an index's files: what they contain, and up to which log entry of which store."""

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

from mediafp.store.index_interface import IndexPosition
from mediafp.store.row_index.rows import RowLayout

MAGIC: Final = b"MFPINDEX"
"""First bytes of each file of an index."""
FORMAT: Final = 1
"""Version of the files. Files of another version are built anew."""
GENERATION_BYTES: Final = 16
"""Random bytes that all files of one building share."""
_FIELDS: Final = struct.Struct("<8sI32s16sQQQQ32sQ")
_CHECKSUM_BYTES: Final = 32
HEADER_BYTES: Final = _FIELDS.size + _CHECKSUM_BYTES
"""Bytes of a header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Contents of the files of an index.

    Attributes:
        key: SHA-256 of the fingerprint type, its version and its columns.
        generation: Random bytes that all files of one building share.
        rows: Number of rows.
        assets: Number of assets.
        void: Number of assets whose rows count no more.
        position: State of the store that they agree with.
    """

    key: bytes
    generation: bytes
    rows: int
    assets: int
    void: int
    position: IndexPosition

    def pack(self) -> bytes:
        """Return the header as bytes."""
        fields = _FIELDS.pack(
            MAGIC,
            FORMAT,
            self.key,
            self.generation,
            self.rows,
            self.assets,
            self.void,
            self.position.entry,
            bytes.fromhex(self.position.hash),
            self.position.skipped,
        )
        return fields + hashlib.sha256(fields).digest()


def unpack_header(data: bytes) -> Header:
    """Return a header from its bytes.

    Raises:
        ValueError: They are no header of this version.
    """
    fields = data[: _FIELDS.size]
    if len(data) != HEADER_BYTES or hashlib.sha256(fields).digest() != data[_FIELDS.size :]:
        raise ValueError("its header is damaged")
    magic, form, key, generation, rows, assets, void, entry, digest, skipped = _FIELDS.unpack(fields)
    if magic != MAGIC or form != FORMAT:
        raise ValueError("its header is of another version")
    position = IndexPosition(entry=entry, hash=digest.hex(), skipped=skipped)
    return Header(key=key, generation=generation, rows=rows, assets=assets, void=void, position=position)


def index_key(type: str, version: str, layout: RowLayout, address: str = "") -> bytes:
    """Return the SHA-256 that names a fingerprint type, its version, its columns and, if it has one, the address of its rows."""
    names = (type, version, layout.metric, str(layout.columns), *([address] if address else []))
    return hashlib.sha256("\0".join(names).encode()).digest()
