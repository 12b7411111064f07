"""Recall and false discovery of `coshare` on planted groups, and pairs found where items only spread organically.

    .venv/bin/python scripts/bench/coshare.py [--seeds N]

Accounts have heavy-tailed activity, lives of different length and an hour of the day; items have heavy-tailed popularity, and
spread over hours to days after their first post, among the accounts that are active then. Most posts are of items that nobody
else posts. On top of that, each planted group posts items of its own: each member takes part in most of them, within a time
that is drawn for each group from minutes to most of a day. A planted pair counts if the two share at least two items within the
window. The organic set has no groups, and one item that hundreds of accounts post within two days.
"""

import argparse
import itertools
import time
from collections import defaultdict

import numpy as np

from mediafp.accounts.coshares import compare_pairs
from mediafp.accounts.permutations import Posts
from mediafp.types.coshares import DEFAULT_WINDOW_SECONDS, MIN_SHARED

ACCOUNTS, ITEMS, POSTS = 600, 500, 12_000
"""Accounts, items that more than one account can post, and posts that are drawn."""
GROUPS, GROUP_SIZES, GROUP_ITEMS = 12, (3, 9), (4, 11)
"""Planted groups, their accounts and their items, from the first number to below the second."""
TAKE_PART = 0.8
"""Chance that a member of a group posts one of its items."""
DAYS = 400
"""Length of the made time, days."""
DAY = 86_400.0
MIN_RECALL, MAX_FALSE = 0.9, 0.05
"""Required of all seeds together."""

Post = tuple[int, int, float]


def organic_posts(rng: np.random.Generator, popular: int) -> list[Post]:
    """Return posts of accounts that act by themselves.

    Args:
        rng: Source of the numbers.
        popular: Accounts that post one more item within two days.
    """
    activity = rng.pareto(1.2, ACCOUNTS) + 0.1
    begins = rng.uniform(-0.3, 0.8, ACCOUNTS) * DAYS
    ends = begins + rng.uniform(0.1, 1.0, ACCOUNTS) * DAYS
    hours = rng.uniform(0, 24, ACCOUNTS)
    popularity = 1 / np.arange(1, ITEMS + 1) ** 0.9
    popularity /= popularity.sum()
    births = rng.uniform(0, DAYS, ITEMS)
    spreads = np.exp(rng.normal(0.0, 1.2, ITEMS))

    def choose(day: float, count: int) -> list[int]:
        alive = np.flatnonzero((begins <= day) & (day <= ends))
        if not len(alive):
            return []
        weights = activity[alive] / activity[alive].sum()
        return rng.choice(alive, min(count, len(alive)), replace=False, p=weights).tolist()  # type: ignore[no-any-return]

    posts: list[Post] = []
    for item in range(ITEMS):
        count = 1 + rng.poisson(0.4 * POSTS * popularity[item] * 0.5)
        for account in choose(births[item], count):
            day = (
                np.floor(births[item] + rng.exponential(spreads[item]))
                + ((hours[account] + rng.normal(0, 3)) % 24) / 24
            )
            posts.append((account, item, float(day * DAY)))
    if popular:
        for account in choose(DAYS / 2, popular):
            posts.append((account, ITEMS, float((DAYS / 2 + rng.uniform(0, 2)) * DAY)))
    number = ITEMS + 1
    while len(posts) < POSTS:
        day = float(rng.uniform(0, DAYS))
        for account in choose(day, 5):
            posts.append(
                (account, number, float((np.floor(day) + ((hours[account] + rng.normal(0, 3)) % 24) / 24) * DAY))
            )
            number += 1
    return posts


def planted_posts(rng: np.random.Generator) -> tuple[list[Post], list[list[int]]]:
    """Return the posts of the planted groups, and the accounts of each; half of their members post other things too."""
    posts, groups = [], []
    account, item = ACCOUNTS, 10_000_000
    for _ in range(GROUPS):
        members = list(range(account, account + int(rng.integers(*GROUP_SIZES))))
        account = members[-1] + 1
        delay = float(np.exp(rng.uniform(np.log(120), np.log(0.7 * DAY))))
        begin = float(rng.uniform(0, DAYS - 60))
        for _ in range(int(rng.integers(*GROUP_ITEMS))):
            at = (begin + rng.uniform(0, 60)) * DAY
            posts += [
                (member, item, float(at + rng.uniform(0, delay))) for member in members if rng.random() < TAKE_PART
            ]
            item += 1
        for member in members:
            for _ in range(int(rng.integers(0, 30)) if rng.random() < 0.5 else 0):
                posts.append((member, item, float((begin + rng.uniform(0, 60)) * DAY)))
                item += 1
        groups.append(members)
    return posts, groups


def arrange(posts: list[Post]) -> Posts:
    """Return posts as columns, by time."""
    ordered = sorted(posts, key=lambda post: post[2])
    items = np.unique([post[1] for post in ordered], return_inverse=True)[1]
    return Posts(
        accounts=np.array([post[0] for post in ordered]), items=items, times=np.array([post[2] for post in ordered])
    )


def planted_pairs(posts: list[Post], groups: list[list[int]], window: float) -> set[tuple[int, int]]:
    """Return the pairs of one group that share enough items within the window."""
    times: dict[int, dict[int, float]] = defaultdict(dict)
    for account, item, at in posts:
        times[account][item] = at
    return {
        (a, b)
        for members in groups
        for a, b in itertools.combinations(members, 2)
        if sum(abs(times[a][item] - times[b][item]) <= window for item in times[a].keys() & times[b].keys())
        >= MIN_SHARED
    }


def find(posts: list[Post], window: float) -> set[tuple[int, int]]:
    """Return the pairs that chance does not explain."""
    table = compare_pairs(arrange(posts), window)
    chosen = table.is_surprising
    return set(zip(table.a[chosen].tolist(), table.b[chosen].tolist(), strict=True))


def main() -> int:
    """Print the figures of each seed; return 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--window", type=float, default=DEFAULT_WINDOW_SECONDS)
    arguments = parser.parse_args()
    right = found = planted = organic = 0
    for seed in range(arguments.seeds):
        rng = np.random.default_rng(seed)
        own, groups = planted_posts(rng)
        posts = organic_posts(rng, popular=200) + own
        wanted = planted_pairs(posts, groups, arguments.window)
        started = time.process_time()
        pairs = find(posts, arguments.window)
        seconds = time.process_time() - started
        alone = find(organic_posts(np.random.default_rng(1000 + seed), popular=250), arguments.window)
        right += len(pairs & wanted)
        found += len(pairs)
        planted += len(wanted)
        organic += len(alone)
        print(
            f"seed {seed}: {len(posts)} posts, {len(wanted)} planted pairs, recall {len(pairs & wanted) / len(wanted):.3f},"
            f" false {1 - len(pairs & wanted) / max(len(pairs), 1):.3f}, organic {len(alone)}, {seconds:.1f} CPU s",
            flush=True,
        )
    recall, false = right / planted, 1 - right / max(found, 1)
    print(
        f"recall {recall:.3f} (at least {MIN_RECALL}), false discovery {false:.3f} (at most {MAX_FALSE}), organic {organic} (0)"
    )
    return 0 if recall >= MIN_RECALL and false <= MAX_FALSE and organic == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
