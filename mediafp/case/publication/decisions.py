"""The decisions of persons that a publication depends on."""

from collections.abc import Iterable, Mapping

from mediafp.types.publications import Decided


class Decisions:
    """Decisions by the pair that they are about, in either order."""

    def __init__(self, decided: Iterable[Decided]) -> None:
        self._decisions: Mapping[tuple[str, str, str], str] = {
            (one.subject, min(one.a, one.b), max(one.a, one.b)): one.decision for one in decided
        }

    def is_rejected(self, a: str, b: str) -> bool:
        """Return True if a person rejected the match of two assets."""
        return self._decision("match", a, b) == "reject"

    def is_confirmed(self, a: str, b: str) -> bool:
        """Return True if a person confirmed the match of two assets."""
        return self._decision("match", a, b) == "confirm"

    def is_line_rejected(self, a: str, b: str) -> bool:
        """Return True if a person rejected that an account follows another one."""
        return self._decision("iteration", a, b) == "reject"

    def _decision(self, subject: str, a: str, b: str) -> str | None:
        return self._decisions.get((subject, min(a, b), max(a, b)))
