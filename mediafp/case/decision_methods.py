"""Methods of a case about the decisions of persons."""

from collections.abc import Collection, Iterator, Sequence

from mediafp.case.sources import PathLike
from mediafp.store import Store
from mediafp.types.accounts import Account
from mediafp.types.clusters import Clustering
from mediafp.types.decisions import OWN, Decision, DecisionEvent, DecisionSubject, DecisionValue
from mediafp.types.matches import Match
from mediafp.types.recalibration import FamilyDecisions, FamilyFit
from mediafp.types.reviews import ReviewQueue
from mediafp.types.takeovers import Takeover


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
            replaces: Time of the decision that this one replaces, None if there may be none; `own` to replace a decision of the
                same person alone.
            match: Match of the pair as it was shown, for `calibrate`; needed if one of both is not in the store.

        Raises:
            DecisionConflict: The current decision is another one.
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
        """Take back the current decision on a pair, and return it; the one that it replaced holds again.

        Args:
            a: As for `decide`.
            b: As for `decide`.
            subject: As for `decide`.
            decision: What was decided; None for anything.
            decided_by: Who takes it back; None for the login name of the user.
            replaces: Time of the decision that is taken back; `own` to take back one of the same person alone.

        Raises:
            DecisionConflict: The current decision is another one.
            UsageError: There is none.
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
            UsageError: None of them is in force.
        """
        from mediafp.case.decided_pairs import undo_act

        return undo_act(self._store, act, decided_by=decided_by)

    def decisions(self, subject: DecisionSubject | None = None) -> list[Decision]:
        """Return the current decisions, the latest first: all, or those on one subject."""
        found = self._store.decisions(subject)
        return sorted(found, key=lambda one: (one.decided_at, one.key), reverse=True)

    def decision_history(self) -> Iterator[DecisionEvent]:
        """Yield everything that was decided and taken back, in order."""
        return self._store.decision_history()

    def split_group(
        self,
        cluster: str,
        members: Collection[PathLike],
        *,
        note: str = "",
        decided_by: str | None = None,
        replace_others: bool = False,
    ) -> list[Decision]:
        """Make some members of a cluster a group of their own, or leave a single one alone; return the decisions.

        What stays is one cluster if its own edges hold it together. `undo_act` with the `act` of the decisions takes all
        of them back.

        Args:
            cluster: Id of the cluster.
            members: SHA-256 or paths of the members that leave it.
            note: Reason in the words of the person.
            decided_by: Who decides; None for the login name of the user.
            replace_others: Replace contrary decisions of other persons too.

        Raises:
            DecisionConflict: Another person has decided otherwise on one of the pairs.
            UsageError: There is no such cluster, or the members are not a part of it.
        """
        from mediafp.case.group_acts import plan_split, save_act

        steps = plan_split(self._store, cluster, members)
        name = f"split {cluster}"
        return save_act(self._store, name, steps, note=note, decided_by=decided_by, replace_others=replace_others)

    def merge_groups(
        self, a: str, b: str, *, note: str = "", decided_by: str | None = None, replace_others: bool = False
    ) -> list[Decision]:
        """Make two clusters one, and return the decisions; arguments and errors as for `split_group`.

        Args:
            a: Id of the one cluster.
            b: Id of the other.
            note: See above.
            decided_by: See above.
            replace_others: See above.
        """
        from mediafp.case.group_acts import plan_merge, save_act

        steps = plan_merge(self._store, a, b)
        name = f"merge {a} and {b}"
        return save_act(self._store, name, steps, note=note, decided_by=decided_by, replace_others=replace_others)

    def move_member(
        self,
        member: PathLike,
        cluster: str,
        *,
        note: str = "",
        decided_by: str | None = None,
        replace_others: bool = False,
    ) -> list[Decision]:
        """Take an asset out of its cluster and into another, and return the decisions; else as for `split_group`.

        Args:
            member: SHA-256 or path of the asset, which need not be in a cluster.
            cluster: Id of the cluster that it goes to.
            note: See above.
            decided_by: See above.
            replace_others: See above.
        """
        from mediafp.case.group_acts import plan_move, save_act

        steps = plan_move(self._store, member, cluster)
        name = f"move a file to {cluster}"
        return save_act(self._store, name, steps, note=note, decided_by=decided_by, replace_others=replace_others)

    def review_queue(
        self,
        limit: int = 50,
        *,
        clustering: Clustering | None = None,
        accounts: Sequence[Account] | None = None,
        subject: DecisionSubject | None = None,
        takeovers: Sequence[Takeover] = (),
    ) -> ReviewQueue:
        """Return pairs that wait for a person, the most uncertain and most consequential first.

        Args:
            limit: Largest number of pairs.
            clustering: Clusters, whose weak links are among the pairs; None to leave these out: to cluster a large case
                takes seconds.
            accounts: Accounts, whose re-spawns are among the pairs; None to leave these out.
            subject: Subject of the pairs that are listed; None for all. The numbers are those of all.
            takeovers: Accounts that posted what a removed one had posted, which are among the re-spawns.

        Raises:
            UsageError: `limit` is negative.
        """
        from mediafp.case.review_queue import build_queue

        return build_queue(self._store, limit, clustering, accounts, subject, takeovers)

    def calibrate(self) -> list[FamilyFit]:
        """Fit the probabilities of matches on the decisions, use what is better from now on, and return the fits.

        What is better is measured on decisions about other files and accounts than those of the fit. The answers of `match`
        and `trace` then state the fitted probabilities; kept matches and clusters have those of the models.

        Raises:
            UsageError: There are too few decisions, or scikit-learn is missing.
        """
        from mediafp.case.calibration import calibrate_store

        return calibrate_store(self._store)

    def count_calibration(self) -> list[FamilyDecisions]:
        """Return the number of decisions that `calibrate` would use of each family of matches that has some."""
        from mediafp.case.calibration import count_decisions

        return count_decisions(self._store)

    def reset_calibration(self) -> int:
        """Remove all fits, so that answers state the probabilities of the models again, and return their number."""
        from mediafp.case.calibration import reset_calibration

        return reset_calibration(self._store)
