"""The decisions of persons that a publication depends on."""

from collections.abc import Iterable, Mapping

from mediafp.types.publications import Decided


class Decisions:
    """Decisions by the pair that they are about, in either order."""

    def __init__(self, decided: Iterable[Decided]) -> None:
        decided = list(decided)
        self._decisions: Mapping[tuple[str, str, str], str] = {
            (one.subject, min(one.a, one.b), max(one.a, one.b)): one.decision for one in decided
        }
        self.persons = frozenset(one.decided_by for one in decided if one.decided_by)
        """Names of those who decided."""

    def is_rejected(self, a: str, b: str) -> bool:
        """Return True if a person rejected the match of two assets."""
        return self._decision("match", a, b) == "reject"

    def is_confirmed(self, a: str, b: str) -> bool:
        """Return True if a person confirmed the match of two assets."""
        return self._decision("match", a, b) == "confirm"

    def joined_with(self, sha256: str) -> set[str]:
        """Return the assets that a person put into one group with an asset, or confirmed to be the same."""
        pairs = [
            (a, b)
            for (subject, a, b), decision in self._decisions.items()
            if subject in ("group", "match") and decision == "confirm"
        ]
        return {b if a == sha256 else a for a, b in pairs if sha256 in (a, b)}

    def is_line_rejected(self, a: str, b: str) -> bool:
        """Return True if a person rejected that an account follows another one."""
        return self._decision("iteration", a, b) == "reject"

    def is_decision(self, reason: str) -> bool:
        """Return True if a reason for a match is the decision of a person, whom it names."""
        return any(f" by {person} on " in reason for person in self.persons)

    def _decision(self, subject: str, a: str, b: str) -> str | None:
        return self._decisions.get((subject, min(a, b), max(a, b)))
