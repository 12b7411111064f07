"""The cards of a draft with what the store contains of each, and the names that they have on the page."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from mediafp.accounts.summaries import AccountRecords
from mediafp.accounts.timelines import build_timeline
from mediafp.case.accounts import find_account_keys, load_accounts
from mediafp.case.clusters import cluster_store
from mediafp.case.decided_matches import as_decided
from mediafp.case.decided_pairs import find_sha256
from mediafp.case.joined_matches import iter_joined, seen_from
from mediafp.case.publication.covers import Shown
from mediafp.case.publication.marks import OwnerMarks, choose_marks, find_cuts
from mediafp.case.thumbnail_decoder import ThumbnailDecoder
from mediafp.matching.images.text_evidence import QueryText, add_text_evidence
from mediafp.store import Store
from mediafp.types.clusters import Cluster
from mediafp.types.errors import UsageError
from mediafp.types.matches import Match, TextLine
from mediafp.types.media import Asset
from mediafp.types.publications import Draft, PublishedAccount, PublishedCard, PublishedGroup, PublishedMatch
from mediafp.types.sightings import Sighting
from mediafp.types.timelines import Timeline

MAX_FIGURES: Final = 24
"""Members of a group whose images are shown, its representative first; the others are listed. Chosen, not measured."""


class StoreViews:
    """The clusters and the accounts of a store, and the cuts of its images, found anew only after it was written to.

    `thumbnails` decodes what the cards show.
    """

    def __init__(self, store: Store, thumbnails: ThumbnailDecoder) -> None:
        self.store, self.thumbnails = store, thumbnails
        self._lock = threading.RLock()
        self._entry = -1
        self._clusters: Mapping[str, Cluster] | None = None
        self._accounts: AccountRecords | None = None
        self._cuts: dict[str, tuple[tuple[str, TextLine], ...]] = {}

    def clusters(self) -> Mapping[str, Cluster]:
        """Return the clusters by id."""
        with self._lock:
            self._forget_outdated()
            if self._clusters is None:
                self._clusters = {cluster.id: cluster for cluster in cluster_store(self.store).clusters}
                # Their ids may have been saved meanwhile, which changes nothing of what is kept here.
                self._entry = self.store.last_log_entry()[0]
            return self._clusters

    def accounts(self) -> AccountRecords:
        """Return the accounts with their sightings."""
        with self._lock:
            self._forget_outdated()
            if self._accounts is None:
                self._accounts = load_accounts(self.store)
            return self._accounts

    def cuts(self, sha256: str) -> tuple[tuple[str, TextLine], ...]:
        """Return each line of text of an image that a copy of it lacks, with the SHA-256 of the copy."""
        with self._lock:
            self._forget_outdated()
            if sha256 not in self._cuts:
                self._cuts[sha256] = find_cuts(self.store, sha256)
            return self._cuts[sha256]

    def _forget_outdated(self) -> None:
        entry = self.store.last_log_entry()[0]
        if entry != self._entry:
            self._entry, self._clusters, self._accounts, self._cuts = entry, None, None, {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardContent:
    """One card with what the store contains of it; what it does not contain is None."""

    card: PublishedCard
    query: Asset | None = None
    match: Match | None = None
    """The match of a match card, seen from `query`."""
    cluster: Cluster | None = None
    """The cluster of a group card."""
    members: tuple[str, ...] = ()
    """The members of a group card, the representative first."""
    timeline: Timeline | None = None
    """The time line of an account card."""

    @property
    def exists(self) -> bool:
        """True if the store contains what the card shows."""
        return bool(self.match or self.cluster or self.timeline)

    @property
    def shown(self) -> tuple[Shown, ...]:
        """Assets and pages whose images the card shows."""
        if self.query and self.match:
            first, second = self.match.rows
            sides = (Shown(self.query.sha256, first), Shown(self.match.sha256, second))
            # The heading of a card shows the first page.
            return tuple(dict.fromkeys((*sides, *(Shown(side.sha256) for side in sides))))
        return tuple(Shown(member) for member in self.members[:MAX_FIGURES])

    @property
    def assets(self) -> tuple[str, ...]:
        """Assets of the card."""
        return tuple(dict.fromkeys((*(shown.sha256 for shown in self.shown), *self.members)))


@dataclass(kw_only=True)
class DraftContent:
    """All cards of a draft, with the assets that they show in the order in which they appear."""

    views: StoreViews
    draft: Draft
    cards: Sequence[CardContent]
    _sightings: dict[str, list[Sighting]] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """The store."""
        return self.views.store

    @cached_property
    def assets(self) -> Mapping[str, Asset]:
        """The assets of all cards."""
        return {name: self.store.asset(name) for name in dict.fromkeys(a for card in self.cards for a in card.assets)}

    @cached_property
    def shown(self) -> tuple[Shown, ...]:
        """Everything whose image is shown."""
        return tuple(dict.fromkeys(shown for card in self.cards for shown in card.shown))

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Name of each asset on the page: files have names with names in them."""
        numbered = enumerate(self.assets.values(), 1)
        return {asset.sha256: f"{_describe_kind(asset)} {number}" for number, asset in numbered}

    def sightings(self, sha256: str) -> list[Sighting]:
        """Return the sightings of an asset that say more than that its file exists, oldest first, equal ones once."""
        if sha256 not in self._sightings:
            found = [_without_place(sighting) for sighting in self.store.sightings(sha256)]
            self._sightings[sha256] = [s for s in dict.fromkeys(found) if s.date or s.removed_at or s.names or s.url]
        return self._sightings[sha256]

    def iter_sightings(self) -> Iterator[Sighting]:
        """Yield the sightings of all assets, in the order of the assets."""
        for sha256 in self.assets:
            yield from self.sightings(sha256)

    @cached_property
    def marks(self) -> Sequence[OwnerMarks]:
        """Marks of owners in the images that are shown."""
        shown = dict.fromkeys(shown.sha256 for shown in self.shown)
        return [m for name in shown if (m := choose_marks(name, self.views.cuts(name), self.assets))]

    def iter_text(self, sha256: str) -> Iterator[TextLine]:
        """Yield the text in the image of an asset, or on the screen of a video, as far as it was read."""
        asset = self.assets[sha256]
        if asset.kind == "image":
            yield from self.store.ocr_lines(sha256) or ()
        else:
            for line in self.store.video_text(sha256) or ():
                yield TextLine(text=line.text, box=line.box, confidence=line.confidence)

    def is_text_read(self, sha256: str) -> bool:
        """Return True if the text in the image of an asset was read, or it has no image."""
        asset = self.assets[sha256]
        if not all(asset.size):
            return True
        if asset.kind == "image":
            return self.store.ocr_lines(sha256) is not None
        return self.store.video_text(sha256) is not None


def load_content(views: StoreViews, draft: Draft) -> DraftContent:
    """Return the cards of a draft with what the store contains of each; it contains no match that was rejected."""
    return DraftContent(views=views, draft=draft, cards=[_load_card(views, card) for card in draft.cards])


def find_match_card(store: Store, query: str, reference: str) -> PublishedMatch:
    """Return the card of the most probable match of two assets, which are named by their SHA-256 or by a path.

    Raises:
        UsageError: The store contains no such asset, or no match of the two.
    """
    first, second = find_sha256(store, query), find_sha256(store, reference)
    found = next(iter(_pair_matches(store, store.asset(first), second)), None) if first != second else None
    if found is None:
        raise UsageError(f"cannot publish {query!r} with {reference!r}: they do not match; see: mediafp match")
    return PublishedMatch(query=first, reference=second, relation=found.relation)


def _pair_matches(store: Store, query: Asset, reference: str) -> list[Match]:
    """Return the matches of two assets as an answer states them, seen from the query, the most probable first."""
    text = QueryText.find(store.ocr_lines(query.sha256), query)
    pair = min(query.sha256, reference), max(query.sha256, reference)
    kept = iter_joined((one for one in store.kept_pair(*pair) if one.match), store)
    found = [
        add_text_evidence(seen_from(one, query, store), text, lambda _: store.ocr_lines(reference)) for one in kept
    ]
    return as_decided(found, query.sha256, store)


def _load_card(views: StoreViews, card: PublishedCard) -> CardContent:
    if isinstance(card, PublishedMatch):
        return _load_match(views.store, card)
    if isinstance(card, PublishedGroup):
        cluster = views.clusters().get(card.cluster)
        if cluster is None:
            return CardContent(card=card)
        members = sorted((m.sha256 for m in cluster.members), key=lambda name: (name != cluster.representative, name))
        return CardContent(card=card, cluster=cluster, members=tuple(members))
    assert isinstance(card, PublishedAccount), "there is no other kind of card"
    records = views.accounts()
    keys = find_account_keys(records, card.account)
    timeline = build_timeline(records, lambda sighting, key: key in keys)
    return CardContent(card=card, timeline=timeline if timeline.accounts else None)


def _load_match(store: Store, card: PublishedMatch) -> CardContent:
    if not (store.uris(card.query) and store.uris(card.reference)):
        return CardContent(card=card)
    query = store.asset(card.query)
    matches = _pair_matches(store, query, card.reference) if card.query != card.reference else []
    found = next((match for match in matches if match.relation == card.relation), None)
    return CardContent(card=card, query=query, match=found)


def _describe_kind(asset: Asset) -> str:
    if asset.kind == "image":
        return "picture"
    return "video" if all(asset.size) else "sound"


def _without_place(sighting: Sighting) -> Sighting:
    """Return a sighting without what only the machine of its collector knows."""
    url = sighting.url if sighting.url and sighting.url.lower().startswith(("http://", "https://")) else None
    return replace(sighting, uri="", source="", text=None, title=None, post_id=None, language=None, url=url)


def iter_decisive_pairs(content: CardContent) -> Iterable[tuple[str, str]]:
    """Return the pairs of assets that a card says to be the same."""
    if content.query and content.match:
        return [(content.query.sha256, content.match.sha256)]
    return [(edge.a, edge.b) for edge in content.cluster.edges] if content.cluster else []
