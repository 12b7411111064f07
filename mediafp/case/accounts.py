"""The accounts of a store, and the time line of one of them, of a file or of a cluster."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from mediafp.accounts.evidence import MIN_CLUE_ITEMS, find_evidence
from mediafp.accounts.identities import find_named, other_names
from mediafp.accounts.iterations import Evidence, find_iterations
from mediafp.accounts.summaries import AccountRecords, summarise_accounts
from mediafp.accounts.timelines import build_timeline
from mediafp.case.clusters import cluster_store
from mediafp.case.shared_media import group_near_duplicates, pair_images
from mediafp.ingest.path_uri import path_uri
from mediafp.store import Store
from mediafp.types.errors import UsageError
from mediafp.types.media import Asset
from mediafp.types.sightings import Sighting
from mediafp.types.timelines import Timeline

_SHA256: Final = re.compile("[0-9a-f]{64}", re.IGNORECASE)
_CLUSTER: Final = re.compile("c[1-9][0-9]*")


def load_accounts(store: Store) -> AccountRecords:
    """Return the accounts of a store with what they share, and their lines."""
    assets = store.assets()
    images = {asset.sha256 for asset in assets if asset.kind == "image"}
    records, media = load_summaries(store, assets)
    pairs = pair_images(store, images)
    evidence = find_evidence(records, images, pairs, store.iter_clues(MIN_CLUE_ITEMS), media)
    decided, apart = _load_decided(store, records)
    accounts = find_iterations(records.accounts, [*evidence, *decided], apart)
    return AccountRecords(sightings=records.sightings, keys=records.keys, accounts=accounts)


def load_summaries(store: Store, assets: Sequence[Asset]) -> tuple[AccountRecords, dict[str, str]]:
    """Return the accounts of a store without their lines, and the item of each asset that has near-duplicates.

    Args:
        store: The store.
        assets: All of its assets.
    """
    known = {asset.sha256 for asset in assets}
    media = group_near_duplicates(store, assets)
    # A damaged asset is not among the assets.
    return summarise_accounts([seen for seen in store.iter_sightings() if seen.sha256 in known], media), media


def _load_decided(store: Store, records: AccountRecords) -> tuple[list[Evidence], set[tuple[str, str]]]:
    """Return the decisions on lines: pairs of accounts that are in one as evidence, and those that are not.

    A key is longer once another account has the same handle. A rejected pair then parts all accounts that it may mean, and a
    confirmed one joins none: which of them was meant is unknown.
    """
    decided, apart = [], set()
    for one in store.decisions("iteration"):
        first, second = (set(find_named_keys(records, name)) for name in (one.a, one.b))
        if one.decision == "reject":
            apart |= {(a, b) for a in first for b in second if a != b}
        elif one.decision == "confirm" and len(first) == len(second) == 1 and first != second:
            keys = tuple(sorted(first | second))
            decided.append(Evidence(reason=one.sentence, accounts=keys, strength="decided"))
    return decided, apart


def load_timeline(store: Store, target: str | None) -> Timeline:
    """Return the events of a store, or of what a target names.

    Args:
        store: The store.
        target: SHA-256 of an asset, number of a cluster, path that was ingested, or name of an account, tried in this order; None
            for everything. With an account come the others of its line.

    Raises:
        UsageError: The store contains nothing of this name.
    """
    records = load_accounts(store)
    return build_timeline(records, _acceptance(store, records, target))


def _acceptance(store: Store, records: AccountRecords, target: str | None) -> Callable[[Sighting, str | None], bool]:
    """Return the function that accepts the sightings that a target names."""
    if target is None:
        return lambda sighting, key: True
    if assets := _find_assets(store, target):
        return lambda sighting, key: sighting.sha256 in assets
    keys = find_account_keys(records, target)
    if not keys:
        raise UsageError(
            f"cannot show a time line of {target!r}: it is neither an account, a file nor a cluster of the store"
            f" '{store.folder}'; list the accounts with: mediafp accounts"
        )
    return lambda sighting, key: key in keys


def find_account_keys(records: AccountRecords, name: str) -> set[str]:
    """Return the keys of the accounts that a name means, and of all accounts of their lines."""
    named = set(find_named_keys(records, name))
    lines = {line for key in named if (line := records.accounts[key].iteration_of)}
    return named | {key for key, account in records.accounts.items() if account.iteration_of in lines}


def find_named_keys(records: AccountRecords, name: str) -> list[str]:
    """Return the keys of the accounts that a name means, without the others of their lines."""
    return find_named(name, ((key, other_names(account)) for key, account in records.accounts.items()))


def _find_assets(store: Store, target: str) -> set[str]:
    """Return the assets that a SHA-256, the number of a cluster or a path names."""
    if _SHA256.fullmatch(target) and store.uris(target.lower()):
        return {target.lower()}
    if _CLUSTER.fullmatch(target):
        for cluster in cluster_store(store).clusters:
            if cluster.id == target:
                return {member.sha256 for member in cluster.members}
    for uri in (target, path_uri(Path(target))):
        if assets := store.assets_seen_at(uri):
            return set(assets)
    return set()
