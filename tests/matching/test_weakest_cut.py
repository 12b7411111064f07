"""The weakest link of a cluster, and what falls off there."""

import random
from itertools import combinations, pairwise

import pytest

from mediafp.matching.weakest_cut import find_lowest, find_weakest_cut
from mediafp.types.clusters import Edge
from mediafp.types.matches import Relation


def edge(a: str, b: str, probability: float, relation: Relation = "same_video", coverage: float = 0.9) -> Edge:
    return Edge(a=a, b=b, relation=relation, probability=probability, coverage=(coverage, coverage))


def are_connected(members: str, edges: list[Edge]) -> bool:
    reached = {members[0]}
    while new := {other for one in edges for other in (one.a, one.b) if {one.a, one.b} & reached} - reached:
        reached |= new
    return reached == set(members)


@pytest.mark.parametrize("seed", range(8))
def test_the_weakest_link_is_the_least_probability_whose_removal_parts_the_group(seed: int) -> None:
    rng = random.Random(seed)
    members = "abcdefgh"
    edges = [edge(a, b, rng.randint(500, 999) / 1000) for a, b in combinations(members, 2) if rng.random() < 0.6]
    edges += [edge(a, b, 0.5) for a, b in pairwise(members)]
    cut = find_weakest_cut(list(members), edges)
    assert cut
    assert are_connected(members, [one for one in edges if one.probability >= cut.edge.probability])
    assert not are_connected(members, [one for one in edges if one.probability > cut.edge.probability])
    large, small = map(set, cut.parts)
    assert large | small == set(members) and not large & small and len(large) >= len(small)
    between = [one for one in edges if (one.a in large) != (one.b in large)]
    assert len(between) == cut.between and max(one.probability for one in between) == cut.edge.probability


def test_a_link_that_joins_no_cluster_is_the_weakest_of_none() -> None:
    edges = [
        edge("a", "b", 0.9),
        edge("b", "c", 0.8),
        edge("a", "c", 0.6, "shares_footage"),
        edge("a", "c", 0.5, coverage=0.2),
    ]
    cut = find_weakest_cut(["a", "b", "c"], edges)
    assert cut and cut.edge is edges[1] and cut.parts == (("a", "b"), ("c",))


def test_members_that_persons_joined_do_not_fall_apart() -> None:
    edges = [edge("a", "b", 0.9), edge("c", "d", 0.7)]
    cut = find_weakest_cut(list("abcd"), edges, [("b", "c")])
    assert cut and cut.edge is edges[1] and cut.parts == (("a", "b", "c"), ("d",))
    assert find_weakest_cut(["a", "b"], [], [("a", "b")]) is None


def test_the_lowest_probability_of_a_channel_is_that_of_its_strongest_paths() -> None:
    assert find_lowest(["a", "b", "c"], [edge("a", "b", 0.9), edge("b", "c", 0.8), edge("a", "c", 0.3)]) == 0.8
    assert find_lowest(["a"], []) is None
