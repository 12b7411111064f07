"""The header of a thumbnail: what `encode_thumbnail` writes passes, and whatever passes can be decoded."""

import io
import random
import struct
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image

from mediafp.ingest import thumbnails
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.types.errors import CorruptMedia
from mediafp.types.jpeg import MAX_THUMBNAIL_JPEG_BYTES, MAX_THUMBNAIL_SIDE, thumbnail_size

SEED = 15
TRIES = 4_000
PIXELS = cv2.resize(np.random.default_rng(SEED).integers(0, 256, (9, 12, 3), np.uint8), (64, 48))
JPEG = encode_thumbnail(PIXELS, MAX_THUMBNAIL_SIDE)
FRAME = JPEG.index(b"\xff\xc0")


def encoded(form: str = "JPEG", mode: str = "RGB", **options: object) -> bytes:
    """Return the pixels in another format, or in another form of JPEG."""
    file = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(file, form, **options)
    return file.getvalue()


def claiming(width: int, height: int) -> bytes:
    """Return the thumbnail with another size in its header."""
    return JPEG[: FRAME + 5] + struct.pack(">HH", height, width) + JPEG[FRAME + 9 :]


def with_orientation() -> bytes:
    """Return a JPEG whose EXIF data turn it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(exif=exif)


REFUSED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "start and end": lambda: b"\xff\xd8\xff\xd9",
    "30,000 x 30,000 pixels": lambda: claiming(30_000, 30_000),
    "one pixel too many": lambda: claiming(MAX_THUMBNAIL_SIDE + 1, 48),
    "no width": lambda: claiming(0, 48),
    "no height": lambda: claiming(64, 0),
    "a progressive JPEG": lambda: encoded(progressive=True),
    "CMYK": lambda: encoded(mode="CMYK"),
    "EXIF": with_orientation,
    "a colour profile": lambda: encoded(icc_profile=b"x" * 99),
    "a comment": lambda: encoded(comment=b"x"),
    "a Photo CD": lambda: b"\xff\xd8\xff" + bytes(2045) + b"PCD_" + bytes(9_000) + b"\xff\xd9",
    "a Photo CD behind a header": lambda: JPEG[:FRAME] + bytes(2048 - FRAME) + b"PCD_" + bytes(9_000) + b"\xff\xd9",
    **{form: lambda form=form: encoded(form) for form in ("PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")},
    "cut short": lambda: JPEG[:-1],
    "without its end": lambda: JPEG[:-2],
    "bytes behind its end": lambda: JPEG + b"x",
    "two in one": lambda: JPEG + JPEG,
    "two frame headers": lambda: JPEG[:FRAME] + JPEG[FRAME : FRAME + 19] + JPEG[FRAME:],
    "two scans": lambda: JPEG[:-2] + JPEG[JPEG.index(b"\xff\xda") :],
    "no tables": lambda: JPEG[:20] + JPEG[FRAME:],
    "12 bits": lambda: JPEG[: FRAME + 4] + b"\x0c" + JPEG[FRAME + 5 :],
    "arithmetic coding": lambda: JPEG[:FRAME] + b"\xff\xc9" + JPEG[FRAME + 2 :],
    "a megabyte": lambda: JPEG[:-2] + bytes(MAX_THUMBNAIL_JPEG_BYTES) + b"\xff\xd9",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_other_bytes_are_refused_before_they_are_decoded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = REFUSED[name]()
    with pytest.raises(ValueError):
        thumbnail_size(data)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it reaches a decoder"))
    with pytest.raises(CorruptMedia, match="verify"):
        decode_thumbnail(data)


@pytest.mark.parametrize("size", [(1, 1), (1, 512), (512, 1), (7, 9), (512, 512), (320, 180)])
def test_encoded_thumbnails_pass_and_are_decoded(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(SEED).integers(0, 256, (size[1], size[0], 3), np.uint8)
    jpeg = encode_thumbnail(noise, MAX_THUMBNAIL_SIDE)
    assert thumbnail_size(jpeg) == size
    assert decode_thumbnail(jpeg).shape == (size[1], size[0], 3)
    assert len(jpeg) < MAX_THUMBNAIL_JPEG_BYTES / 4


@pytest.mark.parametrize("options", [{"mode": "L"}, {"quality": 100}, {"quality": 1}, {"restart_marker_blocks": 1}])
def test_plain_jpegs_of_other_encoders_pass(options: dict[str, object]) -> None:
    assert thumbnail_size(encoded(**options)) == (64, 48)  # type: ignore[arg-type]


def test_whatever_passes_is_decoded_at_the_size_of_its_header() -> None:
    rng, accepted = random.Random(SEED), 0
    for _ in range(TRIES):
        changed = bytearray(JPEG)
        for _ in range(rng.choice((1, 1, 2, 3))):
            position = rng.randrange(rng.choice((len(changed), 640)))
            change = rng.randrange(4)
            if change == 0:
                changed[position] ^= 1 << rng.randrange(8)
            elif change == 1:
                changed[position] = rng.choice((0, 1, 2, 0x11, 0x22, 0xD9, 0xDA, 0xFF))
            elif change == 2:
                del changed[position : position + rng.choice((1, 2, 8))]
            else:
                changed[position:position] = rng.randbytes(rng.choice((1, 2, 8)))
        try:
            width, height = thumbnail_size(bytes(changed))
        except ValueError:
            continue
        accepted += 1
        assert decode_thumbnail(bytes(changed)).shape == (height, width, 3)
    assert TRIES // 5 < accepted < TRIES


def test_size_of_a_thumbnail_is_the_limit_of_its_header() -> None:
    noise = np.random.default_rng(SEED).integers(0, 256, (900, 1200, 3), np.uint8)
    assert thumbnail_size(thumbnails.encode_thumbnail(noise, MAX_THUMBNAIL_SIDE)) == (512, 384)
