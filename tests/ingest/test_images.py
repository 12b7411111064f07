"""Images are decoded to 8-bit RGB, or fail with a reason."""

import io
import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
from media_files import decode_whole
from PIL import Image

from mediafp.ingest import image_files
from mediafp.ingest.files import open_file
from mediafp.ingest.images import read_image
from mediafp.ingest.open_media import open_media
from mediafp.ingest.sniff import kind_from_signature
from mediafp.types.errors import CorruptMedia, TooLargeMedia, UnreadableMedia, UnsupportedMedia
from mediafp.types.media import Frame

FIXTURES = Path(__file__).parents[2] / "fixtures"
"""Folder of HEIC files, which scripts/heic_samples.py writes."""


def scene(width: int = 64, height: int = 48) -> Image.Image:
    """Return an image with a red top-left corner on a gradient, so that a rotation is detectable."""
    x, y = np.meshgrid(np.linspace(0, 200, width), np.linspace(0, 200, height))
    pixels = np.stack([x, y, 255 - x], 2).astype(np.uint8)
    pixels[: height // 4, : width // 4] = (255, 0, 0)
    return Image.fromarray(pixels)


def read_still(path: Path) -> Frame:
    media = read_image(open_file(path))
    frames = list(media.frames)
    assert media.kind == "image"
    assert len(frames) == 1
    assert (frames[0].start, frames[0].end) == (0, 0)
    assert not frames[0].pixels.flags.writeable
    return frames[0]


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.bmp", "a.tif", "a.avif"])
def test_read_image_decodes_every_format_alike(tmp_path: Path, name: str) -> None:
    scene().save(tmp_path / name)
    assert kind_from_signature((tmp_path / name).read_bytes()[:4096]) == "image"
    pixels = read_still(tmp_path / name).pixels
    assert pixels.shape == (48, 64, 3)
    assert np.abs(pixels.astype(int) - np.asarray(scene(), int)).mean() < 12


def test_read_image_decodes_heic(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes((FIXTURES / "scene.heic").read_bytes())
    assert kind_from_signature((tmp_path / "a.heic").read_bytes()[:4096]) == "image"
    pixels = read_still(tmp_path / "a.heic").pixels
    assert pixels.shape == (48, 64, 3)
    assert np.abs(pixels.astype(int) - np.asarray(scene(), int)).mean() < 12


def test_read_image_decodes_heic_with_transparency_and_exif() -> None:
    media, frames = decode_whole(FIXTURES / "layers.heic")
    assert [frame.pixels.shape for frame in frames] == [(128, 192, 3)] * 2
    assert media.properties["pages"] == "1:192x128 1:192x128:black"


def test_heif_reader_contains_no_encoder(tmp_path: Path) -> None:
    """The wheels that can write HEIF contain x265, which is GPL."""
    assert read_still(FIXTURES / "scene.heic")
    assert "HEIF" not in Image.SAVE


def test_read_image_converts_cmyk(tmp_path: Path) -> None:
    scene().convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_still(tmp_path / "a.jpg").pixels.astype(int) - np.asarray(scene(), int)).mean() < 12


def test_read_image_scales_sixteen_bits(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, 0)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    pixels = read_still(tmp_path / "a.png").pixels
    assert np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_read_image_puts_what_is_all_transparent_on_white(tmp_path: Path) -> None:
    for mode in ("RGBA", "LA"):
        Image.new(mode, (8, 8), (0,) * len(mode)).save(tmp_path / "a.png")
        assert (read_still(tmp_path / "a.png").pixels == 255).all()


def test_read_image_shrinks_large_jpeg_and_reports_its_size(tmp_path: Path) -> None:
    scene(4400, 3000).save(tmp_path / "a.jpg")
    media = read_image(open_file(tmp_path / "a.jpg"))
    (frame,) = media.frames
    assert (media.properties["width"], media.properties["height"]) == (4400, 3000)
    assert frame.pixels.shape == (750, 1100, 3)


def test_image_over_the_pixel_limit_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene().save(tmp_path / "a.png")
    monkeypatch.setattr(image_files, "MAX_PIXELS", 1000)
    with pytest.raises(TooLargeMedia, match="64 x 48"):
        read_image(open_file(tmp_path / "a.png"))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_truncated_image_is_corrupt(tmp_path: Path, name: str) -> None:
    whole = io.BytesIO()
    scene(640, 480).save(whole, {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}[Path(name).suffix])
    (tmp_path / name).write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with pytest.raises(CorruptMedia, match="fetch it again"):
        list(read_image(open_file(tmp_path / name)).frames)
    (tmp_path / name).write_bytes(whole.getvalue()[:20])
    with pytest.raises(CorruptMedia, match="fetch it again"):
        list(read_image(open_file(tmp_path / name)).frames)


def test_jpeg_xl_is_unsupported(tmp_path: Path) -> None:
    (tmp_path / "a.jxl").write_bytes(b"\xff\x0a" + bytes(100))
    with pytest.raises(UnsupportedMedia, match="JPEG XL is not supported; convert"):
        open_media(open_file(tmp_path / "a.jxl"))


@pytest.mark.parametrize("name", ["a.jp2", "a.j2k", "a.jpg"])
def test_jpeg_2000_is_unsupported_whatever_its_name(tmp_path: Path, name: str) -> None:
    scene().save(tmp_path / "saved.j2k" if name == "a.j2k" else tmp_path / "saved.jp2")
    next(tmp_path.glob("saved.*")).rename(tmp_path / name)
    with pytest.raises(UnsupportedMedia, match="JPEG 2000 is not supported; convert it to PNG first"):
        open_media(open_file(tmp_path / name))


def write_tiff(path: Path, values: np.ndarray, sample_format: int) -> Path:
    """Write values (H, W, C) as a TIFF of one strip, whatever their type."""
    data, (height, width, channels) = values.tobytes(), values.shape
    bits = struct.pack("<" + "H" * channels, *[8 * values.itemsize] * channels)
    formats = struct.pack("<" + "H" * channels, *[sample_format] * channels)
    places = itertools.accumulate((len(bits), len(formats)), initial=8 + 2 + 9 * 12 + 4)
    at_bits, at_formats, at_data = places
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, at_bits), (262, 4, 1, 2), (273, 4, 1, at_data),
        (277, 4, 1, channels), (278, 4, 1, height), (279, 4, 1, len(data)), (339, 3, channels, at_formats),
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    path.write_bytes(b"II*\0\x08\0\0\0" + directory + bytes(4) + bits + formats + data)
    return path


def test_tiff_of_floating_point_colours_is_unsupported_and_one_of_integers_is_read(tmp_path: Path) -> None:
    colours = np.asarray(scene(), np.float64)
    for form, name in (("<f4", "32"), ("<f8", "64")):
        path = write_tiff(tmp_path / "a.tif", (colours / 255).astype(form), 3)
        with pytest.raises(UnsupportedMedia) as caught:
            open_media(open_file(path))
        assert str(caught.value) == (
            f"cannot decode 'a.tif': a TIFF of 3 channels of floating-point numbers of {name} bits is not supported;"
            " convert it to PNG first"
        )
    pixels = read_still(write_tiff(tmp_path / "b.tif", (colours * 257).astype("<u2"), 1)).pixels
    assert np.array_equal(pixels, np.asarray(scene()))


def test_tiff_with_a_damaged_directory_is_corrupt(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", np.zeros((4, 4, 3), "<f4"), 3)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(CorruptMedia, match="fetch it again"):
        open_media(open_file(path))


def test_open_media_detects_kind_from_content(tmp_path: Path) -> None:
    scene().save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.mp4")
    media = open_media(open_file(tmp_path / "a.mp4"))
    assert media is not None
    assert media.kind == "image"


def test_open_media_returns_none_for_other_files(tmp_path: Path) -> None:
    for name, data in {
        "a.txt": b"hello", "a.mp4": b"#EXTM3U\n/etc/passwd\n", "a.svg": b"<svg/>", "a.pdf": b"%PDF-1.7\n\xff\xfe\x00",
        "b.jpg": "文字".encode(), "none": b"", "u.mp3": "text".encode("utf-16"),
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
        assert open_media(open_file(tmp_path / name)) is None


def test_open_media_rejects_files_without_valid_content(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(CorruptMedia, match="the file is empty"):
        open_media(open_file(tmp_path / "a.jpg"))
    (tmp_path / "b.jpg").write_bytes(bytes(range(256)))
    with pytest.raises(CorruptMedia, match="no known"):
        open_media(open_file(tmp_path / "b.jpg"))
    with pytest.raises(UnreadableMedia, match="not a regular file"):
        open_media(open_file(tmp_path))
    with pytest.raises(UnreadableMedia, match="does not exist"):
        open_media(open_file(tmp_path / "missing.jpg"))


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x00\x00\x00\x18ftypmif1", "image"),
        (b"\x00\x00\x00\x18ftypisom", "video"),
        (b"\x00\x00\x00\x18ftypqt  ", "video"),
        (b"RIFF\x00\x00\x00\x00WAVE", "video"),
        (b"RIFF\x00\x00\x00\x00ACON", None),
        (b"G" + bytes(187) + b"G" + bytes(187), "video"),
        (b"GGGG hello", None),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00", "video"),
        (b"\x00\x00\x00\x01\x67\x64", "video"),
        (b"BM is how this sentence starts", None),
        (b"{}", None),
    ],
)
def test_kind_from_signature(head: bytes, kind: str | None) -> None:
    assert kind_from_signature(head) == kind
