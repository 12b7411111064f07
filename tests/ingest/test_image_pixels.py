"""Large images of every mode are shrunk, and their content is unchanged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from media_files import decode_whole
from PIL import Image

from mediafp.ingest.files import open_file
from mediafp.ingest.image_pixels import MIN_DECODED_SIDE
from mediafp.ingest.images import read_image


def photo_strip(photos: dict[str, np.ndarray], long: int) -> Image.Image:
    """Return a strip of a photograph, enlarged to this longer side."""
    return Image.fromarray(photos["flower"][100:400, :600]).resize((long, long // 2), Image.Resampling.BICUBIC)


def alpha_gradient(image: Image.Image) -> Image.Image:
    """Return the opacity of an image: from 0 at the left to 255 at the right."""
    return Image.fromarray(np.tile(np.linspace(0, 255, image.width).astype(np.uint8), (image.height, 1)))


def over_white(rgb: Image.Image, alpha: np.ndarray) -> np.ndarray:
    share = alpha[:, :, None] / 255
    return np.asarray(rgb, np.float32) * share + 255 * (1 - share)


ModeSample = tuple[Image.Image, str, dict[str, object], np.ndarray]
"""An image, the format and options it is saved with, and its appearance (H, W, 3), RGB."""


def to_rgb(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), np.float32)


def alpha_sample(image: Image.Image, mode: str) -> ModeSample:
    converted = image.convert(mode[:-1])
    converted.putalpha(alpha_gradient(image))
    return (
        converted,
        "PNG",
        {"compress_level": 1},
        over_white(converted.convert("RGB"), np.asarray(alpha_gradient(image))),
    )


def number_sample(image: Image.Image, factor: float, dtype: str, form: str) -> ModeSample:
    values = np.asarray(image.convert("L"), np.float64)
    # Floats have no black and white of their own: the darkest and the lightest value are used.
    appearance = (values - values.min()) * (255 / np.ptp(values)) if dtype == "<f4" else values
    converted = Image.fromarray((values * factor).astype(dtype))
    return converted, form, {}, appearance[:, :, None].repeat(3, 2).astype(np.float32)


def palette_sample(image: Image.Image, kind: str) -> ModeSample:
    converted = image.quantize(64, dither=Image.Dither.NONE)
    if kind == "one transparent index":
        index = int(np.bincount(np.asarray(converted).ravel()).argmax())
        alpha = np.where(np.asarray(converted) == index, 0, 255)
        return converted, "PNG", {"transparency": index}, over_white(converted.convert("RGB"), alpha)
    shades = np.arange(64, dtype=np.uint8) * 4
    return (
        converted,
        "PNG",
        {"transparency": shades.tobytes()},
        over_white(converted.convert("RGB"), shades[np.asarray(converted)]),
    )


def plain_sample(image: Image.Image, mode: str, form: str) -> ModeSample:
    converted = image.convert(mode)
    options: dict[str, object] = {"compress_level": 1} if form == "PNG" else {"quality": 95} if form == "JPEG" else {}
    return converted, form, options, to_rgb(converted)


MODES: dict[str, Callable[[Image.Image], ModeSample]] = {
    "1": lambda image: plain_sample(image, "1", "PNG"),
    "L": lambda image: plain_sample(image, "L", "PNG"),
    "L in JPEG": lambda image: plain_sample(image, "L", "JPEG"),
    "LA": lambda image: alpha_sample(image, "LA"),
    "P": lambda image: plain_sample(image, "P", "PNG"),
    "P in GIF": lambda image: plain_sample(image, "P", "GIF"),
    "P, one transparent index": lambda image: palette_sample(image, "one transparent index"),
    "P, shades transparent": lambda image: palette_sample(image, "shades transparent"),
    "RGB": lambda image: plain_sample(image, "RGB", "PNG"),
    "RGB in JPEG": lambda image: plain_sample(image, "RGB", "JPEG"),
    "RGB in WebP": lambda image: plain_sample(image, "RGB", "WEBP"),
    "RGBA": lambda image: alpha_sample(image, "RGBA"),
    "CMYK": lambda image: plain_sample(image, "CMYK", "TIFF"),
    "CMYK in JPEG": lambda image: plain_sample(image, "CMYK", "JPEG"),
    "YCbCr": lambda image: plain_sample(image, "YCbCr", "TIFF"),
    "I;16": lambda image: number_sample(image, 257, "<u2", "PNG"),
    "I;16 in TIFF": lambda image: number_sample(image, 257, "<u2", "TIFF"),
    "I;16B": lambda image: number_sample(image, 257, ">u2", "TIFF"),
    "I": lambda image: number_sample(image, 257, "<i4", "TIFF"),
    "I of eight bits": lambda image: number_sample(image, 1, "<i4", "TIFF"),
    "F": lambda image: number_sample(image, 1 / 255, "<f4", "TIFF"),
}


@pytest.mark.parametrize("mode", MODES)
def test_large_image_of_every_mode_is_shrunk_and_looks_the_same(
    tmp_path: Path, photos: dict[str, np.ndarray], mode: str
) -> None:
    image, form, options, appearance = MODES[mode](photo_strip(photos, 2_100))
    image.save(tmp_path / "a", form, **options)
    assert mode.split(" ")[0].rstrip(",") in (image.mode, "I;16B" if image.mode == "I;16" else image.mode)
    media, (frame, *_) = decode_whole(tmp_path / "a")
    height, width = frame.pixels.shape[:2]
    assert MIN_DECODED_SIDE <= max(width, height) < 2 * MIN_DECODED_SIDE
    assert (media.properties["width"], media.properties["height"]) == image.size
    assert width / height == pytest.approx(image.width / image.height, rel=0.01)
    small = [Image.fromarray(appearance[:, :, n]).resize((width, height), Image.Resampling.BOX) for n in range(3)]
    difference = np.abs(np.stack(small, 2) - frame.pixels)
    assert difference.mean() < 2 and np.abs(difference.mean(axis=(0, 1))).max() < 3
    assert media.warnings == []


@pytest.mark.parametrize("long", [1_024, 1_025, 2_047, 2_048, 3_071, 3_072, 5_000])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_longer_side_stays_within_a_factor_of_two(tmp_path: Path, long: int, form: str) -> None:
    for size in ((long, 40), (40, long)):
        Image.linear_gradient("L").resize(size).save(tmp_path / "a", form)
        with open_file(tmp_path / "a") as file:
            media = read_image(file)
        (frame,) = media.frames
        assert MIN_DECODED_SIDE <= max(frame.pixels.shape) < 2 * MIN_DECODED_SIDE
        assert (media.properties["width"], media.properties["height"]) == size


def test_small_and_large_images_of_integers_are_equally_bright(tmp_path: Path) -> None:
    # 0 to 200 of 65535: black to the eye, in either byte order.
    for order in "<>":
        ramp = np.tile(np.linspace(0, 200, 64), (48, 1))
        for name, values in (("small.tif", ramp), ("large.tif", ramp.repeat(40, 0).repeat(40, 1))):
            Image.fromarray(values.astype(f"{order}u2")).save(tmp_path / name)
        small, large = (decode_whole(tmp_path / name)[1][0].pixels.mean() for name in ("small.tif", "large.tif"))
        assert small == pytest.approx(large, abs=2), order
