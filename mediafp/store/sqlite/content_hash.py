"""One SHA-256 over all that a store keeps of an asset's pictures, so that an altered database shows."""

import hashlib
import sqlite3
import struct
from typing import Any

_PARTS = (
    "SELECT type, version, data FROM fingerprint WHERE sha256 = ? ORDER BY type, version",
    "SELECT position, seconds, jpeg FROM thumbnail WHERE sha256 = ? ORDER BY position",
)


def content_hash(db: sqlite3.Connection, sha256: str) -> str:
    """The SHA-256, in hex, of an asset's stored fingerprints and thumbnails.

    Of each of the two: the number of rows, then of each row its three values, each as its length and its bytes. Numbers
    and lengths are little-endian and of eight bytes, text is UTF-8.
    """
    digest = hashlib.sha256()
    for query in _PARTS:
        rows = db.execute(query, (sha256,)).fetchall()
        digest.update(struct.pack("<Q", len(rows)))
        for row in rows:
            for value in row:
                data = _as_bytes(value)
                digest.update(struct.pack("<Q", len(data)))
                digest.update(data)
    return digest.hexdigest()


def _as_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, int | float):
        return struct.pack("<q" if isinstance(value, int) else "<d", value)
    # A damaged page may hold nothing where a value has to be.
    return value or b""
