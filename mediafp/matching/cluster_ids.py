"""Numbers of clusters that persist as files are added: a cluster that keeps most of its members keeps its number."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClusterNumber:
    """Number of a cluster, and the earlier numbers of its members."""

    number: int
    was: tuple[int, ...]
    """Earlier numbers of the members, ascending; empty if no member had another number than this one."""


def number_clusters(
    communities: Sequence[Sequence[str]], previous: Mapping[str, int], next_number: int
) -> list[ClusterNumber]:
    """Return the number of each community; the result does not depend on the order of the communities.

    A number goes to the community that has most of its earlier members. Of several numbers, the community takes that of most
    of its members, and the others end. Ties go to the larger community or earlier cluster, then to the smallest SHA-256
    among the members in question. Communities without an earlier number get new ones, the largest community first.

    Args:
        communities: SHA-256 of the members of each community; no asset is in two.
        previous: Earlier number of each asset that was in a cluster.
        next_number: Lowest number that no cluster ever had.
    """
    earlier_sizes = Counter(previous.values())
    claims: dict[int, list[tuple[int, int, str, int]]] = defaultdict(list)
    for place, members in enumerate(communities):
        shared: dict[int, list[str]] = defaultdict(list)
        for member in members:
            if member in previous:
                shared[previous[member]].append(member)
        for number, kept in shared.items():
            claims[number].append((-len(kept), -len(members), min(kept), place))
    offers: dict[int, list[tuple[int, int, str, int]]] = defaultdict(list)
    earlier: dict[int, set[int]] = defaultdict(set)
    for number, parts in claims.items():
        kept_count, _, smallest, heir = min(parts)
        offers[heir].append((kept_count, -earlier_sizes[number], smallest, number))
        for *_, place in parts:
            earlier[place].add(number)
    numbers = {place: min(candidates)[-1] for place, candidates in offers.items()}
    new = (place for place in range(len(communities)) if place not in numbers)
    for place in sorted(new, key=lambda place: (-len(communities[place]), min(communities[place]))):
        numbers[place] = next_number
        next_number += 1
    return [
        ClusterNumber(numbers[place], tuple(sorted(earlier[place])) if earlier[place] - {numbers[place]} else ())
        for place in range(len(communities))
    ]
