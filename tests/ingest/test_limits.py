"""Limits on one file: above them an image is rejected, and a video or an animation keeps the frames decoded so far."""

import io
import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from media_files import decode_whole, noise_frames, png_chunk, rejection_of, write_gif, write_video
from PIL import Image, PngImagePlugin

from mediafp.engine import analysis
from mediafp.fingerprints.registry import declaration
from mediafp.ingest import animations, frame_pixels, video
from mediafp.ingest.files import open_file
from mediafp.ingest.limits import MAX_IMAGE_BYTES, MAX_METADATA_BYTES, MAX_PIXELS
from mediafp.types.errors import TooLargeMedia
from mediafp.types.runs import FileAnalysis


@pytest.mark.parametrize(
    ("name", "limit", "count"), [("MAX_ANIMATION_FRAMES", 5, 5), ("ANIMATION_PIXELS", 16 * 16 * 7 + 9, 7)]
)
def test_long_animation_is_decoded_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit: int, count: int
) -> None:
    path = write_gif(tmp_path / "a.gif", 20)
    assert decode_whole(path)[0].warnings == []
    monkeypatch.setattr(animations, name, limit)
    media, frames = decode_whole(path)
    assert len(frames) == count and frames[-1].end == pytest.approx(count / 10)
    (warning,) = media.warnings
    assert warning.startswith(f"skipped the frames after the first {count} of 20: ") and str(limit) in warning


def test_animation_of_huge_frames_keeps_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animations, "ANIMATION_PIXELS", 10)
    assert len(decode_whole(write_gif(tmp_path / "a.gif", 3))[1]) == 1


def jpeg_bytes(photos: dict[str, np.ndarray]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(photos["flower"]).save(out, "JPEG")
    return out.getvalue()


def metadata_segments(marker: int, count: int, before: bytes = b"") -> bytes:
    """Return JPEG segments of metadata, 64 KiB each."""
    return (before + bytes((0xFF, marker)) + struct.pack(">H", 65_535) + bytes(65_533)) * count


@pytest.mark.parametrize("marker", [0xE1, 0xE2, 0xED, 0xFE], ids=["EXIF", "profile", "Photoshop", "comment"])
def test_jpeg_with_much_metadata_is_too_large(tmp_path: Path, photos: dict[str, np.ndarray], marker: int) -> None:
    plain = jpeg_bytes(photos)
    (tmp_path / "a.jpg").write_bytes(plain[:2] + metadata_segments(marker, 20) + plain[2:])
    assert len(decode_whole(tmp_path / "a.jpg")[1]) == 1, "a little metadata is decoded"
    (tmp_path / "b.jpg").write_bytes(
        plain[:2] + metadata_segments(marker, MAX_METADATA_BYTES // 65_535 + 1) + plain[2:]
    )
    error = rejection_of(tmp_path / "b.jpg")
    assert isinstance(error, TooLargeMedia) and "metadata" in str(error)


@pytest.mark.parametrize("before", [b"\xff", b"\0"], ids=["padding", "junk"])
def test_metadata_behind_padding_is_counted(tmp_path: Path, photos: dict[str, np.ndarray], before: bytes) -> None:
    start, rest = jpeg_bytes(photos)[:2] + metadata_segments(0xFE, 1), jpeg_bytes(photos)[2:]
    (tmp_path / "a.jpg").write_bytes(start + metadata_segments(0xED, 3, before) + rest)
    assert len(decode_whole(tmp_path / "a.jpg")[1]) == 1, "Pillow skips them"
    # Only a few more than the limit: their cost grows with their square.
    (tmp_path / "b.jpg").write_bytes(start + metadata_segments(0xED, MAX_METADATA_BYTES // 65_535 + 1, before) + rest)
    assert isinstance(rejection_of(tmp_path / "b.jpg"), TooLargeMedia)


def test_image_of_too_many_bytes_is_not_opened(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg_bytes(photos))
    with (tmp_path / "a.jpg").open("r+b") as file:
        file.truncate(MAX_IMAGE_BYTES)
    assert len(decode_whole(tmp_path / "a.jpg")[1]) == 1
    with (tmp_path / "a.jpg").open("r+b") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)
    error = rejection_of(tmp_path / "a.jpg")
    assert isinstance(error, TooLargeMedia) and str(MAX_IMAGE_BYTES) in str(error)


def empty_png(width: int, height: int) -> bytes:
    """Return a PNG that states this size and contains next to no pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", head)
        + png_chunk(b"IDAT", zlib.compress(bytes(99)))
        + png_chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("width", "height"), [(12_001, 10_000), (10_000, 12_001), (MAX_PIXELS + 1, 1), (2**31 - 1, 2**31 - 1)]
)
def test_image_of_too_many_pixels_is_not_decoded(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "a.png").write_bytes(empty_png(width, height))
    error = rejection_of(tmp_path / "a.png")
    assert isinstance(error, TooLargeMedia) and f"{width} x {height}" in str(error)


def test_image_at_the_pixel_limit_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(empty_png(12_000, 10_000))
    assert rejection_of(tmp_path / "a.png").kind == "corrupt", "it is truncated"


@pytest.mark.parametrize("where", ["zTXt", "iTXt", "iCCP", "many"])
def test_png_with_much_compressed_metadata_is_too_large(
    tmp_path: Path, photos: dict[str, np.ndarray], where: str
) -> None:
    out, text_chunks = io.BytesIO(), PngImagePlugin.PngInfo()
    profile = bytes(2 << 20) if where == "iCCP" else None
    if where == "zTXt":
        text_chunks.add_text("Comment", "x" * (2 << 20), zip=True)
    elif where == "iTXt":
        text_chunks.add_itxt("Comment", "x" * (2 << 20), zip=True)
    elif where == "many":
        for n in range(70):
            text_chunks.add_text(f"Comment {n}", "x" * (1 << 20), zip=True)
    Image.fromarray(photos["flower"][:64, :64]).save(out, "PNG", pnginfo=text_chunks, icc_profile=profile)
    (tmp_path / "a.png").write_bytes(out.getvalue())
    assert len(out.getvalue()) < 200_000
    assert isinstance(rejection_of(tmp_path / "a.png"), TooLargeMedia)


def test_png_with_little_compressed_metadata_is_decoded(tmp_path: Path) -> None:
    text_chunks = PngImagePlugin.PngInfo()
    text_chunks.add_text("Comment", "x" * 100_000, zip=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=text_chunks)
    assert len(decode_whole(tmp_path / "a.png")[1]) == 1


def test_video_of_huge_frames_is_too_large(
    tmp_path: Path, clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "a.mkv", *noise_frames(3))
    for module in (video, frame_pixels):
        monkeypatch.setattr(module, "MAX_FRAME_PIXELS", 64 * 48)
    assert len(decode_whole(path)[1]) == 3
    for module in (video, frame_pixels):
        monkeypatch.setattr(module, "MAX_FRAME_PIXELS", 64 * 48 - 1)
    error = rejection_of(path)
    assert isinstance(error, TooLargeMedia) and "64 x 48" in str(error)
    assert isinstance(rejection_of(clips["bikes"]), TooLargeMedia)


def test_frames_larger_than_the_header_states_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (video, frame_pixels):
        monkeypatch.setattr(module, "MAX_FRAME_PIXELS", 10_000)
    small, large = (
        write_video(tmp_path / name, *noise_frames(3, *size)) for name, size in (("s", (64, 48)), ("l", (320, 240)))
    )
    packets: list[bytes] = []
    for path in (small, large):
        with av.open(str(path)) as opened:
            packets += [bytes(packet) for packet in opened.demux() if packet.size]
    with av.open(str(tmp_path / "a.avi"), "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for n, data in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, n, n, True
            container.mux(packet)
    try:
        media, frames = decode_whole(tmp_path / "a.avi")
    except TooLargeMedia:
        return
    assert len(frames) == 3 and "skipped 3 video packets: they are damaged" in media.warnings


def test_video_over_the_thumbnail_limit_ends_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.mkv", *noise_frames(9))
    monkeypatch.setattr(analysis, "BATCH_FRAMES", 2)

    def analyse() -> FileAnalysis:
        with open_file(path) as file:
            result = analysis.analyse_file(file, "")
        assert result is not None
        return result

    complete = analyse()
    assert len(complete.thumbnails) == 9 and complete.warnings == ()
    monkeypatch.setattr(
        analysis, "MAX_THUMBNAIL_BYTES", sum(len(thumbnail.jpeg) for thumbnail in complete.thumbnails[:3])
    )
    part = analyse()
    assert [thumbnail.jpeg for thumbnail in part.thumbnails] == [
        thumbnail.jpeg for thumbnail in complete.thumbnails[:4]
    ]
    assert all(len(f.vectors) == 4 for f in part.fingerprints if declaration(f.type).consumes == "frames")
    (warning,) = part.warnings
    assert "skipped the frames after 4 s" in warning
    # Exactly the limit is complete.
    monkeypatch.setattr(analysis, "MAX_THUMBNAIL_BYTES", sum(len(thumbnail.jpeg) for thumbnail in complete.thumbnails))
    assert analyse().warnings == ()


def test_audio_of_a_video_over_the_thumbnail_limit_is_complete(
    clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis, "BATCH_FRAMES", 1)
    monkeypatch.setattr(analysis, "MAX_THUMBNAIL_BYTES", 1)
    with open_file(clips["bunny"]) as file:
        part = analysis.analyse_file(file, "", audio=True)
    assert part and part.audio[0].duration == pytest.approx(5.3, abs=0.1)
    assert len(part.thumbnails) == 1 and any("skipped the frames after" in warning for warning in part.warnings)
