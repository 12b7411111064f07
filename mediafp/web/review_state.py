"""Pairs that wait for a decision, with the groups and accounts as far as they are known, and the numbers of decisions."""

from typing import Final

from mediafp.types.decisions import DecisionSubject
from mediafp.types.recalibration import FamilyDecisions
from mediafp.types.reviews import ReviewQueue
from mediafp.web.site import Site

COUNT_SECONDS: Final = 0.05
"""Time for which a page waits for the number after a change; a large case shows the last one meanwhile. Chosen, not measured."""
CALIBRATION_SECONDS: Final = 0.3
"""Time for which the review page waits for the numbers of decisions by family. Chosen, not measured."""


class ReviewState:
    """Numbers for every page, counted once for each state of the case."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._waiting = site.derive(self._count, self._revision)
        self._calibration = site.derive(site.case.count_calibration, site.case.revision)

    def count_waiting(self) -> int:
        """Return the number of pairs that wait for a decision."""
        counted = self._waiting.wait(COUNT_SECONDS)
        return counted.value if counted else 0

    def calibration(self) -> list[FamilyDecisions]:
        """Return the number of decisions by family; none while they are counted for the first time."""
        counted = self._calibration.wait(CALIBRATION_SECONDS)
        return counted.value if counted else []

    def _revision(self) -> int:
        """Return a number that changes with the case, and when its groups or accounts become known."""
        known = [
            one.revision if (one := derived.last) else -1 for derived in (self._site.clustering, self._site.accounts)
        ]
        return hash((self._site.case.revision(), *known))

    def _count(self) -> int:
        queue = _queue(self._site, 0, None)
        return queue.matches + queue.groups + queue.iterations


def load_queue(site: Site, limit: int, subject: DecisionSubject | None) -> ReviewQueue:
    """Return the pairs that wait, and have the groups and accounts computed if these have changed.

    Args:
        site: The site.
        limit: Largest number of pairs.
        subject: Subject of the pairs; None for all.
    """
    site.clustering.latest()
    site.accounts.latest()
    return _queue(site, limit, subject)


def _queue(site: Site, limit: int, subject: DecisionSubject | None) -> ReviewQueue:
    """Return the pairs that wait by the groups and accounts that are known, which may be those before the last change."""
    groups, accounts = site.clustering.last, site.accounts.last
    return site.case.review_queue(
        limit,
        clustering=groups.value.clustering if groups else None,
        accounts=list(accounts.value.accounts.values()) if accounts else None,
        subject=subject,
        takeovers=accounts.value.takeovers if accounts else (),
    )
