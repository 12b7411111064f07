"""Decisions of persons on pairs: are two files the same media, belong in one group, is an account a re-spawn of another."""

from dataclasses import dataclass
from typing import Final, Literal

from mediafp.types.errors import UsageError

type DecisionSubject = Literal["match", "group", "iteration"]
"""Subject of a decision: two files as the same media, two files in one cluster, or two accounts in one line."""
SUBJECTS: Final[tuple[DecisionSubject, ...]] = ("match", "group", "iteration")
type DecisionValue = Literal["confirm", "reject", "unsure"]
"""Outcome of a decision."""
VALUES: Final[tuple[DecisionValue, ...]] = ("confirm", "reject", "unsure")
OWN: Final = "own"
"""Value of `replaces` that lets a person replace a decision of their own, and none of another person."""
_PARTICIPLES: Final = {"confirm": "confirmed", "reject": "rejected", "unsure": "left open"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedMatch:
    """A match between the two assets as it stood when it was decided on, without its evidence."""

    relation: str
    """Relation as in `types.matches`, seen from the query of the match."""
    verdict: str
    """Verdict as in `types.matches`."""
    probability: float
    """Probability that the program itself states, whatever was fitted on decisions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Decision of a person on a pair, current or earlier; a < b."""

    subject: DecisionSubject
    a: str
    """SHA-256 of the one file, or key of the one account."""
    b: str
    decision: DecisionValue
    note: str
    """Reason in the words of the person."""
    decided_by: str
    decided_at: str
    """Time, ISO 8601 in UTC to the microsecond, which also identifies the decision among those on this pair."""
    act: str = ""
    """Name of the act that made several decisions at once, such as a split; empty for a single decision."""
    evidence: tuple[DecidedMatch, ...] = ()
    """Matches of the pair at that time."""
    numbers: tuple[tuple[str, int], ...] = ()
    """SHA-256 and number of the cluster of each member that an act concerned, before it, in one decision of the act: they come
    back with its undoing."""
    before: "Decision | None" = None
    """Decision that this one replaced, which comes back when this one is taken back."""

    @property
    def key(self) -> tuple[DecisionSubject, str, str]:
        """Subject and pair, on which there is at most one current decision."""
        return self.subject, self.a, self.b

    @property
    def sentence(self) -> str:
        """The decision in words, such as `rejected by NAME on 2026-01-31`."""
        return f"{_PARTICIPLES[self.decision]} by {self.decided_by} on {self.decided_at[:10]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionEvent:
    """One change of the decisions, as the custody log states it.

    Attributes:
        n: Number of the log entry.
        at: Time of the entry.
        what: `decided`, or `undecided` if the decision was taken back.
        decision: The decision that was made or taken back.
        by: Who made it or took it back.
    """

    n: int
    at: str
    what: Literal["decided", "undecided"]
    decision: Decision
    by: str


class DecisionConflict(UsageError):
    """The current decision on a pair is another one than the one to be replaced."""

    def __init__(self, message: str, standing: Decision | None) -> None:
        """Create the error.

        Args:
            message: Text for the user.
            standing: The current decision; None if there is none.
        """
        super().__init__(message)
        self.standing = standing
