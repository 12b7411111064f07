"""The decisions of persons that a publication depends on."""

from collections.abc import Iterable

from mediafp.types.decisions import Decision


class Decisions:
    """Decisions of a case: what they confirm, and who made them."""

    def __init__(self, decided: Iterable[Decision]) -> None:
        self._confirmed: dict[str, set[str]] = {}
        """Assets that are in one group with each asset."""
        self._same: set[tuple[str, str]] = set()
        self.persons: set[str] = set()
        """Names of those who decided."""
        for one in decided:
            self.persons |= {one.decided_by} if one.decided_by else set()
            if one.decision == "confirm" and one.subject in ("match", "group"):
                self._confirmed.setdefault(one.a, set()).add(one.b)
                self._confirmed.setdefault(one.b, set()).add(one.a)
                if one.subject == "match":
                    self._same.add((one.a, one.b))

    def is_confirmed(self, a: str, b: str) -> bool:
        """Return True if a person confirmed the match of two assets."""
        return (min(a, b), max(a, b)) in self._same

    def joined_with(self, sha256: str) -> set[str]:
        """Return the assets that a person put into one group with an asset, or confirmed to be the same."""
        return self._confirmed.get(sha256, set())

    def is_decision(self, reason: str) -> bool:
        """Return True if a reason for a match is the decision of a person, whom it names."""
        return any(f" by {person} on " in reason for person in self.persons)
