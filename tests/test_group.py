"""Clusters on graphs made by hand: copies join, a shared clip does not, and each says how weakly it hangs together."""

import random
from collections.abc import Sequence
from itertools import combinations

import pytest

from mediafp.matching.clustering import cluster_edges, edge_weight
from mediafp.types.clusters import Cluster, Clustering, Edge
from mediafp.types.matches import Relation
from mediafp.types.media import Kind

WHOLE = (1.0, 0.98)
INTRO = (0.06, 0.05)
"""What a shared intro explains of two long videos."""


def edge(
    a: str, b: str, probability: float = 0.99, coverage: tuple[float, float] = WHOLE, relation: Relation = "same_video"
) -> Edge:
    return Edge(a=a, b=b, relation=relation, probability=probability, coverage=coverage)


def copies(members: str, probability: float = 0.99) -> list[Edge]:
    """Every pair of the members as full copies."""
    return [edge(a, b, probability) for a, b in combinations(members, 2)]


def grouped(names: str, edges: Sequence[Edge], kinds: dict[str, Kind] | None = None) -> Clustering:
    """Assets are single letters, videos unless `kinds` says otherwise."""
    of: dict[str, Kind] = {name: "video" for name in names}
    return cluster_edges(of | (kinds or {}), edges, {name: (f"/dump/{name}",) for name in names})


def members(clustering: Clustering) -> list[str]:
    return ["".join(m.sha256 for m in cluster.members) for cluster in clustering.clusters]


def only(clustering: Clustering) -> Cluster:
    (cluster,) = clustering.clusters
    return cluster


# Who joins ----------------------------------------------------------------------------------------


def test_nothing_makes_no_cluster() -> None:
    assert grouped("", []) == Clustering(clusters=(), unclustered=0)
    assert grouped("abc", []) == Clustering(clusters=(), unclustered=3)


def test_full_copies_cluster_and_the_rest_stand_alone() -> None:
    found = grouped("abcdefgh", [*copies("aceg"), edge("b", "h")])
    assert members(found) == ["aceg", "bh"]
    assert found.unclustered == 2
    assert [c.id for c in found.clusters] == ["c1", "c2"]
    assert only(grouped("xy", [edge("y", "x")])).members[0].uris == ("/dump/x",)


def test_copies_cluster_though_not_every_pair_was_found() -> None:
    found = grouped("abcdef", [e for e in copies("abcdef") if {e.a, e.b} not in ({"a", "f"}, {"b", "e"}, {"c", "d"})])
    assert members(found) == ["abcdef"]


@pytest.mark.parametrize("shared", [INTRO, (0.2, 0.15), (0.4, 0.4)])
def test_a_shared_clip_does_not_join_two_families(shared: tuple[float, float]) -> None:
    across = [edge(a, b, 0.999, shared, "shares_footage") for a in "abc" for b in "xyz"]
    assert members(grouped("abcxyz", [*copies("abc"), *copies("xyz"), *across])) == ["abc", "xyz"]


def test_a_shared_clip_alone_makes_no_cluster() -> None:
    found = grouped("abcd", [edge(a, b, 1.0, INTRO, "shares_footage") for a, b in combinations("abcd", 2)])
    assert found == Clustering(clusters=(), unclustered=4)


def test_an_intro_that_was_taken_in_too_does_not_join_those_that_hold_it() -> None:
    """The intro as an asset of its own lies wholly in every video of both families."""
    held = [edge("i", name, 0.99, (1.0, 0.05), "contained_in") for name in "abcxyz"]
    across = [edge(a, b, 0.99, INTRO, "shares_footage") for a in "abc" for b in "xyz"]
    found = grouped("abcixyz", [*copies("abc"), *copies("xyz"), *held, *across])
    whole = [set(cluster) for cluster in members(found)]
    assert {"a", "b", "c"} in [cluster - {"i"} for cluster in whole]
    assert {"x", "y", "z"} in [cluster - {"i"} for cluster in whole]


def test_a_single_wrong_full_match_does_not_join_two_families() -> None:
    found = grouped("abcdwxyz", [*copies("abcd"), *copies("wxyz"), edge("d", "w", 0.6)])
    assert members(found) == ["abcd", "wxyz"]


def test_pictures_and_videos_are_grouped_apart() -> None:
    kinds: dict[str, Kind] = dict.fromkeys("pqr", "image")
    across = [edge(p, v, 0.99, (1.0, 1.0), "image_in_video") for p in "pqr" for v in "abc"]
    found = grouped("abcpqr", [*copies("abc"), *copies("pqr"), *across], kinds)
    assert sorted((c.kind, "".join(m.sha256 for m in c.members)) for c in found.clusters) == [
        ("image", "pqr"),
        ("video", "abc"),
    ]
    assert all(e.relation != "image_in_video" for c in found.clusters for e in c.edges)
    assert grouped("ap", [across[0]], {"p": "image"}).unclustered == 2


def test_a_collage_does_not_join_the_photographs_in_it() -> None:
    kinds: dict[str, Kind] = dict.fromkeys("abcdw", "image")
    held = [edge("w", name, 1.0, (0.25, 1.0), "copy") for name in "abcd"]
    assert not grouped("abcdw", held, kinds).clusters


def test_the_largest_cluster_comes_first() -> None:
    found = grouped("abcdefghi", [edge("a", "b"), *copies("defg"), *copies("chi")])
    assert members(found) == ["defg", "chi", "ab"]


def test_every_edge_between_members_is_kept_and_no_other() -> None:
    weak = edge("a", "b", 0.7, INTRO, "shares_footage")
    inside = [
        edge("a", "c", 0.9),
        edge("b", "c", 0.95),
        edge("d", "a", 0.97),
        edge("d", "b", 0.98),
        edge("d", "c", 0.99),
    ]
    outside = edge("c", "x", 0.99, INTRO, "shares_footage")
    cluster = only(grouped("abcdx", [weak, *inside, outside]))
    assert set(cluster.edges) == {weak, *inside}
    assert [e.probability for e in cluster.edges] == sorted((e.probability for e in cluster.edges), reverse=True)


# What is said of a cluster ------------------------------------------------------------------------


def test_the_weakest_link_is_that_without_which_the_group_falls_apart() -> None:
    """a-b-c hang together at .95; d hangs on them by its better link, .8; the .55 holds nothing."""
    edges = [edge("a", "b", 0.99), edge("b", "c", 0.95), edge("a", "c", 0.6), edge("c", "d", 0.8), edge("a", "d", 0.55)]
    cluster = only(grouped("abcd", edges))
    assert len(cluster.members) == 4
    assert cluster.weakest_link == 0.8


def test_the_weakest_link_of_a_pair_is_its_edge() -> None:
    assert only(grouped("ab", [edge("a", "b", 0.83)])).weakest_link == 0.83


def test_a_shared_intro_is_no_link_of_the_group() -> None:
    """a hangs on b alone, by .7: that a and c share an intro beyond doubt does not hold it."""
    edges = [edge("a", "b", 0.7), edge("b", "c", 0.95), edge("a", "c", 0.99, INTRO, "shares_footage")]
    cluster = only(grouped("abc", edges))
    assert len(cluster.members) == 3
    assert cluster.weakest_link == 0.7


def test_the_one_that_all_are_copies_of_represents_them() -> None:
    assert (
        only(grouped("abcde", [edge("c", name, 0.95) for name in "abde"] + copies("abde", 0.7))).representative == "c"
    )


@pytest.mark.parametrize("whole", ["a", "b"])
def test_the_whole_represents_the_group_not_a_part_of_it(whole: str) -> None:
    part = "b" if whole == "a" else "a"
    held = edge(part, whole, 0.95, (1.0, 0.7), "contained_in")
    turned = edge(whole, part, 0.95, (0.7, 1.0), "contains")
    for one in (held, turned):
        assert only(grouped("ab", [one])).representative == whole


def test_a_weight_is_the_probability_times_what_is_explained() -> None:
    assert edge_weight(edge("a", "b", 0.8, (1.0, 1.0))) == pytest.approx(0.8)
    assert (
        edge_weight(edge("a", "b", 0.8, (0.5, 1.0)))
        == edge_weight(edge("a", "b", 0.8, (1.0, 0.5)))
        == pytest.approx(0.6)
    )
    assert edge_weight(edge("a", "b", 0.9, (0.25, 1.0), "copy")) == 0.0


# Order --------------------------------------------------------------------------------------------


def test_the_order_and_the_direction_of_the_edges_change_nothing() -> None:
    rng = random.Random(4)
    for _ in range(12):
        names = "abcdefghijklmnop"
        edges = []
        for n, (a, b) in enumerate(combinations(names, 2)):
            kin = ord(a) % 4 == ord(b) % 4
            if rng.random() < (0.8 if kin else 0.15):
                share = (rng.uniform(0.5, 1), rng.uniform(0.5, 1)) if kin else (rng.random(), rng.random())
                edges.append(edge(a, b, round(rng.uniform(0.5, 0.99), 2) + n * 1e-6, share))
        found = grouped(names, edges)
        assert found.clusters and found.unclustered == len(names) - sum(len(c.members) for c in found.clusters)
        for _ in range(3):
            mixed = [
                e if rng.random() < 0.5 else edge(e.b, e.a, e.probability, e.coverage[::-1])
                for e in rng.sample(edges, len(edges))
            ]
            again = grouped("".join(rng.sample(names, len(names))), mixed)
            assert members(again) == members(found) and again.unclustered == found.unclustered
            for mine, theirs in zip(found.clusters, again.clusters, strict=True):
                assert (mine.id, mine.representative, mine.weakest_link) == (
                    theirs.id,
                    theirs.representative,
                    theirs.weakest_link,
                )
                assert [e.probability for e in mine.edges] == [e.probability for e in theirs.edges]


def test_ties_are_broken_the_same_way_in_every_order() -> None:
    ring = [edge(a, b, 0.9, (0.7, 0.7)) for a, b in ("ab", "bc", "cd", "de", "ea")]
    first = grouped("abcde", ring)
    assert first.clusters
    for turn in range(5):
        assert members(grouped("abcde", ring[turn:] + ring[:turn])) == members(first)


def test_a_graph_that_is_hard_to_split_is_split_the_same_way_in_every_order() -> None:
    """Families of 3 to 5, and as many edges between them as within, so that runs of Leiden differ."""
    rng = random.Random(5)
    names = [f"{n:02}" for n in range(40)]
    weak = [edge(*sorted(rng.sample(names, 2)), rng.uniform(0.5, 0.99)) for _ in range(60)]
    kin = [
        edge(a, b, rng.uniform(0.5, 0.99))
        for start in range(0, 40, 4)
        for a, b in combinations(names[start : start + rng.randint(3, 5)], 2)
    ]
    edges = [*weak, *kin]
    kinds: dict[str, Kind] = dict.fromkeys(names, "video")
    uris = {name: (f"/dump/{name}",) for name in names}
    found = cluster_edges(kinds, edges, uris)
    assert len(found.clusters) > 3
    for _ in range(5):
        mixed = dict(rng.sample(sorted(kinds.items()), len(kinds)))
        assert cluster_edges(mixed, rng.sample(edges, len(edges)), uris) == found


def test_two_edges_of_a_pair_add_up_in_either_order() -> None:
    """Two pairs hold together where the edges between them weigh more than 4 * .3: not two of .55, but three."""
    pairs = [edge("a", "b", 0.9, (1.0, 1.0)), edge("c", "d", 0.9, (1.0, 1.0))]
    across = [edge("a", "c", 0.55, (1.0, 1.0)), edge("b", "d", 0.55, (1.0, 1.0))]
    again = edge("c", "a", 0.55, (1.0, 1.0), "contains")
    assert members(grouped("abcd", [*pairs, *across])) == ["ab", "cd"]
    for edges in ([*pairs, *across, again], [again, *across, *pairs]):
        assert set(only(grouped("abcd", edges)).edges) == {*pairs, *across, again}
