"""Items of archives: those in an archive within it, what a web archive states of them, and warnings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from archive_files import build_zip, join_zip, split_zip
from in_process_engine import UnpackingEngine
from web_archive_files import build_record, build_wacz

from mediafp.case.ingestion import inner_archives
from mediafp.case.ingestion.archive_items import iter_archive_items
from mediafp.case.ingestion.items import IngestItem, item_on_disk
from mediafp.ingest.walk import FoundFile
from mediafp.sightings.sidecars import SidecarReader
from mediafp.types.errors import MediaError

PNG = b"\x89PNG\r\n\x1a\n"


def read_items(path: Path, data: bytes, done: Sequence[str] = ()) -> dict[str, Any]:
    """Return each item of an archive by its path in it: its content, its error, its outcome, or None if it is done."""
    path.write_bytes(data)
    items = iter_archive_items(
        item_on_disk(FoundFile(path=path)),
        UnpackingEngine(),  # type: ignore[arg-type]
        lambda item: item.path.name in done,
        sidecars=True,
    )
    found: dict[str, Any] = {}
    for item in items:
        name = item.uri.removeprefix(f"{path.parent}/")
        assert name not in found
        found[name] = item.decided or _read(item)
    return found


def _read(item: IngestItem) -> bytes | MediaError | None:
    try:
        with item.open() as file, file.reader() as reader:
            return reader.read()
    except MediaError as error:
        return None if "it was not unpacked" in str(error) else error


def test_archive_in_an_archive_is_read_and_a_deeper_one_is_named(tmp_path: Path) -> None:
    deepest = build_zip([("4.png", PNG)])
    inner = build_zip([("3.png", PNG + b"3"), ("3.info.json", b"{}"), ("deep/x.ZIP", deepest), ("y.zip", b"words")])
    outer = [
        ("2.png", PNG),
        ("in/inner.zip", inner),
        ("broken.zip", inner[:-40]),
        ("done.png", PNG),
        ("z.mp4.part", b"half"),
    ]
    items = read_items(tmp_path / "a.zip", build_zip(outer), done=["done.png", "inner.zip"])
    deep, broken = items.pop("a.zip/in/inner.zip/deep/x.ZIP"), items.pop("a.zip/broken.zip")
    assert deep.kind == "unsupported" and "cannot read 'deep/x.ZIP' in 'inner.zip'" in str(deep)
    assert broken.kind == "corrupt" and isinstance(items.pop("a.zip/broken.zip/deep/x.ZIP"), MediaError)
    assert "incomplete download" in items.pop("a.zip/z.mp4.part").warnings[0]
    assert items == {
        "a.zip/2.png": PNG, "a.zip/done.png": None,
        "a.zip/in/inner.zip/3.png": PNG + b"3", "a.zip/in/inner.zip/3.info.json": None, "a.zip/in/inner.zip/y.zip": b"words",
        "a.zip/broken.zip/3.png": PNG + b"3", "a.zip/broken.zip/3.info.json": None, "a.zip/broken.zip/y.zip": b"words",
    }  # fmt: skip


def test_sidecars_of_both_archives_are_found(tmp_path: Path) -> None:
    inner = build_zip([("b/1.png", PNG), ("b/1.info.json", b'{"uploader": "anna"}')])
    (tmp_path / "a.zip").write_bytes(build_zip([("in/inner.zip", inner), ("in/inner.info.json", b"{}")]))
    engine: Any = UnpackingEngine()
    archive = item_on_disk(FoundFile(path=tmp_path / "a.zip"))
    items = {item.path.name: item for item in iter_archive_items(archive, engine, lambda item: False, sidecars=True)}
    folders = items["1.png"].folders()
    paths = [str(Path(folder.path)) for folder in folders]
    inner_path = f"{tmp_path}/a.zip/in/inner.zip"
    assert paths == [f"{inner_path}/b", inner_path, f"{tmp_path}/a.zip/in", f"{tmp_path}/a.zip"]
    assert [sighting.account_name for sighting in SidecarReader().read("1.png", folders).sightings] == ["anna"]
    assert folders[2].names() == ["inner.info.json"]


def test_archives_in_an_archive_share_its_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner_archives, "MAX_EXPANSION_RATIO", 1)
    monkeypatch.setattr(inner_archives, "RATIO_FREE_BYTES", 20_000)
    inner = [build_zip([(f"{number}.png", PNG + bytes(9_000)) for number in range(2)]) for _ in range(2)]
    data = build_zip([("1.zip", inner[0]), ("2.zip", inner[1]), ("3.png", PNG)])
    items = read_items(tmp_path / "a.zip", data)
    assert items["a.zip/2.zip"].kind == "too_large" and "the archives in 'a.zip' expand" in str(items["a.zip/2.zip"])
    assert {
        "a.zip/1.zip/0.png",
        "a.zip/1.zip/1.png",
        "a.zip/3.png",
    } <= items.keys() and "a.zip/2.zip/1.png" not in items
    monkeypatch.setattr(inner_archives, "archive_wall_seconds", lambda archive: 0.0)
    items = read_items(tmp_path / "a.zip", data)
    assert items["a.zip/1.zip"].kind == items["a.zip/2.zip"].kind == "timeout" and items["a.zip/3.png"] == PNG


def test_guess_of_the_encoding_is_told_once_for_the_archive(tmp_path: Path) -> None:
    name = "選舉/螢幕擷取畫面.png".encode("big5")
    body, records = split_zip(build_zip([("n" * len(name), PNG)]))
    data = join_zip(body, [records[0].replace(b"n" * len(name), name)])
    items = read_items(tmp_path / "a.zip", build_zip([("in.zip", data)]))
    assert items["a.zip/in.zip/選舉/螢幕擷取畫面.png"] == PNG
    told = items["a.zip/in.zip"]
    assert (told.status, told.sha256) == ("skipped", None)
    assert told.warnings == ("'in.zip': guessed that the names in it are Big5: it does not state their encoding",)


def test_pictures_on_x_belong_to_a_post_only_if_their_number_says_so(tmp_path: Path) -> None:
    """The number of the second picture is later than the post: it is one of a reply on the same page."""
    page = "https://x.com/anna_1/status/1598828479642554370"
    files = [
        ("https://pbs.twimg.com/media/FjAuBVmfUAJUlp0?format=jpg&name=large", "anna_1"),
        ("https://pbs.twimg.com/media/FzAuBVmfUAJUlp0?format=jpg&name=large", None),
        ("https://pbs.twimg.com/ext_tw_video_thumb/1598828441234567890/pu/img/a.jpg", "anna_1"),
        ("https://pbs.twimg.com/profile_images/1598828441234567890/a.jpg", None),
        ("https://cdn.example.org/advertisement.jpg", None),
    ]
    records = [build_record(b"\xff\xd8\xff" + url.encode(), url) for url, _ in files]
    data = build_wacz(*records, pages=[{"url": page, "title": "Anna on X", "ts": "2023-06-12T08:10:30Z"}])
    (tmp_path / "a.wacz").write_bytes(data)
    engine: Any = UnpackingEngine()
    archive = item_on_disk(FoundFile(path=tmp_path / "a.wacz"))
    items = list(iter_archive_items(archive, engine, lambda item: False, sidecars=True))
    for item, (_, account) in zip(items, files, strict=True):
        (sighting,) = item.sightings
        assert (sighting.platform, sighting.url, sighting.title) == ("twitter", page, "Anna on X")
        assert (sighting.account, bool(sighting.post_id)) == (account, account is not None)
        assert (sighting.captured_at, sighting.source, item.warnings) == ("2023-06-12T08:10:36Z", "web archive", ())


def test_guessed_page_is_told_and_states_no_platform(tmp_path: Path) -> None:
    pages = [{"url": f"https://x.com/a/status/{n}", "ts": f"2023-06-12T08:10:0{n}Z"} for n in (1, 2)]
    (tmp_path / "a.wacz").write_bytes(
        build_wacz(build_record(PNG, "https://example.org/b.png", "image/png"), pages=pages)
    )
    engine: Any = UnpackingEngine()
    archive = item_on_disk(FoundFile(path=tmp_path / "a.wacz"))
    (item,) = iter_archive_items(archive, engine, lambda item: True, sidecars=True)
    assert item.warnings == (
        "guessed that 'b.png' is of the page 'https://x.com/a/status/2': it was opened last before",
    )
    (sighting,) = item.sightings
    assert (sighting.url, sighting.platform) == ("https://x.com/a/status/2", None)
