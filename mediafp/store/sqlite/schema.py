"""The tables of a store, and the migrations from older versions."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

from mediafp.store.sqlite import log_chain
from mediafp.store.sqlite.indexed_words import indexed_words
from mediafp.store.sqlite.migrations import MIGRATIONS
from mediafp.store.sqlite.row_digests import LOGGED_TABLES
from mediafp.store.sqlite.transactions import read_transaction, write_transaction
from mediafp.store.sqlite.values import text_sha256
from mediafp.types.errors import StoreError

APPLICATION_ID = 0x4D465031
"""Number in the head of the database file that marks it as a store (`PRAGMA application_id`)."""
_INTERNAL_TABLES = frozenset(
    (
        *(f"passage_index_{name}" for name in ("data", "idx", "content", "docsize", "config")),
        "sqlite_stat1",
        "sqlite_stat4",
    )
)
"""Tables in which FTS5 keeps the full-text index, and SQLite its statistics."""
SCHEMA_VERSION = len(MIGRATIONS)
"""Schema version of this program (`PRAGMA user_version`)."""
FIRST_LOGGED_VERSION = 3
"""First schema version with a custody log; assets of older stores are logged when the store is migrated."""
FIRST_DIGEST_VERSION = 5
"""First schema version whose log states digests of rows; the rows of older stores are logged when they are migrated."""
FIRST_SOUNDS_VERSION = 10
"""First schema version with several sounds of a file; the log of older stores states rows of another form."""
FIRST_HITS_VERSION = 12
"""First schema version in which a hit is certain of equal bytes alone; the log of older stores states other probabilities."""


def schema_version(connection: sqlite3.Connection, folder: Path) -> int:
    """Return the schema version of a database; 0 for an empty one.

    Args:
        connection: The database.
        folder: Folder of the store, for error messages.

    Raises:
        StoreError: It belongs to another program, or to a newer version of this one.
    """
    # From one state: another process may be creating the tables.
    with read_transaction(connection):
        application, version, tables = (
            connection.execute(query).fetchone()[0]
            for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
        )
    if application != APPLICATION_ID and (application or version or tables):
        raise StoreError(
            f"cannot open the store '{folder}': the folder contains another program's database; choose another --store"
        )
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"cannot open the store '{folder}': its version is {version}, and this mediafp supports {SCHEMA_VERSION};"
            " update mediafp (the store is unchanged)"
        )
    return int(version)


def split_statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; a trigger is one statement."""
    statement = ""
    for part in script.split(";")[:-1]:
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def object_definitions(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the statement of each table, index, trigger and view of a database, by its type and name."""
    rows = connection.execute("SELECT type, name, sql FROM main.sqlite_master")
    return {
        f"{type} {name}": " ".join(str(sql).split())
        for type, name, sql in rows
        # What SQLite and FTS5 create for themselves differs between their versions: tables, and indexes without a statement.
        if not (type == "table" and name in _INTERNAL_TABLES) and not (type == "index" and sql is None)
    }


@cache
def expected_definitions(version: int) -> dict[str, str]:
    """Return the definitions of a schema version, as `object_definitions` returns them."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        _execute_migrations(model, 0, version)
        return object_definitions(model)


def foreign_objects(connection: sqlite3.Connection, version: int) -> list[str]:
    """Return type and name of each table, index, trigger and view that a schema version does not have in this form."""
    expected = expected_definitions(version)
    return sorted(name for name, sql in object_definitions(connection).items() if expected.get(name) != sql)


def check_objects(connection: sqlite3.Connection, folder: Path) -> None:
    """Raise StoreError if a database contains a table, an index, a trigger or a view that mediafp did not create.

    A trigger could change what is written, and a query of a view might never end. Missing ones are not reported.

    Args:
        connection: The database, of a version that this program supports.
        folder: Folder of the store, for error messages.
    """
    # From one state: another process may be creating or migrating the tables.
    with read_transaction(connection):
        foreign = foreign_objects(connection, schema_version(connection, folder))
    if foreign:
        raise StoreError(
            f"cannot open the store '{folder}': its database contains {foreign[0]!r}, which mediafp did not create;"
            " restore a copy of the store, or ingest the originals into a new --store"
        )


def migrate(connection: sqlite3.Connection, folder: Path) -> None:
    """Bring the tables to `SCHEMA_VERSION` in one transaction, and create them in an empty database.

    Args:
        connection: The database.
        folder: Folder of the store, for error messages.

    Raises:
        StoreError: The database belongs to another program, or to a newer version of this one.
    """
    if schema_version(connection, folder) == SCHEMA_VERSION:
        return
    with write_transaction(connection):
        # Again, now that no other process can write: two may create one store at once.
        version = schema_version(connection, folder)
        if FIRST_LOGGED_VERSION <= version < FIRST_DIGEST_VERSION and _has_row_digests(connection):
            raise StoreError(
                f"cannot open the store '{folder}': its tables are of version {version}, and its custody log of a newer one;"
                " restore a copy of the store, or ingest the originals into a new --store"
            )
        _execute_migrations(connection, version, SCHEMA_VERSION)
        if version < FIRST_LOGGED_VERSION:
            log_chain.log_existing_assets(connection)
        if 0 < version < SCHEMA_VERSION:
            log_chain.log_existing_rows(connection, *_unlogged_tables(version))
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _unlogged_tables(version: int) -> Iterable[str]:
    """Return the tables whose rows the log of a store of this version does not state."""
    if version < FIRST_DIGEST_VERSION:
        return LOGGED_TABLES
    before_hits = ("watch_hit",) if version < FIRST_HITS_VERSION else ()
    before_sounds = ("sound", "transcript") if version < FIRST_SOUNDS_VERSION else ()
    return (*before_hits, *before_sounds, *(("comparison", "sighting", "passage") if version < 8 else ()))


def _has_row_digests(connection: sqlite3.Connection) -> bool:
    """Return True if the custody log states digests of rows, which a migration of changed rows would replace."""
    return connection.execute("SELECT 1 FROM log WHERE what = 'rows' LIMIT 1").fetchone() is not None


def _execute_migrations(connection: sqlite3.Connection, version: int, target: int) -> None:
    """Execute the statements from one schema version to another."""
    connection.create_function("text_sha256", 1, text_sha256, deterministic=True)
    connection.create_function("indexed_words", 2, indexed_words, deterministic=True)
    for migration in MIGRATIONS[version:target]:
        for statement in split_statements(migration):
            connection.execute(statement)
