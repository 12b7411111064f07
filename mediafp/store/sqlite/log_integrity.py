"""Checks of the custody log: its hash chain, and the contents of the store against it."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mediafp.store.sqlite.content_hash import content_hash
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.log_chain import GENESIS_HASH, entry_hash
from mediafp.store.sqlite.row_digests import LOGGED_TABLES, group_digest, group_name, iter_groups, logged_key
from mediafp.store.sqlite.values import DAMAGE_ERRORS, canonical_json, path_string, text_sha256
from mediafp.types.custody import LogKind


@dataclass(slots=True, kw_only=True)
class LoggedState:
    """The contents of a store as its custody log states them.

    Attributes:
        assets: Size, kind and content hash of each asset, by SHA-256.
        sightings: Fields of the sightings of each asset at each path, in order.
        transcripts: Digest of each transcript, by audio and version.
        ocr_results: Digest of each OCR result, by SHA-256.
        video_texts: Digest of each text on screen, by SHA-256.
    """

    assets: dict[str, dict[str, Any]] = field(default_factory=dict)
    sightings: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    transcripts: dict[tuple[str, str], str] = field(default_factory=dict)
    ocr_results: dict[str, str] = field(default_factory=dict)
    video_texts: dict[str, str] = field(default_factory=dict)

    def apply(self, what: LogKind, details: dict[str, Any]) -> None:
        """Apply the changes of an entry. Raises one of `DAMAGE_ERRORS` if its details are incomplete."""
        if what in ("added", "adopted"):
            self.assets[details["sha256"]] = {name: details[name] for name in ("bytes", "kind", "content")}
        if what == "refreshed":
            logged = self.assets[details["sha256"]]
            logged["content"], logged["kind"] = details["content"], details.get("kind", logged["kind"])
        if what in ("added", "seen", "sighted"):
            key = details["sha256"], details["uri"]
            stated = self.sightings.setdefault(key, [{}])
            # Entries of older versions state the fields that changed of the only sighting.
            stated[0].update(details.get("fields", {}))
            if "text_sha256" in stated[0]:
                # Still older ones state the text itself.
                stated[0].pop("text", None)
            self.sightings[key] = details.get("sightings", stated)
        if what == "moved":
            sha256 = details["sha256"]
            # The sightings of a store from before the log are stated nowhere.
            if (sha256, details["from"]) in self.sightings:
                self.sightings[sha256, details["to"]] = self.sightings.pop((sha256, details["from"]))
        if what == "transcribed":
            self.transcripts[details["sound"], details["version"]] = details["words"]
        if what == "read":
            self.ocr_results[details["sha256"]] = details["text"]
        if what == "read_video":
            self.video_texts[details["sha256"]] = details["text"]
        if what == "forgotten":
            self._forget(details)

    def _forget(self, details: dict[str, Any]) -> None:
        """Apply an entry that states what was removed."""
        sha256, removed = details["sha256"], details["removed"]
        self.sightings.pop((sha256, details["uri"]), None)
        if removed["assets"]:
            self.assets.pop(sha256, None)
            self.ocr_results.pop(sha256, None)
            self.video_texts.pop(sha256, None)
        if removed["transcripts"]:
            # Entries of older versions state the only sound of a file.
            sounds = details["sounds"] if "sounds" in details else [details["sound"]]
            for key in [key for key in self.transcripts if key[0] in sounds]:
                del self.transcripts[key]


def check_hash_chain(database: Database) -> Iterator[str]:
    """Yield the entries of the custody log that are missing, and those that do not fit the hash chain."""
    before, expected = GENESIS_HASH, 1
    for n, at, what, details, hash in database.execute("SELECT n, at, what, details, hash FROM log ORDER BY n"):
        if n != expected:
            yield f"entries {expected} to {n - 1} of the custody log are missing"
        elif not _is_intact(n, at, what, details, before, hash):
            yield _changed_entry(n)
        before, expected = hash, n + 1


def check_against_log(database: Database) -> Iterator[str]:
    """Yield the differences between the store and its custody log."""
    connection = database.connection
    logged = LoggedState()
    with _logged_groups(connection):
        for n, what, details in connection.execute("SELECT n, what, details FROM log ORDER BY n"):
            try:
                if what == "rows":
                    _apply_rows(connection, json.loads(details)["rows"])
                else:
                    logged.apply(what, json.loads(details))
            except DAMAGE_ERRORS:
                yield _changed_entry(n)
        yield from _check_assets(connection, logged.assets)
        yield from _check_sightings(connection, logged.sightings)
        yield from _check_transcripts(connection, logged.transcripts)
        yield from _check_texts(connection, "picture_text", "OCR result", logged.ocr_results)
        yield from _check_texts(connection, "video_text", "text on screen", logged.video_texts)
        yield from _check_rows(connection)


@contextmanager
def _logged_groups(connection: sqlite3.Connection) -> Iterator[None]:
    """Create a temporary table for the digest of each logged group of rows: a case of a million files has six million."""
    connection.execute("CREATE TEMP TABLE logged_group (entry PRIMARY KEY, digest) WITHOUT ROWID")
    try:
        yield
    finally:
        connection.execute("DROP TABLE temp.logged_group")


def _apply_rows(connection: sqlite3.Connection, rows: list[list[str | None]]) -> None:
    """Apply an entry `rows`. Raises one of `DAMAGE_ERRORS` if it is incomplete."""
    for *key, digest in rows:
        entry = canonical_json(key)
        if digest is None:
            connection.execute("DELETE FROM logged_group WHERE entry = ?", (entry,))
        else:
            connection.execute("INSERT OR REPLACE INTO logged_group VALUES (?, ?)", (entry, bytes.fromhex(digest)))


def _check_assets(connection: sqlite3.Connection, logged: dict[str, dict[str, Any]]) -> Iterator[str]:
    for sha256, size, kind in connection.execute("SELECT sha256, bytes, kind FROM asset ORDER BY sha256"):
        entry = logged.pop(sha256, None)
        if entry is None:
            yield f"asset {sha256} is missing from the custody log"
            continue
        if (entry["bytes"], entry["kind"]) != (size, kind):
            yield (
                f"asset {sha256} is stored as {kind} of {size} bytes, and logged as {entry['kind']}"
                f" of {entry['bytes']} bytes"
            )
        if entry["content"] != content_hash(connection, sha256):
            yield f"the fingerprints or thumbnails of {sha256} differ from the custody log"
    yield from (f"asset {sha256} is in the custody log, and missing from the store" for sha256 in logged)


def _check_sightings(
    connection: sqlite3.Connection, logged: dict[tuple[str, str], list[dict[str, Any]]]
) -> Iterator[str]:
    """Yield the logged sightings that are missing from the store or differ in it."""
    # Entries of older versions state the text of a post, and newer ones its SHA-256.
    rows = connection.execute(
        "SELECT sighting.*, post_text.text FROM sighting LEFT JOIN post_text ON post_text.sha256 = text_sha256"
    )
    names = [name for name, *_ in rows.description]
    numbers: Counter[tuple[str, str]] = Counter()
    for row in rows:
        stored = dict(zip(names, row, strict=True))
        sha256, uri = stored["sha256"], path_string(stored["uri"])
        stated, position = logged.get((sha256, uri), [{}]), stored["position"]
        fields = stated[position] if position < len(stated) else {}
        numbers[sha256, uri] += 1
        if different := [name for name, value in fields.items() if stored.get(name) != value]:
            yield f"the {', '.join(different)} of {sha256} at {uri!r} differ from the custody log"
    for (sha256, uri), stated in logged.items():
        if numbers[sha256, uri] == len(stated):
            continue
        yield f"a sighting of {sha256} at {uri!r} is in the custody log, and missing from the store"


def _check_transcripts(connection: sqlite3.Connection, logged: dict[tuple[str, str], str]) -> Iterator[str]:
    for audio, version, data in connection.execute("SELECT sound, version, data FROM transcript ORDER BY 1, 2"):
        # Transcripts of stores that had no log yet are not logged by their text.
        if logged.pop((audio, version), None) not in (None, text_sha256(data)):
            yield f"transcript {version} of audio {audio} differs from the custody log"
    for audio, version in logged:
        yield f"transcript {version} of audio {audio} is in the custody log, and missing from the store"


def _check_texts(connection: sqlite3.Connection, table: str, name: str, logged: dict[str, str]) -> Iterator[str]:
    """Yield the OCR results, or texts on screen, of a table that are not as the log states them."""
    for sha256, data in connection.execute(f"SELECT sha256, data FROM {table} ORDER BY sha256"):
        if logged.pop(sha256, None) != text_sha256(data):
            yield f"the {name} of {sha256} differs from the custody log"
    yield from (f"the {name} of {sha256} is in the custody log, and missing from the store" for sha256 in logged)


def _check_rows(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the groups of rows that are not as the log states them."""
    for table in LOGGED_TABLES:
        for key in iter_groups(connection, table):
            entry = logged_key(table, key)
            taken = connection.execute(
                "DELETE FROM logged_group WHERE entry = ? RETURNING digest", (canonical_json(entry),)
            ).fetchall()
            try:
                digest = group_digest(connection, table, key)
            except (sqlite3.Error, *DAMAGE_ERRORS) as error:
                yield f"{group_name(*entry)} cannot be read: {error}"
                continue
            if not taken:
                yield f"{group_name(*entry)} is missing from the custody log"
            elif digest is None or bytes.fromhex(digest) != taken[0][0]:
                yield f"{group_name(*entry)} differs from the custody log"
    for (missing,) in connection.execute("SELECT entry FROM logged_group ORDER BY entry"):
        yield f"{group_name(*json.loads(missing))} is in the custody log, and missing from the store"


def _is_intact(n: int, at: str, what: str, details: str, before: str, hash: str) -> bool:
    try:
        decoded = json.loads(details)
        return canonical_json(decoded) == details and entry_hash(n, at, what, decoded, before) == hash
    except DAMAGE_ERRORS:
        return False


def _changed_entry(n: int) -> str:
    return f"entry {n} of the custody log was changed"
