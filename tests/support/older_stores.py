"""Stores whose tables are set back to those of an older schema version."""

import sqlite3
from contextlib import closing

from mediafp.store.sqlite import schema

NEWEST_TABLES = (
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
    with closing(sqlite3.connect(":memory:")) as model:
        for migration in schema.MIGRATIONS[:5]:
            model.create_function("text_sha256", 1, str)
            model.executescript(migration)
        definitions = dict(model.execute("SELECT name, sql FROM sqlite_master"))
        columns = {
            table: [name for (name,) in model.execute(f"SELECT name FROM pragma_table_info('{table}')")]
            for table in CHANGED_TABLES
        }
    database.execute("DELETE FROM passage WHERE source NOT IN ('speech', 'picture')")
    database.execute("DELETE FROM sighting WHERE position > 0")
    for index in NEWEST_INDEXES:
        database.execute(f"DROP INDEX {index}")
    for table in CHANGED_TABLES:
        names = ", ".join(columns[table])
        database.execute(f"ALTER TABLE {table} RENAME TO newer_{table}")
        database.execute(definitions[table])
        database.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM newer_{table}")
        database.execute(f"DROP TABLE newer_{table}")
    database.execute(definitions["passage_by_holder"])
    for table in NEWEST_TABLES:
        database.execute(f"DROP TABLE {table}")
