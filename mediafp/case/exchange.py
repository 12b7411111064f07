"""The records of a case for exchange formats, read from the store one asset after the other."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby

from mediafp.accounts.avatars import is_avatar
from mediafp.accounts.identities import Identity, identify_accounts
from mediafp.case.checked_fingerprints import load_fingerprints
from mediafp.case.exports import iter_asset_records, iter_match_records
from mediafp.fingerprints.registry import declaration, fingerprint_type
from mediafp.store import Store
from mediafp.types.exchange import AssetHashes, CaseSeal, ExchangedMatch, ExchangeRecord, Technique
from mediafp.types.hashes import IMAGE_ALGORITHMS
from mediafp.types.kept_matches import MatchRecord
from mediafp.types.matches import Match
from mediafp.types.media import Asset

REUSED_CONTENT = Technique("T0084", "Reuse Existing Content")
"""Fits copies that two accounts have published."""
COPIED_IMAGERY = Technique("T0145.001", "Copy Account Imagery")
"""Fits copies of which one is the profile image of an account, and the other was published by another one."""


def case_seal(store: Store) -> CaseSeal:
    """Return which case a store is, and its state."""
    entry, hash = store.last_log_entry()
    first = next(store.iter_log(), None)
    added = [store.added_at(asset.sha256) for asset in store.assets()]
    return CaseSeal(
        case=first.hash if first else hash, entry=entry, hash=hash, at=max(added, default=""), assets=len(added)
    )


def iter_asset_hashes(store: Store) -> Iterator[AssetHashes]:
    """Yield the hashes of each asset of a store, by SHA-256."""
    for asset in store.assets():
        yield asset_hashes(store, asset, next(iter(store.uris(asset.sha256)), asset.sha256))


def asset_hashes(store: Store, asset: Asset, uri: str) -> AssetHashes:
    """Return the hashes of one asset; those that the store does not contain undamaged are missing."""
    rows = {}
    # Whole pages come first: other tools do not know which part of an image a hash would be of.
    count = (
        sum(page.is_whole for page in asset.pages) if asset.kind == "image" and "pages" in asset.properties else None
    )
    for name in IMAGE_ALGORITHMS:
        stored = store.fingerprints(name, fingerprint_type(name).version, {asset.sha256})
        found = next(load_fingerprints(store, declaration(name), stored), None)
        if found is not None and len(found.vectors):
            rows[name] = replace(
                found, spans=found.spans[:count], vectors=found.vectors[:count], quality=found.quality[:count]
            )
    return AssetHashes(sha256=asset.sha256, kind=asset.kind, uri=uri, rows=rows)


def iter_exchange_records(
    store: Store,
    min_probability: float,
    *,
    find_thumbnail: Callable[[str], bytes | None] | None = None,
    of: str | None = None,
) -> Iterator[ExchangeRecord]:
    """Yield the assets of a store, by SHA-256, with their matches of this probability and above, and images with thumbnails.

    Args:
        store: The store.
        min_probability: Probability below which a match is omitted.
        find_thumbnail: Function that returns the thumbnail of an image as a JPEG that this process encoded, None if there is none
            or a damaged one: other programs decode it. None to yield no thumbnails.
        of: Asset that alone is yielded with its matches and the assets at their other ends; None for all.
    """
    groups = groupby(iter_match_records(store, of), key=lambda record: record.a)
    a, records = next(groups, ("", iter(())))
    for asset in iter_asset_records(store, None if of is None else _with_partners(store, of, min_probability)):
        sha256 = asset.asset.sha256
        while a and a < sha256:
            # An asset that is damaged is not exported.
            a, records = next(groups, ("", iter(())))
        added_at = store.added_at(sha256)
        matches: list[ExchangedMatch] = []
        if a == sha256:
            for record in records:
                # Another photograph of the same scene is not the same media.
                if _is_exchanged(record.match, min_probability):
                    at = max(added_at, store.added_at(record.b))
                    techniques = find_techniques(record)
                    matches.append(ExchangedMatch(record=_without_names(record), at=at, techniques=techniques))
            a, records = next(groups, ("", iter(())))
        uri = asset.sightings[0].uri if asset.sightings else sha256
        hashes = asset_hashes(store, asset.asset, uri)
        jpeg = find_thumbnail(sha256) if find_thumbnail and asset.asset.kind == "image" else None
        yield ExchangeRecord(asset=asset, added_at=added_at, hashes=hashes, matches=tuple(matches), thumbnail=jpeg)


def _is_exchanged(match: Match | None, min_probability: float) -> bool:
    return match is not None and match.probability >= min_probability and match.verdict != "same_scene"


def _with_partners(store: Store, sha256: str, min_probability: float) -> set[str]:
    """Return an asset and the others of the matches that are exported with it."""
    kept = store.kept_matches(sha256, min_probability=min_probability)
    return {sha256}.union(*(one.pair for one in kept if _is_exchanged(one.match, min_probability)))


def _without_names(record: MatchRecord) -> MatchRecord:
    """Return a match without who decided on it and why: the reason says that a person did."""
    decision = record.match.decision
    if decision is None:
        return record
    reason = {"confirm": "confirmed by a person", "unsure": "left open by a person"}.get(decision.decision)
    why = (*(one for one in record.match.why if one != decision.sentence), *([reason] if reason else []))
    return replace(record, match=replace(record.match, why=why, decision=None))


def find_techniques(record: MatchRecord) -> tuple[Technique, ...]:
    """Return the techniques that a match and the sightings of both assets show; a match that is no copy shows none."""
    if record.match.verdict != "copy":
        return ()
    sightings = (*record.a_sightings, *record.b_sightings)
    identities = identify_accounts(sightings)
    sides = identities[: len(record.a_sightings)], identities[len(record.a_sightings) :]
    if not _differ(*map(_known, sides)):
        return ()
    found = [REUSED_CONTENT]
    if record.match.relation == "copy":
        avatars = [identity if is_avatar(seen) else None for identity, seen in zip(identities, sightings, strict=True)]
        of_a, of_b = avatars[: len(record.a_sightings)], avatars[len(record.a_sightings) :]
        if _differ(_known(of_a), _known(sides[1])) or _differ(_known(of_b), _known(sides[0])):
            found.append(COPIED_IMAGERY)
    return tuple(found)


def _known(identities: list[Identity | None]) -> set[Identity]:
    return {identity for identity in identities if identity}


def _differ(some: set[Identity], others: set[Identity]) -> bool:
    """Return True if an account of each side is not the same one."""
    return bool(some and others) and len(some | others) > 1
