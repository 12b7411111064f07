"""The protocol of the decisions in a store."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from mediafp.types.decisions import DecidedMatch, Decision, DecisionEvent, DecisionSubject
from mediafp.types.kept_matches import KeptMatch
from mediafp.types.recalibration import Recalibration
from mediafp.types.reviews import DoubtfulMatch


class DecisionStore(Protocol):
    """Decisions of persons on pairs: there is at most one current decision on each subject and pair.

    They belong to no asset: a decision on a file that was forgotten holds when the file comes again. A pair whose match was
    rejected is in no kept match, count or edge of `KeptMatchStore`; the kept matches of other decided pairs have theirs.
    """

    def save_decision(self, decision: Decision) -> None:
        """Save a decision in place of the current one on its subject and pair. Call it inside `writing`."""
        ...

    def take_back_decision(self, decision: Decision, by: str) -> None:
        """Remove a current decision, and restore the one that it replaced, if any. Call it inside `writing`.

        Args:
            decision: The decision.
            by: Who takes it back.
        """
        ...

    def decisions(self, subject: DecisionSubject | None = None, act: str | None = None) -> list[Decision]:
        """Return the current decisions, by subject and pair: all, or those on one subject, or of one act."""
        ...

    def find_decision(self, subject: DecisionSubject, a: str, b: str) -> Decision | None:
        """Return the current decision on a pair, a < b; None if there is none."""
        ...

    def match_decisions(self, sha256: str | None = None) -> dict[tuple[str, str], Decision]:
        """Return the current decisions on matches, by pair: all, or those of one file, which need not be stored."""
        ...

    def kept_verdicts(self, a: str, b: str) -> tuple[DecidedMatch, ...]:
        """Return what is kept of the matches of a pair, a < b, rejected or not, without their evidence."""
        ...

    def doubtful_matches(self, limit: int) -> list[DoubtfulMatch]:
        """Return kept matches that are `possible` or have a probability of .3 to .9, and that no person has decided on.

        Args:
            limit: Largest number; those next to .5 come first, then by both assets and channel.
        """
        ...

    def count_doubtful(self) -> int:
        """Return the number of such matches."""
        ...

    def kept_pair(self, a: str, b: str) -> list[KeptMatch]:
        """Return the kept matches of one pair of assets, a < b, by channel."""
        ...

    def decision_history(self) -> Iterator[DecisionEvent]:
        """Yield everything that was decided and taken back, in order.

        Raises:
            StoreError: An entry of the custody log is damaged.
        """
        ...

    def save_recalibrations(self, fitted: Sequence[Recalibration], errors: Mapping[str, Any]) -> None:
        """Save maps of probabilities in place of all that are stored; none for no maps. Call it inside `writing`.

        Args:
            fitted: At most one of each family.
            errors: JSON values for the custody log: how good each map is.
        """
        ...

    def recalibrations(self) -> list[Recalibration]:
        """Return the stored maps of probabilities, by family."""
        ...
