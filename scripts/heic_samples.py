"""Write the HEIC samples anew: fixtures/scene.heic, fixtures/layers.heic and mediafp/engine/local/warm_up.heic.

    uv run --no-project --with pillow-heif==1.8.1 --with numpy scripts/heic_samples.py

The samples are drawn here. They are kept as files because mediafp depends on a HEIF decoder alone (`pi-heif`): the wheel of
`pillow-heif`, which can also encode, contains x265 (GPL) and is needed for this script only.
"""

from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

ROOT = Path(__file__).parent.parent


def scene(width: int, height: int) -> Image.Image:
    """Return the picture of tests/test_ingest_pictures.py: a red top-left corner on a smooth ground."""
    x, y = np.meshgrid(np.linspace(0, 200, width), np.linspace(0, 200, height))
    pixels = np.stack([x, y, 255 - x], 2).astype(np.uint8)
    pixels[: height // 4, : width // 4] = (255, 0, 0)
    return Image.fromarray(pixels)


def layers(width: int, height: int) -> Image.Image:
    """Return a picture with texture, transparency and EXIF data, so that a file of it has many parts."""
    texture = np.random.default_rng(0).normal(0, 12, (height, width, 1))
    picture = Image.fromarray(np.clip(np.asarray(scene(width, height)) + texture, 0, 255).astype(np.uint8))
    picture.putalpha(Image.linear_gradient("L").resize((width, height)))
    exif = picture.getexif()
    exif[0x010F], exif[0x0112] = "sample", 6
    return picture


def main() -> None:
    """Write the three files, under 5 kB each."""
    for path, picture, quality in (
        ("mediafp/engine/local/warm_up.heic", scene(64, 48), 50),
        ("fixtures/scene.heic", scene(64, 48), 80),
        ("fixtures/layers.heic", layers(192, 128), 30),
    ):
        pillow_heif.from_pillow(picture).save(ROOT / path, quality=quality, exif=picture.getexif().tobytes())
        print(f"{path}: {(ROOT / path).stat().st_size} bytes")


if __name__ == "__main__":
    main()
