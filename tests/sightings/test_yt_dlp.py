"""Sidecars of yt-dlp: which key holds the handle, the id and the name differs by extractor."""

from pathlib import Path

import pytest
from read_sidecars import read_sightings, unused_warnings, write_json

from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.yt_dlp import info_names, parse_info

CHANNEL = "UC" + "a" * 22
SEC_UID = "MS4wLjABAAAA" + "b" * 43
ACCOUNTS = {
    "youtube": (
        {"uploader": "Name", "uploader_id": "@handle", "channel": "Name", "channel_id": CHANNEL}, "youtube", "handle", CHANNEL,
        "Name",
    ),
    "youtube before handles": (
        {"extractor": "youtube", "uploader": "Name", "uploader_id": CHANNEL, "channel_id": CHANNEL}, "youtube", None, CHANNEL,
        "Name",
    ),
    "youtube of several channels": (
        {"extractor": "youtube", "channel": "A", "channel_id": CHANNEL, "uploader_url": "https://www.youtube.com/@a"},
        "youtube", "a", CHANNEL, "A",
    ),
    "TikTok": (
        {"uploader": "handle", "uploader_id": "123", "channel": "Name", "channel_id": SEC_UID}, "tiktok", "handle", "123", "Name"
    ),
    "Douyin": ({"uploader": "名字", "uploader_id": "123", "channel_id": SEC_UID}, "douyin", None, "123", "名字"),
    "twitter": ({"uploader": "Name", "uploader_id": "handle", "channel_id": "123"}, "twitter", "handle", "123", "Name"),
    "twitter:spaces": ({"uploader": "Name", "uploader_id": "handle"}, "twitter", "handle", None, "Name"),
    "BiliBili": ({"uploader": "名字", "uploader_id": "123"}, "bilibili", "名字", "123", None),
    "BiliBiliBangumi": ({"uploader": "名字", "uploader_id": "123"}, "bilibili", "名字", "123", None),
    "weibo": ({"uploader": "名字", "uploader_id": "123"}, "weibo", "名字", "123", None),
    "facebook": ({"uploader": "Name", "uploader_id": "100012345678901"}, "facebook", None, "100012345678901", "Name"),
    "Instagram": ({"uploader": "Name", "uploader_id": "123", "channel": "handle"}, "instagram", "handle", "123", "Name"),
    "instagram before 2021": (
        {"extractor": "Instagram", "uploader": "Name", "uploader_id": "handle"}, "instagram", "handle", None, "Name",
    ),
    "Bluesky": (
        {"uploader": "Name", "uploader_id": "a.bsky.social", "channel_id": "did:plc:x"}, "bluesky", "a.bsky.social",
        "did:plc:x", "Name",
    ),
    "Reddit": ({"uploader": "handle", "channel_id": "news"}, "reddit", "handle", None, None),
    "telegram:embed": ({"channel": "Name", "channel_id": "handle"}, "telegram", "handle", None, "Name"),
    "twitch:vod": ({"uploader": "Name", "uploader_id": "handle"}, "twitch", "handle", None, "Name"),
    "lbry": ({"uploader_id": "@handle", "channel": "Name", "channel_id": "c0ffee"}, "odysee", "handle", "c0ffee", "Name"),
    "Rumble": (
        {"uploader": "Name", "channel": "Name", "channel_url": "https://rumble.com/c/Handle"}, "rumble", "Handle", None, "Name"
    ),
    "vk:wallpost": ({"uploader": "Name", "uploader_id": "-123"}, "vk", None, "-123", "Name"),
    "generic": ({"uploader": "Name"}, None, None, None, "Name"),
}  # fmt: skip


@pytest.mark.parametrize("extractor", ACCOUNTS)
def test_account_is_read_by_extractor(extractor: str) -> None:
    record, platform, account, number, name = ACCOUNTS[extractor]
    warnings = SidecarWarnings()
    (fields,) = parse_info({"extractor": extractor, "id": "1", **record}, "a", warnings)
    assert tuple(fields.get(key) for key in ("platform", "account", "account_id", "account_name")) == (
        platform, account, number, name,
    )  # fmt: skip
    assert warnings.texts() == []


def test_all_fields_of_a_video_are_read(tmp_path: Path) -> None:
    record = {
        "id": "abcdefghijk", "title": "标题", "description": "text", "extractor": "youtube", "uploader_id": "@h",
        "webpage_url": "https://www.youtube.com/watch?v=abcdefghijk", "original_url": "https://youtu.be/abcdefghijk",
        "timestamp": 1700000000, "upload_date": "20231114", "epoch": 1700000100, "view_count": 1234, "language": "zh",
        "_type": "video", "formats": [{"format_id": "137"}],
    }  # fmt: skip
    write_json(tmp_path / "标题 [abcdefghijk].info.json", record)
    expected = {
        "platform": "youtube", "account": "h", "post_id": "abcdefghijk", "title": "标题", "text": "text", "views": 1234,
        "url": "https://www.youtube.com/watch?v=abcdefghijk", "posted_at": "2023-11-14T22:13:20Z", "language": "zh",
        "captured_at": "2023-11-14T22:15:00Z",
    }  # fmt: skip
    for suffix in ("mp4", "f137.mp4", "webp", "0.jpg", "temp.mkv", "f137.mp4.part"):
        assert read_sightings(tmp_path, f"标题 [abcdefghijk].{suffix}") == [expected]
    assert read_sightings(tmp_path, "标题 [abcdefghijk].other.jpg") == []
    write_json(tmp_path / "b.info.json", {"upload_date": "20231114"})
    assert read_sightings(tmp_path, "b.mp4") == [{"posted_at": "2023-11-14"}]


@pytest.mark.parametrize(
    ("record", "post_id"),
    [
        ({"extractor": "twitter", "id": "9", "display_id": "8"}, "8"),
        ({"extractor": "twitter", "id": "9", "webpage_url": "https://x.com/h/status/8"}, "8"),
        ({"extractor": "Reddit", "id": "v9", "display_id": "8"}, "8"),
        ({"extractor": "BiliBili", "id": "BV1bK411W797_p2"}, "BV1bK411W797"),
        ({"extractor": "TikTok", "id": "6742501081818877190", "display_id": "x"}, "6742501081818877190"),
    ],
)
def test_id_is_that_of_the_post_and_not_of_its_video(record: dict[str, object], post_id: str) -> None:
    (fields,) = parse_info(record, "a", SidecarWarnings())
    assert fields["post_id"] == post_id


def test_playlists_and_chats_describe_no_media(tmp_path: Path) -> None:
    write_json(tmp_path / "Videos [UC].info.json", {"_type": "playlist", "uploader": "x", "title": "Videos"})
    write_json(tmp_path / "a.live_chat.json", {"replayChatItemAction": {}})
    assert read_sightings(tmp_path, "Videos [UC].jpg") == []
    assert unused_warnings(tmp_path, "Videos [UC].info.json") == unused_warnings(tmp_path, "a.live_chat.json") == []
    write_json(tmp_path / "b.info.json", {"id": "x", "extractor": "youtube"})
    assert unused_warnings(tmp_path, "b.info.json") == ["skipped 'b.info.json': no media file was found for it"]


def test_only_parts_that_yt_dlp_writes_are_left_out_of_a_name() -> None:
    assert list(info_names("a.b.mp4")) == ["a.b.info.json"] and list(info_names("a.final.mp4")) == ["a.final.info.json"]
    assert list(info_names("a.fhls-audio-128000.m4a")) == ["a.fhls-audio-128000.info.json", "a.info.json"]
    assert list(info_names("a.f137.mp4")) == ["a.f137.info.json", "a.info.json"]
