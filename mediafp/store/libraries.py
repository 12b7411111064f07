"""Versions of the libraries that this package owns."""

import sqlite3

MIN_SQLITE_VERSION = (3, 37)
"""Oldest SQLite whose tables can be STRICT, as all tables of a store are."""


def sqlite_version() -> str:
    """Return the version of the SQLite library."""
    return sqlite3.sqlite_version


def is_sqlite_supported() -> bool:
    """Return True if the SQLite library is new enough for a store."""
    return sqlite3.sqlite_version_info >= MIN_SQLITE_VERSION


def faiss_version() -> str:
    """Return the version of the FAISS library."""
    # FAISS loads on first use.
    import faiss

    return str(faiss.__version__)
