"""Animations are videos: their frames as they are displayed, on the clock of their delays."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_files import decode_whole
from PIL import Image

from mediafp.types.contents import check_asset, check_spans
from mediafp.types.media import Asset

FORMATS = {"a.gif": ("gif", "gif"), "a.webp": ("webp", "webp"), "a.png": ("png", "apng")}
"""Format and codec by the name of a file."""


def write_animation(path: Path, levels: list[int], delays: int | list[int], **options: Any) -> Path:
    """Write frames of these grey levels with delays in milliseconds."""
    shots = [Image.new("RGB", (32, 24), (level, 0, 0)) for level in levels]
    if path.suffix == ".webp":
        options = {"lossless": True} | options
    shots[0].save(path, save_all=True, append_images=shots[1:], duration=delays, **options)
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_animation_is_a_video_with_the_times_of_its_delays(tmp_path: Path, name: str) -> None:
    media, frames = decode_whole(write_animation(tmp_path / name, [0, 80, 160], [100, 200, 300], loop=3))
    assert media.kind == "video" and not media.warnings and media.audio is None
    file_format, codec = FORMATS[name]
    assert media.properties == {
        "format": file_format,
        "codec": codec,
        "width": 32,
        "height": 24,
        "duration": pytest.approx(0.6),
        "fps": 5.0,
        "has_sound": False,
    }
    assert [(f.start, f.end) for f in frames] == [
        pytest.approx((0, 0.1)),
        pytest.approx((0.1, 0.3)),
        pytest.approx((0.3, 0.6)),
    ]
    assert [int(f.pixels[0, 0, 0]) for f in frames] == [0, 80, 160]


def test_delay_that_browsers_ignore_is_a_tenth_of_a_second(tmp_path: Path) -> None:
    _, frames = decode_whole(write_animation(tmp_path / "a.gif", [0, 80, 160], [0, 10, 20]))
    assert [f.end for f in frames] == pytest.approx([0.1, 0.2, 0.22])


def test_animation_of_equal_frames_is_an_image(tmp_path: Path) -> None:
    Image.new("P", (32, 24), 7).save(tmp_path / "still.gif")
    still = (tmp_path / "still.gif").read_bytes()
    frame = still[still.index(b"\x2c", 13 + 3) : -1]
    # Pillow would write three equal frames as one.
    (tmp_path / "a.gif").write_bytes(still[:-1] + 2 * frame + still[-1:])
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 3
    media, frames = decode_whole(tmp_path / "a.gif")
    assert media.kind == "image" and media.properties == {"format": "gif", "width": 32, "height": 24}
    assert [(f.start, f.end) for f in frames] == [(0, 0)] and not media.frame_tracks


def test_equal_frames_in_a_row_are_one_with_a_longer_span(tmp_path: Path) -> None:
    path = write_animation(tmp_path / "a.png", [0, 90, 90, 90, 0], 300)
    _, frames = decode_whole(path)
    assert [(f.start, f.end) for f in frames] == [
        pytest.approx((0, 0.3)),
        pytest.approx((0.3, 1.2)),
        pytest.approx((1.2, 1.5)),
    ]


def test_each_frame_that_is_displayed_for_a_fifth_of_a_second_is_sampled(tmp_path: Path) -> None:
    delays = [50] * 20 + [200, 30, 40, 200, 50, 1000, 210]
    levels = [n * 9 for n in range(len(delays))]
    _, frames = decode_whole(write_animation(tmp_path / "a.png", levels, delays))
    seen = {int(f.pixels[0, 0, 0]) for f in frames}
    assert seen >= {level for level, delay in zip(levels, delays, strict=True) if delay >= 200}
    assert all(a.end == b.start for a, b in pairwise(frames))
    assert frames[-1].end == pytest.approx(sum(delays) / 1000)


def test_long_animation_is_sampled_like_a_video_after_its_first_seconds(tmp_path: Path) -> None:
    # The frame that is displayed at each point of the grid, from its first moment on.
    _, frames = decode_whole(write_animation(tmp_path / "a.gif", [n % 120 * 2 for n in range(150)], 100))
    starts = [round(f.start, 3) for f in frames]
    assert starts[:16] == pytest.approx([n / 10 for n in range(16)])
    assert starts[16:59] == pytest.approx([1.6 + n / 5 for n in range(43)])
    assert starts[59:] == pytest.approx([11, 12, 13, 14]) or starts[58:] == pytest.approx([10, 11, 12, 13, 14])
    assert frames[-1].end == pytest.approx(15)


def test_first_image_of_an_animated_png_that_is_not_displayed_is_no_frame(tmp_path: Path) -> None:
    shots = [Image.new("RGB", (32, 24), (level, 0, 0)) for level in (250, 0, 80)]
    shots[0].save(tmp_path / "a.png", save_all=True, append_images=shots[1:], duration=200, default_image=True)
    _, frames = decode_whole(tmp_path / "a.png")
    assert [int(f.pixels[0, 0, 0]) for f in frames] == [0, 80] and frames[-1].end == pytest.approx(0.4)


@pytest.mark.parametrize("name", ["a.gif", "a.png"])
def test_frames_are_composited_as_they_are_displayed(tmp_path: Path, name: str) -> None:
    base = Image.new("RGBA", (32, 24), (255, 0, 0, 255))
    patch = Image.new("RGBA", (32, 24), (0, 0, 0, 0))
    patch.paste((0, 0, 255, 255), (0, 0, 8, 8))
    # The second frame is drawn over the first one, and then the area is cleared.
    options: dict[str, Any] = (
        {"disposal": [1, 2, 2]} if name == "a.gif" else {"disposal": [0, 1, 1], "blend": [0, 1, 1]}
    )
    third = Image.new("RGBA", (32, 24), (0, 0, 0, 0))
    third.paste((0, 128, 0, 255), (24, 16, 32, 24))
    base.save(tmp_path / name, save_all=True, append_images=[patch, third], duration=200, **options)
    _, (first, second, last) = decode_whole(tmp_path / name)
    assert tuple(first.pixels[0, 0]) == (255, 0, 0)
    assert tuple(second.pixels[0, 0]) == (0, 0, 255) and tuple(second.pixels[20, 2]) == (255, 0, 0)
    assert tuple(last.pixels[20, 28]) == (0, 128, 0)


def test_animation_has_a_frame_track_and_is_a_valid_asset(tmp_path: Path) -> None:
    media, frames = decode_whole(write_animation(tmp_path / "a.gif", [0, 100, 200, 50], [100, 500, 400, 300]))
    track = media.frame_track
    assert track and track.spans.tolist() == [
        pytest.approx([0, 0.2]),
        pytest.approx([0.2, 0.6]),
        pytest.approx([0.6, 1.0]),
        pytest.approx([1.0, 1.3]),
    ]
    assert len(np.unique(track.pixels.reshape(4, -1).mean(axis=1))) == 4
    asset = Asset(sha256="0" * 64, kind=media.kind, bytes=1, properties=media.properties)
    check_asset(asset)
    check_spans(asset, np.array([(f.start, f.end) for f in frames]))


def test_truncated_animation_keeps_its_first_frames(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shots = [Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8)) for _ in range(6)]
    path = tmp_path / "a.png"
    shots[0].save(path, save_all=True, append_images=shots[1:], duration=200)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 5 // 8])
    media, frames = decode_whole(path)
    assert 2 <= len(frames) < 6 and any(warning.startswith("skipped the frames after") for warning in media.warnings)
    assert math.isclose(frames[-1].end, float(media.properties["duration"] or 0), abs_tol=1e-6)
