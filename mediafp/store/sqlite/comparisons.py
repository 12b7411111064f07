"""Which assets have been compared with all others, in the database."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from mediafp.store.sqlite import custody_log
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.lost_pairs import LOST_VERDICT
from mediafp.types.kept_matches import CHANNELS, Channel, PendingComparison, UncomparedAssets
from mediafp.types.media import Asset

_PENDING: Final = "SELECT sha256, kind, channel, revision FROM comparison JOIN asset USING (sha256) WHERE channel = ?"


def partial_version(version: str) -> str:
    """Return the version that the database states of an asset of which a part of the candidates was searched."""
    return f"{version}-part"


def note_change(database: Database, sha256: str, channel: Channel) -> None:
    """Note that an asset must be compared anew by a channel, and delete its kept matches.

    A pair that no worker could compare stays: what has ended the workers may still be in its files.
    """
    for side in ("a", "b"):
        database.execute(
            f"DELETE FROM kept_match WHERE {side} = ? AND channel = ? AND verdict != ?", (sha256, channel, LOST_VERDICT)
        )
    # The number of the entry that the change is logged with, or of one before it: later ones are greater.
    revision = custody_log.last_entry(database)[0] + 1
    database.execute("INSERT OR REPLACE INTO comparison VALUES (?, ?, '', ?)", (sha256, channel, revision))


def note_media_change(database: Database, asset: Asset) -> None:
    """Note that an asset must be compared anew by what was computed from its file."""
    note_change(database, asset.sha256, "picture")
    if asset.kind == "video":
        note_change(database, asset.sha256, "voice")


def note_script_change(database: Database, sha256: str) -> None:
    """Note that a file has another transcript, if it is an asset that has one, or had one."""
    row = database.row(
        "SELECT 1 FROM asset a WHERE a.sha256 = ? AND (EXISTS (SELECT 1 FROM comparison c WHERE c.sha256 = a.sha256"
        " AND c.channel = 'script') OR EXISTS (SELECT 1 FROM sound s JOIN transcript USING (sound) WHERE s.sha256 = a.sha256))",
        (sha256,),
    )
    if row:
        note_change(database, sha256, "script")


def pending_comparisons(
    database: Database,
    versions: Mapping[Channel, str],
    *,
    only_changed: bool = False,
    assets: Collection[str] | None = None,
) -> list[PendingComparison]:
    """Return what was not compared by these versions yet, with all or a part of the rows, by channel and SHA-256.

    Args:
        database: The database.
        versions: Version of the comparison by each channel.
        only_changed: Skip what another version has compared, and what was in the store before it kept matches.
        assets: Return these assets alone; None for all.
    """
    query = f"{_PENDING} AND version != ?"
    pending: list[PendingComparison] = []
    for channel, version in versions.items():
        # As two ranges, which the index can search.
        ranges: Sequence[tuple[str, str]] = [("=", "")] if only_changed else [("<", version), (">", version)]
        for comparison, bound in ranges:
            if assets is None:
                rows = database.rows(f"{query} AND version {comparison} ?", (channel, partial_version(version), bound))
            else:
                chosen = json.dumps(sorted(assets))
                rows = database.rows(
                    f"{query} AND version {comparison} ? AND sha256 IN (SELECT value FROM json_each(?))",
                    (channel, partial_version(version), bound, chosen),
                )
            pending += [PendingComparison(*row) for row in rows]
    return sorted(pending, key=lambda one: (one.channel, one.sha256))


def partial_comparisons(database: Database, versions: Mapping[Channel, str]) -> list[PendingComparison]:
    """Return what these versions have compared with a part of the rows alone, by channel and SHA-256."""
    pending = [
        PendingComparison(*row)
        for channel, version in versions.items()
        for row in database.rows(f"{_PENDING} AND version = ?", (channel, partial_version(version)))
    ]
    return sorted(pending, key=lambda one: (one.channel, one.sha256))


def count_partly_compared(database: Database, versions: Mapping[Channel, str]) -> int:
    """Return the number of assets that these versions have compared with a part of the rows alone."""
    chosen = " OR ".join("(channel = ? AND version = ?)" for _ in versions)
    values = [value for channel, version in versions.items() for value in (channel, partial_version(version))]
    row = database.row(f"SELECT count(DISTINCT sha256) FROM comparison WHERE {chosen}", values)
    return int(row[0]) if row else 0


def count_uncompared(database: Database, versions: Mapping[Channel, str]) -> UncomparedAssets:
    """Return the number of assets that were not compared by these versions yet."""
    # As two ranges for each channel, which the index can search.
    ranges = [
        (sign, channel, version, partial_version(version)) for sign in "<>" for channel, version in versions.items()
    ]
    rows = " UNION ALL ".join(
        f"SELECT sha256, version FROM comparison WHERE channel = ? AND version {sign} ? AND version != ?"
        for sign, *_ in ranges
    )
    row = database.row(
        "SELECT count(*), coalesce(sum(is_outdated), 0) FROM"
        f" (SELECT max(version != '') AS is_outdated FROM ({rows}) GROUP BY sha256)",
        [value for _, *item in ranges for value in item],
    )
    return UncomparedAssets(*row) if row else UncomparedAssets(0, 0)


def has_changed_assets(database: Database) -> bool:
    """Return True if an asset was added or has changed, and was not compared since by any version."""
    query = "SELECT 1 FROM comparison WHERE channel = ? AND version = '' LIMIT 1"
    return any(database.row(query, (channel,)) for channel in CHANNELS)


def is_compared(database: Database, sha256: str, versions: Mapping[Channel, str]) -> bool:
    """Return True if an asset was compared by each channel that it has."""
    rows = list(database.rows("SELECT channel, version FROM comparison WHERE sha256 = ?", (sha256,)))
    return bool(rows) and all(
        version in (versions.get(channel), partial_version(versions.get(channel, ""))) for channel, version in rows
    )


def is_partly_compared(database: Database, sha256: str, versions: Mapping[Channel, str]) -> bool:
    """Return True if a part of the candidates of an asset was searched when these versions compared it."""
    rows = database.rows("SELECT channel, version FROM comparison WHERE sha256 = ?", (sha256,))
    return any(version == partial_version(versions.get(channel, "")) for channel, version in rows)
