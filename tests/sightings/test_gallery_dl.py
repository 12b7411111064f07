"""Sidecars of gallery-dl, of which each site has its own keys."""

import json
from pathlib import Path

import pytest
from read_sidecars import read_sightings, unused_warnings, write_json
from sidecar_dump import read_dump

from mediafp.sightings.gallery_dl import PATHS, parse_metadata
from mediafp.sightings.json_paths import read_json_paths
from mediafp.sightings.sidecar_warnings import SidecarWarnings

AUTHOR = {"id": 11, "name": "author", "nick": "Author", "date": "2012-05-06 07:08:09"}
USER = {"id": 12, "name": "user", "nick": "User"}
TWEET = {
    "category": "twitter", "subcategory": "timeline", "tweet_id": 1700000000000000003, "retweet_id": 0, "author": AUTHOR,
    "user": USER, "date": "2023-09-08 04:05:06", "content": "words", "lang": "zh", "view_count": 7, "quote_id": 0,
    "description": "alt text", "filename": "Key", "extension": "jpg",
}  # fmt: skip
ORIGINAL = {
    "platform": "twitter", "account": "author", "account_id": "11", "account_name": "Author", "post_id": "1700000000000000003",
    "posted_at": "2023-09-08T04:05:06Z", "text": "words", "language": "zh", "views": 7,
    "url": "https://x.com/author/status/1700000000000000003",
}  # fmt: skip


def parse(record: dict[str, object], *, expect_warnings: bool = False) -> list[dict[str, object]]:
    warnings = SidecarWarnings()
    values = read_json_paths(json.dumps(record).encode(), PATHS, "a", warnings)
    found = [dict(one) for one in parse_metadata(values, "a", warnings)]
    assert bool(warnings.texts()) == expect_warnings, warnings.texts()
    return found


def test_post_of_x_is_that_of_its_author_and_not_of_the_reader(tmp_path: Path) -> None:
    write_json(tmp_path / "1_1.jpg.json", TWEET)
    assert read_sightings(tmp_path, "1_1.jpg") == [ORIGINAL]
    write_json(tmp_path / "2.json", TWEET)
    assert read_sightings(tmp_path, "2.mp4") == [ORIGINAL]


def test_retweet_is_the_post_of_two_accounts() -> None:
    retweet = TWEET | {
        "retweet_id": 1700000000000000001,
        "date_original": "2023-09-07 00:00:00",
        "content": "RT @author: words",
    }
    repost, original = parse(retweet)
    assert repost == {
        "platform": "twitter", "account": "user", "account_id": "12", "account_name": "User", "role": "repost",
        "post_id": "1700000000000000003", "posted_at": "2023-09-08T04:05:06Z", "language": "zh",
        "url": "https://x.com/user/status/1700000000000000003",
    }  # fmt: skip
    assert original == {
        "platform": "twitter", "account": "author", "account_id": "11", "account_name": "Author", "role": "original",
        "post_id": "1700000000000000001", "posted_at": "2023-09-07T00:00:00Z", "text": "words", "language": "zh",
        "url": "https://x.com/author/status/1700000000000000001",
    }  # fmt: skip
    # Of a search, `user` is the author of the original.
    repost, _ = parse(retweet | {"user": AUTHOR, "subcategory": "search"}, expect_warnings=True)
    assert "account" not in repost and repost["post_id"] == "1700000000000000003"
    assert [one["account"] for one in parse(retweet | {"user": AUTHOR})] == ["author", "author"]
    # With the option that replaces reposts by their originals, both ids are that of the original.
    (only,) = parse(retweet | {"retweet_id": TWEET["tweet_id"]})
    assert only["account"] == "author" and "role" not in only


def weibo(number: int, **more: object) -> dict[str, object]:
    user = {"id": 100000 + number, "screen_name": f"名{number}"}
    return {
        "id": number,
        "idstr": str(number),
        "mblogid": f"Abcdefg{number}",
        "text": "字<br />更多",
        "user": user,
        **more,
    }


def test_repost_of_weibo_has_its_own_times_of_beijing() -> None:
    original = weibo(5, created_at="Sun Dec 31 08:00:00 +0800 2023", text_raw="原\u200b\u200b ")
    status = weibo(
        6, created_at="Mon Jan 01 08:00:00 +0800 2024", retweeted_status=original, date="2024-01-01 00:00:00"
    )
    repost, first = parse({"category": "weibo", "url": "https://wx1.sinaimg.cn/large/x.jpg", "status": status})
    assert repost == {
        "platform": "weibo", "account": "名6", "account_id": "100006", "post_id": "6", "role": "repost", "text": "字\n更多",
        "posted_at": "2024-01-01T00:00:00Z", "url": "https://weibo.com/100006/Abcdefg6",
    }  # fmt: skip
    assert (first["account"], first["text"], first["posted_at"]) == ("名5", "原", "2023-12-31T00:00:00Z")
    (deleted,) = parse({"category": "weibo", "status": {"id": 6, "user": None, "date": "2024-01-01 00:00:00"}})
    assert deleted == {"platform": "weibo", "post_id": "6", "posted_at": "2024-01-01T00:00:00Z"}


SITES = {
    "bluesky": (
        {"author": {"did": "did:plc:x", "handle": "a.bsky.social", "displayName": "A"}, "createdAt": "2024-01-02T03:04:05.715Z",
         "post_id": "3km", "text": "t", "langs": ["en"], "indexedAt": "2024-02-02T03:04:05.1Z", "description": "alt"},
        {"account": "a.bsky.social", "account_id": "did:plc:x", "account_name": "A", "post_id": "3km", "text": "t",
         "posted_at": "2024-01-02T03:04:05Z", "url": "https://bsky.app/profile/a.bsky.social/post/3km", "language": "en"},
    ),
    "instagram": (
        {"username": "a", "owner_id": "5", "fullname": "A", "post_id": "777", "post_url": "https://www.instagram.com/p/Cx/",
         "date": "2024-01-02 03:04:05", "description": "t", "user": {"id": "9", "username": "reader"}, "media_id": "8"},
        {"account": "a", "account_id": "5", "account_name": "A", "post_id": "777", "text": "t",
         "posted_at": "2024-01-02T03:04:05Z", "url": "https://www.instagram.com/p/Cx/"},
    ),
    "tiktok": (
        {"id": "7", "desc": "t", "createTime": "1704164645", "user": "a", "stats": {"playCount": 3},
         "author": {"id": "5", "uniqueId": "a", "nickname": "A"}},
        {"account": "a", "account_id": "5", "account_name": "A", "post_id": "7", "text": "t", "views": 3,
         "posted_at": "2024-01-02T03:04:05Z", "url": "https://www.tiktok.com/@a/video/7"},
    ),
    "facebook": (
        {"id": "7", "username": "A", "user_id": "5", "caption": "t", "date": "2024-01-02 03:04:05", "url": "https://x.fbcdn.net/"},
        {"account_id": "5", "account_name": "A", "post_id": "7", "text": "t", "posted_at": "2024-01-02T03:04:05Z"},
    ),
    "pixiv": (
        {"id": 7, "user": {"id": 5, "account": "a", "name": "A"}, "title": "x", "caption": "<b>t</b><br>u", "total_view": 3,
         "create_date": "2024-01-02T12:04:05+09:00", "date": "2024-01-02 03:04:05"},
        {"account": "a", "account_id": "5", "account_name": "A", "post_id": "7", "title": "x", "text": "t\nu", "views": 3,
         "posted_at": "2024-01-02T03:04:05Z", "url": "https://www.pixiv.net/artworks/7"},
    ),
    "reddit": (
        {"author": "a", "author_fullname": "t2_5", "id": "7", "permalink": "/r/x/comments/7/y/", "title": "x", "selftext": "",
         "created_utc": 1704164645.0, "url": "https://i.redd.it/z.jpg", "comment": None},
        {"account": "a", "account_id": "t2_5", "post_id": "7", "title": "x", "posted_at": "2024-01-02T03:04:05Z",
         "url": "https://www.reddit.com/r/x/comments/7/y/"},
    ),
    "discord": (
        {"author": "a", "author_id": "5", "message_id": "7", "channel_id": "8", "server_id": "9", "message": "t",
         "date": "2024-01-02T03:04:05"},
        {"account": "a", "account_id": "5", "post_id": "7", "text": "t", "posted_at": "2024-01-02T03:04:05Z",
         "url": "https://discord.com/channels/9/8/7"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("site", SITES)
def test_post_is_read_by_site(site: str) -> None:
    record, expected = SITES[site]
    assert parse({"category": site, **record}) == [{"platform": site, **expected}]


def test_story_has_an_id_and_a_time_of_its_own() -> None:
    record = {
        "category": "instagram", "type": "story", "post_id": "5", "media_id": "888", "username": "a", "owner_id": "5",
        "post_date": "2024-01-03 00:00:00", "date": "2024-01-02 03:04:05", "post_url": "https://www.instagram.com/stories/a/",
    }  # fmt: skip
    (story,) = parse(record)
    assert (story["post_id"], story["posted_at"]) == ("888", "2024-01-02T03:04:05Z")
    shared, original = parse(record | {"author": {"pk": 7, "username": "b", "full_name": "B"}})
    assert (shared["account"], shared["role"], original["account"], original["role"]) == (
        "a",
        "repost",
        "b",
        "original",
    )


def test_posts_that_repeat_others_are_read_with_them() -> None:
    account = {"id": "5", "acct": "a", "username": "a", "display_name": "A"}
    post = {"id": "7", "url": "https://m.example/@a/7", "created_at": "2024-01-02T03:04:05.000Z", "content": "<p>t</p>"}
    first = {**post, "id": "6", "account": {**account, "acct": "b@n.example"}}
    toot = {"category": "mastodon.social", **post, "account": account, "reblog": first, "instance": "m.example"}
    assert [(one["platform"], one["account"], one["post_id"], one["role"]) for one in parse(toot)] == [
        ("mastodon", "a", "7", "repost"), ("mastodon", "b@n.example", "6", "original"),
    ]  # fmt: skip
    assert parse(toot | {"reblog": None})[0]["text"] == "t"
    tumblr = {"category": "tumblr", "blog_name": "a", "id": 7, "timestamp": 1704164645, "reblogged_from_name": "x"}
    roots = {"reblogged_root_name": "b", "reblogged_root_id": "6", "reblogged_root_url": "https://b.tumblr.com/post/6"}
    repost, original = parse(tumblr | roots)
    assert (repost["account"], repost["role"], original["account"], original["post_id"]) == ("a", "repost", "b", "6")
    parent = {"id": "6", "author": "b", "permalink": "/r/y/comments/6/"}
    reddit = {"category": "reddit", "id": "7", "author": "a", "crosspost_parent_list": [parent]}
    assert [(one["account"], one["role"]) for one in parse(reddit)] == [("a", "repost"), ("b", "original")]


def test_other_sites_are_read_by_the_usual_keys() -> None:
    record = {"category": "newsite", "user": {"id": 5, "username": "a"}, "post_id": 7, "date": "2024-01-02 03:04:05"}
    assert parse(record) == [
        {"platform": "newsite", "account": "a", "account_id": "5", "post_id": "7", "posted_at": "2024-01-02T03:04:05Z"}
    ]


def test_file_about_a_gallery_or_of_another_tool_describes_no_media(tmp_path: Path) -> None:
    write_json(tmp_path / "info.json", TWEET)
    assert unused_warnings(tmp_path, "info.json") == []
    write_json(tmp_path / "a.json", {"name": "settings"})
    assert read_sightings(tmp_path, "a.jpg", expect_warnings=True) == []


def test_number_of_too_many_digits_is_named_without_a_value_of_its_own() -> None:
    content = '{"category": "twitter", "tweet_id": ' + "9" * 5_000 + ', "author": {"name": "a"}}'
    stated = read_dump({"a.jpg": b"", "a.jpg.json": content})
    assert stated.only() == {"platform": "twitter", "account": "a"}
    assert stated.warnings["a.jpg"] == [
        "skipped 'tweet_id' of 'a.jpg.json': its value is not usable as post_id: not an id"
    ]


def test_number_of_no_original_may_be_a_text() -> None:
    assert parse(TWEET | {"retweet_id": "0"}) == [ORIGINAL]


def test_profile_picture_of_x_is_no_post() -> None:
    (avatar,) = parse(TWEET | {"subcategory": "avatar"})
    assert avatar["account"] == "author" and not {"post_id", "url"} & avatar.keys()


def test_address_of_a_post_of_instagram_is_that_of_its_code() -> None:
    (post,) = parse({"category": "instagram", "post_id": "25", "post_shortcode": "CKzXyZ12345", "username": "user"})
    assert post["url"] == "https://www.instagram.com/p/CKzXyZ12345/"
