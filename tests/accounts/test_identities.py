"""Accounts of sightings: one for each id, whatever its handles; a handle alone joins the id that had it."""

import random

import pytest

from mediafp.accounts import summaries
from mediafp.accounts.avatars import is_avatar
from mediafp.accounts.summaries import AccountRecords, summarise_accounts
from mediafp.report.jsonl import account_to_json
from mediafp.types.sightings import Sighting


def seen(sha256: str, **fields: str) -> Sighting:
    fields = {"uri": f"/{sha256}.jpg", "platform": "twitter"} | fields
    return Sighting(sha256=sha256, **fields)  # type: ignore[arg-type]


def summary(*sightings: Sighting, media: dict[str, str] | None = None) -> AccountRecords:
    return summarise_accounts(sightings, media or {})


def test_id_that_changes_its_handle_is_one_account_with_two_names() -> None:
    records = summary(
        seen("a", account="new", account_id="7", posted_at="2020-05-01"),
        seen("b", account="old", account_id="7", posted_at="2020-01"),
        seen("c", account="Old", account_id="7", posted_at="2020-02-02T10:00:00Z"),
        seen("d", account="old", account_id="7", posted_at="2020-02-03"),
    )
    (account,) = records.accounts.values()
    assert (account.key, account.account, account.account_id) == ("new", "new", "7")
    names = [(name.name, name.first_at, name.last_at) for name in account.names]
    assert names == [("old", "2020-01", "2020-02-03"), ("new", "2020-05-01", "2020-05-01")]
    assert (account.first_posted_at, account.last_posted_at, account.posts, account.assets) == (
        "2020-01",
        "2020-05-01",
        4,
        4,
    )


def test_handle_alone_joins_the_only_id_that_had_it_on_the_platform() -> None:
    records = summary(
        seen("a", account="One", account_id="7"),
        seen("b", account="@one"),
        seen("c", account="one", platform="weibo"),
        seen("d", account="two", account_id="8"),
        seen("e", account="two", account_id="9"),
        seen("f", account="two"),
        seen("g", account_name="Nobody"),
    )
    assert records.keys[0] == records.keys[1] == "twitter:One"
    assert records.keys[2] == "weibo:one" and records.keys[6] is None
    assert set(records.keys[3:6]) == {"twitter:two (id 8)", "twitter:two (id 9)", "twitter:two (no id)"}


def test_platform_with_several_names_is_one() -> None:
    records = summary(
        *(seen("a", account="x", account_id="1", platform=name) for name in ("Twitter", "X", "x.com", "推特"))
    )
    assert len(records.accounts) == 1


def test_removal_before_a_later_post_is_none_of_the_account() -> None:
    gone = summary(
        seen("a", account="x", posted_at="2020-01-01", removed_at="2020-02-01"),
        seen("b", account="x", posted_at="2020-02-01T05:00:00Z", captured_at="2020-03-01"),
    ).accounts["x"]
    assert (gone.removed_at, gone.removals, gone.captures, gone.ended_at) == ("2020-02-01", 1, 1, "2020-02-01")
    living = summary(
        seen("a", account="x", posted_at="2020-01-01", removed_at="2020-02-01"),
        seen("b", account="x", posted_at="2020-02-02"),
    ).accounts["x"]
    assert (living.removed_at, living.removals, living.ended_at) == (None, 1, "2020-02-02")


def test_shared_media_count_equal_bytes_and_near_duplicates_once() -> None:
    records = summary(
        seen("a", account="x"), seen("a", account="y"), seen("b", account="x"), seen("c", account="y"),
        seen("d", account="y"), seen("e", account="z"), seen("d", account="z"),
        media={"b": "b", "c": "b", "d": "b"},
    )  # fmt: skip
    shared = {key: [(s.account, s.assets) for s in account.shared_with] for key, account in records.accounts.items()}
    assert shared == {"x": [("y", 2), ("z", 1)], "y": [("x", 2), ("z", 1)], "z": [("x", 1), ("y", 1)]}


def test_order_of_sightings_does_not_matter() -> None:
    rng = random.Random(5)
    sightings = [
        seen(
            str(n % 40),
            account=f"u{n % 7}",
            posted_at=f"2020-0{1 + n % 9}-11",
            **({"account_id": f"{n % 9}"} if n % 3 else {}),
        )
        for n in range(200)
    ]
    expected = summary(*sightings).accounts
    rng.shuffle(sightings)
    assert summary(*sightings).accounts == expected


def test_avatars_are_named_so_by_file_folder_address_or_a_short_caption() -> None:
    for fields in (
        {"uri": "/x/avatar_3.jpg"}, {"uri": "/x/2020-01-01_UTC_profile_pic.jpg"}, {"uri": "/x/头像.png"},
        {"uri": "/x/profile_pictures/1.jpg"}, {"uri": "/x/1.jpg", "url": "https://pbs.twimg.com/profile_images/1/a.jpg"},
        {"title": "Updated the profile picture"}, {"text": "新头像"},
    ):  # fmt: skip
        assert is_avatar(seen("a", **fields)), fields
    for fields in (
        {"uri": "/profiles/x/1.jpg"}, {"uri": "/x/xavatarx.jpg"}, {"uri": "/x/img.jpg"},
        {"text": "They used a stolen profile picture: a long post about accounts that nobody should follow any more"},
    ):  # fmt: skip
        assert not is_avatar(seen("a", **fields)), fields


def test_accounts_beyond_those_that_are_listed_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summaries, "MAX_LISTED_SHARERS", 2)
    accounts = summary(*(seen("a", account=name) for name in "wxyz"), seen("b", account="x")).accounts
    assert [one.account for one in accounts["w"].shared_with] == ["x", "y"]
    assert all(one.more_shared_with == account_to_json(one)["more_shared_with"] == 1 for one in accounts.values())
