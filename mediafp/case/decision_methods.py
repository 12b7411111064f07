"""Methods of a case about the decisions of persons."""

from collections.abc import Iterator

from mediafp.case.sources import PathLike
from mediafp.store import Store
from mediafp.types.decisions import OWN, Decision, DecisionEvent, DecisionSubject, DecisionValue
from mediafp.types.matches import Match


class DecisionMethods:
    """The part of `Case` about decisions.

    A match that was rejected is in no result of the case but for `decisions` and `decision_history`.
    """

    _store: Store

    def decide(
        self,
        decision: DecisionValue,
        a: PathLike,
        b: PathLike,
        *,
        note: str = "",
        subject: DecisionSubject = "match",
        decided_by: str | None = None,
        replaces: str | None = OWN,
        match: Match | None = None,
    ) -> Decision:
        """Save a decision on a pair, and return it.

        Args:
            decision: `confirm`, `reject` or `unsure`.
            a: SHA-256, path in the store or path on disk of a file; for the subject `iteration`, name of an account.
            b: The other one. A file need not be in the store if the other one is, as a query is not.
            note: Reason in the words of the person.
            subject: `match`: both are the same media; `group`: both belong in one cluster; `iteration`: one account is a
                re-spawn of the other.
            decided_by: Who decides; None for the login name of the user.
            replaces: Time of the decision that this one replaces, None if none may stand; `own` to replace a decision of the
                same person alone.
            match: Match of the pair as it was shown, for `calibrate`; needed if one of both is not in the store.

        Raises:
            DecisionConflict: Another decision stands.
            UsageError: The pair cannot be decided on.
        """
        from mediafp.case.decided_pairs import decide_pair

        return decide_pair(
            self._store,
            decision,
            a,
            b,
            subject=subject,
            note=note,
            decided_by=decided_by,
            replaces=replaces,
            match=match,
        )

    def undo_decision(
        self,
        a: PathLike,
        b: PathLike,
        subject: DecisionSubject = "match",
        *,
        decision: DecisionValue | None = None,
        decided_by: str | None = None,
        replaces: str | None = OWN,
    ) -> Decision:
        """Take back the decision that stands on a pair, and return it; what it replaced stands again.

        Args:
            a: As for `decide`.
            b: As for `decide`.
            subject: As for `decide`.
            decision: What was decided; None for anything.
            decided_by: Who takes it back; None for the login name of the user.
            replaces: Time of the decision that is taken back; `own` to take back one of the same person alone.

        Raises:
            DecisionConflict: Another decision stands.
            UsageError: None stands.
        """
        from mediafp.case.decided_pairs import undo_pair

        return undo_pair(self._store, a, b, subject, decision=decision, decided_by=decided_by, replaces=replaces)

    def undo_act(self, act: str, *, decided_by: str | None = None) -> list[Decision]:
        """Take back all decisions that were made as one act, such as a split, and return them.

        Args:
            act: `Decision.act`.
            decided_by: Who takes them back; None for the login name of the user.

        Raises:
            DecisionConflict: One of them was replaced by another decision, which must be taken back first.
            UsageError: None of them stands.
        """
        from mediafp.case.decided_pairs import undo_act

        return undo_act(self._store, act, decided_by=decided_by)

    def decisions(self, subject: DecisionSubject | None = None) -> list[Decision]:
        """Return the decisions that stand, the latest first: all, or those on one subject."""
        found = self._store.decisions(subject)
        return sorted(found, key=lambda one: (one.decided_at, one.key), reverse=True)

    def decision_history(self) -> Iterator[DecisionEvent]:
        """Yield everything that was decided and taken back, in order."""
        return self._store.decision_history()
