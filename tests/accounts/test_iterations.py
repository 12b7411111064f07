"""Lines of iterations: later accounts with the same avatar or clue, and none that live at the same time."""

import random
from datetime import date, timedelta

import pytest
from accounts_samples import NAMES, respawned_persona, seen

from mediafp.accounts.evidence import ImagePairs, find_evidence
from mediafp.accounts.iterations import Evidence, find_iterations
from mediafp.accounts.summaries import summarise_accounts
from mediafp.types.accounts import Account
from mediafp.types.sightings import Sighting


def lines(
    sightings: list[Sighting],
    copies: list[tuple[str, str]],
    clues: list[tuple[str, str, str]] | None = None,
    probable: list[tuple[str, str]] | None = None,
) -> dict[str, Account]:
    records = summarise_accounts(sightings, {})
    images = {s.sha256 for s in sightings}
    return find_iterations(
        records.accounts, find_evidence(records, images, ImagePairs(copies, probable or copies), clues or [], {})
    )


def places(accounts: dict[str, Account]) -> dict[str, tuple[int | None, str | None]]:
    return {key: (account.iteration, account.iteration_of) for key, account in accounts.items()}


@pytest.mark.parametrize("named", ["avatar", "img"], ids=["marked", "unmarked"])
def test_seven_accounts_with_seven_crops_of_one_avatar_are_one_line_in_order(named: str) -> None:
    sightings, copies = respawned_persona(named)
    random.Random(1).shuffle(sightings)
    found = lines(sightings, copies)
    assert places(found) == {name: (n, NAMES[0]) for n, name in enumerate(NAMES, 1)}
    assert [found[name].gap_days for name in NAMES] == [None, 20, 25, 30, 35, 40, 45]
    assert [name.name for name in found[NAMES[1]].names] == ["early1", NAMES[1]]


@pytest.mark.parametrize(
    ("ended", "began", "days"),
    [
        ("2020-03-01", "2020-03-20", 19),
        ("2020-02", "2020-03-20", 19),
        ("2020-03", "2020-03-20", 0),
        ("2020", "2020-03-20", 0),
        ("2020-03-22", "2020-03-20", -2),
    ],
)
def test_gap_after_an_end_of_an_unknown_day_begins_when_its_month_is_over(ended: str, began: str, days: int) -> None:
    sightings = [
        seen("s1", "one", "2019-01-01", "avatar"), seen("p", "one", ended),
        seen("s2", "two", began, "avatar"), seen("q", "two", "2021-09-01"),
    ]  # fmt: skip
    found = lines(sightings, [("s1", "s2")])
    assert (found["two"].iteration, found["two"].gap_days) == (2, days)


def test_two_living_accounts_with_one_stock_photograph_are_no_line() -> None:
    sightings = [
        seen("s1", "one", "2020-01-01", "avatar"), seen("p", "one", "2020-09-01"),
        seen("s2", "two", "2020-06-01", "avatar"), seen("q", "two", "2021-09-01"),
    ]  # fmt: skip
    assert set(places(lines(sightings, [("s1", "s2")])).values()) == {(None, None)}


def test_avatar_that_dozens_of_accounts_have_is_no_line() -> None:
    first = date(2015, 1, 1)
    sightings = [seen("stock", f"u{n}", f"{first + timedelta(days=40 * n)}", "avatar") for n in range(30)]
    assert set(places(lines(sightings, [])).values()) == {(None, None)}


def test_account_that_lives_all_the_while_is_in_no_line_and_leaves_that_of_the_others() -> None:
    sightings, copies = respawned_persona("avatar")
    owner = [seen("owner", "owner", "2015-01-01", "avatar"), seen("o", "owner", "2024-01-01")]
    found = lines([*sightings, *owner], [*copies, ("crop3", "owner")])
    assert places(found) == {"owner": (None, None)} | {name: (n, NAMES[0]) for n, name in enumerate(NAMES, 1)}


def test_avatar_that_many_living_accounts_have_is_no_line_of_those_that_do_not_overlap() -> None:
    days = {"a": ("2020-01-01", "2020-02-01"), "b": ("2020-03-01", "2020-06-01"), "c": ("2020-04-01", "2020-07-01"),
            "d": ("2020-09-01", "2020-10-01")}  # fmt: skip
    sightings = [seen("s", key, first, "avatar") for key, (first, _) in days.items()]
    sightings += [seen(f"p{key}", key, last) for key, (_, last) in days.items()]
    assert set(places(lines(sightings, [])).values()) == {(None, None)}


def test_lifespans_may_overlap_by_a_tenth_of_the_shorter() -> None:
    def found(begin: str) -> set[int | None]:
        sightings = [seen("s", "a", "2020-01-01", "avatar"), seen("p", "a", "2020-04-10"),
                     seen("s", "b", begin, "avatar"), seen("q", "b", "2021-01-01")]  # fmt: skip
        return {account.iteration for account in lines(sightings, []).values()}

    assert found("2020-04-05") == {1, 2} and found("2020-03-20") == {None}


def test_unmarked_image_of_two_accounts_or_of_short_lives_is_no_line() -> None:
    two = [
        seen("s", "a", "2020-01-01"),
        seen("p", "a", "2020-06-01"),
        seen("s", "b", "2020-06-09"),
        seen("q", "b", "2021-01-01"),
    ]
    assert {account.iteration for account in lines(two, []).values()} == {None}
    meme = [seen("s", f"u{n}", f"201{n}-01-01") for n in range(8)]
    assert {account.iteration for account in lines(meme, []).values()} == {None}


def test_clues_in_different_items_join_accounts_and_not_their_source() -> None:
    sightings = [
        seen("a1", "first", "2019-01-01"), seen("a2", "first", "2019-02-01"), seen("b1", "second", "2020-01-01"),
        seen("b2", "second", "2020-02-01"), seen("w", "owner", "2015-01-01", account_id="99"),
        seen("w2", "owner", "2015-01-02", account_id="99"),
    ]  # fmt: skip
    project = [("a1", "editor_project", "P"), ("b1", "editor_project", "P")]
    assert places(lines(sightings, [], project)) == {
        "owner": (None, None),
        "first": (1, "first"),
        "second": (2, "first"),
    }
    assert lines(sightings, [], project)["second"].iteration_because == ("same editor project P",)
    # One item with the clue is no more than a shared item; one image of a Weibo user may be passed on by anybody.
    shared = [*sightings, seen("a1", "second", "2020-01-05")]
    assert lines(shared, [], [("a1", "editor_project", "P")])["second"].iteration is None
    weibo = [(sha256, "weibo_uid", "99") for sha256 in ("a1", "a2", "b1", "w", "w2")]
    assert lines(sightings, [], weibo)["second"].iteration is None
    assert places(lines(sightings, [], [*weibo, ("b2", "weibo_uid", "99")]))["owner"] == (None, None)
    assert lines(sightings, [], [*weibo, ("b2", "weibo_uid", "99")])["second"].iteration == 2


def test_lines_with_a_common_account_are_one_line() -> None:
    sightings = [
        seen("s", "a", "2018-01-01", "avatar"), seen("s", "b", "2019-01-01", "avatar"),
        seen("t", "b", "2019-02-01", "avatar"), seen("t", "c", "2020-01-01", "avatar"),
    ]  # fmt: skip
    assert places(lines(sightings, [])) == {"a": (1, "a"), "b": (2, "a"), "c": (3, "a")}


def test_avatar_that_is_probably_the_same_adds_an_account_and_says_so() -> None:
    sightings, copies = respawned_persona("avatar")
    first, *others = copies
    certain = [pair for pair in others if "crop0" not in pair]
    found = lines(sightings, certain, probable=[first, *certain])
    assert places(found) == {name: (n, NAMES[0]) for n, name in enumerate(NAMES, 1)}
    assert found[NAMES[0]].iteration_because == ("probably the same avatar",)
    assert {found[name].iteration_because for name in NAMES[1:]} == {("same avatar",)}


def test_accounts_that_a_person_puts_apart_are_in_two_lines_cut_at_the_longest_gap() -> None:
    sightings, copies = respawned_persona("avatar")
    records = summarise_accounts(sightings, {})
    images = {s.sha256 for s in sightings}
    evidence = find_evidence(records, images, ImagePairs(copies, copies), [], {})

    def cut(*apart: tuple[str, str]) -> list[tuple[int | None, str | None]]:
        found = places(find_iterations(records.accounts, evidence, apart))
        return [found[name] for name in NAMES]

    # The gaps grow, so that the last join of those between both is cut.
    assert cut((NAMES[3], NAMES[1])) == [(1, NAMES[0]), (2, NAMES[0]), (3, NAMES[0])] + [
        (n, NAMES[3]) for n in range(1, 5)
    ]
    assert cut((NAMES[0], NAMES[1]), ("unknown", NAMES[1])) == [(None, None), *((n, NAMES[1]) for n in range(1, 7))]


def test_accounts_that_a_person_puts_into_one_line_may_overlap() -> None:
    sightings = [
        seen("s1", "one", "2020-01-01"), seen("p", "one", "2020-09-01"),
        seen("s2", "two", "2020-06-01"), seen("q", "two", "2021-09-01"),
        seen("s3", "three", "2022-01-01"), seen("r", "three", "2022-09-01"),
    ]  # fmt: skip
    accounts = summarise_accounts(sightings, {}).accounts
    decided = [
        Evidence(reason="confirmed", accounts=pair, strength="decided") for pair in (("one", "two"), ("two", "three"))
    ]
    later = Evidence(reason="same avatar", accounts=("three", "two"))
    assert places(find_iterations(accounts, [later, *decided])) == {
        "one": (1, "one"), "two": (2, "one"), "three": (3, "one"),
    }  # fmt: skip
