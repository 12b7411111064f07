"""Evidence of several accounts: the same avatar, or the same identifying clue."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from mediafp.accounts.avatars import is_avatar
from mediafp.accounts.iterations import Evidence, Strength
from mediafp.accounts.summaries import AccountRecords

MIN_CLUE_ITEMS: Final[Mapping[str, int]] = {"editor_project": 1, "weibo_uid": 2}
"""Kinds of clues that identify, and how many items with one value an account needs: a project of an editor is on one machine,
but a single image of a Weibo user may be passed on by anybody. Chosen, not measured."""
CLUE_WORDS: Final[Mapping[str, str]] = {"editor_project": "same editor project", "weibo_uid": "images of Weibo user"}
"""Words for each kind, before its value."""
AVATAR_REASON: Final = "same avatar"
"""Words for an avatar, whole or cut."""
PROBABLE_REASON: Final = "probably the same avatar"
"""Words for an avatar whose match is not certain, such as one of few pixels."""
IMAGE_REASON: Final = "same image"
"""Words for an image that is not known to be an avatar."""


class ImagePairs(NamedTuple):
    """Pairs of images of which one shows the other, whole or cut."""

    copies: Sequence[tuple[str, str]]
    """Those whose verdict is `copy`."""
    probable: Sequence[tuple[str, str]]
    """These, and those that are probable."""


def find_evidence(
    records: AccountRecords,
    images: set[str],
    pairs: ImagePairs,
    clues: Iterable[tuple[str, str, str]],
    media: Mapping[str, str],
) -> list[Evidence]:
    """Return what accounts have in common.

    Args:
        records: The accounts and their sightings.
        images: SHA-256 of each asset that is an image.
        pairs: Images of which one shows the other.
        clues: SHA-256 of an asset, kind and value of each clue of a kind in `MIN_CLUE_ITEMS`.
        media: Item of each asset that has near-duplicates.
    """
    posted: defaultdict[str, set[str]] = defaultdict(set)
    worn: defaultdict[str, set[str]] = defaultdict(set)
    for sighting, key in zip(records.sightings, records.keys, strict=True):
        if key:
            posted[sighting.sha256].add(key)
            if sighting.sha256 in images and is_avatar(sighting):
                worn[sighting.sha256].add(key)
    shown = {sha256: keys for sha256, keys in posted.items() if sha256 in images}
    return [
        *_group_evidence(worn, pairs.copies, AVATAR_REASON, "certain"),
        *_group_evidence(worn, pairs.probable, PROBABLE_REASON, "probable"),
        *_group_evidence(shown, pairs.copies, IMAGE_REASON, "unmarked"),
        *_clue_evidence(records, posted, clues, media),
    ]


def _group_evidence(
    holders: Mapping[str, set[str]], pairs: Iterable[tuple[str, str]], reason: str, strength: Strength
) -> Iterator[Evidence]:
    """Yield the evidence of each group of images that several accounts hold."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    roots = join_pairs((a, b) for a, b in pairs if a in holders and b in holders)
    for sha256 in holders:
        groups[roots.get(sha256, sha256)].append(sha256)
    for members in groups.values():
        accounts = {key for sha256 in members for key in holders[sha256]}
        if len(accounts) > 1:
            yield Evidence(reason=reason, accounts=tuple(sorted(accounts)), strength=strength)


def _clue_evidence(
    records: AccountRecords,
    posted: Mapping[str, set[str]],
    clues: Iterable[tuple[str, str, str]],
    media: Mapping[str, str],
) -> Iterator[Evidence]:
    """Yield the evidence of each clue that several accounts have in different items.

    The same item has the same clue, and says no more than that it is shared. The account that a clue names is the source of the
    others' images, and no iteration of them.
    """
    items: defaultdict[tuple[str, str], defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for sha256, kind, value in clues:
        for key in posted.get(sha256, ()):
            items[kind, value][key].add(media.get(sha256, sha256))
    for (kind, value), by_account in items.items():
        holders = {
            key: own
            for key, own in by_account.items()
            if len(own) >= MIN_CLUE_ITEMS[kind] and records.accounts[key].account_id != value
        }
        if len(holders) > 1 and len(set().union(*holders.values())) > max(map(len, holders.values())):
            yield Evidence(reason=f"{CLUE_WORDS[kind]} {value}", accounts=tuple(sorted(holders)))


def join_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the smallest member of the group of each name in pairs, where pairs in a row make one group."""
    roots: dict[str, str] = {}

    def find(name: str) -> str:
        while (parent := roots.setdefault(name, name)) != name:
            roots[name] = name = roots[parent]
        return name

    for a, b in pairs:
        first, second = sorted((find(a), find(b)))
        roots[second] = first
    return {name: find(name) for name in roots}
