"""The integrity check of a store: its file, its tables, their contents, the custody log and the indexes."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from mediafp.store.sqlite import (
    decisions,
    file_transcripts,
    index_integrity,
    kept_matches,
    log_integrity,
    lost_pairs,
    ocr_results,
    schema,
    source_passages,
    text_index,
    transcripts,
    video_texts,
)
from mediafp.store.sqlite.content_checks import check_contents
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.errors import READ_ERRORS
from mediafp.store.sqlite.values import path_string
from mediafp.types.fingerprint_types import FingerprintDeclaration

_NOT_UTF8 = re.compile("[\ud800-\udfff]")
"""Surrogate escapes, which bytes that are not UTF-8 become, and which no text contains."""
_SHOWN_CHARACTERS = 40
"""Characters of a damaged text that a problem quotes."""


def check_integrity(database: Database, declarations: Mapping[str, FingerprintDeclaration]) -> list[str]:
    """Return the integrity problems of a store, one sentence each; empty if there are none.

    Never raises for damaged data.

    Args:
        database: The database of the store.
        declarations: Declarations of fingerprint types, by name. The rows of these types are checked against them; of
            the fingerprints of other types only the shapes are checked.
    """
    checks: tuple[Callable[[Database], Iterator[str]], ...] = (
        _check_file,
        _check_tables,
        _check_texts,
        _check_assets,
        partial(check_contents, declarations=declarations),
        _check_ledger,
        log_integrity.check_hash_chain,
        log_integrity.check_against_log,
        text_index.check_text_index,
        transcripts.check_transcripts,
        file_transcripts.check_sounds,
        ocr_results.check_ocr_results,
        source_passages.check_source_passages,
        video_texts.check_video_texts,
        kept_matches.check_kept_matches,
        lost_pairs.check_lost_pairs,
        decisions.check_decisions,
        index_integrity.check_indexes,
    )
    problems: dict[str, None] = {}
    try:
        foreign = schema.foreign_objects(database.connection, schema.SCHEMA_VERSION)
    except READ_ERRORS as error:
        return [f"database: {error}"]
    if foreign:
        # A query of a view may never end, and a trigger or a generated column may compute anything.
        return [_foreign_object(name) for name in foreign]
    with _lenient_text(database.connection), database.read_transaction():
        for check in checks:
            try:
                problems.update(dict.fromkeys(check(database)))
            except Exception as error:
                # Damage may turn a row into anything; the other checks go on.
                problems[f"database: {str(error) or type(error).__name__}"] = None
    return [problem.encode("utf-8", "backslashreplace").decode() for problem in problems]


@contextmanager
def _lenient_text(connection: sqlite3.Connection) -> Iterator[None]:
    """Read text that is not UTF-8 with surrogate escapes, instead of raising an error."""
    strict = connection.text_factory
    connection.text_factory = path_string
    try:
        yield
    finally:
        connection.text_factory = strict


def _check_file(database: Database) -> Iterator[str]:
    yield from (f"database: {row[0]}" for row in database.execute("PRAGMA integrity_check") if row[0] != "ok")
    for table, _, parent, _ in database.execute("PRAGMA foreign_key_check"):
        yield f"a row of {table} refers to a missing {parent}"


def _check_tables(database: Database) -> Iterator[str]:
    expected = schema.expected_definitions(schema.SCHEMA_VERSION)
    stored = schema.object_definitions(database.connection)
    for name in sorted(expected.keys() | stored.keys()):
        if expected.get(name) != stored.get(name):
            yield _foreign_object(name)


def _foreign_object(name: str) -> str:
    return f"{name} is missing, or differs from what mediafp creates"


def _check_texts(database: Database) -> Iterator[str]:
    columns = database.execute(
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND c.type = 'TEXT' ORDER BY 1, 2"
    ).fetchall()
    for table, column in columns:
        for (text,) in database.execute(f'SELECT "{column}" FROM "{table}"'):
            if isinstance(text, str) and _NOT_UTF8.search(text):
                yield f"the {column} of a row of {table} is not UTF-8: {text[:_SHOWN_CHARACTERS]!r}"


def _check_assets(database: Database) -> Iterator[str]:
    for (sha256,) in database.execute(
        "SELECT sha256 FROM asset WHERE sha256 NOT IN (SELECT sha256 FROM sighting) ORDER BY 1"
    ):
        yield f"asset {sha256} has no sighting"


def _check_ledger(database: Database) -> Iterator[str]:
    for path, sha256 in database.execute(
        "SELECT path, sha256 FROM ledger WHERE state = 'done' AND NOT EXISTS"
        " (SELECT 1 FROM sighting WHERE sighting.sha256 = ledger.sha256 AND uri = path) ORDER BY path"
    ):
        yield f"{path_string(path)!r} was ingested as {sha256}, which has no sighting there"
