"""Every page of a TIFF and every image of an MPO file is a frame; one that is not read is a warning."""

from pathlib import Path

import numpy as np
import pytest
from media_files import decode_whole
from PIL import Image

from mediafp.ingest import pages
from mediafp.types.media import Asset


def noise(width: int, height: int, seed: int) -> Image.Image:
    cells = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return Image.fromarray(cells.repeat(8, 0).repeat(8, 1))


def write_pages(path: Path, *shots: Image.Image) -> Path:
    shots[0].save(path, save_all=True, append_images=shots[1:])
    return path


@pytest.mark.parametrize("name", ["a.tif", "a.mpo"])
def test_each_page_is_a_frame_with_its_size(tmp_path: Path, name: str) -> None:
    shots = [noise(64, 48, 1), noise(32, 80, 2), noise(64, 48, 3)]
    media, frames = decode_whole(write_pages(tmp_path / name, *shots))
    assert media.kind == "image" and media.warnings == []
    assert media.properties == {
        "format": {"a.tif": "tiff", "a.mpo": "jpeg"}[name],
        "width": 64,
        "height": 48,
        "pages": "1:64x48 2:32x80 3:64x48",
    }
    assert [(f.start, f.end) for f in frames] == [(0, 0)] * 3
    for frame, shot in zip(frames, shots, strict=True):
        assert np.abs(frame.pixels.astype(int) - np.asarray(shot)).mean() < 12
    asset = Asset(sha256="0" * 64, kind="image", bytes=1, properties=media.properties)
    assert [asset.row_size(row) for row in range(3)] == [shot.size for shot in shots]


@pytest.mark.parametrize("name", ["a.tif", "a.mpo"])
def test_file_of_one_page_is_a_still_image(tmp_path: Path, name: str) -> None:
    media, frames = decode_whole(write_pages(tmp_path / name, noise(64, 48, 1)))
    assert "pages" not in media.properties and len(frames) == 1


def test_preview_of_a_page_is_skipped_and_another_small_page_is_not(tmp_path: Path) -> None:
    shots = [noise(64, 48, 1), noise(64, 48, 1).resize((32, 24)), noise(32, 24, 2)]
    for shot in shots[1:]:
        shot.encoderinfo = {"tiffinfo": {254: 1}}  # type: ignore[attr-defined]
    media, frames = decode_whole(write_pages(tmp_path / "a.tif", *shots))
    assert [frame.pixels.shape[:2] for frame in frames] == [(48, 64), (24, 32)]
    assert media.warnings == [] and media.properties["pages"] == "1:64x48 3:32x24"


def test_damaged_page_is_a_warning(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.mpo", noise(64, 48, 1), noise(64, 48, 2), noise(64, 48, 3))
    data = bytearray(path.read_bytes())
    second = data.index(b"\xff\xd8\xff", 2)
    quantisation = data.index(b"\xff\xdb", second)
    data[quantisation + 4] = 0xFF
    path.write_bytes(data)
    media, frames = decode_whole(path)
    assert len(frames) == 2 and media.properties["pages"] == "1:64x48 3:64x48"
    assert [warning.split(":")[0] for warning in media.warnings] == ["skipped page 2"]


def test_file_whose_second_page_is_cut_off_keeps_the_first(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.tif", noise(64, 48, 1), noise(64, 48, 2))
    path.write_bytes(path.read_bytes()[: 64 * 48 * 3 + 200])
    media, frames = decode_whole(path)
    assert len(frames) == 1 and media.warnings[-1].startswith("skipped the pages from page 2 on: ")


@pytest.mark.parametrize(
    ("name", "limit", "reason"),
    [("MAX_PAGES", 2, "the limit is 2 pages"), ("ANIMATION_PIXELS", 64 * 48 * 2 + 5, "pixels in all")],
)
def test_pages_over_a_limit_are_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit: int, reason: str
) -> None:
    path = write_pages(tmp_path / "a.tif", *(noise(64, 48, seed) for seed in range(3)))
    assert len(decode_whole(path)[1]) == 3
    monkeypatch.setattr(pages, name, limit)
    media, frames = decode_whole(path)
    (warning,) = media.warnings
    assert len(frames) == 2 and warning.startswith("skipped the pages from page 3 on: ") and reason in warning


def test_pages_over_the_budget_are_a_warning(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.tif", *(noise(64, 48, seed) for seed in range(3)))
    media, frames = decode_whole(path, lambda _: False)
    (warning,) = media.warnings
    assert len(frames) == 1 and warning.startswith("skipped the pages from page 2 on: ")
