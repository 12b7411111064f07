"""Kept matches: what a store keeps of every pair of its assets that was compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from mediafp.types.errors import ErrorKind
from mediafp.types.matches import MIRRORED_RELATIONS, Match, Relation
from mediafp.types.media import Kind
from mediafp.types.sightings import Sighting

Channel = Literal["picture", "voice", "script"]
"""Content by which two assets are compared: images, recorded sound, or the words of speech."""
CHANNELS: Final[tuple[Channel, ...]] = ("picture", "voice", "script")
MIN_KEPT_PROBABILITY: Final = 0.15
"""Probability from which a match is kept with its evidence; of a pair below it, only the fact that it was compared is kept.
Chosen, not measured."""
PROMISING: Final = 1.0
"""Promise from which a pair is compared even if others of both assets are more promising."""
MAX_PARTNERS_IN_ANY_CASE: Final = 2
"""Most promising partners of an asset with which it is compared though their promise is below `PROMISING`. The number of
images that resemble an image by chance grows with the store; the work on an image must not. Chosen, not measured."""
MAX_PARTNERS: Final = 100
"""Most promising partners with which an asset is compared at all, unless it is among those of the other one. Media with
thousands of copies would otherwise take the square of their number. Chosen, not measured."""


def is_kept_partner(rank: int, promise: float) -> bool:
    """Return True if an asset is compared with a partner of this rank, from 0, among all its candidates by promise."""
    return rank < MAX_PARTNERS_IN_ANY_CASE or (promise >= PROMISING and rank < MAX_PARTNERS)


def partner_limit(promises: Sequence[float]) -> float:
    """Return the promise that a further partner of an asset needs, given those of its partners, falling."""
    any_case = promises[MAX_PARTNERS_IN_ANY_CASE - 1] if len(promises) >= MAX_PARTNERS_IN_ANY_CASE else 0.0
    return min(any_case, max(PROMISING, promises[MAX_PARTNERS - 1] if len(promises) >= MAX_PARTNERS else 0.0))


class PairFailure(NamedTuple):
    """Reason why no worker could compare a pair."""

    kind: ErrorKind
    """Cause of the end of the workers."""
    reason: str
    """The same in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMatch:
    """Result of comparing two assets of a store by one channel, for both directions.

    Attributes:
        query: SHA-256 of the asset that is the query of `match`.
        reference: SHA-256 of the other asset.
        channel: What the two were compared by.
        promise: Symmetric score of the pair by which it was chosen to be compared; higher is more promising.
        match: The match, seen from `query`; None if its probability is below `MIN_KEPT_PROBABILITY`.
        failure: Reason why the pair was not compared, and waits for the next `relate`; None if it was compared.
    """

    query: str
    reference: str
    channel: Channel
    promise: float
    match: Match | None
    failure: PairFailure | None = None

    @property
    def pair(self) -> tuple[str, str]:
        """Both assets, the smaller SHA-256 first."""
        return min(self.query, self.reference), max(self.query, self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class LostPair:
    """Two assets that no worker could compare; a < b by SHA-256.

    Attributes:
        a: SHA-256 of an asset.
        b: SHA-256 of the other one.
        a_uri: Path of the first one.
        b_uri: Path of the other one.
        kind: Cause of the end of the workers.
        message: Text for the user, which names both paths and says what to do.
    """

    a: str
    b: str
    a_uri: str
    b_uri: str
    kind: ErrorKind
    message: str


LostPairHandler = Callable[[LostPair], object]
"""Function that gets each pair that no worker could compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRecord:
    """Everything that an export contains of one kept match; a < b by SHA-256."""

    a: str
    b: str
    query: str
    """Which of the two assets is the query of `match`."""
    channel: Channel
    match: Match
    """The match, seen from `query`."""
    a_sightings: tuple[Sighting, ...]
    b_sightings: tuple[Sighting, ...]

    @property
    def relation(self) -> Relation:
        """Relation seen from a."""
        relation = self.match.relation
        return relation if self.query == self.a else MIRRORED_RELATIONS.get(relation, relation)

    @property
    def coverage(self) -> tuple[float, float]:
        """Share of a, and of b, that the match explains."""
        return self.match.coverage if self.query == self.a else self.match.coverage[::-1]

    @property
    def translated(self) -> bool | None:
        """True if the two have the same script in different languages, False if in the same words; None of other relations."""
        return self.match.translated if self.relation == "same_script" else None


class KeptEdge(NamedTuple):
    """A kept match without its evidence, as clusters need it; a < b."""

    a: str
    b: str
    relation: Relation
    """Seen from a."""
    probability: float
    coverage_a: float
    coverage_b: float


class NewMatches(NamedTuple):
    """Pairs with a probable match that was kept after some time."""

    total: int
    """Number of the pairs."""
    last_at: str | None
    """Time at which the last of them was kept; None if there is none."""
    surest: tuple[tuple[str, str, Channel], ...]
    """Both assets and the channel of the most probable ones, the surest first."""


class UncomparedAssets(NamedTuple):
    """Numbers of assets that must be compared."""

    assets: int
    """All of them."""
    outdated: int
    """Those among them that an older version has compared, or ingested before matches were kept."""


class PendingComparison(NamedTuple):
    """An asset that must be compared by one channel with the other assets of its store."""

    sha256: str
    kind: Kind
    channel: Channel
    revision: int
    """Number that changes whenever something changes that the comparison depends on."""
