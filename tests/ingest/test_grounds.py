"""Transparent images are shown on the ground on which most of them is visible, and on a second one if that differs."""

from pathlib import Path

import numpy as np
import pytest
from media_files import decode_whole
from PIL import Image, ImageDraw

from mediafp.ingest.grounds import choose_grounds, on_ground
from mediafp.types.pages import parse_pages


def drawing(*inks: str) -> Image.Image:
    """Return shapes of some colours on nothing."""
    image = Image.new("RGBA", (200, 200))
    draw = ImageDraw.Draw(image)
    for number, ink in enumerate(inks):
        draw.ellipse((20, 20 + 60 * number, 180, 60 + 60 * number), outline=ink, width=8)
    return image


def cut_out(photo: np.ndarray) -> Image.Image:
    image = Image.fromarray(photo).convert("RGBA")
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).ellipse((image.width // 4, 10, image.width * 3 // 4, image.height - 10), fill=255)
    image.putalpha(mask)
    return image


@pytest.mark.parametrize(
    ("inks", "grounds"),
    [
        (("white",), ["black", "grey"]),
        (("#fff4d0",), ["black", "grey"]),
        (("black",), ["white", "grey"]),
        (("#10204a",), ["white", "grey"]),
        (("black", "white"), ["grey", "white"]),
        (("#808080",), ["white", "black"]),
    ],
)
def test_ground_shows_the_inks(inks: tuple[str, ...], grounds: list[str]) -> None:
    assert choose_grounds(drawing(*inks)) == grounds


def test_photograph_that_is_cut_out_is_on_two_grounds_and_mostly_on_white(photos: dict[str, np.ndarray]) -> None:
    grounds = [choose_grounds(cut_out(photos[name])) for name in photos]
    assert all(len(pair) == 2 for pair in grounds)
    assert sum("white" in pair for pair in grounds) >= len(grounds) - 1


def test_image_with_a_few_transparent_pixels_has_one_ground(photos: dict[str, np.ndarray]) -> None:
    image = Image.fromarray(photos["cat"]).convert("RGBA")
    # The round corners of a window.
    for x, y in ((0, 0), (image.width - 12, 0), (0, image.height - 12), (image.width - 12, image.height - 12)):
        image.paste((0, 0, 0, 0), (x, y, x + 12, y + 12))
    assert choose_grounds(image) == ["white"]


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
def test_both_renderings_are_frames_and_stated(tmp_path: Path, name: str) -> None:
    image = drawing("white")
    image.save(tmp_path / name, lossless=True)
    media, frames = decode_whole(tmp_path / name)
    assert media.properties["ground"] == "black"
    assert media.properties["pages"] == "1:200x200 1:200x200:grey"
    for frame, ground in zip(frames, ("black", "grey"), strict=True):
        assert np.array_equal(frame.pixels, np.asarray(on_ground(image, ground)))  # type: ignore[arg-type]


def test_image_without_transparent_pixels_has_no_ground(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    Image.fromarray(photos["cat"]).convert("RGBA").save(tmp_path / "a.png", compress_level=1)
    media, frames = decode_whole(tmp_path / "a.png")
    assert not {"ground", "pages"} & media.properties.keys() and len(frames) == 1
    assert np.array_equal(frames[0].pixels, photos["cat"])


def test_large_transparent_image_is_shrunk_and_keeps_its_size(tmp_path: Path) -> None:
    drawing("white").resize((2_200, 1_100)).save(tmp_path / "a.png", compress_level=1)
    media, frames = decode_whole(tmp_path / "a.png")
    assert [page.size for page in parse_pages(str(media.properties["pages"]))] == [(2_200, 1_100)] * 2
    assert frames[0].pixels.shape == (550, 1_100, 3)


def test_animation_keeps_one_ground(tmp_path: Path) -> None:
    shots = [drawing(*inks) for inks in (("white",), ("white", "gold"), ("black", "gold"))]
    shots[0].save(tmp_path / "a.webp", save_all=True, append_images=shots[1:], duration=500, lossless=True)
    media, frames = decode_whole(tmp_path / "a.webp")
    assert media.kind == "video" and len(frames) == 3
    assert all(tuple(frame.pixels[0, 0]) == (0, 0, 0) for frame in frames)
