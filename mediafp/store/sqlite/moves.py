"""Moved files in the database: their sightings under another path."""

from typing import Final

from mediafp.store.sqlite import custody_log
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import path_bytes, path_string
from mediafp.types.errors import StoreError

MAX_SEARCHED_SIGHTINGS: Final = 1_000
"""Sightings of one asset among which the paths of a name are searched. Chosen, not measured: ingesting a folder with a hundred
thousand copies of one file would take quadratic time."""


def paths_of_name(database: Database, sha256: str, name: str) -> list[str]:
    """Return the paths of an asset that end with a file name, sorted, among its first `MAX_SEARCHED_SIGHTINGS`."""
    end = b"/" + path_bytes(name)
    rows = database.rows(
        "SELECT DISTINCT uri FROM (SELECT uri FROM sighting WHERE sha256 = ? LIMIT ?) WHERE substr(uri, ?) = ?",
        (sha256, MAX_SEARCHED_SIGHTINGS, -len(end), end),
    )
    return sorted(path_string(uri) for (uri,) in rows)


def move_sightings(database: Database, sha256: str, old_uri: str, new_uri: str) -> None:
    """Give the sightings and clues of an asset at one path another path, and log it; the old path leaves the ledger.

    Raises:
        StoreError: The store does not contain the asset at the old path, or contains it at the new one.
    """
    old_path, new_path = path_bytes(old_uri), path_bytes(new_uri)
    if database.row("SELECT 1 FROM sighting WHERE sha256 = ? AND uri = ?", (sha256, new_path)):
        raise StoreError(
            f"cannot move {sha256} to {new_uri!r}: the store '{database.folder}' contains it there already"
        )
    moved = database.execute("UPDATE sighting SET uri = ? WHERE sha256 = ? AND uri = ?", (new_path, sha256, old_path))
    if not moved.rowcount:
        raise StoreError(f"cannot move {sha256} from {old_uri!r}: the store '{database.folder}' has no such sighting")
    database.execute("DELETE FROM clue WHERE sha256 = ? AND uri = ?", (sha256, new_path))
    database.execute("UPDATE clue SET uri = ? WHERE sha256 = ? AND uri = ?", (new_path, sha256, old_path))
    # The same file at another path is no news.
    database.execute("UPDATE watch_hit SET uri = ? WHERE sha256 = ? AND uri = ?", (new_path, sha256, old_path))
    database.execute("DELETE FROM ledger WHERE path = ? AND (sha256 = ? OR state != 'done')", (old_path, sha256))
    custody_log.append(database, "moved", {"sha256": sha256, "from": old_uri, "to": new_uri})
