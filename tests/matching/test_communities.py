"""Communities of generated graphs: proofs, large components, and large groups of which a sample was compared."""

import random
from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pytest

from mediafp.matching import communities
from mediafp.matching.communities import find_communities
from mediafp.matching.graphs import Graph, IntArray, iter_parts, label_components
from mediafp.matching.leiden import RESOLUTION, search_by_crossing, search_exhaustively

Weights = dict[tuple[int, int], float]


def build_graph(nodes: int, weights: Weights) -> Graph:
    pairs = sorted(weights)
    values = np.array([weights[pair] for pair in pairs])
    a, b = np.array(pairs, np.int64).reshape(-1, 2).T
    return Graph(nodes=nodes, a=a, b=b, weights=values, certain=values >= 0.8)


def planted(sizes: Iterable[int], chain: int, density: float, rng: random.Random) -> tuple[Graph, list[int]]:
    """Return groups in which a share of the pairs has an edge, with random edges between them, and the group of each node."""
    groups = [group for group, size in enumerate(sizes) for _ in range(size)]
    nodes = range(len(groups))
    weights = {
        (a, b): rng.uniform(0.4, 1)
        for a, b in combinations(nodes, 2)
        if groups[a] == groups[b] and rng.random() < density
    }
    for _ in range(chain):
        a, b = sorted(rng.sample(nodes, 2))
        weights.setdefault((a, b), rng.uniform(0.4, 1))
    return build_graph(len(groups), weights), groups


def sampled(sizes: list[int], partners: int, chain: int, rng: random.Random) -> tuple[Graph, list[int]]:
    """Return groups of copies, each compared with a sample of the others, and certain but wrong edges between them."""
    groups = [group for group, size in enumerate(sizes) for _ in range(size)]
    weights: Weights = {}
    for start, size in zip(np.cumsum([0, *sizes]).tolist(), sizes, strict=False):
        for node in range(start, start + size):
            for other in rng.choices(range(start, start + size), k=partners):
                if node != other:
                    weights[min(node, other), max(node, other)] = rng.uniform(0.9, 1)
    for _ in range(chain):
        a, b = sorted(rng.sample(range(len(groups)), 2))
        weights.setdefault((a, b), 0.95)
    return build_graph(len(groups), weights), groups


def quality(graph: Graph, labels: IntArray) -> float:
    same = labels[graph.a] == labels[graph.b]
    sizes = np.unique(labels, return_counts=True)[1]
    return float(graph.weights[same].sum() - RESOLUTION * (sizes * (sizes - 1) / 2).sum())


def as_sets(labels: Iterable[int]) -> set[frozenset[int]]:
    parts: dict[int, set[int]] = {}
    for node, label in enumerate(labels):
        parts.setdefault(label, set()).add(node)
    return {frozenset(part) for part in parts.values()}


def test_components_are_those_of_a_search() -> None:
    rng = random.Random(1)
    for _ in range(20):
        edges = [(rng.randrange(80), rng.randrange(80)) for _ in range(rng.randrange(80))]
        reached = list(range(80))
        for _ in range(80):
            for a, b in edges:
                reached[a] = reached[b] = min(reached[a], reached[b])
        a, b = np.array(edges, np.int64).reshape(-1, 2).T
        assert label_components(80, a, b).tolist() == reached
    path = np.random.default_rng(2).permutation(5000)
    assert not label_components(5000, path[:-1], path[1:]).any()


def test_a_proof_that_one_community_is_best_agrees_with_the_exhaustive_search(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(2)
    searched: list[Graph] = []
    monkeypatch.setattr(
        communities, "search_exhaustively", lambda graph: searched.append(graph) or search_exhaustively(graph)
    )
    proven = 0
    for _ in range(60):
        graph, _ = planted([rng.randrange(3, 16)], 0, rng.choice([0.7, 0.85, 1]), rng)
        if label_components(graph.nodes, graph.a, graph.b).any():
            continue
        searched.clear()
        labels = find_communities(graph)
        proven += not searched
        assert as_sets(labels.tolist()) == as_sets(search_exhaustively(graph).tolist())
    assert 10 < proven < 60


def test_crossing_few_runs_is_no_worse_than_the_exhaustive_search_on_large_components() -> None:
    rng = random.Random(3)
    ratios = []
    for _ in range(3):
        whole, _ = planted([rng.randrange(2, 20) for _ in range(30)], 400, 0.7, rng)
        roots = label_components(whole.nodes, whole.a, whole.b)
        _, graph = max(iter_parts(whole, roots, np.ones(whole.nodes, bool)), key=lambda part: part[1].nodes)
        assert len(graph.a) > communities.MAX_EXHAUSTIVE_EDGES
        ratios.append(quality(graph, search_by_crossing(graph)) / quality(graph, search_exhaustively(graph)))
    assert min(ratios) > 0.995 and np.mean(ratios) >= 1


def test_one_component_does_not_change_another() -> None:
    rng = random.Random(4)
    graph, _ = planted([8] * 12, 70, 0.7, rng)
    alone = find_communities(graph)
    other, _ = planted([9] * 10, 50, 0.7, rng)
    both = Graph(
        nodes=graph.nodes + other.nodes,
        a=np.concatenate([graph.a, other.a + graph.nodes]),
        b=np.concatenate([graph.b, other.b + graph.nodes]),
        weights=np.concatenate([graph.weights, other.weights]),
        certain=np.concatenate([graph.certain, other.certain]),
    )
    assert as_sets(find_communities(both)[: graph.nodes].tolist()) == as_sets(alone.tolist())


def test_a_large_group_of_copies_is_found_by_a_sample_of_its_pairs() -> None:
    """Of 500 copies, each was compared with about 80 others: the mean weight over all pairs is .15."""
    graph, _ = sampled([500], 40, 0, random.Random(5))
    assert graph.weights.sum() < RESOLUTION * 500 * 499 / 2
    assert len(as_sets(find_communities(graph).tolist())) == 1


@pytest.mark.parametrize("chain", [5, 600])
def test_sampled_groups_are_not_joined_by_wrong_edges(chain: int) -> None:
    graph, groups = sampled([250, 200, 150], 30, chain, random.Random(6))
    assert as_sets(find_communities(graph).tolist()) == as_sets(groups)


def test_a_variant_with_few_edges_to_a_sampled_group_belongs_to_it_if_they_suffice() -> None:
    rng = random.Random(7)
    graph, _ = sampled([500], 40, 0, rng)
    weights = {(int(a), int(b)): float(w) for a, b, w in zip(graph.a, graph.b, graph.weights, strict=True)}
    weights |= {(node, 500): 0.7 for node in rng.sample(range(500), 60)}
    weights |= {(node, 501): 0.7 for node in rng.sample(range(500), 10)}
    labels = find_communities(build_graph(502, weights)).tolist()
    assert labels[500] == labels[0] != labels[501]


def test_a_sparse_graph_of_uncertain_edges_is_no_sampled_group() -> None:
    rng = random.Random(8)
    weights = {(a, b): rng.uniform(0.4, 0.7) for a, b in combinations(range(300), 2) if rng.random() < 0.2}
    assert len(as_sets(find_communities(build_graph(300, weights)).tolist())) > 5
