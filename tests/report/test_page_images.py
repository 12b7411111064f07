"""Pictures of a page: each once, in the page or in a folder beside it, where nothing else is touched."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from sample_matches import sample_match

from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.report import page_images
from mediafp.report.evidence_page import write_report
from mediafp.report.names import display_address
from mediafp.types.clusters import Clustering
from mediafp.types.matches import QueryResult
from mediafp.types.media import Asset
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.video_text import VideoTextLine

QUERY, REFERENCE = "a" * 64, "b" * 64


class ShadesSource:
    """An `EvidenceSource` of two images, each of one grey level."""

    def __init__(self, query_level: int = 50) -> None:
        levels = {QUERY: query_level, REFERENCE: 200}
        self.jpegs = {s: encode_thumbnail(np.full((30, 40, 3), v, np.uint8), 40) for s, v in levels.items()}

    def asset(self, sha256: str) -> Asset:
        return Asset(sha256=sha256, kind="image", bytes=1, properties={"width": 400, "height": 300})

    def warnings(self, sha256: str) -> list[str]:
        return []

    def clues(self, sha256: str) -> list[Clue]:
        return []

    def sightings(self, sha256: str) -> list[Sighting]:
        return []

    def thumbnail(self, sha256: str, seconds: float | None = None, page: int = 0) -> bytes:
        return self.jpegs[sha256]

    def video_text(self, sha256: str) -> tuple[VideoTextLine, ...] | None:
        return None

    def transcript(self, sha256: str) -> None:
        return None


def write(page: Path, source: ShadesSource) -> str:
    match = sample_match(sha256=REFERENCE, uris=("b.jpg",))
    result = QueryResult(query="a.jpg", sha256=QUERY, kind="image", error=None, matches=(match,))
    write_report(
        page,
        results=[result],
        clustering=Clustering(clusters=(), unclustered=2),
        source=source,
        seal=(1, "0" * 64),
    )
    return page.read_text("utf-8")


def names(source: ShadesSource) -> set[str]:
    return {f"{hashlib.sha256(jpeg).hexdigest()}.jpg" for jpeg in source.jpegs.values()}


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that two images exceed, and one does not."""
    monkeypatch.setattr(page_images, "MAX_EMBEDDED_BYTES", len(ShadesSource().jpegs[QUERY]) + 1)


@pytest.mark.usefixtures("small_limit")
def test_images_that_are_too_large_together_lie_in_a_folder_beside_the_page(tmp_path: Path) -> None:
    source = ShadesSource()
    text = write(tmp_path / "my report.html", source)
    folder = tmp_path / "my report-pictures"
    assert {path.name for path in folder.iterdir()} == names(source)
    assert {path.read_bytes() for path in folder.iterdir()} == set(source.jpegs.values())
    links = re.findall(r'src="([^"]*)"', text)
    assert set(links) == {f"my%20report-pictures/{name}" for name in names(source)}
    assert "data:" not in text and "img-src 'self' file:; " in text
    assert text.count("<img ") == text.count('loading="lazy"'), "folded ones are not loaded"


@pytest.mark.usefixtures("small_limit")
def test_the_folder_of_images_keeps_foreign_files_and_loses_those_of_earlier_pages(tmp_path: Path) -> None:
    folder, page, source = tmp_path / "page-pictures", tmp_path / "page.html", ShadesSource()
    write(page, ShadesSource(query_level=90))
    foreign = {folder / "notes.txt", folder / f"{'1' * 64}.jpg", folder / f"{'2' * 64}.jpg"}
    for path in foreign:
        path.write_text("precious")
    victim = tmp_path / "victim"
    victim.write_text("precious")
    name = f"{hashlib.sha256(source.jpegs[QUERY]).hexdigest()}.jpg"
    (folder / name).symlink_to(victim)
    write(page, source)
    assert {path.name for path in folder.iterdir()} == names(source) | {path.name for path in foreign}
    assert all(path.read_text() == "precious" for path in (victim, *foreign))
    assert not (folder / name).is_symlink()


def test_a_page_with_few_images_removes_the_folder_of_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(page_images, "MAX_EMBEDDED_BYTES", 1)
        write(tmp_path / "page.html", ShadesSource())
    assert (tmp_path / "page-pictures").is_dir()
    text = write(tmp_path / "page.html", ShadesSource())
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"] and "img-src data:; " in text


@pytest.mark.usefixtures("small_limit")
def test_images_are_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "page-pictures").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="page-pictures"):
        write(tmp_path / "page.html", ShadesSource())
    assert not (tmp_path / "page.html").exists() and not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://e.org/a/b?c=/d", "https://e.org/a/b?c=/d"),
        ("e.org/a", "e.org/a"),
        ("file:///home/analyst/a.jpg", "a.jpg"),
        ("FILE:/home/analyst/", "analyst"),
        ("C:\\Users\\analyst\\a.jpg", "a.jpg"),
        ("\\\\server\\share\\a.jpg", "a.jpg"),
        ("~/a.jpg", "a.jpg"),
        ("//", "local path"),
    ],
)
def test_an_address_on_some_machine_is_shown_by_its_name(url: str, shown: str) -> None:
    assert display_address(url, paths=False) == shown
    assert display_address(url, paths=True) == url
