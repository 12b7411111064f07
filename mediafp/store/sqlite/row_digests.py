"""Digests of the rows of a store, which the custody log states, so that no row changes unnoticed.

A group is all rows of one table that share a key. Temporary triggers note the groups that a transaction changes, and the
digest of each is logged before the transaction ends.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import batched
from types import MappingProxyType
from typing import Any, Final

from mediafp.store.sqlite.values import canonical_json, path_string, text_sha256

MAX_LOGGED_GROUPS: Final = 1_000
"""Groups in one entry of the custody log. Chosen, not measured: 1,000 take 200 kB."""

MAX_KEY_CHARS: Final = 256
"""Characters of a key value that an entry states; of a longer path it states the SHA-256. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """A table whose rows are logged, in groups.

    Attributes:
        name: Format of the name of a group in messages, with the values of its keys as {0} and {1}.
        keys: Columns that name a group.
        columns: Columns of the digest; a column that is not among them can change unnoticed.
        source: Table or join that the columns come from.
        order: Columns that give the order of the rows in a group.
    """

    name: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    source: str
    order: str

    def query(self) -> str:
        """Return the query for the rows of one group, given the values of its keys."""
        condition = " AND ".join(f"{key} = ?" for key in self.keys)
        return f"SELECT {', '.join(self.columns)} FROM {self.source} WHERE {condition} ORDER BY {self.order}"


LOGGED_TABLES: Final[Mapping[str, RowGroup]] = MappingProxyType({
    "asset": RowGroup(
        name="asset {0}", keys=("sha256",), source="asset", order="sha256",
        columns=("sha256", "kind", "bytes", "properties", "warnings", "added_at"),
    ),
    "post_text": RowGroup(
        name="the text {0} of a post", keys=("sha256",), source="post_text", order="sha256", columns=("sha256", "text"),
    ),
    "sighting": RowGroup(
        name="the sighting of {0} at {1!r}", keys=("sha256", "uri"), source="sighting", order="position",
        columns=("sha256", "uri", "position", "platform", "account", "account_id", "account_name", "url", "post_id",
                 "posted_at", "captured_at", "removed_at", "title", "text_sha256", "language", "views", "role", "source"),
    ),
    "clue": RowGroup(
        name="the clues of {0} at {1!r}", keys=("sha256", "uri"), source="clue", order="position",
        columns=("sha256", "uri", "position", "kind", "value", "source", "trust"),
    ),
    "picture_text": RowGroup(
        name="the OCR result of {0}", keys=("sha256",), source="picture_text", order="sha256",
        columns=("sha256", "version", "data"),
    ),
    "video_text": RowGroup(
        name="the text on screen of {0}", keys=("sha256",), source="video_text", order="sha256",
        columns=("sha256", "version", "data"),
    ),
    "sound": RowGroup(
        name="the audio tracks of {0}", keys=("sha256",), source="sound", order="position",
        columns=("sha256", "position", "track", "channel", "start", "sound", "repeats"),
    ),
    "transcript": RowGroup(
        name="transcript {1} of audio {0}", keys=("sound", "version"), source="transcript", order="sound, version",
        columns=("sound", "version", "model", "rank", "data", "words_version", "words", "made_at",
                 "has_file_times"),
    ),
    "passage": RowGroup(
        name="the text of {0} ({1})", keys=("holder", "source"), order="id",
        source="passage LEFT JOIN passage_index ON passage_index.rowid = passage.id",
        columns=("id", "holder", "source", "start", "end", "text", "times", "next", "passage_index.words"),
    ),
    "ledger": RowGroup(
        name="the ledger entry of {0!r}", keys=("path",), source="ledger", order="path",
        columns=("path", "bytes", "modified_ns", "version", "state", "sha256", "kind", "message", "attempts", "last_at"),
    ),
    "kept_match": RowGroup(
        name="the kept match of {0} and {1}", keys=("a", "b"), source="kept_match", order="channel",
        columns=("a", "b", "channel", "promise", "a_is_query", "relation", "verdict", "probability", "coverage_a",
                 "coverage_b", "evidence", "version", "kept_at"),
    ),
    "comparison": RowGroup(
        name="the state of comparing {0} by {1}", keys=("sha256", "channel"), source="comparison", order="channel",
        columns=("sha256", "channel", "version", "revision"),
    ),
    "suspect": RowGroup(
        name="the suspect {0}", keys=("sha256",), source="suspect", order="sha256", columns=("sha256",),
    ),
    "cluster_member": RowGroup(
        name="the cluster of {0}", keys=("sha256",), source="cluster_member", order="sha256", columns=("sha256", "cluster"),
    ),
    "last_cluster": RowGroup(
        name="the number of the last cluster", keys=("id",), source="last_cluster", order="id", columns=("id", "cluster"),
    ),
    "decision": RowGroup(
        name="the decisions on {0} and {1}", keys=("a", "b"), source="decision", order="subject",
        columns=("subject", "a", "b", "decision", "note", "decided_by", "decided_at", "act", "evidence",
                 "numbers", "before"),
    ),
    "recalibration": RowGroup(
        name="the fitted probabilities of {0}", keys=("family",), source="recalibration", order="family",
        columns=("family", "slope", "intercept", "decisions", "fitted_at", "version"),
    ),
    "watch": RowGroup(
        name="the watch {0!r}", keys=("name",), source="watch", order="name",
        columns=("name", "kind", "value", "added_at", "counted_from", "checked", "quarantine"),
    ),
    "watch_hit": RowGroup(
        name="the hits of {1} by the watch {0!r}", keys=("watch", "sha256"), source="watch_hit", order="uri",
        columns=("watch", "sha256", "uri", "why", "relation", "verdict", "probability", "is_news", "found_at",
                 "reported_at"),
    ),
    "listed_hash": RowGroup(
        name="block {0} of the listed hashes", keys=("id",), source="listed_hash", order="id",
        columns=("id", "list", "algorithm", "hashes", "labels"),
    ),
})  # fmt: skip
"""The tables whose rows the custody log covers by their digests.

Fingerprints and thumbnails are covered by the content hash of their asset, and the log by its own hash chain.
"""

type GroupKey = tuple[Any, ...]
"""Values of the key columns of a group, as SQLite returns them."""


def watch_changes(connection: sqlite3.Connection) -> None:
    """Have a connection note the groups that it changes; the database itself is not changed."""
    # Without a unique key: the conflict clause of the statement that fires a trigger would apply to it.
    connection.execute("CREATE TEMP TABLE changed_group (name, first, second)")
    for table, group in LOGGED_TABLES.items():
        for event, rows in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",))):
            notes = "".join(f"INSERT INTO changed_group VALUES ('{table}', {_key_values(group, row)});" for row in rows)
            connection.execute(
                f"CREATE TEMP TRIGGER watch_{table}_{event} AFTER {event} ON main.{table} BEGIN {notes} END"
            )


def take_changed_groups(connection: sqlite3.Connection) -> list[tuple[str, GroupKey]]:
    """Return table and key of each group that the transaction changed, sorted, and forget them."""
    rows = connection.execute("SELECT DISTINCT name, first, second FROM changed_group ORDER BY 1, 2, 3").fetchall()
    connection.execute("DELETE FROM changed_group")
    return [(table, tuple(key[: len(LOGGED_TABLES[table].keys)])) for table, *key in rows]


def iter_groups(connection: sqlite3.Connection, table: str) -> Iterator[GroupKey]:
    """Yield the key of each group of a table, sorted."""
    keys = ", ".join(LOGGED_TABLES[table].keys)
    yield from connection.execute(f"SELECT DISTINCT {keys} FROM {table} ORDER BY {keys}")


def group_digest(connection: sqlite3.Connection, table: str, key: GroupKey) -> str | None:
    """Return the SHA-256, in hex, of the rows of a group as canonical JSON; None if there are no rows.

    Each row is the list of its values in the order of `RowGroup.columns`; a blob is an object with its bytes in hex.
    """
    rows = connection.execute(LOGGED_TABLES[table].query(), key).fetchall()
    if not rows:
        return None
    values = [[{"hex": value.hex()} if isinstance(value, bytes) else value for value in row] for row in rows]
    return hashlib.sha256(canonical_json(values).encode()).hexdigest()


def iter_log_details(
    connection: sqlite3.Connection, groups: Iterable[tuple[str, GroupKey]]
) -> Iterator[dict[str, Any]]:
    """Yield the details of the log entries that state the digests of these groups."""
    for batch in batched(groups, MAX_LOGGED_GROUPS):
        yield {"rows": [[*logged_key(table, key), group_digest(connection, table, key)] for table, key in batch]}


def logged_key(table: str, key: GroupKey) -> tuple[str, ...]:
    """Return the table and the key of a group as a log entry states them."""
    return (table, *map(_key_to_json, key))


def group_name(table: str, *key: str) -> str:
    """Return the name of a group in messages, given its key as a log entry states it."""
    return LOGGED_TABLES[table].name.format(*key)


def _key_values(group: RowGroup, row: str) -> str:
    """Return the expressions of a group's key, filled up to the two columns of the temporary table."""
    return ", ".join([*(f"{row}.{key}" for key in group.keys), "''"][:2])


def _key_to_json(value: Any) -> str:
    """Return a key value as JSON; blobs are paths, whose bytes that are not UTF-8 become surrogate escapes."""
    text = path_string(value) if isinstance(value, bytes) else str(value)
    return text if len(text) <= MAX_KEY_CHARS else f"SHA-256 {text_sha256(text)}"
