"""Clusters of small graphs: copies join, a shared clip does not, and the weakest link is reported."""

import random
from collections.abc import Sequence
from itertools import combinations

import pytest

from mediafp.matching import edge_columns
from mediafp.matching.clustering import EdgeKey, cluster_edges
from mediafp.matching.edge_columns import EdgeRow, read_edge_rows
from mediafp.types.clusters import Cluster, Clustering, Edge
from mediafp.types.matches import Relation, Segment
from mediafp.types.media import Kind

FULL_COVERAGE = (1.0, 0.98)
INTRO_COVERAGE = (0.06, 0.05)
"""Coverage of a shared intro in two long videos."""


def edge(
    a: str,
    b: str,
    probability: float = 0.99,
    coverage: tuple[float, float] = FULL_COVERAGE,
    relation: Relation = "same_video",
) -> Edge:
    return Edge(a=a, b=b, relation=relation, probability=probability, coverage=coverage)


def copy_edges(members: str, probability: float = 0.99) -> list[Edge]:
    """Return an edge of full coverage for every pair of members."""
    return [edge(a, b, probability) for a, b in combinations(members, 2)]


def cluster(names: str, edges: Sequence[Edge], kinds: dict[str, Kind] | None = None) -> Clustering:
    """Cluster assets that are named by single letters; they are videos unless `kinds` names another kind."""
    videos: dict[str, Kind] = dict.fromkeys(names, "video")
    return cluster_assets(videos | (kinds or {}), edges)


def cluster_assets(kinds: dict[str, Kind], edges: Sequence[Edge], previous: dict[str, int] | None = None) -> Clustering:
    segments = {(e.a, e.b, e.relation): e.segments for e in edges}
    return cluster_edges(
        kinds,
        ((e.a, e.b, e.relation, e.probability, *e.coverage) for e in edges),
        {name: (f"/folder/{name}",) for name in kinds},
        load_segments=lambda keys: [segments[key] for key in keys],
        load_shared=lambda name: [],
        previous=previous or {},
        next_number=max((previous or {"": 0}).values()) + 1,
    )


def member_names(clustering: Clustering) -> list[str]:
    return ["".join(member.sha256 for member in cluster.members) for cluster in clustering.clusters]


def only_cluster(clustering: Clustering) -> Cluster:
    (single,) = clustering.clusters
    return single


# Membership ---------------------------------------------------------------------------------------


def test_cluster_edges_returns_no_cluster_without_edges() -> None:
    assert cluster("", []) == Clustering(clusters=(), unclustered=0)
    assert cluster("abc", []) == Clustering(clusters=(), unclustered=3)


def test_cluster_edges_joins_full_copies_and_leaves_the_rest_unclustered() -> None:
    clustering = cluster("abcdefgh", [*copy_edges("aceg"), edge("b", "h")])
    assert member_names(clustering) == ["aceg", "bh"]
    assert clustering.unclustered == 2
    assert [c.id for c in clustering.clusters] == ["c1", "c2"]
    assert only_cluster(cluster("xy", [edge("y", "x")])).members[0].uris == ("/folder/x",)


def test_cluster_edges_joins_copies_if_some_pairs_are_missing() -> None:
    missing = ({"a", "f"}, {"b", "e"}, {"c", "d"})
    clustering = cluster("abcdef", [e for e in copy_edges("abcdef") if {e.a, e.b} not in missing])
    assert member_names(clustering) == ["abcdef"]


@pytest.mark.parametrize("coverage", [INTRO_COVERAGE, (0.2, 0.15), (0.4, 0.4)])
def test_cluster_edges_does_not_join_two_clusters_that_share_a_clip(coverage: tuple[float, float]) -> None:
    between = [edge(a, b, 0.999, coverage, "shares_footage") for a in "abc" for b in "xyz"]
    assert member_names(cluster("abcxyz", [*copy_edges("abc"), *copy_edges("xyz"), *between])) == ["abc", "xyz"]


def test_cluster_edges_returns_no_cluster_for_a_shared_clip_alone() -> None:
    clustering = cluster(
        "abcd", [edge(a, b, 1.0, INTRO_COVERAGE, "shares_footage") for a, b in combinations("abcd", 2)]
    )
    assert clustering == Clustering(clusters=(), unclustered=4)


def test_cluster_edges_does_not_join_two_clusters_through_an_intro_that_is_an_asset_itself() -> None:
    """Every video of both clusters contains the whole intro."""
    contained = [edge("i", name, 0.99, (1.0, 0.05), "contained_in") for name in "abcxyz"]
    between = [edge(a, b, 0.99, INTRO_COVERAGE, "shares_footage") for a in "abc" for b in "xyz"]
    clustering = cluster("abcixyz", [*copy_edges("abc"), *copy_edges("xyz"), *contained, *between])
    without_intro = [set(names) - {"i"} for names in member_names(clustering)]
    assert {"a", "b", "c"} in without_intro
    assert {"x", "y", "z"} in without_intro


def test_cluster_edges_does_not_join_two_clusters_through_a_single_wrong_match() -> None:
    clustering = cluster("abcdwxyz", [*copy_edges("abcd"), *copy_edges("wxyz"), edge("d", "w", 0.6)])
    assert member_names(clustering) == ["abcd", "wxyz"]


def test_a_lone_whole_copy_joins_the_cluster_of_the_one_that_shows_it_whole() -> None:
    """One edge of four is too little for a community, as with a slow zoom that aligns with its original alone."""
    edges = copy_edges("abcd")
    assert member_names(cluster("abcde", [*edges, edge("a", "e")])) == ["abcde"]
    for other in (
        edge("a", "e", coverage=(1.0, 0.94)),
        edge("a", "e", probability=0.98),
        edge("a", "e", relation="contains"),
    ):
        assert member_names(cluster("abcde", [*edges, other])) == ["abcd"]
    # Two communities stay apart, whatever one edge states.
    assert member_names(cluster("abcdefgh", [*edges, *copy_edges("efgh"), edge("a", "e")])) == ["abcd", "efgh"]
    images: dict[str, Kind] = dict.fromkeys("abcde", "image")
    copies = [edge(one.a, one.b, relation="copy") for one in (*edges, edge("a", "e"))]
    assert member_names(cluster("", copies, images)) == ["abcd"]


def test_cluster_edges_clusters_images_and_videos_separately() -> None:
    kinds: dict[str, Kind] = dict.fromkeys("pqr", "image")
    between = [edge(image, video, 0.99, (1.0, 1.0), "image_in_video") for image in "pqr" for video in "abc"]
    clustering = cluster("abcpqr", [*copy_edges("abc"), *copy_edges("pqr"), *between], kinds)
    assert sorted((c.kind, "".join(m.sha256 for m in c.members)) for c in clustering.clusters) == [
        ("image", "pqr"),
        ("video", "abc"),
    ]
    assert all(e.relation != "image_in_video" for c in clustering.clusters for e in c.edges)
    assert cluster("ap", [between[0]], {"p": "image"}).unclustered == 2


def test_cluster_edges_does_not_join_the_photographs_of_a_collage() -> None:
    kinds: dict[str, Kind] = dict.fromkeys("abcdw", "image")
    contained = [edge("w", name, 1.0, (0.25, 1.0), "copy") for name in "abcd"]
    assert not cluster("abcdw", contained, kinds).clusters


def test_cluster_edges_returns_the_largest_cluster_first() -> None:
    clustering = cluster("abcdefghi", [edge("a", "b"), *copy_edges("defg"), *copy_edges("chi")])
    assert member_names(clustering) == ["defg", "chi", "ab"]


def test_cluster_keeps_every_edge_between_its_members_and_no_other() -> None:
    weak = edge("a", "b", 0.7, INTRO_COVERAGE, "shares_footage")
    inside = [
        edge("a", "c", 0.9),
        edge("b", "c", 0.95),
        edge("d", "a", 0.97),
        edge("d", "b", 0.98),
        edge("d", "c", 0.99),
    ]
    outside = edge("c", "x", 0.99, INTRO_COVERAGE, "shares_footage")
    abcd = only_cluster(cluster("abcdx", [weak, *inside, outside]))
    assert set(abcd.edges) == {weak, *inside}
    assert [e.probability for e in abcd.edges] == sorted((e.probability for e in abcd.edges), reverse=True)


# Weakest link, representative, weights ------------------------------------------------------------


def test_weakest_link_is_the_lowest_edge_of_the_maximum_spanning_tree() -> None:
    """The tree joins a, b and c at .99 and .95, and d by the better of its edges, .8; the edge of .55 is redundant."""
    edges = [edge("a", "b", 0.99), edge("b", "c", 0.95), edge("a", "c", 0.6), edge("c", "d", 0.8), edge("a", "d", 0.55)]
    abcd = only_cluster(cluster("abcd", edges))
    assert len(abcd.members) == 4
    assert abcd.weakest_link == 0.8


def test_weakest_link_of_a_pair_is_the_probability_of_its_edge() -> None:
    assert only_cluster(cluster("ab", [edge("a", "b", 0.83)])).weakest_link == 0.83


def test_weakest_link_ignores_edges_without_weight() -> None:
    """Only the edge of .7 joins a to the others: the certain edge between a and c is a shared intro."""
    edges = [edge("a", "b", 0.7), edge("b", "c", 0.95), edge("a", "c", 0.99, INTRO_COVERAGE, "shares_footage")]
    abc = only_cluster(cluster("abc", edges))
    assert len(abc.members) == 3
    assert abc.weakest_link == 0.7


def test_representative_is_the_member_with_the_strongest_edges() -> None:
    edges = [edge("c", name, 0.95) for name in "abde"] + copy_edges("abde", 0.7)
    assert only_cluster(cluster("abcde", edges)).representative == "c"


@pytest.mark.parametrize("whole", ["a", "b"])
def test_representative_of_a_pair_is_the_asset_that_contains_the_other(whole: str) -> None:
    part = "b" if whole == "a" else "a"
    contained = edge(part, whole, 0.95, (1.0, 0.7), "contained_in")
    contains = edge(whole, part, 0.95, (0.7, 1.0), "contains")
    for single in (contained, contains):
        assert only_cluster(cluster("ab", [single])).representative == whole


@pytest.mark.parametrize(
    "coverage, relation, weight",
    [
        ((1.0, 1.0), "copy", 0.8),
        ((0.5, 1.0), "copy", 0.6),
        ((1.0, 0.5), "copy", 0.6),
        ((0.25, 1.0), "copy", 0.0),
        ((1.0, 1.0), "same_script", 0.0),
        ((1.0, 1.0), "same_voice", 0.0),
    ],
)
def test_the_weight_of_an_edge_is_its_probability_times_its_mean_coverage(
    coverage: tuple[float, float], relation: Relation, weight: float
) -> None:
    columns = read_edge_rows([("a", "b", relation, 0.8, *coverage)], {"a": "image", "b": "image"})
    assert columns.weights.tolist() == pytest.approx([weight])


def test_the_same_sound_joins_audio_files_alone() -> None:
    columns = read_edge_rows(
        [("a", "b", "same_voice", 0.9, 1.0, 1.0), ("a", "c", "same_voice", 0.9, 1.0, 1.0)],
        dict.fromkeys("abc", "video"),
        audio_files={"a", "b"},
    )
    assert columns.weights.tolist() == pytest.approx([0.9, 0.0])


# Order of the arguments ---------------------------------------------------------------------------


def test_cluster_edges_does_not_depend_on_order_or_direction_of_the_edges() -> None:
    rng = random.Random(4)
    for _ in range(12):
        names = "abcdefghijklmnop"
        edges = []
        for n, (a, b) in enumerate(combinations(names, 2)):
            related = ord(a) % 4 == ord(b) % 4
            if rng.random() < (0.8 if related else 0.15):
                coverage = (rng.uniform(0.5, 1), rng.uniform(0.5, 1)) if related else (rng.random(), rng.random())
                edges.append(edge(a, b, round(rng.uniform(0.5, 0.99), 2) + n * 1e-6, coverage))
        expected = cluster(names, edges)
        assert expected.clusters and expected.unclustered == len(names) - sum(len(c.members) for c in expected.clusters)
        for _ in range(3):
            shuffled = [
                e if rng.random() < 0.5 else edge(e.b, e.a, e.probability, e.coverage[::-1])
                for e in rng.sample(edges, len(edges))
            ]
            actual = cluster("".join(rng.sample(names, len(names))), shuffled)
            assert member_names(actual) == member_names(expected) and actual.unclustered == expected.unclustered
            for actual_cluster, expected_cluster in zip(actual.clusters, expected.clusters, strict=True):
                assert (actual_cluster.id, actual_cluster.representative, actual_cluster.weakest_link) == (
                    expected_cluster.id,
                    expected_cluster.representative,
                    expected_cluster.weakest_link,
                )
                actual_probabilities = [e.probability for e in actual_cluster.edges]
                assert actual_probabilities == [e.probability for e in expected_cluster.edges]


def test_cluster_edges_breaks_ties_independently_of_order() -> None:
    ring = [edge(a, b, 0.9, (0.7, 0.7)) for a, b in ("ab", "bc", "cd", "de", "ea")]
    expected = cluster("abcde", ring)
    assert expected.clusters
    for shift in range(5):
        assert member_names(cluster("abcde", ring[shift:] + ring[:shift])) == member_names(expected)


def test_cluster_edges_partitions_a_hard_graph_independently_of_order() -> None:
    """Communities of 3 to 5 nodes with as many edges between as within them, so that runs of Leiden differ."""
    rng = random.Random(5)
    names = [f"{n:02}" for n in range(40)]
    between = [edge(*sorted(rng.sample(names, 2)), rng.uniform(0.5, 0.99)) for _ in range(60)]
    within = [
        edge(a, b, rng.uniform(0.5, 0.99))
        for start in range(0, 40, 4)
        for a, b in combinations(names[start : start + rng.randint(3, 5)], 2)
    ]
    edges = [*between, *within]
    kinds: dict[str, Kind] = dict.fromkeys(names, "video")
    expected = cluster_assets(kinds, edges)
    assert len(expected.clusters) > 3
    for _ in range(5):
        shuffled = dict(rng.sample(sorted(kinds.items()), len(kinds)))
        assert cluster_assets(shuffled, rng.sample(edges, len(edges))) == expected


def test_cluster_edges_adds_up_the_weights_of_two_edges_of_a_pair() -> None:
    """Two pairs join if the edges between them weigh more than 4 * .3: two edges of .55 do not, three do."""
    pairs = [edge("a", "b", 0.9, (1.0, 1.0)), edge("c", "d", 0.9, (1.0, 1.0))]
    between = [edge("a", "c", 0.55, (1.0, 1.0)), edge("b", "d", 0.55, (1.0, 1.0))]
    reversed_edge = edge("c", "a", 0.55, (1.0, 1.0), "contains")
    assert member_names(cluster("abcd", [*pairs, *between])) == ["ab", "cd"]
    for edges in ([*pairs, *between, reversed_edge], [reversed_edge, *between, *pairs]):
        assert set(only_cluster(cluster("abcd", edges)).edges) == {*pairs, *between, reversed_edge}


# Ids and segments ---------------------------------------------------------------------------------


def test_clusters_keep_the_ids_of_their_members_and_state_merges_and_splits() -> None:
    kinds: dict[str, Kind] = dict.fromkeys("abcdefgxyz", "image")
    previous = dict.fromkeys("abxyz", 4) | dict.fromkeys("cd", 9)
    clustering = cluster_assets(kinds, [*copy_edges("abcd"), *copy_edges("xyz"), *copy_edges("ef")], previous)
    assert [(c.id, c.was, len(c.members)) for c in clustering.clusters] == [
        ("c9", ("c4", "c9"), 4),
        ("c4", (), 3),
        ("c10", (), 2),
    ]


def test_segments_are_loaded_for_edges_between_videos_of_one_cluster_only() -> None:
    segment = Segment(channel="picture", query=(0, 1), reference=(2, 3), speed=1.0, mirrored=False, score=0.9)
    asked: list[EdgeKey] = []

    def load_segments(keys: Sequence[EdgeKey]) -> list[tuple[Segment, ...]]:
        asked.extend(keys)
        return [(segment,)] * len(keys)

    rows: list[EdgeRow] = [
        ("b", "a", "contains", 0.9, 0.8, 1.0),
        ("b", "c", "shares_footage", 0.9, 0.1, 0.1),
        ("p", "q", "copy", 0.9, 1.0, 1.0),
    ]
    kinds: dict[str, Kind] = dict.fromkeys("abc", "video") | dict.fromkeys("pq", "image")
    clustering = cluster_edges(
        kinds,
        rows,
        dict.fromkeys(kinds, ("/u",)),
        load_segments=load_segments,
        load_shared=lambda name: [],
        previous={},
        next_number=1,
    )
    assert asked == [("b", "a", "contains")]
    assert {e.segments for c in clustering.clusters for e in c.edges} == {(segment,), ()}


def test_edges_are_read_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    edges = [*copy_edges("acegi"), *copy_edges("bdf", 0.8), edge("h", "a", 0.6)]
    expected = cluster("abcdefghi", edges)
    monkeypatch.setattr(edge_columns, "ROWS_PER_BATCH", 4)
    assert cluster("abcdefghi", edges) == expected
