"""Stores whose tables are set back to those of an older schema version."""

import sqlite3
from collections.abc import Sequence

from mediafp.store.sqlite import schema

NEWEST_TABLES = (
    "suspect",
    "kept_match",
    "comparison",
    "cluster_member",
    "last_cluster",
    "video_text",
    "clue",
    "decision",
    "recalibration",
    "watch_hit",
    "watch",
    "listed_hash",
)
"""Tables that no schema version up to 5 has."""
CHANGED_TABLES = ("passage", "sighting")
"""Tables that later versions define in another way."""
NEWEST_INDEXES = ("passage_by_holder", "sighting_by_uri", "sighting_by_account")
"""Indexes of the changed tables."""


def drop_newest_tables(database: sqlite3.Connection) -> None:
    """Drop the tables that version 5 does not have, and give the others the definition that it has."""
    database.execute("DELETE FROM passage WHERE source NOT IN ('speech', 'picture')")
    database.execute("DELETE FROM sighting WHERE position > 0")
    for index in NEWEST_INDEXES:
        database.execute(f"DROP INDEX {index}")
    _redefine(database, CHANGED_TABLES, 5)
    for table in NEWEST_TABLES:
        database.execute(f"DROP TABLE {table}")
    _redefine_sounds(database)


def set_back_sounds(database: sqlite3.Connection) -> None:
    """Give the tables of sounds and transcripts the definition that version 9 has, and drop the indexes of newer versions.

    The custody log keeps the digests of their rows as they are, which the migration states anew.
    """
    drop_suspects(database)
    database.execute("DROP INDEX kept_match_that_was_lost")
    _redefine_sounds(database)


def drop_suspects(database: sqlite3.Connection) -> None:
    """Drop what version 12 adds."""
    database.execute("DROP TABLE suspect")


def _redefine_sounds(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM sound WHERE position > 0")
    database.execute("DROP INDEX sound_by_sound")
    _redefine(database, ("sound", "transcript"), 9)


def _redefine(database: sqlite3.Connection, tables: Sequence[str], version: int) -> None:
    """Give tables and their indexes the definition that a schema version has."""
    definitions = schema.expected_definitions(version)
    for table in tables:
        database.execute(f"ALTER TABLE {table} RENAME TO newer_{table}")
        database.execute(definitions[f"table {table}"])
        columns = ", ".join(name for (name,) in database.execute("SELECT name FROM pragma_table_info(?)", (table,)))
        database.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM newer_{table}")
        database.execute(f"DROP TABLE newer_{table}")
        for name, statement in definitions.items():
            if name.startswith("index ") and f" ON {table} (" in statement:
                database.execute(statement)
