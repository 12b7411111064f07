"""Clusters on graphs made by hand: copies join, a shared clip does not; representative and weakest link."""

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
"""Coverage of two long videos by a shared intro."""


def edge(
    a: str, b: str, probability: float = 0.99, coverage: tuple[float, float] = WHOLE, relation: Relation = "same_video"
) -> Edge:
    return Edge(a=a, b=b, relation=relation, probability=probability, coverage=coverage)


def copies(members: str, probability: float = 0.99) -> list[Edge]:
    """Every pair of the members as full copies."""
    return [edge(a, b, probability) for a, b in combinations(members, 2)]


def cluster(names: str, edges: Sequence[Edge], kinds: dict[str, Kind] | None = None) -> Clustering:
    """The clustering of assets with one-letter names, videos unless `kinds` states another kind."""
    all_kinds: dict[str, Kind] = {name: "video" for name in names}
    return cluster_edges(all_kinds | (kinds or {}), edges, {name: (f"/folder/{name}",) for name in names})


def members(clustering: Clustering) -> list[str]:
    return ["".join(m.sha256 for m in cluster.members) for cluster in clustering.clusters]


def only_cluster(clustering: Clustering) -> Cluster:
    (only,) = clustering.clusters
    return only


# Members ------------------------------------------------------------------------------------------


def test_assets_without_edges_are_unclustered() -> None:
    assert cluster("", []) == Clustering(clusters=(), unclustered=0)
    assert cluster("abc", []) == Clustering(clusters=(), unclustered=3)


def test_full_copies_cluster_and_the_rest_are_unclustered() -> None:
    clustering = cluster("abcdefgh", [*copies("aceg"), edge("b", "h")])
    assert members(clustering) == ["aceg", "bh"]
    assert clustering.unclustered == 2
    assert [c.id for c in clustering.clusters] == ["c1", "c2"]
    assert only_cluster(cluster("xy", [edge("y", "x")])).members[0].uris == ("/folder/x",)


def test_copies_cluster_if_some_pairs_are_missing() -> None:
    clustering = cluster(
        "abcdef", [e for e in copies("abcdef") if {e.a, e.b} not in ({"a", "f"}, {"b", "e"}, {"c", "d"})]
    )
    assert members(clustering) == ["abcdef"]


@pytest.mark.parametrize("shared", [INTRO, (0.2, 0.15), (0.4, 0.4)])
def test_shared_clip_does_not_join_two_families(shared: tuple[float, float]) -> None:
    across = [edge(a, b, 0.999, shared, "shares_footage") for a in "abc" for b in "xyz"]
    assert members(cluster("abcxyz", [*copies("abc"), *copies("xyz"), *across])) == ["abc", "xyz"]


def test_shared_clip_alone_makes_no_cluster() -> None:
    clustering = cluster("abcd", [edge(a, b, 1.0, INTRO, "shares_footage") for a, b in combinations("abcd", 2)])
    assert clustering == Clustering(clusters=(), unclustered=4)


def test_ingested_intro_does_not_join_the_videos_that_contain_it() -> None:
    """The intro is an asset of its own, and contained in every video of both families."""
    contained = [edge("i", name, 0.99, (1.0, 0.05), "contained_in") for name in "abcxyz"]
    across = [edge(a, b, 0.99, INTRO, "shares_footage") for a in "abc" for b in "xyz"]
    clustering = cluster("abcixyz", [*copies("abc"), *copies("xyz"), *contained, *across])
    groups = [set(names) - {"i"} for names in members(clustering)]
    assert {"a", "b", "c"} in groups
    assert {"x", "y", "z"} in groups


def test_single_wrong_match_does_not_join_two_families() -> None:
    clustering = cluster("abcdwxyz", [*copies("abcd"), *copies("wxyz"), edge("d", "w", 0.6)])
    assert members(clustering) == ["abcd", "wxyz"]


def test_images_and_videos_are_clustered_separately() -> None:
    kinds: dict[str, Kind] = dict.fromkeys("pqr", "image")
    across = [edge(p, v, 0.99, (1.0, 1.0), "image_in_video") for p in "pqr" for v in "abc"]
    clustering = cluster("abcpqr", [*copies("abc"), *copies("pqr"), *across], kinds)
    assert sorted((c.kind, "".join(m.sha256 for m in c.members)) for c in clustering.clusters) == [
        ("image", "pqr"),
        ("video", "abc"),
    ]
    assert all(e.relation != "image_in_video" for c in clustering.clusters for e in c.edges)
    assert cluster("ap", [across[0]], {"p": "image"}).unclustered == 2


def test_collage_does_not_join_the_photographs_in_it() -> None:
    kinds: dict[str, Kind] = dict.fromkeys("abcdw", "image")
    contained = [edge("w", name, 1.0, (0.25, 1.0), "copy") for name in "abcd"]
    assert not cluster("abcdw", contained, kinds).clusters


def test_largest_cluster_comes_first() -> None:
    clustering = cluster("abcdefghi", [edge("a", "b"), *copies("defg"), *copies("chi")])
    assert members(clustering) == ["defg", "chi", "ab"]


def test_cluster_has_every_edge_between_its_members_and_no_other() -> None:
    weak = edge("a", "b", 0.7, INTRO, "shares_footage")
    inside = [
        edge("a", "c", 0.9),
        edge("b", "c", 0.95),
        edge("d", "a", 0.97),
        edge("d", "b", 0.98),
        edge("d", "c", 0.99),
    ]
    outside = edge("c", "x", 0.99, INTRO, "shares_footage")
    group = only_cluster(cluster("abcdx", [weak, *inside, outside]))
    assert set(group.edges) == {weak, *inside}
    assert [e.probability for e in group.edges] == sorted((e.probability for e in group.edges), reverse=True)


# Representative and weakest link -------------------------------------------------------------------


def test_weakest_link_is_that_of_the_maximum_spanning_tree() -> None:
    """a-b-c are connected at .95, and d by its better edge, .8; the edge of .55 is not in the tree."""
    edges = [edge("a", "b", 0.99), edge("b", "c", 0.95), edge("a", "c", 0.6), edge("c", "d", 0.8), edge("a", "d", 0.55)]
    group = only_cluster(cluster("abcd", edges))
    assert len(group.members) == 4
    assert group.weakest_link == 0.8


def test_weakest_link_of_a_pair_is_its_edge() -> None:
    assert only_cluster(cluster("ab", [edge("a", "b", 0.83)])).weakest_link == 0.83


def test_weakest_link_ignores_a_shared_intro() -> None:
    """a is connected to b alone, by .7: the certain edge of a and c is a shared intro."""
    edges = [edge("a", "b", 0.7), edge("b", "c", 0.95), edge("a", "c", 0.99, INTRO, "shares_footage")]
    group = only_cluster(cluster("abc", edges))
    assert len(group.members) == 3
    assert group.weakest_link == 0.7


def test_representative_has_the_strongest_edges() -> None:
    assert (
        only_cluster(cluster("abcde", [edge("c", name, 0.95) for name in "abde"] + copies("abde", 0.7))).representative
        == "c"
    )


@pytest.mark.parametrize("whole", ["a", "b"])
def test_representative_is_the_whole_and_not_a_part_of_it(whole: str) -> None:
    part = "b" if whole == "a" else "a"
    contained = edge(part, whole, 0.95, (1.0, 0.7), "contained_in")
    containing = edge(whole, part, 0.95, (0.7, 1.0), "contains")
    for relation in (contained, containing):
        assert only_cluster(cluster("ab", [relation])).representative == whole


def test_edge_weight_is_probability_times_mean_coverage() -> None:
    assert edge_weight(edge("a", "b", 0.8, (1.0, 1.0))) == pytest.approx(0.8)
    assert (
        edge_weight(edge("a", "b", 0.8, (0.5, 1.0)))
        == edge_weight(edge("a", "b", 0.8, (1.0, 0.5)))
        == pytest.approx(0.6)
    )
    assert edge_weight(edge("a", "b", 0.9, (0.25, 1.0), "copy")) == 0.0


# Order --------------------------------------------------------------------------------------------


def test_order_and_direction_of_edges_change_nothing() -> None:
    rng = random.Random(4)
    for _ in range(12):
        names = "abcdefghijklmnop"
        edges = []
        for n, (a, b) in enumerate(combinations(names, 2)):
            kin = ord(a) % 4 == ord(b) % 4
            if rng.random() < (0.8 if kin else 0.15):
                share = (rng.uniform(0.5, 1), rng.uniform(0.5, 1)) if kin else (rng.random(), rng.random())
                edges.append(edge(a, b, round(rng.uniform(0.5, 0.99), 2) + n * 1e-6, share))
        clustering = cluster(names, edges)
        assert clustering.clusters and clustering.unclustered == len(names) - sum(
            len(c.members) for c in clustering.clusters
        )
        for _ in range(3):
            mixed = [
                e if rng.random() < 0.5 else edge(e.b, e.a, e.probability, e.coverage[::-1])
                for e in rng.sample(edges, len(edges))
            ]
            again = cluster("".join(rng.sample(names, len(names))), mixed)
            assert members(again) == members(clustering) and again.unclustered == clustering.unclustered
            for a, b in zip(clustering.clusters, again.clusters, strict=True):
                assert (a.id, a.representative, a.weakest_link) == (b.id, b.representative, b.weakest_link)
                assert [e.probability for e in a.edges] == [e.probability for e in b.edges]


def test_ties_are_broken_equally_in_every_order() -> None:
    ring = [edge(a, b, 0.9, (0.7, 0.7)) for a, b in ("ab", "bc", "cd", "de", "ea")]
    first = cluster("abcde", ring)
    assert first.clusters
    for turn in range(5):
        assert members(cluster("abcde", ring[turn:] + ring[:turn])) == members(first)


def test_graph_that_is_hard_to_split_is_split_equally_in_every_order() -> None:
    """Families of 3 to 5 with as many edges between them as inside, so that runs of Leiden differ."""
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
    uris = {name: (f"/folder/{name}",) for name in names}
    clustering = cluster_edges(kinds, edges, uris)
    assert len(clustering.clusters) > 3
    for _ in range(5):
        mixed = dict(rng.sample(sorted(kinds.items()), len(kinds)))
        assert cluster_edges(mixed, rng.sample(edges, len(edges)), uris) == clustering


def test_two_edges_of_a_pair_add_up_in_either_order() -> None:
    """Two pairs hold together where the edges between them weigh more than 4 * .3: not two of .55, but three."""
    pairs = [edge("a", "b", 0.9, (1.0, 1.0)), edge("c", "d", 0.9, (1.0, 1.0))]
    across = [edge("a", "c", 0.55, (1.0, 1.0)), edge("b", "d", 0.55, (1.0, 1.0))]
    again = edge("c", "a", 0.55, (1.0, 1.0), "contains")
    assert members(cluster("abcd", [*pairs, *across])) == ["ab", "cd"]
    for edges in ([*pairs, *across, again], [again, *across, *pairs]):
        assert set(only_cluster(cluster("abcd", edges)).edges) == {*pairs, *across, again}
