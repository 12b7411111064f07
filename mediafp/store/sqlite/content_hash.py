"""The hash over everything that is stored of an asset's frames, with which a changed database is detected."""

import hashlib
import sqlite3
import struct
from typing import Any

_QUERIES = (
    "SELECT type, version, data FROM fingerprint WHERE sha256 = ? ORDER BY type, version",
    "SELECT position, seconds, jpeg FROM thumbnail WHERE sha256 = ? ORDER BY position",
)


def content_hash(connection: sqlite3.Connection, sha256: str) -> str:
    """Return the SHA-256, in hex, of an asset's stored fingerprints and thumbnails.

    The hash covers, for each of the two, the number of rows, and for each row the length and the bytes of its three
    values. Numbers and lengths are little-endian and eight bytes long, text is UTF-8.
    """
    digest = hashlib.sha256()
    for query in _QUERIES:
        # Row by row: the thumbnails of a long video have hundreds of megabytes.
        (count,) = connection.execute(f"SELECT count(*) FROM ({query})", (sha256,)).fetchone()
        digest.update(struct.pack("<Q", count))
        for row in connection.execute(query, (sha256,)):
            for value in row:
                data = _to_bytes(value)
                digest.update(struct.pack("<Q", len(data)))
                digest.update(data)
    return digest.hexdigest()


def _to_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, int | float):
        return struct.pack("<q" if isinstance(value, int) else "<d", value)
    # A damaged page may contain NULL in place of a value.
    return value or b""
