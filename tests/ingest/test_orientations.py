"""The orientation of a file of every format is applied once, on every page, and the size is that of the upright image."""

from pathlib import Path

import numpy as np
import pytest
from heic_grid import turned_heic
from media_files import decode_whole
from PIL import Image, ImageOps

HEIC = Path(__file__).parents[2] / "fixtures" / "scene.heic"
"""A HEIC image, which scripts/heic_samples.py writes."""
TURNED_BACK = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""Transposition of Pillow that turns an upright image into the one that is stored with an EXIF orientation."""
HEIC_TURNS = {1: (0, None), 2: (0, 1), 3: (2, None), 4: (0, 0), 5: (1, 0), 6: (3, None), 7: (3, 0), 8: (1, None)}
"""Quarter turns counter-clockwise and mode of the mirror (0: top to bottom) that show an image as each EXIF orientation does."""


def scene(seed: int = 0) -> Image.Image:
    """Return an image of which no transposition is alike."""
    x, y = np.meshgrid(np.linspace(0, 200, 64), np.linspace(0, 120, 48))
    pixels = np.stack([x, y, (255 - x + 90 * seed) % 256], 2).astype(np.uint8)
    pixels[:12, :16] = (255, 0, 0)
    return Image.fromarray(pixels)


def stored(upright: Image.Image, orientation: int) -> Image.Image:
    turned = TURNED_BACK.get(orientation)
    return upright if turned is None else upright.transpose(Image.Transpose(turned))


def shown(image: Image.Image, orientation: int) -> Image.Image:
    """Return an image as a viewer shows it with this EXIF orientation."""
    exif = image.getexif()
    exif[0x0112] = orientation
    return ImageOps.exif_transpose(image)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.avif", "a.tif", "a.mpo"])
def test_orientation_is_applied_once(tmp_path: Path, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"tiffinfo": {0x0112: orientation}} if name == "a.tif" else {"exif": exif}
    if name == "a.mpo":
        options |= {"save_all": True, "append_images": [stored(scene(1), orientation)]}
    stored(scene(), orientation).save(tmp_path / name, quality=95, **options)
    media, frames = decode_whole(tmp_path / name)
    assert (media.properties["width"], media.properties["height"]) == (64, 48)
    assert len(frames) == 1 + (name == "a.mpo")
    for seed, frame in enumerate(frames):
        assert frame.pixels.shape == (48, 64, 3)
        assert np.abs(frame.pixels.astype(int) - np.asarray(scene(seed), int)).mean() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_and_mirrors_of_heic_are_applied_once(tmp_path: Path, orientation: int) -> None:
    quarters, mirror = HEIC_TURNS[orientation]
    (tmp_path / "a.heic").write_bytes(turned_heic(HEIC, quarters, mirror))
    media, (frame,) = decode_whole(tmp_path / "a.heic")
    (upright,) = decode_whole(HEIC)[1]
    expected = np.asarray(shown(Image.fromarray(upright.pixels), orientation), int)
    assert (media.properties["height"], media.properties["width"]) == expected.shape[:2]
    assert frame.pixels.shape == expected.shape and np.abs(frame.pixels - expected).mean() < 2


def test_second_page_of_a_tiff_has_its_own_orientation(tmp_path: Path) -> None:
    second = stored(scene(1), 6)
    second.encoderinfo = {"tiffinfo": {0x0112: 6}}  # type: ignore[attr-defined]
    scene().save(tmp_path / "a.tif", save_all=True, append_images=[second])
    media, frames = decode_whole(tmp_path / "a.tif")
    assert media.properties["pages"] == "1:64x48 2:64x48"
    assert all(np.array_equal(frame.pixels, np.asarray(scene(seed))) for seed, frame in enumerate(frames))
