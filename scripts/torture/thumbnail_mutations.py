"""Seeded forgeries of thumbnails. answer_mutations.py imports it; it is not a program."""

import io
import random
import struct
from collections.abc import Callable
from typing import Any

from PIL import Image


def noise(rng: random.Random, width: int, height: int) -> Image.Image:
    """Return white noise."""
    return Image.frombytes("RGB", (width, height), rng.randbytes(3 * width * height))


def encode_image(image: Image.Image, form: str = "JPEG", **options: Any) -> bytes:
    """Return an image in a format, with options of Pillow."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def forge_thumbnail(rng: random.Random, jpeg: bytes) -> bytes:
    """Return other bytes for a thumbnail: damaged, of another format, or with what no thumbnail has."""
    image = Image.open(io.BytesIO(jpeg))
    frame = jpeg.index(b"\xff\xc0")
    width, height = rng.choice(((30_000, 30_000), (65_535, 65_535), (513, 8), (0, 8), (8, 0), (1, 1), (512, 512)))
    exif = Image.Exif()
    exif[0x0112] = 6
    forms: tuple[Callable[[], bytes], ...] = (
        lambda: b"\xff\xd8\xff\xd9",
        lambda: b"\xff\xd8\xff\xe0 \xff\xd9",
        lambda: b"",
        lambda: jpeg[: frame + 5] + struct.pack(">HH", height, width) + jpeg[frame + 9 :],
        lambda: jpeg[: rng.randrange(len(jpeg))] + b"\xff\xd9",
        lambda: jpeg[: rng.randrange(len(jpeg))],
        lambda: encode_image(image, progressive=True),
        lambda: encode_image(image, quality=1),
        lambda: encode_image(image.convert("L")),
        lambda: encode_image(image.convert("CMYK")),
        lambda: encode_image(image, exif=exif),
        lambda: encode_image(image, icc_profile=rng.randbytes(200)),
        lambda: encode_image(image, comment=b"x" * 999),
        lambda: encode_image(image, restart_marker_blocks=1),
        lambda: encode_image(image.resize((image.height, image.width))),
        lambda: encode_image(image.resize((1, 1))),
        lambda: encode_image(noise(rng, 512, 512), quality=100),
        lambda: encode_image(noise(rng, 520, 9)),
        *(lambda form=form: encode_image(image, form) for form in ("PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")),
        # A Photo CD has its signature at 2,048.
        lambda: (b"\xff\xd8\xff" + bytes(2045) + b"PCD_" + bytes(100_000) + b"\xff\xd9"),
        lambda: jpeg[:-2] + jpeg[2:],
        lambda: jpeg + jpeg,
        lambda: jpeg[:20] + jpeg[frame : frame + 19] + jpeg[20:],
        lambda: jpeg[:-2] + bytes(1 << 20) + b"\xff\xd9",
        lambda: flip_bits(rng, jpeg, len(jpeg)),
        lambda: flip_bits(rng, jpeg, 640),
    )  # fmt: skip
    return rng.choice(forms)()


def flip_bits(rng: random.Random, data: bytes, end: int) -> bytes:
    """Return bytes of which a few bits before `end` are changed."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 20))):
        changed[rng.randrange(min(end, len(data)))] ^= 1 << rng.randrange(8)
    return bytes(changed)
