"""The watch list in the database."""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from mediafp.store.sqlite import custody_log
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import path_bytes, path_string, replace_surrogates
from mediafp.store.watch_interface import ChangedAsset, StatedAccount
from mediafp.types.errors import UsageError
from mediafp.types.timestamps import utc_now
from mediafp.types.watches import Watch, WatchHit, WatchSummary

_WATCH_COLUMNS: Final = "name, kind, value, added_at, counted_from, checked, quarantine"
_HIT_COLUMNS: Final = "watch, sha256, uri, why, relation, verdict, probability, is_news, found_at, reported_at"
_UNLESS_REJECTED: Final = (
    " AND NOT EXISTS (SELECT 1 FROM watch w JOIN decision d ON d.subject = 'match' AND d.decision = 'reject'"
    " AND d.a = min(w.value, watch_hit.sha256) AND d.b = max(w.value, watch_hit.sha256)"
    " WHERE w.name = watch_hit.watch AND w.kind = 'asset')"
)
"""Condition, with AND before it, that omits hits of a watched asset whose match was rejected."""
_IS_NEW: Final = "is_news = 1 AND reported_at IS NULL AND watch IN (SELECT name FROM watch WHERE quarantine IS NULL)"


def add_watch(database: Database, watch: Watch) -> None:
    """Save and log a watch.

    Raises:
        UsageError: There is a watch of this name.
    """
    name, value = replace_surrogates(watch.name), replace_surrogates(watch.value)
    added = database.execute(
        f"INSERT INTO watch ({_WATCH_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (name, watch.kind, value, watch.added_at, watch.counted_from, watch.checked, watch.quarantine),
    )
    if not added.rowcount:
        raise UsageError(f"cannot add the watch {watch.name!r}: there is one of this name; choose another name")
    custody_log.append(database, "watch_added", {"name": name, "kind": watch.kind, "value": value})


def remove_watch(database: Database, name: str) -> None:
    """Remove and log a watch and its hits.

    Raises:
        UsageError: There is no watch of this name.
    """
    if not database.execute("DELETE FROM watch WHERE name = ?", (replace_surrogates(name),)).rowcount:
        raise UsageError(f"cannot remove the watch {name!r}: there is none of this name; see: mediafp watch list")
    custody_log.append(database, "watch_removed", {"name": replace_surrogates(name)})


def watches(database: Database) -> list[Watch]:
    """Return all watches, by name."""
    names = _WATCH_COLUMNS.split(", ")
    rows = database.rows(f"SELECT {_WATCH_COLUMNS} FROM watch ORDER BY name")
    return [Watch(**dict(zip(names, row, strict=True))) for row in rows]


def watch_summaries(database: Database) -> list[WatchSummary]:
    """Return all watches with the number of files that each has found, by name."""
    counts = {
        name: numbers
        for name, *numbers in database.rows(
            f"SELECT watch, sum(is_news = 0 AND sha256 != value), sum(is_news), sum({_IS_NEW})"
            f" FROM watch_hit JOIN watch ON name = watch WHERE TRUE{_UNLESS_REJECTED} GROUP BY watch"
        )
    }
    return [
        WatchSummary(watch=watch, older_hits=older, hits=hits, new_hits=new)
        for watch in watches(database)
        for older, hits, new in [counts.get(watch.name, (0, 0, 0))]
    ]


def quarantine_watch(database: Database, name: str, reason: str) -> None:
    """Put a watch into quarantine."""
    database.execute("UPDATE watch SET quarantine = ? WHERE name = ?", (reason, name))


def resume_watch(database: Database, name: str, checked: int) -> None:
    """Take a watch out of quarantine; hits count from now on."""
    database.execute(
        "UPDATE watch SET quarantine = NULL, counted_from = ?, checked = ? WHERE name = ?", (utc_now(), checked, name)
    )


def save_checked(database: Database, names: Sequence[str], checked: int) -> None:
    """Save up to which entry of the custody log assets were compared with watches."""
    for name in names:
        database.execute("UPDATE watch SET checked = ? WHERE name = ? AND checked < ?", (checked, name, checked))


def save_watch_hits(database: Database, hits: Sequence[WatchHit]) -> list[WatchHit]:
    """Save hits with the current time, and return those that were new.

    Hits of watches, assets or paths that the store does not contain any more are skipped.
    """
    found_at = utc_now()
    return [
        hit
        for hit in hits
        if database.execute(
            f"INSERT INTO watch_hit ({_HIT_COLUMNS}) SELECT name, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM watch WHERE name = ?"
            " AND EXISTS (SELECT 1 FROM sighting WHERE sha256 = ? AND uri = ?) ON CONFLICT DO NOTHING",
            (
                hit.sha256,
                path_bytes(hit.uri),
                replace_surrogates(hit.why),
                hit.relation,
                hit.verdict,
                hit.probability,
                int(hit.is_news),
                found_at,
                hit.reported_at,
                hit.watch,
                hit.sha256,
                path_bytes(hit.uri),
            ),
        ).rowcount
    ]


def watch_hits(database: Database, name: str | None = None, *, only_new: bool = False) -> list[WatchHit]:
    """Return the hits of a watch, or of all, by time, watch and path: all, or those that are news and not reported yet."""
    condition = f" AND {_IS_NEW}" if only_new else ""
    return _hits(
        database,
        f"SELECT {_HIT_COLUMNS} FROM watch_hit WHERE watch = coalesce(?, watch){condition}{_UNLESS_REJECTED}"
        " ORDER BY found_at, watch, uri, sha256",
        (name,),
    )


def found_watches(database: Database, sha256: str) -> list[WatchHit]:
    """Return one hit of each watch that has found an asset at any path, by watch."""
    # SQLite takes the other columns of a group from the row with the minimum.
    columns = _HIT_COLUMNS.replace("uri", "min(uri)")
    query = f"SELECT {columns} FROM watch_hit WHERE sha256 = ?{_UNLESS_REJECTED} GROUP BY watch ORDER BY watch"
    return _hits(database, query, (sha256,))


def repeated_hits(database: Database) -> list[WatchHit]:
    """Return a hit for each further path of an asset that a watch of an asset or of hashes has found at another one."""
    return _hits(
        database,
        "SELECT watch, watch_hit.sha256, s.uri, why, relation, verdict, probability, 1, '', NULL"
        " FROM watch named JOIN watch_hit ON watch = named.name JOIN sighting s ON s.sha256 = watch_hit.sha256"
        " WHERE named.kind IN ('asset', 'hashes') AND named.quarantine IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM watch_hit o WHERE o.watch = watch_hit.watch AND o.sha256 = s.sha256 AND o.uri = s.uri)"
        f"{_UNLESS_REJECTED} GROUP BY watch, watch_hit.sha256, s.uri ORDER BY 1, 2, 3",
    )


def mark_hits_reported(database: Database, hits: Sequence[WatchHit]) -> None:
    """Save that hits were reported to a person."""
    reported_at = utc_now()
    for hit in hits:
        database.execute(
            "UPDATE watch_hit SET reported_at = ? WHERE watch = ? AND sha256 = ? AND uri = ? AND reported_at IS NULL",
            (reported_at, hit.watch, hit.sha256, path_bytes(hit.uri)),
        )


def count_found_since(database: Database, name: str, time: str) -> int:
    """Return the number of assets that a watch has found after a time as news."""
    chosen = f"watch = ? AND is_news = 1 AND found_at > ?{_UNLESS_REJECTED}"
    query = f"SELECT count(DISTINCT sha256) FROM watch_hit WHERE {chosen}"
    return sum(count for (count,) in database.rows(query, (name, time)))


def count_added_since(database: Database, time: str) -> int:
    """Return the number of assets that were added after a time."""
    return sum(count for (count,) in database.rows("SELECT count(*) FROM asset WHERE added_at > ?", (time,)))


def changed_assets(database: Database, after: int, only: Collection[str] | None = None) -> list[ChangedAsset]:
    """Return what was added or has changed after an entry of the custody log, sorted: all, or the assets in `only`."""
    query, values = "SELECT sha256, channel, revision FROM comparison WHERE revision > ?", (after,)
    if only is None:
        rows = database.rows(f"{query} ORDER BY 1, 2", values)
    else:
        query = f"{query} AND sha256 IN (SELECT value FROM json_each(?)) ORDER BY 1, 2"
        rows = database.rows(query, (*values, json.dumps(sorted(only))))
    return [ChangedAsset(*row) for row in rows]


def stated_accounts(database: Database) -> Iterator[StatedAccount]:
    """Yield each account that sightings state, sorted."""
    rows = database.rows(
        "SELECT DISTINCT platform, account, account_id FROM sighting"
        " WHERE coalesce(account, account_id) IS NOT NULL ORDER BY 1, 2, 3"
    )
    return (StatedAccount(*row) for row in rows)


def sighted_files(database: Database, account: StatedAccount) -> list[tuple[str, str]]:
    """Return SHA-256 and path of the sightings of an account, sorted."""
    rows = database.rows(
        "SELECT DISTINCT sha256, uri FROM sighting WHERE platform IS ? AND account IS ? AND account_id IS ? ORDER BY 1, 2",
        account,
    )
    return [(sha256, path_string(uri)) for sha256, uri in rows]


def _hits(database: Database, query: str, values: Sequence[object] = ()) -> list[WatchHit]:
    return [
        WatchHit(
            watch=watch,
            sha256=sha256,
            uri=path_string(uri),
            why=why,
            relation=relation,
            verdict=verdict,
            probability=probability,
            is_news=bool(is_news),
            found_at=found_at,
            reported_at=reported_at,
        )
        for watch, sha256, uri, why, relation, verdict, probability, is_news, found_at, reported_at in database.rows(
            query, values
        )
    ]
