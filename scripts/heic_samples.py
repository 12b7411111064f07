"""Write the HEIC samples: fixtures/scene.heic, fixtures/layers.heic and mediafp/engine/local/warm_up.heic.

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
    """Return the image of the HEIC tests: a red top-left corner on a smooth ground."""
    x, y = np.meshgrid(np.linspace(0, 200, width), np.linspace(0, 200, height))
    pixels = np.stack([x, y, 255 - x], 2).astype(np.uint8)
    pixels[: height // 4, : width // 4] = (255, 0, 0)
    return Image.fromarray(pixels)


def layers(width: int, height: int) -> Image.Image:
    """Return an image with texture, transparency and EXIF data, so that a file of it has many parts."""
    texture = np.random.default_rng(0).normal(0, 12, (height, width, 1))
    image = Image.fromarray(np.clip(np.asarray(scene(width, height)) + texture, 0, 255).astype(np.uint8))
    image.putalpha(Image.linear_gradient("L").resize((width, height)))
    exif = image.getexif()
    exif[0x010F], exif[0x0112] = "sample", 6
    return image


def main() -> None:
    """Write the three files, under 5 kB each."""
    for path, image, quality in (
        ("mediafp/engine/local/warm_up.heic", scene(64, 48), 50),
        ("fixtures/scene.heic", scene(64, 48), 80),
        ("fixtures/layers.heic", layers(192, 128), 30),
    ):
        pillow_heif.from_pillow(image).save(ROOT / path, quality=quality, exif=image.getexif().tobytes())
        print(f"{path}: {(ROOT / path).stat().st_size} bytes")


if __name__ == "__main__":
    main()
