"""Exports of Telegram Desktop, of one chat and of a whole account."""

import json
from pathlib import Path

import pytest
from read_sidecars import read_sightings, unused_warnings, write_json

from mediafp.sightings import json_spans

PHOTO = "photos/photo_1@02-01-2024_04-04-05.jpg"
MESSAGE = {
    "id": 77, "type": "message", "date": "2024-01-02T04:04:05", "date_unixtime": "1704164645", "from": "Channel",
    "from_id": "channel123", "photo": PHOTO, "width": 96, "height": 72, "text": ["a ", {"type": "link", "text": "b"}, "…"],
    "text_entities": [{"type": "plain", "text": "a "}],
}  # fmt: skip
MISSING = {**MESSAGE, "id": 5, "photo": "(File not included. Change data exporting settings to download.)", "text": "x"}
SERVICE = {"id": 1, "type": "service", "actor": "Channel", "action": "create_channel", "title": "photo", "text": ""}
CHANNEL = {"name": "Channel", "type": "public_channel", "id": 123}
POST = {
    "platform": "telegram", "account_id": "channel123", "account_name": "Channel", "post_id": "77", "text": "a b…",
    "posted_at": "2024-01-02T03:04:05Z", "url": "https://t.me/c/123/77",
}  # fmt: skip


def chat(*messages: object, **header: object) -> dict[str, object]:
    return {**CHANNEL, **header, "messages": [SERVICE, MISSING, *messages]}


@pytest.mark.parametrize("block", [50, 1_000_000])
def test_message_of_a_channel_is_read(tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_spans, "_BLOCK_BYTES", block)
    write_json(tmp_path / "result.json", chat(MESSAGE))
    assert read_sightings(tmp_path, PHOTO) == [POST]


def test_old_export_states_no_zone_and_keys_may_come_in_any_order(tmp_path: Path) -> None:
    old = {key: value for key, value in MESSAGE.items() if key != "date_unixtime"}
    (tmp_path / "result.json").write_text(json.dumps(chat(old), sort_keys=True))
    assert read_sightings(tmp_path, PHOTO) == [POST | {"posted_at": "2024-01-02T04:04:05"}]


def test_forwarded_message_is_a_repost_of_another_account(tmp_path: Path) -> None:
    write_json(tmp_path / "result.json", chat({**MESSAGE, "forwarded_from": "Other"}))
    assert read_sightings(tmp_path, PHOTO) == [
        POST | {"role": "repost"}, {"platform": "telegram", "account_name": "Other", "role": "original"},
    ]  # fmt: skip
    write_json(tmp_path / "result.json", chat({**MESSAGE, "forwarded_from": None}))
    assert read_sightings(tmp_path, PHOTO) == [POST | {"role": "repost"}]


def test_files_and_their_thumbnails_are_found(tmp_path: Path) -> None:
    file, thumbnail = "video_files/a.mp4", "video_files/a.mp4_thumb.jpg"
    message = {key: value for key, value in MESSAGE.items() if key != "photo"}
    write_json(
        tmp_path / "result.json", chat({**message, "file": file, "thumbnail": thumbnail, "media_type": "video_file"})
    )
    assert read_sightings(tmp_path, file) == read_sightings(tmp_path, thumbnail) == [POST]


def test_whole_account_keeps_chats_with_alike_names_apart(tmp_path: Path) -> None:
    members = [
        {**MESSAGE, "photo": f"chats/chat_0{number}/{PHOTO}", "from": f"Member {number}", "from_id": f"user{number}"}
        for number in (1, 2)
    ]
    export = {
        "about": "about", "personal_information": {"user_id": 9, "first_name": "F", "last_name": "L", "username": "@me"},
        "profile_pictures": [{"date": "2024-01-02T04:04:05", "date_unixtime": "1704164645", "photo": "profile/1.jpg"}],
        "chats": {"about": "x", "list": [chat(members[0], name="Group", type="private_supergroup", id=5)]},
        "left_chats": {"about": "x", "list": [chat(members[1], name="Friend", type="personal_chat", id=2)]},
    }  # fmt: skip
    write_json(tmp_path / "result.json", export)
    assert read_sightings(tmp_path, f"chats/chat_01/{PHOTO}") == [
        POST | {"account_id": "user1", "account_name": "Member 1", "title": "Group", "url": "https://t.me/c/5/77"}
    ]
    (private,) = read_sightings(tmp_path, f"chats/chat_02/{PHOTO}")
    assert (private["account_id"], private["account_name"], "url" in private) == ("user2", "Member 2", False)
    assert read_sightings(tmp_path, "profile/1.jpg") == [
        {"platform": "telegram", "account": "me", "account_id": "user9", "account_name": "F L",
         "posted_at": "2024-01-02T03:04:05Z"}
    ]  # fmt: skip


def test_messages_whose_media_are_missing_are_told(tmp_path: Path) -> None:
    write_json(tmp_path / "result.json", chat(MESSAGE))
    assert unused_warnings(tmp_path, "result.json") == [
        f"skipped 1 row of 'result.json': no media file was found for {PHOTO!r}"
    ]


def test_cut_export_is_read_up_to_its_end(tmp_path: Path) -> None:
    text = json.dumps(chat(MESSAGE, {**MESSAGE, "id": 78, "photo": "photos/b.jpg"}), indent=1)
    (tmp_path / "result.json").write_text(text[: text.index('"id": 78')])
    assert read_sightings(tmp_path, PHOTO) == [POST]
    assert "skipped the rest of 'result.json': it is cut or not valid JSON" in unused_warnings(tmp_path, "result.json")


def test_depth_and_long_numbers_of_a_message_do_no_harm(tmp_path: Path) -> None:
    odd = {**MESSAGE, "photo": "photos/b.jpg", "id": 10**20}
    text = json.dumps(chat(odd, MESSAGE)).replace(str(10**20), "9" * 5_000)
    text = text.replace('"width": 96', '"width": ' + "[" * 500 + "]" * 500, 1)
    (tmp_path / "result.json").write_text(text)
    assert read_sightings(tmp_path, PHOTO) == [POST]
    (fields,) = read_sightings(tmp_path, "photos/b.jpg", expect_warnings=True)
    assert "post_id" not in fields and fields["account_id"] == "channel123"
