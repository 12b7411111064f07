"""Kept matches in the database."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from mediafp.store.sqlite.assets import is_undamaged
from mediafp.store.sqlite.comparisons import partial_version
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.decisions import match_decisions, unless_rejected
from mediafp.store.sqlite.evidence_json import decode_match, encode_evidence
from mediafp.store.sqlite.lost_pairs import LOST_VERDICT, add_suspect, encode_failure
from mediafp.store.sqlite.sightings import uris
from mediafp.store.sqlite.values import DAMAGE_ERRORS
from mediafp.types.decisions import Decision
from mediafp.types.kept_matches import (
    MIN_KEPT_PROBABILITY,
    Channel,
    KeptEdge,
    KeptMatch,
    PendingComparison,
    is_kept_partner,
    partner_limit,
)
from mediafp.types.matches import JOINED_RELATIONS, MIRRORED_RELATIONS, Match
from mediafp.types.timestamps import utc_now

NO_MATCH = ""
"""Relation, verdict and evidence of a pair that was compared and does not match."""
_COLUMNS = "a, b, channel, promise, a_is_query, relation, verdict, probability, coverage_a, coverage_b"


def partner_limits(database: Database, assets: Collection[str], channel: Channel, version: str) -> dict[str, float]:
    """Return the promise that a further pair of each of these assets needs to be kept for that asset's sake.

    Pairs that another version of the comparison has kept do not count: they are replaced.
    """
    return {
        sha256: partner_limit([promise for _, promise in _ranked_partners(database, sha256, channel, version)])
        for sha256 in assets
    }


def save_comparison(
    database: Database,
    pending: PendingComparison,
    version: str,
    started: int,
    matches: Sequence[KeptMatch],
    *,
    is_partial: bool = False,
) -> None:
    """Save the result of comparing an asset by one channel with all others.

    Args:
        database: The database.
        pending: What was compared.
        version: Version of the comparison.
        started: Number of the last log entry when it began. A pair whose other asset has changed since is skipped: that
            asset is compared anew itself. One that no worker could compare is saved all the same.
        matches: The pairs that were compared.
        is_partial: True if a part of the candidates was searched.
    """
    sha256, _, channel, revision = pending
    for side in ("a", "b"):
        database.execute(
            f"DELETE FROM kept_match WHERE {side} = ? AND channel = ? AND version != ? AND verdict != ?",
            (sha256, channel, version, LOST_VERDICT),
        )
    is_newest = _revision(database, sha256, channel) == revision
    saved = matches if is_newest else [one for one in matches if one.failure]
    save_pairs(database, version, started, saved, compared=sha256 if is_newest else None)
    database.execute(
        "UPDATE comparison SET version = ? WHERE sha256 = ? AND channel = ? AND revision = ?",
        (partial_version(version) if is_partial else version, sha256, channel, revision),
    )


def save_pairs(
    database: Database, version: str, started: int, matches: Sequence[KeptMatch], *, compared: str | None = None
) -> None:
    """Save the results of comparing some pairs of one channel.

    Args:
        database: The database.
        version: Version of the comparison.
        started: Number of the last log entry when it began. A pair with an asset that has changed since is skipped: that
            asset is compared anew itself. One that no worker could compare is saved all the same.
        matches: The pairs that were compared.
        compared: Asset of all pairs that is known not to have changed; None if there is none.
    """
    changed = False
    for kept in matches:
        revisions = [_revision(database, asset, kept.channel) for asset in kept.pair if asset != compared]
        if all(revision > 0 and (revision <= started or kept.failure) for revision in revisions):
            changed = _save(database, kept, version) or changed
        elif kept.failure:
            for asset in kept.pair:
                add_suspect(database, asset)
    if changed:
        for asset, channel in sorted({(asset, kept.channel) for kept in matches for asset in kept.pair}):
            _prune(database, asset, channel, version)


def kept_matches(
    database: Database,
    sha256: str | None = None,
    *,
    min_probability: float = MIN_KEPT_PROBABILITY,
) -> Iterator[KeptMatch]:
    """Yield the kept matches of this probability and above, by both assets and channel.

    Args:
        database: The database.
        sha256: Asset whose matches are yielded; None for all.
        min_probability: Smallest probability.
    """
    chosen = "SELECT rowid FROM kept_match"
    if sha256:
        chosen = f"{chosen} WHERE a = ? UNION {chosen} WHERE b = ?"
    yield from _load(database, chosen, (sha256, sha256) if sha256 else (), min_probability, sha256)


def kept_pair(database: Database, a: str, b: str) -> list[KeptMatch]:
    """Return the kept matches of one pair, a < b, by channel."""
    chosen = "SELECT rowid FROM kept_match WHERE a = ? AND b = ?"
    return list(_load(database, chosen, (a, b), MIN_KEPT_PROBABILITY, a))


def _load(
    database: Database, chosen: str, values: tuple[str, ...], min_probability: float, sha256: str | None
) -> Iterator[KeptMatch]:
    """Yield the kept matches of some rows with the decisions on them, without those that were rejected or are damaged.

    Args:
        database: The database.
        chosen: Query of the numbers of the rows.
        values: Its values.
        min_probability: Smallest probability.
        sha256: Asset of all matches; None if they have none in common.
    """
    rows = database.rows(
        f"SELECT {_COLUMNS}, CAST(evidence AS BLOB), x.kind, y.kind FROM kept_match"
        " JOIN asset x ON x.sha256 = a JOIN asset y ON y.sha256 = b"
        f" WHERE kept_match.rowid IN ({chosen}) AND probability >= ?{unless_rejected(database)} ORDER BY a, b, channel",
        (*values, min_probability),
    )
    decided = match_decisions(database, sha256)
    sighted: dict[str, tuple[str, ...]] = {}
    for a, b, *columns in rows:
        for asset in (a, b):
            if asset not in sighted:
                sighted[asset] = uris(database, asset) if is_undamaged(database, asset) else ()
        # A match needs both assets, and that was reported.
        if sighted[a] and sighted[b]:
            try:
                yield _with_decision(_decode(sighted, a, b, *columns), decided.get((a, b)))
            except DAMAGE_ERRORS as error:
                database.on_damage(a, f"its kept match with {b} is damaged ({error})")


def kept_queries(database: Database, min_probability: float) -> dict[str, int]:
    """Return the number of kept matches of this probability and above by the asset that is their query, by SHA-256.

    A match of the sound of two videos counts with that of their images if the two are joined to one.
    """
    relations = ", ".join(f"'{relation}'" for relation in sorted(JOINED_RELATIONS))
    is_joined = (
        "channel = 'voice' AND verdict = 'copy' AND EXISTS (SELECT 1 FROM kept_match picture"
        " WHERE picture.a = kept_match.a AND picture.b = kept_match.b AND picture.channel = 'picture'"
        f" AND picture.verdict = 'copy' AND picture.relation IN ({relations}))"
    )
    return dict(
        database.rows(
            "SELECT CASE a_is_query WHEN 1 THEN a ELSE b END AS query, count(*) FROM kept_match"
            f" WHERE probability >= ? AND NOT ({is_joined}){unless_rejected(database)} GROUP BY query ORDER BY query",
            (min_probability,),
        )
    )


def kept_edges(database: Database, above: float, only: Collection[str] | None = None) -> Iterator[KeptEdge]:
    """Yield the kept matches above a probability, without evidence and those of the verdict `same_scene`.

    Args:
        database: The database.
        above: The probability.
        only: Assets between which matches are yielded; None for all.
    """
    values: tuple[object, ...]
    chosen, values = "probability > ? AND verdict != 'same_scene'", (above,)
    if only is not None:
        names = json.dumps(sorted(only))
        chosen = f"{chosen} AND a IN (SELECT value FROM json_each(?)) AND b IN (SELECT value FROM json_each(?))"
        values = (above, names, names)
    return _iter_edges(database, chosen, values)


def kept_copies(database: Database) -> Iterator[KeptEdge]:
    """Yield the kept matches of the verdict `copy`, without evidence, by both assets."""
    return _iter_edges(database, "verdict = 'copy'")


def _iter_edges(database: Database, chosen: str, values: tuple[object, ...] = ()) -> Iterator[KeptEdge]:
    rows = database.rows(
        "SELECT a, b, relation, a_is_query, probability, coverage_a, coverage_b FROM kept_match"
        f" WHERE {chosen}{unless_rejected(database)} ORDER BY a, b, channel",
        values,
    )
    for a, b, relation, a_is_query, probability, coverage_a, coverage_b in rows:
        seen = relation if a_is_query else MIRRORED_RELATIONS.get(relation, relation)
        yield KeptEdge(a, b, seen, probability, coverage_a, coverage_b)


def _with_decision(kept: KeptMatch, decision: Decision | None) -> KeptMatch:
    if decision is None or kept.match is None:
        return kept
    return replace(kept, match=replace(kept.match, decision=decision))


def check_kept_matches(database: Database) -> Iterator[str]:
    """Yield the problems of the kept matches."""
    rows = database.execute(
        f"SELECT {_COLUMNS}, CAST(evidence AS BLOB), x.kind, y.kind FROM kept_match"
        " LEFT JOIN asset x ON x.sha256 = a LEFT JOIN asset y ON y.sha256 = b WHERE evidence != '' AND verdict != ?"
        " ORDER BY a, b, channel",
        (LOST_VERDICT,),
    )
    for row in rows:
        try:
            _decode({}, *row)
        except DAMAGE_ERRORS as error:
            yield f"the kept match of {row[0]} and {row[1]} by {row[2]} is damaged: {error}"


def _revision(database: Database, sha256: str, channel: Channel) -> int:
    """Return the revision of an asset and channel; 0 if the store contains no such asset."""
    row = database.execute(
        "SELECT revision FROM comparison WHERE sha256 = ? AND channel = ?", (sha256, channel)
    ).fetchone()
    return row[0] if row else 0


def _save(database: Database, kept: KeptMatch, version: str) -> bool:
    """Save a pair, and return True if it was not stored in this form, or compared while another run has lost it."""
    a, b = kept.pair
    key, values = (a, b, kept.channel), _values(kept, version)
    stored = database.execute(
        "SELECT promise, a_is_query, relation, verdict, probability, coverage_a, coverage_b, evidence, version"
        " FROM kept_match WHERE a = ? AND b = ? AND channel = ?",
        key,
    ).fetchone()
    is_compared = stored is not None and stored[-1] == version and stored[3] != LOST_VERDICT
    if stored == values or (kept.failure and is_compared):
        return False
    database.execute(
        "INSERT OR REPLACE INTO kept_match VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*key, *values, utc_now())
    )
    return True


def _values(kept: KeptMatch, version: str) -> tuple[object, ...]:
    """Return the values of the columns after the key and before the time."""
    a_is_query, match = kept.query < kept.reference, kept.match
    if kept.failure:
        reason = encode_failure(kept.failure)
        return kept.promise, int(a_is_query), NO_MATCH, LOST_VERDICT, 0.0, 0.0, 0.0, reason, version
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


def _prune(database: Database, sha256: str, channel: Channel, version: str) -> None:
    """Delete the pairs of an asset that are kept for the sake of neither of the two, but for those that wait for workers."""
    ranked = _ranked_partners(database, sha256, channel, version)
    for rank, (partner, promise) in enumerate(ranked):
        if is_kept_partner(rank, promise):
            continue
        others = [other for other, _ in _ranked_partners(database, partner, channel, version)]
        if not is_kept_partner(others.index(sha256), promise):
            a, b = sorted((sha256, partner))
            database.execute(
                "DELETE FROM kept_match WHERE a = ? AND b = ? AND channel = ? AND verdict != ?",
                (a, b, channel, LOST_VERDICT),
            )


def _ranked_partners(database: Database, sha256: str, channel: Channel, version: str) -> list[tuple[str, float]]:
    """Return the partners of an asset by a channel and version and their promise, the most promising first."""
    return database.execute(
        "SELECT b AS partner, promise FROM kept_match WHERE a = ? AND channel = ? AND version = ?"
        " UNION ALL SELECT a, promise FROM kept_match WHERE b = ? AND channel = ? AND version = ?"
        " ORDER BY promise DESC, partner",
        (sha256, channel, version) * 2,
    ).fetchall()


def _decode(
    sighted: Mapping[str, tuple[str, ...]],
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
    """Return a kept match from its columns; `sighted` has the paths of the assets' sightings."""
    query, reference = (a, b) if a_is_query else (b, a)
    kind = kinds[1] if a_is_query else kinds[0]
    match: Match = decode_match(
        reference,
        "image" if kind == "image" else "video",
        sighted.get(reference, ()),
        evidence.decode(),
        relation=relation,
        verdict=verdict,
        probability=probability,
        coverage=(coverage_a, coverage_b) if a_is_query else (coverage_b, coverage_a),
    )
    return KeptMatch(query=query, reference=reference, channel=channel, promise=promise, match=match)
