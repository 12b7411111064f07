"""Stores whose tables are set back to those of an older schema version."""

import sqlite3
from contextlib import closing

from mediafp.store.sqlite import schema

NEWEST_TABLES = ("kept_match", "comparison", "cluster_member", "last_cluster", "video_text")
"""Tables that no schema version up to 5 has."""
_OLDER_DEFINITIONS = "SELECT sql FROM sqlite_master WHERE name IN ('passage', 'passage_by_holder') ORDER BY type DESC"


def drop_newest_tables(database: sqlite3.Connection) -> None:
    """Drop the tables that version 5 does not have, and give passages the definition that it has."""
    with closing(sqlite3.connect(":memory:")) as model:
        for migration in schema.MIGRATIONS[:5]:
            model.create_function("text_sha256", 1, str)
            model.executescript(migration)
        definitions = [sql for (sql,) in model.execute(_OLDER_DEFINITIONS)]
    database.execute("DROP INDEX passage_by_holder")
    database.execute("ALTER TABLE passage RENAME TO newer_passage")
    for sql in definitions:
        database.execute(sql)
    database.execute("INSERT INTO passage SELECT * FROM newer_passage WHERE source != 'screen'")
    for table in ("newer_passage", *NEWEST_TABLES):
        database.execute(f"DROP TABLE {table}")
