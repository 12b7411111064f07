"""Choices among groups: facets with the number of groups that each choice leads to, and orders."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from mediafp.types.groups import GroupSummary
from mediafp.types.instants import time_key

type Facet = Literal["shares", "kind", "platform", "removed", "weakest", "grown"]
type Chosen = Mapping[Facet, tuple[str, ...]]
"""Values that a group must have, by facet."""
type Sort = Literal["largest", "grown", "oldest", "weakest"]
FACETS: Final[tuple[Facet, ...]] = ("shares", "kind", "platform", "removed", "weakest", "grown")
SEVERAL: Final[frozenset[Facet]] = frozenset(("shares", "platform"))
"""Facets of which several values may be chosen, all of which a group must have."""
ORDERED: Final[Mapping[Facet, tuple[str, ...]]] = {
    "shares": ("picture", "voice", "script"),
    "kind": ("video", "image"),
    "removed": ("some", "all", "none"),
    "weakest": ("below-70", "70-90", "above-90"),
    "grown": ("grown", "new"),
}
"""Values of a facet in the order in which they are shown; those of other facets are ordered by their number."""
WEAKEST_BOUNDS: Final = (0.7, 0.9)
"""Probabilities of the weakest link that part the groups: below the first one a person should look. Chosen, not measured."""
NEW_DAYS: Final = 7
"""Days for which a member counts as new. Chosen, not measured."""
MAX_CHOICES: Final = 12
"""Values of a facet that are listed, the chosen and the most frequent ones: platforms may be more. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value of a facet."""

    value: str
    count: int
    """Groups that are listed once it is chosen; of a value that is chosen, those that are listed now."""
    is_chosen: bool
    values: tuple[str, ...]
    """Values of the facet after it was clicked: a chosen one is given up."""


class GroupFacets:
    """The facets of all groups of a case, made once for all requests."""

    def __init__(self, groups: Sequence[GroupSummary]) -> None:
        self.groups = groups
        self.since = (datetime.now(UTC) - timedelta(days=NEW_DAYS)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._values: list[dict[Facet, frozenset[str]]] = [self._read(group) for group in groups]

    def choose(self, chosen: Chosen) -> list[GroupSummary]:
        """Return the groups that have all chosen values."""
        return [
            group
            for group, values in zip(self.groups, self._values, strict=True)
            if all(values[facet].issuperset(wanted) for facet, wanted in chosen.items())
        ]

    def choices(self, chosen: Chosen) -> dict[Facet, list[Choice]]:
        """Return the choices of each facet, each with the number of groups that it leads to."""
        return {facet: self._choices(facet, chosen) for facet in FACETS}

    def count_grown(self) -> Counter[str]:
        """Return the numbers of groups that grew, and of those that are new."""
        return Counter(value for values in self._values for value in values["grown"])

    def _choices(self, facet: Facet, chosen: Chosen) -> list[Choice]:
        own = chosen.get(facet, ())
        # Another value of a facet with one value takes the place of the chosen one.
        wanted = {name: values for name, values in chosen.items() if name != facet or facet in SEVERAL}
        counts: Counter[str] = Counter()
        for values in self._values:
            if all(values[name].issuperset(others) for name, others in wanted.items()):
                counts.update(values[facet])
        shown = {value for value, count in counts.items() if count} | set(own)
        order = ORDERED.get(facet)
        if order:
            names = [value for value in order if value in shown]
        else:
            names = sorted(shown, key=lambda value: (value not in own, -counts[value], value))
        return [self._choice(facet, value, counts[value], own) for value in names]

    def _choice(self, facet: Facet, value: str, count: int, own: tuple[str, ...]) -> Choice:
        if value in own:
            return Choice(
                value=value, count=count, is_chosen=True, values=tuple(other for other in own if other != value)
            )
        values = (*own, value) if facet in SEVERAL else (value,)
        return Choice(value=value, count=count, is_chosen=False, values=values)

    def _read(self, group: GroupSummary) -> dict[Facet, frozenset[str]]:
        low, high = WEAKEST_BOUNDS
        band = "below-70" if group.weakest_link < low else "70-90" if group.weakest_link < high else "above-90"
        removed = {"some"} if group.removed or group.partly_removed else {"none"}
        if group.removed == len(group.members):
            removed.add("all")
        is_new, has_grown = group.first_added_at >= self.since, group.last_added_at >= self.since
        return {
            "shares": frozenset(group.channels),
            "kind": frozenset((group.kind,)),
            "platform": frozenset(group.platforms),
            "removed": frozenset(removed),
            "weakest": frozenset((band,)),
            "grown": frozenset(("new",) if is_new else ("grown",) if has_grown else ()),
        }


def _largest(group: GroupSummary) -> tuple[object, ...]:
    return -len(group.members), int(group.id[1:])


def _latest_first(time: str) -> tuple[int, ...]:
    return tuple(-ord(character) for character in time)


SORTS: Final[Mapping[Sort, Callable[[GroupSummary], tuple[object, ...]]]] = {
    "largest": _largest,
    "grown": lambda group: (_latest_first(group.last_added_at), *_largest(group)),
    "oldest": lambda group: (group.first_at is None, time_key(group.first_at or ""), *_largest(group)),
    "weakest": lambda group: (group.weakest_link, *_largest(group)),
}
"""Sort keys of the orders; no two groups have the same one."""
