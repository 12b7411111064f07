"""Removal from the database: a sighting, with the last one its asset and everything made of it."""

from mediafp.store.sqlite import custody_log, file_transcripts, lost_pairs, text_index
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.sightings import remove_unused_texts
from mediafp.store.sqlite.source_passages import ASSET_SOURCES, index_sightings
from mediafp.store.sqlite.values import path_bytes, path_string
from mediafp.types.errors import StoreError
from mediafp.types.forgetting import Forgotten
from mediafp.types.kept_matches import MAX_PARTNERS, MAX_PARTNERS_IN_ANY_CASE
from mediafp.types.transcripts import SearchSource

_ASSET_TABLES = {
    "fingerprints": "fingerprint",
    "thumbnails": "thumbnail",
    "ocr_results": "picture_text",
    "video_texts": "video_text",
    "clues": "clue",
}
"""Tables with rows of one asset, by the name under which the rows are counted."""
_ASSET_SOURCES: tuple[SearchSource, ...] = ("picture", "screen", *ASSET_SOURCES)
"""Sources of the passages that belong to an asset; those of speech belong to a sound, and texts of posts to no asset."""


def assets_seen_at(database: Database, uri: str) -> list[str]:
    """Return the SHA-256 of each asset with a sighting at a path, sorted: several if the file has changed."""
    rows = database.rows("SELECT DISTINCT sha256 FROM sighting WHERE uri = ? ORDER BY 1", (path_bytes(uri),))
    return [sha256 for (sha256,) in rows]


def paths_below(database: Database, folder: str) -> list[tuple[str, str]]:
    """Return the SHA-256 and the path of each sighting below a folder or in an archive, sorted."""
    start = path_bytes(folder.rstrip("/")) + b"/"
    # The bytes of all paths below it lie between the slash and the byte behind that.
    rows = database.rows(
        "SELECT DISTINCT sha256, uri FROM sighting WHERE uri > ? AND uri < ? ORDER BY uri, sha256",
        (start, start[:-1] + bytes((ord("/") + 1,))),
    )
    return [(sha256, path_string(uri)) for sha256, uri in rows]


def forget_sighting(database: Database, sha256: str, uri: str) -> Forgotten:
    """Remove and log a sighting, with the last one its asset and everything made of it.

    Raises:
        StoreError: The store does not contain the sighting.
    """
    path = path_bytes(uri)
    texts = list(database.rows("SELECT text_sha256 FROM sighting WHERE sha256 = ? AND uri = ?", (sha256, path)))
    if not texts:
        raise StoreError(f"cannot forget {sha256} at {uri!r}: the store '{database.folder}' has no such sighting")
    # Of a file that has changed since, the entry belongs to another asset.
    ledger_entries = _delete(database, "ledger WHERE path = ? AND (sha256 = ? OR state != 'done')", (path, sha256))
    removed = {
        "sightings": _delete(database, "sighting WHERE sha256 = ? AND uri = ?", (sha256, path)),
        "assets": 0,
        **dict.fromkeys((*_ASSET_TABLES, "transcripts", "passages", "matches"), 0),
        "clues": _delete(database, "clue WHERE sha256 = ? AND uri = ?", (sha256, path)),
        "watch_hits": _delete(database, "watch_hit WHERE sha256 = ? AND uri = ?", (sha256, path)),
        "post_texts": 0,
        "ledger_entries": ledger_entries,
    }
    unused_texts = remove_unused_texts(database, {text for (text,) in texts})
    removed["post_texts"] = len(unused_texts)
    removed["passages"] += sum(_remove_passages(database, text, "post") for text in unused_texts)
    removed_sounds: list[str] = []
    if database.row("SELECT 1 FROM sighting WHERE sha256 = ?", (sha256,)) is None:
        removed_sounds = _remove_asset(database, sha256, removed)
    else:
        index_sightings(database, sha256)
    details = {"sha256": sha256, "uri": uri, "sounds": removed_sounds, "removed": removed}
    custody_log.append(database, "forgotten", details)
    return Forgotten(sha256=sha256, uri=path_string(path), removed=removed)


def erase(database: Database) -> bool:
    """Remove what was deleted from the file of the write-ahead log too, which contains older states of the database.

    Returns:
        False if a part of it must stay until another reader has ended.
    """
    is_busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not is_busy


def _remove_asset(database: Database, sha256: str, removed: dict[str, int]) -> list[str]:
    """Remove an asset and add what was removed to the counts; return the sounds whose transcripts were removed."""
    _release_partners(database, sha256)
    lost_pairs.keep_suspects(database, sha256)
    removed["matches"] += _delete(database, "kept_match WHERE a = ?", (sha256,))
    removed["matches"] += _delete(database, "kept_match WHERE b = ?", (sha256,))
    for source in _ASSET_SOURCES:
        removed["passages"] += _remove_passages(database, sha256, source)
    for name, table in _ASSET_TABLES.items():
        removed[name] += _delete(database, f"{table} WHERE sha256 = ?", (sha256,))
    removed_sounds = _remove_sounds(database, sha256, removed)
    # What is left refers to the asset, and is deleted with it: ledger entries, comparisons, the cluster.
    removed["ledger_entries"] += _delete(database, "ledger WHERE sha256 = ?", (sha256,))
    removed["assets"] += _delete(database, "asset WHERE sha256 = ?", (sha256,))
    return removed_sounds


def _release_partners(database: Database, sha256: str) -> None:
    """Note that the partners of an asset must be compared anew if another one may take its rank among theirs."""
    partners = database.execute(
        "SELECT b, channel, promise FROM kept_match WHERE a = ? UNION ALL SELECT a, channel, promise FROM kept_match WHERE b = ?",
        (sha256, sha256),
    ).fetchall()
    for partner, channel, promise in partners:
        (better,) = database.execute(
            "SELECT count(*) FROM kept_match WHERE channel = ? AND (a = ? OR b = ?) AND promise > ?",
            (channel, partner, partner, promise),
        ).fetchone()
        (all_kept,) = database.execute(
            "SELECT count(*) FROM kept_match WHERE channel = ? AND (a = ? OR b = ?)", (channel, partner, partner)
        ).fetchone()
        if better < MAX_PARTNERS_IN_ANY_CASE or all_kept >= MAX_PARTNERS:
            # Its own matches stay: only the version of the comparison, and not the revision, is lost.
            database.execute("UPDATE comparison SET version = '' WHERE sha256 = ? AND channel = ?", (partner, channel))


def _remove_sounds(database: Database, sha256: str, removed: dict[str, int]) -> list[str]:
    """Remove the sounds of an asset, and the transcripts of those that no other asset has; return these."""
    held = database.execute("SELECT DISTINCT sound FROM sound WHERE sha256 = ? AND sound != '' ORDER BY 1", (sha256,))
    unused = [
        sound
        for (sound,) in held.fetchall()
        if not database.row(
            "SELECT 1 FROM sound JOIN asset USING (sha256) WHERE sound = ? AND sha256 != ?", (sound, sha256)
        )
    ]
    _delete(database, "sound WHERE sha256 = ?", (sha256,))
    for sound in unused:
        removed["passages"] += _remove_passages(database, sound, "speech")
        removed["transcripts"] += _delete(database, "transcript WHERE sound = ?", (sound,))
        # Files that are no assets.
        file_transcripts.note_change(database, sound)
    return unused


def _remove_passages(database: Database, holder: str, source: SearchSource) -> int:
    """Remove the passages of a sound, an image or a video, and their words; return the number of passages."""
    count = len(text_index.stored_passages(database, holder, source))
    text_index.replace_passages(database, holder, source, ())
    if count:
        # FTS5 marks words as deleted, and removes them when it merges.
        database.execute("INSERT INTO passage_index (passage_index) VALUES ('optimize')")
    return count


def _delete(database: Database, rows: str, values: tuple[object, ...]) -> int:
    return database.execute(f"DELETE FROM {rows}", values).rowcount
