"""The tables of a store, and the steps from older versions to this one."""

import sqlite3

from mediafp.errors import StoreError

APPLICATION_ID = 0x4D465031
MIGRATIONS = [
    """
    CREATE TABLE asset (
        sha256 TEXT PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('image', 'video')),
        bytes INTEGER NOT NULL,
        properties TEXT NOT NULL,
        warnings TEXT NOT NULL,
        added_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE sighting (
        sha256 TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        uri BLOB NOT NULL,
        account TEXT, platform TEXT, url TEXT, title TEXT, text TEXT,
        posted_at TEXT, captured_at TEXT, removed_at TEXT, views INTEGER,
        source TEXT NOT NULL,
        PRIMARY KEY (sha256, uri)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE fingerprint (
        sha256 TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        type TEXT NOT NULL,
        version TEXT NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (sha256, type, version)
    ) STRICT;
    CREATE INDEX fingerprint_by_type ON fingerprint (type, version);
    CREATE TABLE thumbnail (
        sha256 TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        position INTEGER NOT NULL,
        seconds REAL NOT NULL,
        jpeg BLOB NOT NULL,
        PRIMARY KEY (sha256, position)
    ) STRICT;
    CREATE TABLE file (
        path BLOB PRIMARY KEY,
        bytes INTEGER NOT NULL,
        modified_ns INTEGER NOT NULL,
        sha256 TEXT NOT NULL REFERENCES asset ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE failure (
        path BLOB PRIMARY KEY,
        kind TEXT NOT NULL,
        message TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        last_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE sound (
        sha256 TEXT PRIMARY KEY,
        sound TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sound_by_sound ON sound (sound);
    CREATE TABLE transcript (
        sound TEXT NOT NULL,
        version TEXT NOT NULL,
        model TEXT NOT NULL,
        rank INTEGER NOT NULL,
        data TEXT NOT NULL,
        words_version TEXT NOT NULL,
        words BLOB NOT NULL,
        made_at TEXT NOT NULL,
        PRIMARY KEY (sound, version)
    ) STRICT;
    CREATE TABLE passage (
        id INTEGER PRIMARY KEY,
        holder TEXT NOT NULL,
        source TEXT NOT NULL CHECK (source IN ('speech', 'picture')),
        start REAL NOT NULL,
        end REAL NOT NULL,
        text TEXT NOT NULL,
        times TEXT,
        next INTEGER
    ) STRICT;
    CREATE INDEX passage_by_holder ON passage (holder);
    CREATE VIRTUAL TABLE passage_index USING fts5 (words, tokenize="unicode61 remove_diacritics 0");
    """,
]
VERSION = len(MIGRATIONS)


def version(connection: sqlite3.Connection) -> int:
    """The version of the tables, 0 for an empty file. Raises StoreError for another program's, or a newer one."""
    application, found, tables = (
        connection.execute(query).fetchone()[0]
        for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
    )
    if application != APPLICATION_ID and (application or found or tables):
        raise StoreError("the folder holds another program's database; choose another --store")
    if found > VERSION:
        raise StoreError(
            f"the store has version {found}, and this mediafp knows {VERSION}; it was left as it is: update mediafp"
        )
    return int(found)


def migrate(connection: sqlite3.Connection) -> None:
    """Brings the tables to VERSION in one transaction. Raises StoreError as `version` does."""
    if version(connection) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Again, now that no other process can: two may make one store at once.
        for step in MIGRATIONS[version(connection) :]:
            for statement in step.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
