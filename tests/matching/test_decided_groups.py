"""Communities as persons have decided: what is apart, what is together, and the least probable edges that part a pair."""

import random
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mediafp.matching.decided_groups import GroupConstraints, apply_constraints
from mediafp.matching.edge_columns import read_edge_rows

PAIRS = st.sets(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")).filter(lambda p: p[0] < p[1]))


def parts(
    groups: str, edges: dict[str, float], apart: str = "", together: str = "", existing: str | None = None
) -> set[str]:
    """Return the communities, as words, that decisions make of others.

    Args:
        groups: Communities by the edges alone, as words.
        edges: Probability of each edge, by its two letters.
        apart: Pairs that are apart, as words of two letters.
        together: Pairs that are together, the latest first.
        existing: Assets that exist; None for those of the groups.
    """
    names = existing or groups.replace(" ", "")
    rows = [(pair[0], pair[1], "copy", probability, 1.0, 1.0) for pair, probability in edges.items()]
    columns = read_edge_rows(rows, dict.fromkeys(names, "image"), (), names)
    label_of = {name: number for number, word in enumerate(groups.split()) for name in word}
    labels = np.array([label_of[name] for name in columns.names])
    constraints = GroupConstraints(
        apart=frozenset((min(pair), max(pair)) for pair in apart.split()),
        together=tuple((min(pair), max(pair)) for pair in together.split()),
    )
    made = apply_constraints(labels, columns, constraints)
    assert made.max() < len(columns.names)
    found: dict[int, str] = {}
    for name, label in zip(columns.names, made.tolist(), strict=True):
        found[label] = found.get(label, "") + name
    return set(found.values())


CHAIN = {"ab": 0.9, "bc": 0.6, "cd": 0.8}


def test_without_decisions_nothing_changes() -> None:
    assert parts("abcd e", CHAIN) == {"abcd", "e"}


def test_pair_is_parted_by_the_least_probable_edge_between_both() -> None:
    assert parts("abcd e", CHAIN, apart="ad") == {"ab", "cd", "e"}
    assert parts("abcd", CHAIN, apart="ab") == {"a", "bcd"}


def test_clique_falls_into_two_parts_alone() -> None:
    clique = {a + b: 0.9 + ord(b) / 10_000 for a, b in combinations("abcdef", 2)}
    found = parts("abcdef", clique, apart="ab")
    assert len(found) == 2 and not any({"a", "b"} <= set(part) for part in found)


def test_pairs_that_are_together_join_whole_groups_and_lone_files() -> None:
    assert parts("ab cd e f", {"ab": 0.9, "cd": 0.9}, together="ac de") == {"abcde", "f"}


def test_apart_prevails_and_of_contradicting_links_the_later_one_counts() -> None:
    assert parts("a b c", {}, apart="bc", together="ac ab") == {"ac", "b"}
    assert parts("a b c", {}, apart="bc", together="ab ac") == {"ab", "c"}


def test_decisions_on_a_forgotten_file_still_join_and_part() -> None:
    assert parts("a b", {}, together="ax bx") == {"ab"}
    assert parts("ab", {"ab": 0.9}, apart="ax", together="bx") == {"a", "b"}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(edges=PAIRS, apart=PAIRS, together=PAIRS, seed=st.integers(0, 99))
def test_no_community_has_a_pair_that_is_apart_in_whatever_order(
    edges: set[tuple[str, str]], apart: set[tuple[str, str]], together: set[tuple[str, str]], seed: int
) -> None:
    rng = random.Random(seed)
    weights = {a + b: round(0.5 + rng.random() / 2, 3) for a, b in sorted(edges)}
    words = " ".join(map("".join, sorted(apart)))
    links = " ".join(map("".join, sorted(together)))
    found = parts("abcdefgh", weights, words, links)
    assert sorted("".join(found)) == list("abcdefgh")
    for part in found:
        assert not any(a in part and b in part for a, b in apart)
    shuffled = list(weights.items())
    rng.shuffle(shuffled)
    assert parts("abcdefgh", {pair[::-1]: p for pair, p in shuffled}, words, links) == found
