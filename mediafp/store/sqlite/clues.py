"""Clues in the database."""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import path_bytes, replace_surrogates
from mediafp.types.shared_clues import IDENTIFYING_KINDS, SharedClue
from mediafp.types.sightings import Clue


def save_clues(database: Database, sha256: str, uri: str, found: Sequence[Clue]) -> bool:
    """Save the clues of an asset's name at a path, or with the path "" of its content, in place of the stored ones.

    Returns:
        True if they differ from those.
    """
    key = (sha256, path_bytes(uri))
    rows = [
        (position, *map(replace_surrogates, (clue.kind, clue.value, clue.source, clue.trust)))
        for position, clue in enumerate(found)
    ]
    columns = "position, kind, value, source, trust"
    stored = database.rows(f"SELECT {columns} FROM clue WHERE sha256 = ? AND uri = ? ORDER BY position", key)
    if list(stored) == rows:
        return False
    database.execute("DELETE FROM clue WHERE sha256 = ? AND uri = ?", key)
    for row in rows:
        database.execute(f"INSERT INTO clue (sha256, uri, {columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", (*key, *row))
    return True


def clues(database: Database, sha256: str) -> list[Clue]:
    """Return the clues of an asset: those in its content, then those of its names by path; equal ones once."""
    rows = database.rows(
        "SELECT kind, value, source, trust FROM clue WHERE sha256 = ? ORDER BY uri, position", (sha256,)
    )
    found = (Clue(kind=kind, value=value, source=source, trust=trust) for kind, value, source, trust in rows)
    return list(dict.fromkeys(found))


def iter_clues(database: Database, kinds: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Yield SHA-256, kind and value of the clues of some kinds, sorted; equal ones once."""
    places = ", ".join("?" * len(kinds))
    query = f"SELECT DISTINCT sha256, kind, value FROM clue WHERE kind IN ({places}) ORDER BY sha256, kind, value"
    yield from database.rows(query, sorted(kinds))


def clues_at(database: Database, sha256: str, uri: str) -> list[Clue]:
    """Return the clues of an asset's name at one path, with the path "" those in its content."""
    rows = database.rows(
        "SELECT kind, value, source, trust FROM clue WHERE sha256 = ? AND uri = ? ORDER BY position",
        (sha256, path_bytes(uri)),
    )
    return [Clue(kind=kind, value=value, source=source, trust=trust) for kind, value, source, trust in rows]


def shared_clues(database: Database, sha256: str) -> list[SharedClue]:
    """Return the identifying clues that an asset shares with others, by kind and value."""
    kinds = sorted(IDENTIFYING_KINDS)
    rows = database.rows(
        "SELECT DISTINCT own.kind, own.value, other.sha256 FROM clue AS own"
        " JOIN clue AS other ON other.kind = own.kind AND other.value = own.value AND other.sha256 != own.sha256"
        f" WHERE own.sha256 = ? AND own.kind IN ({', '.join('?' * len(kinds))}) ORDER BY 1, 2, 3",
        (sha256, *kinds),
    )
    return [
        SharedClue(kind=kind, value=value, others=tuple(other for _, _, other in group))
        for (kind, value), group in groupby(rows, key=lambda row: (row[0], row[1]))
    ]
