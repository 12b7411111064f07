"""Co-shared media: the null model keeps activity and popularity; planted pairs are found, popular items flag nobody."""

import numpy as np
import pytest

from mediafp.accounts import coshares
from mediafp.accounts.coshares import compare_pairs, find_slot_pairs, poisson_surprise
from mediafp.accounts.permutations import Posts, shuffle_accounts, split_periods

DAY = 86_400.0


def arranged(rows: list[tuple[int, int, float]]) -> Posts:
    columns = np.array(sorted(rows, key=lambda row: row[2]), np.float64).reshape(-1, 3)
    return Posts(accounts=columns[:, 0].astype(np.int64), items=columns[:, 1].astype(np.int64), times=columns[:, 2])


def organic(rng: np.random.Generator, popular: int) -> list[tuple[int, int, float]]:
    """Return posts of 60 accounts: mostly items of their own, and a few that many post over two days."""
    rows = [(int(rng.integers(60)), 1000 + n, float(rng.uniform(0, 60) * DAY)) for n in range(700)]
    for item in range(popular):
        begin = rng.uniform(0, 58)
        accounts = rng.choice(60, 25, replace=False)
        rows += [(int(account), item, float((begin + rng.uniform(0, 2)) * DAY)) for account in accounts]
    return rows


def found(rows: list[tuple[int, int, float]]) -> set[tuple[int, int]]:
    table = compare_pairs(arranged(rows), DAY)
    chosen = table.is_surprising
    return set(zip(table.a[chosen].tolist(), table.b[chosen].tolist(), strict=True))


@pytest.fixture(autouse=True)
def few_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coshares, "PERMUTATIONS", 199)


def test_planted_pairs_are_found_among_popular_items() -> None:
    rng = np.random.default_rng(1)
    rows = organic(rng, 3)
    for item in range(6):
        at = rng.uniform(0, 59) * DAY
        rows += [(account, 100 + item, float(at + rng.uniform(0, 3600))) for account in (60, 61, 62)]
    rows += [(60 + n % 3, 5000 + n, float(rng.uniform(0, 60) * DAY)) for n in range(30)]
    assert found(rows) == {(60, 61), (60, 62), (61, 62)}
    table = compare_pairs(arranged(rows), DAY)
    place = int(np.flatnonzero((table.a == 60) & (table.b == 61))[0])
    assert table.shared[place] == 6 and table.p_values[place] == 1 / 200 and table.median_gaps[place] < 3600
    again = compare_pairs(arranged(rows), DAY)
    assert np.array_equal(table.q_values, again.q_values), "the permutations are seeded"


def test_organic_spread_of_popular_items_flags_nobody() -> None:
    assert found(organic(np.random.default_rng(2), 6)) == set()
    assert found([]) == set() == found([(0, 0, 0.0)])


def test_one_shared_item_is_never_a_pattern() -> None:
    rng = np.random.default_rng(3)
    assert found([*organic(rng, 0), (60, 9, 0.0), (61, 9, 5.0)]) == set()


def test_shared_items_count_once_within_the_window_with_their_least_gap() -> None:
    rows = [(0, 0, 0.0), (1, 0, 50.0), (0, 0, 60.0), (1, 1, 100.0), (0, 1, 130.0), (0, 2, 0.0), (1, 2, 2 * DAY)]
    table = compare_pairs(arranged(rows), DAY)
    assert (table.a.tolist(), table.b.tolist(), table.shared.tolist(), table.median_gaps.tolist()) == (
        [0],
        [1],
        [2],
        [20.0],
    )


def test_exchanges_keep_activity_in_each_period_and_give_nobody_an_item_twice() -> None:
    posts = arranged(organic(np.random.default_rng(4), 8))
    periods = split_periods(posts.times, DAY)
    assert len(set(periods.tolist())) > 3 and (np.diff(periods) >= 0).all()
    moved = 0.0
    for shuffled in shuffle_accounts(posts, periods, 5, seed=1):
        for period in set(periods.tolist()):
            inside = periods == period
            assert sorted(shuffled[inside]) == sorted(posts.accounts[inside])
        assert len(set(zip(shuffled.tolist(), posts.items.tolist(), strict=True))) == len(shuffled)
        moved += (shuffled != posts.accounts).mean() / 5
    assert moved > 0.9


def test_items_that_too_many_posted_have_no_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coshares, "ITEM_SIZES", (2, 3))
    rows = [(n, 0, float(n)) for n in range(4)] + [(n, 1, float(n)) for n in range(3)]
    slots = find_slot_pairs(arranged(rows), DAY)
    assert slots.skipped == 1 and set(slots.items.tolist()) == {1} and len(slots.first) == 3
    monkeypatch.setattr(coshares, "MAX_SLOT_PAIRS", 2)
    assert find_slot_pairs(arranged(rows), DAY).skipped == 2


def test_surprise_is_the_upper_tail_of_the_poisson_distribution() -> None:
    surprise = poisson_surprise(np.array([2, 5, 1]), np.array([0.5, 1.0, 3.0]))
    tails = [1 - np.exp(-0.5) * 1.5, 1 - np.exp(-1.0) * (1 + 1 + 1 / 2 + 1 / 6 + 1 / 24)]
    assert np.allclose(surprise[:2], -np.log(tails)) and surprise[2] == 0
