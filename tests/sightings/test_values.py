"""Values of sidecars are normalised as exactly as they are stated, or rejected with a reason."""

from datetime import timedelta, timezone

import pytest

from mediafp.sightings.counts import parse_count
from mediafp.sightings.identifiers import parse_id
from mediafp.sightings.post_urls import read_url
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.times import parse_time
from mediafp.sightings.unusable_values import AmbiguousValueError, RoundedIdError
from mediafp.sightings.values import collect_fields, parse_account
from mediafp.types.platforms import platform_name


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_700_000_000, "2023-11-14T22:13:20Z"), (1_700_000_000_000, "2023-11-14T22:13:20Z"),
        ("1700000000123456", "2023-11-14T22:13:20Z"), ("1700000000.5", "2023-11-14T22:13:20Z"),
        ("2020", "2020"), ("2020-01", "2020-01"), ("2020年1月", "2020-01"), ("Jan 2020", "2020-01"),
        ("20231114", "2023-11-14"), ("2020-01-31", "2020-01-31"), ("2020/1/31", "2020-01-31"),
        ("1/31/2020", "2020-01-31"), ("31/1/2020", "2020-01-31"), ("1/1/2020", "2020-01-01"),
        ("2020年1月31日", "2020-01-31"), ("January 31, 2020", "2020-01-31"), ("31 Jan 2020", "2020-01-31"),
        ("43861", "2020-01-31"), ("43861.4166666667", "2020-01-31T10:00:00"), ("20200131100000", "2020-01-31T10:00:00Z"),
        ("2020/1/31 10:20", "2020-01-31T10:20"), ("2020年1月31日 下午3:20", "2020-01-31T15:20"),
        ("1/31/2020 10:00 PM", "2020-01-31T22:00"), ("2020-01-31T10:00Z", "2020-01-31T10:00Z"),
        ("2020-01-31 10:00:00.715", "2020-01-31T10:00:00"), ("10:20 AM · Jan 31, 2020", "2020-01-31T10:20"),
        ("2023-11-15T06:13:20+08:00", "2023-11-14T22:13:20Z"), ("Wed Nov 15 06:13:20 +0800 2023", "2023-11-14T22:13:20Z"),
        ("Fri, 31 Jan 2020 10:00:00 GMT", "2020-01-31T10:00:00Z"), ("2020-01-31 10:00:00 EST", "2020-01-31T15:00:00Z"),
        ("2020-01-31 10:00:00 CST", "2020-01-31T10:00:00"), ("2020-01-31 18:00:00 Asia/Shanghai", "2020-01-31T10:00:00Z"),
        ("2020-01-31_10-20-30", "2020-01-31T10:20:30"), ("２０２０年１月３１日", "2020-01-31"),
        ("2020\u201301\u201331", "2020-01-31"), ("10:20 2020-01-31", "2020-01-31T10:20"),
        ("Thu Jan 30 2020 10:00:00 GMT+0800 (China Standard Time)", "2020-01-30T02:00:00Z"),
    ],
)  # fmt: skip
def test_time_is_as_exact_as_its_source(value: object, expected: str) -> None:
    assert parse_time(value) == expected


def test_zone_that_a_tool_means_is_used_where_a_text_states_none() -> None:
    beijing = timezone(timedelta(hours=8))
    assert parse_time("2020-01-31 08:00:00", beijing) == "2020-01-31T00:00:00Z"
    assert parse_time("2020-01-31 08:00:00Z", beijing) == "2020-01-31T08:00:00Z"
    assert parse_time("2020-01-31", beijing) == "2020-01-31"


@pytest.mark.parametrize(
    "value",
    [
        "soon", "20241399", True, None, float("nan"), float("inf"), 0, "0", -1, 10**400, "1e400", "2020-02-30", "12:30", "202001",
        "0000-00-00 00:00:00", "0001-01-01", "9999-12-31", "2099-01-01", "1989", "5", "99999", "x" * 10_000, "1" * 90,
        "2020-01-31 10:00 XYZ",
    ],
)  # fmt: skip
def test_value_that_is_no_time_from_1990_on_is_rejected(value: object) -> None:
    with pytest.raises(ValueError):
        parse_time(value)


@pytest.mark.parametrize("value", ["3/4/2020", "3.4.2020", "10-11-2020 08:00", 634_038_478])
def test_time_that_can_be_read_in_two_ways_is_rejected(value: object) -> None:
    with pytest.raises(AmbiguousValueError):
        parse_time(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1,234", 1234), ("1\u00a0234", 1234), (5.9, 5), (0, 0), ("1.2万", 12_000), ("3.4K", 3400), ("1亿+", 100_000_000),
        ("12万次播放", 120_000), ("1.5 million", 1_500_000), ("12", 12), ("1234.0", 1234), ("1.234.567", 1_234_567),
    ],
)  # fmt: skip
def test_count_is_an_integer(value: object, expected: int) -> None:
    assert parse_count(value) == expected


@pytest.mark.parametrize(
    "value", ["many", -1, True, None, float("nan"), 1 << 63, "1.234", "1,2,3", "5 apples", "9" * 200]
)
def test_value_that_is_no_count_is_rejected(value: object) -> None:
    with pytest.raises(ValueError):
        parse_count(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_234_567_890_123_456_789, "1234567890123456789"), ("1234567890123456789", "1234567890123456789"), (123.0, "123"),
        ("1669879400.0", "1669879400"), ("12,345,678", "12345678"), ("UCabc_-9", "UCabc_-9"), ("007", "007"),
        ("\u200e123\u2069", "123"), ("１２３", "123"),
    ],
)  # fmt: skip
def test_id_keeps_its_digits(value: object, expected: str) -> None:
    assert parse_id(value) == expected


@pytest.mark.parametrize("value", ["1.8E+18", "1.23457E+18", "1,8e+18", 1.8e18, "1234567890123456800.0"])
def test_rounded_id_is_rejected(value: object) -> None:
    with pytest.raises(RoundedIdError):
        parse_id(value)


def test_zeros_at_the_end_are_lost_digits_in_rows_of_tables_alone() -> None:
    record, keys = {"id": "1400000000000000000"}, {"post_id": ("id",)}
    assert collect_fields(record, keys, "a.json", SidecarWarnings()) == {"post_id": "1400000000000000000"}
    warnings = SidecarWarnings()
    assert collect_fields(record, keys, "a row", warnings, is_row=True) == {}
    assert "replaced all digits after the 15th" in warnings.texts()[0]


def test_account_is_a_name_a_number_or_an_object_without_its_sign() -> None:
    assert parse_account(" @a ") == "a"
    assert parse_account(42) == "42"
    assert parse_account({"nick": "n", "id": 7}) == "n"
    assert parse_account("https://x.com/a_b") == "a_b"
    assert parse_account("南山 @han_1") == parse_account("南山（@han_1）") == "han_1"
    assert parse_account("\u200fabc\u202e") == "\u200fabc\u202e"
    with pytest.raises(ValueError):
        parse_account({})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("X", "twitter"),
        ("Twitter.com", "twitter"),
        ("新浪微博", "weibo"),
        ("YoutubeTab", "youtube"),
        ("Truth Social", "truth social"),
    ],
)
def test_platform_has_one_name(name: str, expected: str) -> None:
    assert platform_name(name) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://twitter.com/a_b/status/123/photo/1?s=20", "twitter account=a_b post_id=123"),
        ("x.com/i/web/status/12", "twitter post_id=12"),
        ("https://x.com/home", "twitter"),
        ("https://www.youtube.com/watch?v=abcdefghij-&t=1", "youtube post_id=abcdefghij-"),
        ("https://www.tiktok.com/@h.x/video/123", "tiktok account=h.x post_id=123"),
        ("https://www.tiktok.com/@_/video/123", "tiktok post_id=123"),
        ("https://weibo.com/123456789/JabcdEFGH", "weibo account_id=123456789 post_id=JabcdEFGH"),
        ("https://t.me/s/channel/12", "telegram account=channel post_id=12"),
        ("https://www.facebook.com/100012345678901/posts/123", "facebook account_id=100012345678901 post_id=123"),
        ("https://www.facebook.com/groups/123/posts/456", "facebook"),
        ("https://pbs.twimg.com/media/x.jpg", ""),
        ("https://notx.com/a/status/1", ""),
        ("http://[", ""),
    ],
)
def test_address_of_a_post_tells_what_is_certain(url: str, expected: str) -> None:
    found = dict(read_url(url))
    platform = found.pop("platform", "")
    assert " ".join([platform, *(f"{name}={value}" for name, value in sorted(found.items()))]).strip() == expected


def test_value_that_is_not_usable_is_quoted_with_its_reason() -> None:
    warnings = SidecarWarnings()
    record = {
        "id": "1.8E+18",
        "date": "3/4/2020",
        "when": "2020-01-31 10:00:00 CST",
        "url": "https://pbs.twimg.com/a.jpg",
    }
    keys = {"post_id": ("id",), "posted_at": ("date",), "captured_at": ("when",), "url": ("url",)}
    assert collect_fields(record, keys, "r", warnings) == {"captured_at": "2020-01-31T10:00:00"}
    assert warnings.texts() == [
        "skipped 'id' of r: its value '1.8E+18' is not usable as post_id: "
        "a spreadsheet has rounded this number, and its last digits are lost",
        "skipped 'date' of r: its value '3/4/2020' is not usable as posted_at: the day and the month can be either number",
        "skipped the zone 'CST' in 'when' of r: it is the name of several",
        "skipped 'url' of r: its value 'https://pbs.twimg.com/a.jpg' is not usable as url: "
        "it is the address of a file, not of a post",
    ]
