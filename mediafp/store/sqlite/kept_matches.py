"""Kept matches in the database, and which assets have been compared."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence

from mediafp.store.sqlite import custody_log
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.evidence_json import decode_match, encode_evidence
from mediafp.store.sqlite.sightings import uris
from mediafp.store.sqlite.values import DAMAGE_ERRORS, utc_now
from mediafp.types.kept_matches import (
    MIN_KEPT_PROBABILITY,
    Channel,
    KeptEdge,
    KeptMatch,
    PendingComparison,
    is_kept_partner,
    partner_limit,
)
from mediafp.types.matches import MIRRORED_RELATIONS, Match

NO_MATCH = ""
"""Relation, verdict and evidence of a pair that was compared and does not match."""
_COLUMNS = "a, b, channel, promise, a_is_query, relation, verdict, probability, coverage_a, coverage_b"


def note_change(database: Database, sha256: str, channel: Channel) -> None:
    """Note that an asset must be compared anew by a channel, and delete its kept matches."""
    database.execute("DELETE FROM kept_match WHERE a = ? AND channel = ?", (sha256, channel))
    database.execute("DELETE FROM kept_match WHERE b = ? AND channel = ?", (sha256, channel))
    # The number of the entry that the change is logged with, or of one before it: later ones are greater.
    revision = custody_log.last_entry(database)[0] + 1
    database.execute("INSERT OR REPLACE INTO comparison VALUES (?, ?, '', ?)", (sha256, channel, revision))


def note_script_change(database: Database, audio_sha256: str) -> None:
    """Note that every asset with an audio track has a new transcript, if it has one."""
    holders = database.execute(
        "SELECT sha256 FROM sound JOIN asset USING (sha256) WHERE sound = ?"
        " AND EXISTS (SELECT 1 FROM transcript WHERE transcript.sound = sound.sound) ORDER BY sha256",
        (audio_sha256,),
    ).fetchall()
    for (sha256,) in holders:
        note_change(database, sha256, "script")


def pending_comparisons(
    database: Database,
    versions: Mapping[Channel, str],
    *,
    only_changed: bool = False,
    assets: Collection[str] | None = None,
) -> list[PendingComparison]:
    """Return what was not compared by these versions yet, by channel and SHA-256.

    Args:
        database: The database.
        versions: Version of the comparison by each channel.
        only_changed: Leave out what another version has compared, and what was in the store before it kept matches.
        assets: Return these assets alone; None for all.
    """
    query = "SELECT sha256, kind, channel, revision FROM comparison JOIN asset USING (sha256) WHERE channel = ?"
    pending: list[PendingComparison] = []
    for channel, version in versions.items():
        # As two ranges, which the index can search.
        ranges: Sequence[tuple[str, str]] = [("=", "")] if only_changed else [("<", version), (">", version)]
        for comparison, bound in ranges:
            if assets is None:
                rows = database.rows(f"{query} AND version {comparison} ?", (channel, bound))
            else:
                chosen = json.dumps(sorted(assets))
                rows = database.rows(
                    f"{query} AND version {comparison} ? AND sha256 IN (SELECT value FROM json_each(?))",
                    (channel, bound, chosen),
                )
            pending += [PendingComparison(*row) for row in rows]
    return sorted(pending, key=lambda one: (one.channel, one.sha256))


def is_compared(database: Database, sha256: str, versions: Mapping[Channel, str]) -> bool:
    """Return True if an asset was compared by each channel that it has."""
    rows = list(database.rows("SELECT channel, version FROM comparison WHERE sha256 = ?", (sha256,)))
    return bool(rows) and all(versions.get(channel) == version for channel, version in rows)


def partner_limits(database: Database, assets: Collection[str], channel: Channel) -> dict[str, float]:
    """Return the promise that a further pair of each of these assets needs to be kept for that asset's sake."""
    return {
        sha256: partner_limit([promise for _, promise in _ranked_partners(database, sha256, channel)])
        for sha256 in assets
    }


def save_comparison(
    database: Database, pending: PendingComparison, version: str, started: int, matches: Sequence[KeptMatch]
) -> None:
    """Save the result of comparing an asset by one channel with all others.

    Args:
        database: The database.
        pending: What was compared.
        version: Version of the comparison.
        started: Number of the last log entry when it began. A pair whose other asset has changed since is left out: that
            asset is compared anew itself.
        matches: The pairs that were compared.
    """
    sha256, _, channel, revision = pending
    for side in ("a", "b"):
        database.execute(
            f"DELETE FROM kept_match WHERE {side} = ? AND channel = ? AND version != ?", (sha256, channel, version)
        )
    changed = False
    for kept in matches:
        other = kept.reference if kept.query == sha256 else kept.query
        if _revision(database, sha256, channel) == revision and 0 < _revision(database, other, channel) <= started:
            changed = _save(database, kept, version) or changed
    if changed:
        for asset in sorted({asset for kept in matches for asset in kept.pair}):
            _prune(database, asset, channel)
    database.execute(
        "UPDATE comparison SET version = ? WHERE sha256 = ? AND channel = ? AND revision = ?",
        (version, sha256, channel, revision),
    )


def kept_matches(database: Database, sha256: str | None = None) -> Iterator[KeptMatch]:
    """Yield the kept matches, by both assets and channel: all, or those of one asset."""
    chosen = "SELECT rowid FROM kept_match"
    if sha256:
        chosen = f"{chosen} WHERE a = ? UNION {chosen} WHERE b = ?"
    rows = database.rows(
        f"SELECT {_COLUMNS}, CAST(evidence AS BLOB), x.kind, y.kind FROM kept_match"
        " JOIN asset x ON x.sha256 = a JOIN asset y ON y.sha256 = b"
        f" WHERE kept_match.rowid IN ({chosen}) AND probability >= ? ORDER BY a, b, channel",
        (*((sha256, sha256) if sha256 else ()), MIN_KEPT_PROBABILITY),
    )
    for row in rows:
        try:
            yield _decode(database, *row)
        except DAMAGE_ERRORS as error:
            database.on_damage(row[0], f"its kept match with {row[1]} is damaged ({error})")


def kept_edges(database: Database, above: float) -> Iterator[KeptEdge]:
    """Yield the kept matches above a probability, without evidence and those of the verdict `same_scene`."""
    rows = database.rows(
        "SELECT a, b, relation, a_is_query, probability, coverage_a, coverage_b FROM kept_match"
        " WHERE probability > ? AND verdict != 'same_scene' ORDER BY a, b, channel",
        (above,),
    )
    for a, b, relation, a_is_query, probability, coverage_a, coverage_b in rows:
        seen = relation if a_is_query else MIRRORED_RELATIONS.get(relation, relation)
        yield KeptEdge(a, b, seen, probability, coverage_a, coverage_b)


def check_kept_matches(database: Database) -> Iterator[str]:
    """Yield the problems of the kept matches."""
    rows = database.execute(
        f"SELECT {_COLUMNS}, CAST(evidence AS BLOB), x.kind, y.kind FROM kept_match"
        " LEFT JOIN asset x ON x.sha256 = a LEFT JOIN asset y ON y.sha256 = b WHERE evidence != '' ORDER BY a, b, channel"
    )
    for row in rows:
        try:
            _decode(database, *row)
        except DAMAGE_ERRORS as error:
            yield f"the kept match of {row[0]} and {row[1]} by {row[2]} is damaged: {error}"


def _revision(database: Database, sha256: str, channel: Channel) -> int:
    """Return the revision of an asset and channel; 0 if the store contains no such asset."""
    row = database.execute(
        "SELECT revision FROM comparison WHERE sha256 = ? AND channel = ?", (sha256, channel)
    ).fetchone()
    return row[0] if row else 0


def _save(database: Database, kept: KeptMatch, version: str) -> bool:
    """Save a pair, and return True if it was not stored in this form."""
    a, b = kept.pair
    key, values = (a, b, kept.channel), _values(kept, version)
    stored = database.execute(
        "SELECT promise, a_is_query, relation, verdict, probability, coverage_a, coverage_b, evidence, version"
        " FROM kept_match WHERE a = ? AND b = ? AND channel = ?",
        key,
    ).fetchone()
    if stored == values:
        return False
    database.execute(
        "INSERT OR REPLACE INTO kept_match VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*key, *values, utc_now())
    )
    return True


def _values(kept: KeptMatch, version: str) -> tuple[object, ...]:
    """Return the values of the columns after the key and before the time."""
    a_is_query, match = kept.query < kept.reference, kept.match
    if match is None:
        return kept.promise, int(a_is_query), NO_MATCH, NO_MATCH, 0.0, 0.0, 0.0, NO_MATCH, version
    coverage_a, coverage_b = match.coverage if a_is_query else match.coverage[::-1]
    return (
        kept.promise,
        int(a_is_query),
        match.relation,
        match.verdict,
        float(match.probability),
        float(coverage_a),
        float(coverage_b),
        encode_evidence(match),
        version,
    )


def _prune(database: Database, sha256: str, channel: Channel) -> None:
    """Delete the pairs of an asset that are kept for the sake of neither of the two."""
    ranked = _ranked_partners(database, sha256, channel)
    for rank, (partner, promise) in enumerate(ranked):
        if is_kept_partner(rank, promise):
            continue
        others = [other for other, _ in _ranked_partners(database, partner, channel)]
        if not is_kept_partner(others.index(sha256), promise):
            a, b = sorted((sha256, partner))
            database.execute("DELETE FROM kept_match WHERE a = ? AND b = ? AND channel = ?", (a, b, channel))


def _ranked_partners(database: Database, sha256: str, channel: Channel) -> list[tuple[str, float]]:
    """Return the partners of an asset by a channel and their promise, the most promising first."""
    return database.execute(
        "SELECT b AS partner, promise FROM kept_match WHERE a = ? AND channel = ?"
        " UNION ALL SELECT a, promise FROM kept_match WHERE b = ? AND channel = ?"
        " ORDER BY promise DESC, partner",
        (sha256, channel) * 2,
    ).fetchall()


def _decode(
    database: Database,
    a: str,
    b: str,
    channel: Channel,
    promise: float,
    a_is_query: int,
    relation: str,
    verdict: str,
    probability: float,
    coverage_a: float,
    coverage_b: float,
    evidence: bytes,
    *kinds: str,
) -> KeptMatch:
    query, reference = (a, b) if a_is_query else (b, a)
    kind = kinds[1] if a_is_query else kinds[0]
    match: Match = decode_match(
        reference,
        "image" if kind == "image" else "video",
        uris(database, reference),
        evidence.decode(),
        relation=relation,
        verdict=verdict,
        probability=probability,
        coverage=(coverage_a, coverage_b) if a_is_query else (coverage_b, coverage_a),
    )
    return KeptMatch(query=query, reference=reference, channel=channel, promise=promise, match=match)
