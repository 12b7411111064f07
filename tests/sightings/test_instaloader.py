"""Sidecars of instaloader: one for the several files of a post."""

import json
import lzma
from pathlib import Path

from read_sidecars import read_sightings, unused_warnings, write_json

OWNER = {"id": "5", "username": "a", "full_name": "A"}
NODE = {
    "__typename": "GraphSidecar", "id": "3001", "shortcode": "Cx_1", "taken_at_timestamp": 1704164645, "owner": OWNER,
    "edge_media_to_caption": {"edges": [{"node": {"text": "t"}}]}, "video_view_count": 3,
}  # fmt: skip
STEM = "a/2024-01-02_03-04-05_UTC"
POST = {
    "platform": "instagram", "account": "a", "account_id": "5", "account_name": "A", "post_id": "3001", "text": "t", "views": 3,
    "posted_at": "2024-01-02T03:04:05Z", "url": "https://www.instagram.com/p/Cx_1/",
}  # fmt: skip


def record(kind: str, node: object) -> dict[str, object]:
    return {"node": node, "instaloader": {"version": "4.14", "node_type": kind}}


def write_xz(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lzma.compress(json.dumps(content).encode(), check=lzma.CHECK_NONE))


def test_one_sidecar_describes_all_files_of_a_post(tmp_path: Path) -> None:
    write_xz(tmp_path / f"{STEM}.json.xz", record("Post", NODE))
    for name in (f"{STEM}.mp4", f"{STEM}_1.jpg", f"{STEM}_12.mp4"):
        assert read_sightings(tmp_path, name) == [POST]
    assert read_sightings(tmp_path, "a/2024-01-02_03-04-06_UTC.jpg") == []


def test_uncompressed_sidecar_of_the_other_interface_is_read(tmp_path: Path) -> None:
    user = {"pk": 5, "username": "a", "full_name": "A"}
    node = {
        "id": "3001_5",
        "code": "Cx_1",
        "taken_at": 1704164645,
        "caption": {"text": "t"},
        "user": user,
        "view_count": 3,
    }
    write_json(tmp_path / "Cx_1.json", record("Post", node))
    assert read_sightings(tmp_path, "Cx_1.jpg") == read_sightings(tmp_path, "Cx_1_2.jpg") == [POST]
    node = {"id": 3001, "shortcode": "Cx_1", "date": 1704164645, "caption": "t", "owner": {"id": "5"}}
    write_json(tmp_path / "Cx_1.json", record("Post", node | {"iphone_struct": {"user": user, "play_count": 3}}))
    assert read_sightings(tmp_path, "Cx_1.jpg") == [POST]


def test_story_has_an_address_of_its_own(tmp_path: Path) -> None:
    node = {"id": "3001", "taken_at_timestamp": 1704164645, "owner": OWNER, "__typename": "GraphStoryImage"}
    write_json(tmp_path / f"{STEM}.json", record("StoryItem", node))
    (story,) = read_sightings(tmp_path, f"{STEM}.jpg")
    assert story == {key: value for key, value in POST.items() if key not in ("text", "views")} | {
        "url": "https://www.instagram.com/stories/a/3001/"
    }


def test_picture_of_an_account_is_described_by_the_account_without_a_date(tmp_path: Path) -> None:
    write_xz(tmp_path / "a" / "a_5.json.xz", record("Profile", {"id": "5", "username": "a", "full_name": "A"}))
    assert read_sightings(tmp_path, "a/2023-01-01_00-00-00_UTC_profile_pic.jpg") == []
    (tmp_path / "a" / "2023-01-01_00-00-00_UTC_profile_pic.jpg").touch()
    assert read_sightings(tmp_path, "a/2023-01-01_00-00-00_UTC_profile_pic.jpg") == [
        {"platform": "instagram", "account": "a", "account_id": "5", "account_name": "A",
         "url": "https://www.instagram.com/a/"}
    ]  # fmt: skip
    assert read_sightings(tmp_path, "a/other.jpg", expect_warnings=False) == []


def test_sidecar_of_a_missing_post_is_told(tmp_path: Path) -> None:
    write_json(tmp_path / f"{STEM}.json", record("Post", NODE))
    assert unused_warnings(tmp_path, f"{STEM}.json") == [
        "skipped '2024-01-02_03-04-05_UTC.json': no media file was found for it"
    ]
    write_json(tmp_path / f"{STEM}.json", record("Hashtag", {"name": "x"}))
    assert unused_warnings(tmp_path, f"{STEM}.json") == []
