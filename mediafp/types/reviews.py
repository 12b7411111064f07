"""Pairs that wait for a person: doubtful matches, weak links of clusters, and re-spawns of accounts."""

from dataclasses import dataclass
from typing import NamedTuple

from mediafp.types.decisions import DecisionSubject
from mediafp.types.kept_matches import Channel
from mediafp.types.matches import Match, Relation, Verdict


class DoubtfulMatch(NamedTuple):
    """A kept match that no person has decided on, without its evidence; a < b."""

    a: str
    b: str
    channel: Channel
    relation: Relation
    verdict: Verdict
    probability: float
    is_sure_otherwise: bool
    """True if another channel of the pair has a match that is no matter of doubt."""
    has_handles: bool
    """True if one asset shows account names that are cut away from the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """A pair that waits for a person.

    Attributes:
        subject: Subject of the decision.
        a: SHA-256 of the one file, or key of the one account; a < b.
        b: The other one.
        why: Reasons why it waits.
        match: The match in doubt, seen from its query; None if the subject is not a match, or the pair has none.
        query: SHA-256 of the query of the match.
        cluster: Id of the cluster that the decision would part; None if it parts none, or clusters were not given.
        score: Order of the item: higher is more uncertain and has more consequences.
    """

    subject: DecisionSubject
    a: str
    b: str
    why: tuple[str, ...]
    match: Match | None = None
    query: str | None = None
    cluster: str | None = None
    score: float

    @property
    def key(self) -> tuple[DecisionSubject, str, str]:
        """Subject and pair."""
        return self.subject, self.a, self.b


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewQueue:
    """Pairs that wait for a person, the most uncertain and most consequential first."""

    items: tuple[ReviewItem, ...]
    matches: int
    """Pairs of doubtful matches that wait, listed or not. Above `MIN_CANDIDATES` of `case/review_queue.py`, their matches are
    counted: a pair may have one by each channel, or be sure by another one."""
    groups: int
    """Weak links that wait and are no doubtful matches; 0 if clusters were not given."""
    iterations: int
    """Re-spawns that wait; 0 if neither accounts nor takeovers were given."""
