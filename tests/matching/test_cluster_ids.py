"""Numbers of clusters: they persist, merges and splits are stated, and order decides nothing."""

import random

from mediafp.matching.cluster_ids import ClusterNumber, number_clusters


def number(communities: list[str], previous: dict[str, int], next_number: int = 100) -> list[ClusterNumber]:
    return number_clusters([list(members) for members in communities], previous, next_number)


def previous_clusters(**members: str) -> dict[str, int]:
    """Return the number of each asset from clusters such as `c3="abc"`."""
    return {name: int(key[1:]) for key, names in members.items() for name in names}


def test_the_first_clusters_are_numbered_from_the_largest() -> None:
    assert number(["xy", "abc", "uv"], {}, 1) == [ClusterNumber(3, ()), ClusterNumber(1, ()), ClusterNumber(2, ())]


def test_a_cluster_keeps_its_number_as_members_come_and_go() -> None:
    previous = previous_clusters(c3="abcd", c7="xy")
    assert number(["abcdefgh", "xy"], previous) == [ClusterNumber(3, ()), ClusterNumber(7, ())]
    assert number(["abc", "uv"], previous) == [ClusterNumber(3, ()), ClusterNumber(100, ())]


def test_a_merged_cluster_keeps_the_number_of_most_of_its_members_and_states_both() -> None:
    assert number(["abcxy"], previous_clusters(c3="xy", c7="abc")) == [ClusterNumber(7, (3, 7))]


def test_the_largest_part_of_a_split_cluster_keeps_its_number() -> None:
    assert number(["ab", "cde", "fg"], previous_clusters(c3="abcdefg")) == [
        ClusterNumber(100, (3,)),
        ClusterNumber(3, ()),
        ClusterNumber(101, (3,)),
    ]


def test_a_smaller_part_does_not_take_the_number_of_a_cluster_that_went_elsewhere() -> None:
    """Most of cluster 3 joins the larger cluster 7, so that number 3 ends."""
    previous = previous_clusters(c3="abcde", c7="uvwxyz")
    assert number(["abcuvwxyz", "de"], previous) == [ClusterNumber(7, (3, 7)), ClusterNumber(100, (3,))]


def test_ties_go_to_the_larger_cluster_then_to_the_smallest_member() -> None:
    assert number(["ab", "cdx"], previous_clusters(c3="abcd")) == [ClusterNumber(100, (3,)), ClusterNumber(3, ())]
    assert number(["cd", "ab"], previous_clusters(c3="abcd")) == [ClusterNumber(100, (3,)), ClusterNumber(3, ())]
    assert number(["abcd"], previous_clusters(c3="cd", c7="abz")) == [ClusterNumber(7, (3, 7))]
    assert number(["abcd"], previous_clusters(c3="cd", c7="ab")) == [ClusterNumber(7, (3, 7))]


def test_numbers_hold_their_promises_in_random_histories() -> None:
    rng = random.Random(11)
    for _ in range(40):
        names = [f"{n:03}" for n in range(60)]
        previous: dict[str, int] = {}
        given: set[int] = set()
        for _ in range(6):
            labels = {name: rng.randrange(12) for name in rng.sample(names, rng.randrange(20, 60))}
            if previous and rng.random() < 0.7:  # most assets stay together
                labels |= {name: n % 12 for name, n in previous.items() if rng.random() < 0.8}
            parts = [sorted(name for name in labels if labels[name] == label) for label in range(12)]
            communities = [part for part in parts if len(part) > 1]
            next_number = max(given, default=0) + 1
            result = number_clusters(communities, previous, next_number)
            numbers = [cluster.number for cluster in result]
            assert len(set(numbers)) == len(numbers)
            assert all(n in previous.values() or n >= next_number for n in numbers)
            for members, cluster in zip(communities, result, strict=True):
                earlier = {previous[name] for name in members if name in previous}
                assert cluster.was == (() if earlier <= {cluster.number} else tuple(sorted(earlier)))
                for old in earlier:
                    whole = {name for name, n in previous.items() if n == old}
                    if 2 * len(whole & set(members)) > len(whole) and len(earlier) == 1:
                        assert cluster.number == old
            shuffled = [rng.sample(part, len(part)) for part in rng.sample(communities, len(communities))]
            items = rng.sample(sorted(previous.items()), len(previous))
            again = number_clusters(shuffled, dict(items), next_number)
            by_member = {min(part): cluster for part, cluster in zip(communities, result, strict=True)}
            assert all(by_member[min(part)] == cluster for part, cluster in zip(shuffled, again, strict=True))
            previous = {
                name: cluster.number for part, cluster in zip(communities, result, strict=True) for name in part
            }
            given |= set(numbers)
