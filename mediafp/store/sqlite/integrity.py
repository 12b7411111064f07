"""What is wrong with a store against itself: its file, its tables, what they hold, its ledger and its log."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from mediafp.store.sqlite import custody_log, ocr_results, schema, text_index, transcripts
from mediafp.store.sqlite.content_hash import content_hash
from mediafp.store.sqlite.transactions import read_transaction
from mediafp.store.sqlite.values import canonical_json, path_string
from mediafp.types.fingerprint_types import FingerprintDeclaration, check_rows
from mediafp.types.fingerprints import TimedRows, unpack_fingerprint

if TYPE_CHECKING:
    from mediafp.store.sqlite.store import SqliteStore


JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_NO_UTF8 = re.compile("[\ud800-\udfff]")
"""What bytes that are no UTF-8 become here, and text never holds."""
_SHOWN = 40
"""Characters of a damaged text that are shown."""
_DAMAGED = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading a value raises where a damaged page gives another in its place."""


def check_integrity(store: SqliteStore, declarations: Mapping[str, FingerprintDeclaration]) -> list[str]:
    """What is wrong, a sentence each; an empty list for a sound store. It comes back whatever the damage is."""
    found: dict[str, None] = {}
    with _lenient(store.db), read_transaction(store.db):
        for check in (*_BEFORE, partial(_images, declarations=declarations), *_AFTER):
            try:
                for finding in check(store):
                    found[finding] = None
            except Exception as error:
                # Damage may make anything of a row; the other checks go on.
                found[f"database: {str(error) or type(error).__name__}"] = None
    return [finding.encode("utf-8", "backslashreplace").decode() for finding in found]


@contextmanager
def _lenient(db: sqlite3.Connection) -> Iterator[None]:
    """Text that is no UTF-8 is read, with surrogate escapes, and not refused."""
    strict = db.text_factory
    db.text_factory = path_string
    try:
        yield
    finally:
        db.text_factory = strict


def _file(store: SqliteStore) -> Iterator[str]:
    yield from (f"database: {row[0]}" for row in store.db.execute("PRAGMA integrity_check") if row[0] != "ok")
    yield from (f"{row[0]} points to a missing {row[2]}" for row in store.db.execute("PRAGMA foreign_key_check"))


def _tables(store: SqliteStore) -> Iterator[str]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        schema.migrate(model)
        made, found = _definitions(model), _definitions(store.db)
    for name in sorted(made.keys() | found.keys()):
        if made.get(name) != found.get(name):
            yield f"{name} is missing, or not what mediafp makes"


def _definitions(db: sqlite3.Connection) -> dict[str, str]:
    # What SQLite and FTS5 make for themselves is another with each of their versions.
    rows = db.execute("SELECT type, name, sql FROM sqlite_master WHERE NOT name GLOB 'sqlite_*'")
    return {f"{type} {name}": sql for type, name, sql in rows if not name.startswith("passage_index_")}


def _texts(store: SqliteStore) -> Iterator[str]:
    columns = store.db.execute(
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND c.type = 'TEXT' ORDER BY 1, 2"
    ).fetchall()
    for table, column in columns:
        for (text,) in store.db.execute(f'SELECT "{column}" FROM "{table}"'):
            if isinstance(text, str) and _NO_UTF8.search(text):
                yield f"the {column} of a row of {table} is no text: {text[:_SHOWN]!r}"


def _assets(store: SqliteStore) -> Iterator[str]:
    for (sha256,) in store.db.execute(
        "SELECT sha256 FROM asset WHERE sha256 NOT IN (SELECT sha256 FROM sighting) ORDER BY 1"
    ):
        yield f"asset {sha256} was seen nowhere"
    for sha256, properties, warnings in store.db.execute(
        "SELECT sha256, properties, warnings FROM asset ORDER BY sha256"
    ):
        for name, data, kind in (("properties", properties, dict), ("warnings", warnings, list)):
            try:
                if not isinstance(json.loads(data), kind):
                    yield f"{name} of {sha256} are damaged: no {kind.__name__}"
            except _DAMAGED as error:
                yield f"{name} of {sha256} are damaged: {error}"


def _images(store: SqliteStore, declarations: Mapping[str, FingerprintDeclaration]) -> Iterator[str]:
    rows: dict[str, dict[str, set[int]]] = {}
    for sha256, type, version, data in store.db.execute(
        "SELECT sha256, type, version, data FROM fingerprint ORDER BY sha256, type, version"
    ):
        try:
            stored = unpack_fingerprint(sha256, type, version, data)
            declared = declarations.get(type)
            if declared:
                check_rows(declared, TimedRows(stored.spans, stored.vectors, stored.quality))
            # Without declarations, all types count as types of frames.
            if not declarations or (declared and declared.consumes == "frames"):
                rows.setdefault(sha256, {}).setdefault(type, set()).add(len(stored.spans))
        except _DAMAGED as error:
            yield f"fingerprint {type} of {sha256}: {error}"
    for sha256, position, jpeg in store.db.execute(
        "SELECT sha256, position, jpeg FROM thumbnail ORDER BY sha256, position"
    ):
        if not (isinstance(jpeg, bytes) and jpeg.startswith(JPEG_START) and jpeg.endswith(JPEG_END)):
            yield f"thumbnail {position} of {sha256} is damaged"
    for sha256, thumbnails in store.db.execute(
        "SELECT sha256, (SELECT count(*) FROM thumbnail WHERE thumbnail.sha256 = asset.sha256) FROM asset ORDER BY 1"
    ):
        # Rows of types that are not installed are not counted.
        counts = rows.get(sha256, {}).values()
        # Thumbnails are those of the newest reading; older versions of a fingerprint may have other rows.
        if not counts or any(thumbnails not in count for count in counts):
            yield f"asset {sha256} has {thumbnails} thumbnails and fingerprints of {sorted(set().union(*counts))} rows"


def _ledger(store: SqliteStore) -> Iterator[str]:
    for path, sha256 in store.db.execute(
        "SELECT path, sha256 FROM ledger WHERE state = 'done' AND NOT EXISTS"
        " (SELECT 1 FROM sighting WHERE sighting.sha256 = ledger.sha256 AND uri = path) ORDER BY path"
    ):
        yield f"{path_string(path)!r} was taken in as {sha256}, which was not seen there"


def _check_hash_chain(store: SqliteStore) -> Iterator[str]:
    before, due = custody_log.GENESIS_HASH, 1
    for n, at, what, details, hash in store.db.execute("SELECT n, at, what, details, hash FROM log ORDER BY n"):
        if n == due:
            try:
                told = json.loads(details)
                whole = canonical_json(told) == details and custody_log.entry_hash(n, at, what, told, before) == hash
            except _DAMAGED:
                whole = False
            if not whole:
                yield _changed(n)
        else:
            yield f"entries {due} to {n - 1} of the log are gone"
        before, due = hash, n + 1


def _changed(n: int) -> str:
    return f"entry {n} of the log was changed"


@dataclass(slots=True, kw_only=True)
class LoggedState:
    """What the log says that the store holds: assets, fields of sightings by SHA-256 and path, transcripts and texts."""

    assets: dict[str, dict[str, Any]] = field(default_factory=dict)
    sightings: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    words: dict[tuple[str, str], str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def take(self, what: str, details: dict[str, Any]) -> None:
        """Adds an entry. Raises one of _DAMAGED where it does not hold what belongs to it."""
        if what in ("added", "adopted"):
            self.assets[details["sha256"]] = {name: details[name] for name in ("bytes", "kind", "content")}
        if what == "refreshed":
            self.assets[details["sha256"]]["content"] = details["content"]
        if what in ("added", "seen", "sighted"):
            fields = self.sightings.setdefault((details["sha256"], details["uri"]), {})
            fields.update(details.get("fields", {}))
        if what == "transcribed":
            self.words[details["sound"], details["version"]] = details["words"]
        if what == "read":
            self.texts[details["sha256"]] = details["text"]


def _check_against_log(store: SqliteStore) -> Iterator[str]:
    told = LoggedState()
    for n, what, details in store.db.execute("SELECT n, what, details FROM log ORDER BY n"):
        try:
            told.take(what, json.loads(details))
        except _DAMAGED:
            yield _changed(n)
    yield from _assets_against(store.db, told.assets)
    yield from _sightings_against(store.db, told.sightings)
    yield from _words_against(store.db, told.words)
    yield from _texts_against(store.db, told.texts)


def _assets_against(db: sqlite3.Connection, told: dict[str, dict[str, Any]]) -> Iterator[str]:
    for sha256, size, kind in db.execute("SELECT sha256, bytes, kind FROM asset ORDER BY sha256"):
        said = told.pop(sha256, None)
        if said is None:
            yield f"asset {sha256} is not in the log"
            continue
        if (said["bytes"], said["kind"]) != (size, kind):
            yield f"asset {sha256}, of kind {kind} and {size} bytes, is said to be {said['kind']} of {said['bytes']}"
        if said["content"] != content_hash(db, sha256):
            yield f"fingerprints or thumbnails of {sha256} are not those that the log vouches for"
    yield from (f"asset {sha256} is in the log, and gone" for sha256 in told)


def _sightings_against(db: sqlite3.Connection, told: dict[tuple[str, str], dict[str, Any]]) -> Iterator[str]:
    rows = db.execute("SELECT * FROM sighting")
    names = [name for name, *_ in rows.description]
    for row in rows:
        fields = dict(zip(names, row, strict=True))
        sha256, uri = fields["sha256"], path_string(fields["uri"])
        said = told.pop((sha256, uri), {})
        if other := [name for name, value in said.items() if fields.get(name) != value]:
            yield f"the {', '.join(other)} of {sha256} at {uri!r} are not what the log says"
    yield from (f"that {sha256} was seen at {uri!r} is in the log, and gone" for sha256, uri in told)


def _words_against(db: sqlite3.Connection, told: dict[tuple[str, str], str]) -> Iterator[str]:
    for audio, version, data in db.execute("SELECT sound, version, data FROM transcript ORDER BY sound, version"):
        if told.pop((audio, version), None) not in (None, transcripts.transcript_digest(data)):
            yield f"transcript {version} of sound {audio} is not what the log vouches for"
    yield from (f"transcript {version} of sound {audio} is in the log, and gone" for audio, version in told)


def _texts_against(db: sqlite3.Connection, told: dict[str, str]) -> Iterator[str]:
    for sha256, data in db.execute("SELECT sha256, data FROM picture_text ORDER BY sha256"):
        if told.pop(sha256, None) != ocr_results.ocr_digest(data):
            yield f"the text of {sha256} is not what the log vouches for"
    yield from (f"the text of {sha256} is in the log, and gone" for sha256 in told)


def _words(store: SqliteStore) -> Iterator[str]:
    yield from text_index.check_text_index(store)
    yield from transcripts.check_transcripts(store)
    yield from ocr_results.check_ocr_results(store)


_BEFORE = (_file, _tables, _texts, _assets)
_AFTER = (_ledger, _check_hash_chain, _check_against_log, _words)
