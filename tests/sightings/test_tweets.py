"""Files of posts of X: of both interfaces, of snscrape and twint, and of the archive of an account."""

import gzip
import json
from pathlib import Path

import pytest
from read_sidecars import read_sightings, unused_warnings, write_json

from mediafp.sightings.tweets import media_ids

KEY, FIRST_KEY = "Fabc-_12345xyzA", "Gabc-_12345xyzB"
ID, FIRST_ID = "1700000000000000003", "1700000000000000001"
POST = {
    "platform": "twitter", "account": "b", "account_id": "12", "account_name": "B", "post_id": ID,
    "posted_at": "2023-09-08T04:05:06Z", "text": "words & <more>", "language": "zh", "url": f"https://x.com/b/status/{ID}",
}  # fmt: skip
REPOST = {key: value for key, value in POST.items() if key != "text"} | {"role": "repost"}
FIRST = {
    "platform": "twitter", "account": "a", "account_id": "11", "account_name": "A", "post_id": FIRST_ID, "language": "zh",
    "posted_at": "2023-09-07T00:00:00Z", "text": "first", "url": f"https://x.com/a/status/{FIRST_ID}",
}  # fmt: skip


def v1(number: str, key: str = "", **more: object) -> dict[str, object]:
    is_first = number == FIRST_ID
    user = (
        {"id_str": "11", "screen_name": "a", "name": "A"}
        if is_first
        else {"id_str": "12", "screen_name": "b", "name": "B"}
    )
    media = [{"id_str": "1", "media_url_https": f"https://pbs.twimg.com/media/{key}.jpg"}] if key else []
    return {
        "created_at": "Thu Sep 07 00:00:00 +0000 2023" if is_first else "Fri Sep 08 04:05:06 +0000 2023", "id": int(number),
        "id_str": number, "full_text": "first" if is_first else "words &amp; &lt;more&gt;", "lang": "zh",
        "user": {**user, "created_at": "Sun May 06 07:08:09 +0000 2012"}, "extended_entities": {"media": media}, **more,
    }  # fmt: skip


def v2(number: str, *, text: str = "words &amp; &lt;more&gt;", **more: object) -> dict[str, object]:
    is_first = number == FIRST_ID
    return {
        "id": number, "author_id": "11" if is_first else "12", "text": "first" if is_first else text, "lang": "zh",
        "created_at": "2023-09-07T00:00:00.000Z" if is_first else "2023-09-08T04:05:06.000Z",
        "edit_history_tweet_ids": [number], **more,
    }  # fmt: skip


USERS = [{"id": "11", "username": "a", "name": "A"}, {"id": "12", "username": "b", "name": "B"}]


def v2_media(key: str) -> dict[str, object]:
    return {"media_key": f"3_{key}", "type": "photo", "url": f"https://pbs.twimg.com/media/{key}.jpg"}


def snscrape(number: str, key: str = "", **more: object) -> dict[str, object]:
    is_first = number == FIRST_ID
    name = "a" if is_first else "b"
    url = f"https://pbs.twimg.com/media/{key}?format=jpg&name=large"
    return {
        "_type": "snscrape.modules.twitter.Tweet", "url": f"https://x.com/{name}/status/{number}", "id": int(number),
        "date": "2023-09-07T00:00:00+00:00" if is_first else "2023-09-08T04:05:06+00:00", "lang": "zh",
        "rawContent": "first" if is_first else "words &amp; &lt;more&gt;",
        "user": {"username": name, "id": 11 if is_first else 12, "displayname": name.upper()},
        "media": [{"_type": "snscrape.modules.twitter.Photo", "fullUrl": url}] if key else None, **more,
    }  # fmt: skip


def reference(kind: str, **more: object) -> dict[str, object]:
    return {"type": kind, "id": FIRST_ID, **more}


POSTS = {
    "version 1.1": v1(ID, KEY),
    "version 2, flattened": v2(ID, author=USERS[1], attachments={"media": [v2_media(KEY)]}),
    "version 2, page": {
        "data": [v2("1", text="x"), v2(ID, attachments={"media_keys": [f"3_{KEY}", []]})],
        "includes": {"users": USERS, "media": [v2_media(KEY)]}, "meta": {"result_count": 1},
    },
    "version 2, stream": {
        "data": v2(ID, attachments={"media_keys": [f"3_{KEY}"]}), "includes": {"users": USERS, "media": [v2_media(KEY)]},
    },
    "snscrape": snscrape(ID, KEY),
}  # fmt: skip
REPOSTS = {
    "version 1.1": v1(ID, FIRST_KEY, retweeted_status=v1(FIRST_ID, FIRST_KEY)),
    "version 2, flattened": v2(
        ID, text="RT @a: fir…", author=USERS[1],
        referenced_tweets=[
            reference("retweeted", **v2(FIRST_ID, author=USERS[0], attachments={"media": [v2_media(FIRST_KEY)]}))
        ],
    ),
    "version 2, page": {
        "data": [v2(ID, text="RT @a: fir…", referenced_tweets=[reference("retweeted")])],
        "includes": {
            "users": USERS, "media": [v2_media(FIRST_KEY)],
            "tweets": [v2(FIRST_ID, attachments={"media_keys": [f"3_{FIRST_KEY}"]})],
        },
    },
    "snscrape": snscrape(ID, retweetedTweet=snscrape(FIRST_ID, FIRST_KEY)),
}  # fmt: skip


def write_lines(path: Path, *records: object) -> None:
    path.write_text("\n".join(json.dumps(record) for record in records))


@pytest.mark.parametrize("tool", POSTS)
def test_post_is_found_by_the_key_or_the_id_in_the_name_of_its_media(tmp_path: Path, tool: str) -> None:
    write_lines(tmp_path / "user.jsonl", v1("5"), POSTS[tool])
    for name in (f"media/{KEY}.jpg", f"{KEY}_large.jpg", f"{ID}-{KEY}.jpg", f"b_{ID}_1.jpg", f"{ID}/1.jpg"):
        assert read_sightings(tmp_path, name) == [POST]
    (tmp_path / "user.jsonl").unlink()
    write_json(tmp_path / "tweets.json", [POSTS[tool]])
    assert read_sightings(tmp_path, f"{KEY}.jpg") == [POST]


@pytest.mark.parametrize("tool", REPOSTS)
def test_repost_is_the_post_of_two_accounts(tmp_path: Path, tool: str) -> None:
    write_lines(tmp_path / "user.jsonl", REPOSTS[tool])
    assert read_sightings(tmp_path, f"{FIRST_KEY}.jpg") == [REPOST, FIRST | {"role": "original"}]


def test_original_is_one_sighting_whatever_number_of_reposts_state_it(tmp_path: Path) -> None:
    again = REPOSTS["version 1.1"] | {"id": 1700000000000000009, "id_str": "1700000000000000009"}
    write_lines(tmp_path / "a.jsonl", v1(FIRST_ID, FIRST_KEY), REPOSTS["version 1.1"], again)
    found = read_sightings(tmp_path, f"{FIRST_KEY}.jpg")
    assert [(one["post_id"], one.get("role")) for one in found] == [
        (FIRST_ID, "original"), (ID, "repost"), ("1700000000000000009", "repost"),
    ]  # fmt: skip


def test_quoted_post_keeps_its_media_to_itself(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", v1(ID, KEY, quoted_status=v1(FIRST_ID, FIRST_KEY)))
    assert read_sightings(tmp_path, f"{FIRST_KEY}.jpg") == [FIRST]
    assert read_sightings(tmp_path, f"{KEY}.jpg") == [POST]


def test_other_tools_are_read(tmp_path: Path) -> None:
    twint = {
        "id": int(ID), "created_at": "2023-09-08 04:05:06 UTC", "user_id": 12, "username": "b", "name": "B", "tweet": "words",
        "language": "zh", "link": f"https://twitter.com/b/status/{ID}", "photos": [f"https://pbs.twimg.com/media/{KEY}.jpg"],
    }  # fmt: skip
    weibo = {
        "_type": "snscrape.modules.weibo.Post", "id": "Abcdefg12", "url": "https://weibo.com/12/Abcdefg12", "text": "字",
        "user": {"screenname": "名", "uid": 12}, "pictures": [f"https://wx1.sinaimg.cn/large/{FIRST_KEY}.jpg"],
    }  # fmt: skip
    (tmp_path / "a.ndjson.gz").write_bytes(
        gzip.compress(b"\n".join(json.dumps(one).encode() for one in (twint, weibo)))
    )
    (post,) = read_sightings(tmp_path, f"{KEY}.jpg")
    assert post == POST | {"text": "words", "url": f"https://twitter.com/b/status/{ID}"}
    assert read_sightings(tmp_path, f"{FIRST_KEY}.jpg") == [
        {"platform": "weibo", "account": "名", "account_id": "12", "post_id": "Abcdefg12", "text": "字",
         "url": "https://weibo.com/12/Abcdefg12"}
    ]  # fmt: skip


def test_posts_saved_in_a_browser_are_read(tmp_path: Path) -> None:
    media = {"url": "https://t.co/x", "original": f"https://pbs.twimg.com/media/{KEY}?format=jpg&name=orig"}
    post = {
        "id": ID, "created_at": "2023-09-08 12:05:06 +08:00", "full_text": "words", "media": [media], "screen_name": "b",
        "name": "B", "user_id": "12", "retweeted_status": None, "views_count": 7, "url": f"https://twitter.com/b/status/{ID}",
    }  # fmt: skip
    write_json(tmp_path / "twitter-tweets.json", [post])
    (found,) = read_sightings(tmp_path, f"b_{ID}_photo_1_20230908.jpg")
    expected = {key: value for key, value in POST.items() if key != "language"}
    assert found == expected | {"text": "words", "views": 7, "url": f"https://twitter.com/b/status/{ID}"}
    write_json(tmp_path / "twitter-tweets.json", [post | {"retweeted_status": FIRST_ID, "full_text": "RT @a: first"}])
    repost, original = read_sightings(tmp_path, f"{KEY}.jpg")
    assert (repost["account"], repost["role"]) == ("b", "repost")
    assert original == {
        "platform": "twitter", "account": "a", "post_id": FIRST_ID, "url": f"https://x.com/a/status/{FIRST_ID}",
        "role": "original",
    }  # fmt: skip


def test_archive_of_an_account_states_its_owner_in_another_file(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    account = [{"account": {"username": "b", "accountId": "12", "accountDisplayName": "B"}}]
    (data / "account.js").write_text(f"window.YTD.account.part0 = {json.dumps(account)}")
    post = {key: value for key, value in v1(ID, KEY).items() if key != "user"}
    source = {"source_status_id": FIRST_ID, "source_user_id_str": "11"}
    media = {"media_url_https": f"https://pbs.twimg.com/media/{FIRST_KEY}.jpg", **source}
    repost = {**post, "full_text": "RT @a: first", "extended_entities": {"media": [media]}}
    records = [{"tweet": post}, {"tweet": repost | {"id_str": "1700000000000000009"}}]
    (data / "tweets.js").write_text(f"window.YTD.tweets.part0 = {json.dumps(records, indent=2)}")
    assert read_sightings(tmp_path, f"data/tweets_media/{ID}-{KEY}.jpg") == [POST]
    repeated, original = read_sightings(tmp_path, f"data/tweets_media/1700000000000000009-{FIRST_KEY}.jpg")
    assert (repeated["account"], repeated["role"]) == ("b", "repost")
    assert (original["account"], original["account_id"], original["post_id"], original["text"]) == (
        "a",
        "11",
        FIRST_ID,
        "first",
    )
    assert unused_warnings(tmp_path, "data/account.js") == []


def test_damaged_line_is_told_and_hides_no_other(tmp_path: Path) -> None:
    lines = [
        json.dumps(v1("5", "x" * 15)),
        '{"id_str": "6", "media": "cut',
        "[" * 2_000 + '"media"',
        json.dumps(v1(ID, KEY)),
    ]
    (tmp_path / "a.jsonl").write_text("\ufeff" + "\n".join(lines))
    assert read_sightings(tmp_path, f"{KEY}.jpg", expect_warnings=True) == [POST]
    assert "skipped the rest of 'a.jsonl': 2 of its records are damaged" in unused_warnings(tmp_path, "a.jsonl")


def test_posts_whose_media_are_missing_and_the_time_of_a_page_are_told(tmp_path: Path) -> None:
    page = {**POSTS["version 2, page"], "__twarc": {"retrieved_at": "2023-10-01T00:00:00+00:00"}}
    write_lines(tmp_path / "a.jsonl", page, v1("5"))
    assert read_sightings(tmp_path, f"{KEY}.jpg") == [POST | {"captured_at": "2023-10-01T00:00:00Z"}]
    assert unused_warnings(tmp_path, "a.jsonl") == [f"skipped 1 row of 'a.jsonl': no media file was found for {KEY!r}"]


def test_lines_of_an_unknown_tool_are_not_read(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", {"media": [{"url": f"https://x/{KEY}.jpg"}], "id": 5})
    assert read_sightings(tmp_path, f"{KEY}.jpg") == []
    assert unused_warnings(tmp_path, "a.jsonl")


def test_ids_in_a_path_begin_with_the_most_telling() -> None:
    assert media_ids(f"a/{KEY}.jpg")[0] == KEY
    assert {KEY, ID} <= set(media_ids(f"a/{ID}-{KEY}.jpg")) and ID in media_ids(f"{ID}/photo.jpg")


def test_video_of_a_page_is_found_by_its_name_and_by_its_number(tmp_path: Path) -> None:
    number = "1699999999999999999"
    url = f"https://video.twimg.com/ext_tw_video/{number}/pu/vid/640x360/AbCdEfGhIjKlMnOp.mp4?tag=12"
    media = {"media_key": "7_1", "type": "video", "variants": [{"url": url}]}
    page = {"data": [v2(ID, attachments={"media_keys": ["7_1"]})], "includes": {"users": USERS, "media": [media]}}
    write_lines(tmp_path / "page.jsonl", page)
    for name in ("AbCdEfGhIjKlMnOp.mp4", f"{number}.mp4"):
        assert [one["post_id"] for one in read_sightings(tmp_path, name)] == [ID]
