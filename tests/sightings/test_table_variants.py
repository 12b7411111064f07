"""Tables as people and spreadsheets write them: what completes a time, what is no value, and what an id tells."""

from datetime import timedelta

import pytest
from sidecar_dump import read_dump

from mediafp.sightings.table_columns import field_of_title

ID = "1357012345678901231"


def read_row(*lines: str, media: str = "a.jpg") -> dict[str, object]:
    return read_dump({media: b"", "t.csv": "\n".join(lines) + "\n"}).only()


@pytest.mark.parametrize(
    ("title", "hours"),
    [
        ("Posted (UTC+8)", 8), ("Posted (UTC-8)", -8), ("posted_at_gmt+5:30", 5.5), ("date_utc", 0), ("Date (GMT)", 0),
        ("发布时间（北京时间）", 8), ("created_at (EST)", -5), ("posted_at", None), ("Posted (CST)", None),
    ],
)  # fmt: skip
def test_title_states_the_zone_of_its_times(title: str, hours: float | None) -> None:
    field, zone = field_of_title(title)
    assert field == "posted_at"
    assert (zone.utcoffset(None) if zone else None) == (None if hours is None else timedelta(hours=hours))


@pytest.mark.parametrize(
    ("titles", "cells", "time"),
    [
        ("date,time", "2020-01-31,17:05:06", "2020-01-31T17:05:06"),
        ("Post Time,Post Date", "5:05 PM,31.1.2020", "2020-01-31T17:05"),
        ("date,time,tz", "2020-01-31,17:05,UTC+8", "2020-01-31T09:05Z"),
        ("posted_at,timezone", "2020-01-31 17:05:06,Asia/Shanghai", "2020-01-31T09:05:06Z"),
        ("posted_at,timezone", "2020-01-31T17:05:06Z,+08:00", "2020-01-31T17:05:06Z"),
        ("created_at,posted_at", "2012-05-06,2020-01-31", "2020-01-31"),
    ],
)
def test_time_is_completed_by_other_columns(titles: str, cells: str, time: str) -> None:
    assert read_row(f"file,{titles}", f"a.jpg,{cells}") == {"posted_at": time}


def test_zone_beside_times_of_two_kinds_is_told_and_not_used() -> None:
    stated = read_dump(
        {"a.jpg": b"", "t.csv": "file,posted_at,captured_at,tz\na.jpg,2020-01-31 10:00,2020-02-01,+08:00\n"}
    )
    assert stated.only() == {"posted_at": "2020-01-31T10:00", "captured_at": "2020-02-01"}
    assert stated.warnings["t.csv"] == ["skipped columns of 't.csv': 'tz' are unknown, and not used"]


def test_what_is_written_in_place_of_a_value_is_none() -> None:
    titles = "file,platform,account,account_id,account_name,url,post_id,text,title,posted_at"
    cells = "a.jpg,NULL,unknown,<NA>,未知,--,\\N,NA,无,NaT"
    assert read_row(titles.replace("file", "file,language"), cells.replace("a.jpg", "a.jpg,zh")) == {"language": "zh"}


def test_error_of_a_spreadsheet_is_told() -> None:
    stated = read_dump({"a.jpg": b"", "t.csv": "file,account,account_id\na.jpg,#NAME?,7\n"})
    assert stated.only() == {"account_id": "7"}
    assert "a spreadsheet has put an error in its place" in stated.warnings["a.jpg"][0]


@pytest.mark.parametrize(
    ("title", "cell", "role"),
    [("is_retweet", "TRUE", "repost"), ("is_repost", "0", "original"), ("是否原创", "否", "repost"),
     ("is_original", "yes", "original")],
)  # fmt: skip
def test_flag_tells_the_role(title: str, cell: str, role: str) -> None:
    assert read_row(f"file,{title}", f"a.jpg,{cell}") == {"role": role}


@pytest.mark.parametrize(
    "lines",
    [
        ("Media,,Account,Post", "file,account_id,account,posted_at"),
        ("文件,,账号信息,帖子", "文件名,账号ID,账号,发布时间"),
    ],
)
def test_titles_of_groups_are_no_titles(lines: tuple[str, str]) -> None:
    expected = {"account": "x", "account_id": "9", "posted_at": "2020-01-31"}
    assert read_row(*lines, "a.jpg,9,x,2020-01-31") == expected


def test_address_alone_finds_the_media_named_after_the_post() -> None:
    url = f"https://x.com/han_1/status/{ID}"
    assert read_row("url", url, media=f"{ID}_1.jpg") == {
        "platform": "twitter",
        "account": "han_1",
        "post_id": ID,
        "url": url,
    }


def test_column_of_ids_tells_the_platform() -> None:
    assert read_row("file,tweet_id", f"a.jpg,{ID}") == {"platform": "twitter", "post_id": ID}
    assert read_row("file,微博id,用户昵称", "a.jpg,4600000000000123,山水") == {
        "platform": "weibo", "post_id": "4600000000000123", "account": "山水", "account_name": "山水",
    }  # fmt: skip


def test_few_letters_of_gbk_are_no_utf8() -> None:
    stated = read_dump({"a.jpg": b"", "t.csv": "file,account\na.jpg,山水月花\n".encode("gbk")})
    assert stated.only() == {"account": "山水月花"}


def test_encoding_that_is_not_found_is_told() -> None:
    stated = read_dump({"a.jpg": b"", "t.csv": "file,text\na.jpg,Привет мир как дела у вас сегодня\n".encode("koi8_r")})
    assert "the encoding of 't.csv' is unknown" in stated.warnings["t.csv"][0]


@pytest.mark.parametrize(("text", "encoding"), [("水秋春山", "gbk"), ("竹白白林", "big5"), ("めり星", "cp932")])
def test_letters_that_are_rare_in_utf8_are_in_another_encoding(text: str, encoding: str) -> None:
    stated = read_dump({"a.jpg": b"", "t.csv": f"file,account\na.jpg,{text}\n".encode(encoding)})
    assert stated.only() == {"account": text}


def test_words_in_a_row_are_no_titles() -> None:
    assert read_row("file,account,a,b", "a.jpg,title,text,url") == {"account": "title"}


def test_zone_that_is_unknown_is_told() -> None:
    stated = read_dump({"a.jpg": b"", "t.csv": "file,posted_at,tz\na.jpg,2020-01-31 10:00,Mars\n"})
    assert stated.only() == {"posted_at": "2020-01-31T10:00"}
    assert stated.warnings["a.jpg"] == ["skipped the zone 'Mars' of a time: no such zone"]


def test_address_of_an_account_by_its_number_gives_the_number() -> None:
    assert read_row("file,account", "a.jpg,https://weibo.com/u/1234567890") == {
        "platform": "weibo", "account_id": "1234567890",
    }  # fmt: skip
    stated = read_dump({"a.jpg": b"", "t.csv": "file,account,text\na.jpg,https://example.org/u/1,t\n"})
    assert stated.only() == {"text": "t"} and "it is an address" in stated.warnings["a.jpg"][0]


def test_row_that_is_too_wide_for_another_separator_hides_no_titles() -> None:
    assert read_row("file;account;text", "a.jpg;u;" + "x," * 600)["account"] == "u"
    assert read_dump({"a.jpg": b"", "t.csv": 'file,account\na.jpg,u\nb.jpg,"v' + "x\n" * 6_000}).sightings["a.jpg"] == [
        {"account": "u"}
    ]
