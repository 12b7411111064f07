"""Facets of a list: values to filter by, with the number of items that each would show."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Values = Callable[[Any], Collection[str]]
"""Function that returns the values of one facet that an item has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value of a facet."""

    value: str
    count: int
    """Items that have it and that the other facets let through."""
    is_chosen: bool


def filter_items[Item](
    items: Iterable[Item], facets: Mapping[str, Values], chosen: Mapping[str, Collection[str]]
) -> list[Item]:
    """Return the items that have one of the chosen values of each facet; a facet without a chosen value lets all through."""
    return [item for item in items if all(_passes(item, facets[name], chosen.get(name, ())) for name in facets)]


def count_choices[Item](
    items: Sequence[Item], facets: Mapping[str, Values], chosen: Mapping[str, Collection[str]], *, most: int = 12
) -> dict[str, tuple[list[Choice], int]]:
    """Return the choices of each facet, and the number of its other values.

    They are the most frequent ones, up to a number, and all that are chosen.
    """
    choices: dict[str, tuple[list[Choice], int]] = {}
    for name, values in facets.items():
        others = {other: facets[other] for other in facets if other != name}
        counts = Counter(value for item in filter_items(items, others, chosen) for value in values(item))
        selected = set(chosen.get(name, ()))
        shown = sorted(counts | dict.fromkeys(selected - counts.keys(), 0), key=lambda value: (-counts[value], value))
        listed = [
            Choice(value=value, count=counts[value], is_chosen=value in selected)
            for number, value in enumerate(shown)
            if number < most or value in selected
        ]
        choices[name] = listed, len(shown) - len(listed)
    return choices


def _passes(item: object, values: Values, chosen: Collection[str]) -> bool:
    return not chosen or any(value in chosen for value in values(item))
