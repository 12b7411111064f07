"""What a file may take: past it, a picture is refused, and a video or an animation keeps what was read, with a warning."""

import io
import json
import resource
import signal
import struct
import textwrap
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from processes import child

from mediafp.engine import analysis
from mediafp.ingest import container, cpu_budget, images, video
from mediafp.ingest.audio import read_audio
from mediafp.ingest.cpu_budget import CPU_LIMIT_MESSAGE, BudgetCheck, CpuBudget, unlimited
from mediafp.ingest.files import open_file
from mediafp.ingest.images import MIN_DECODED_SIDE, read_image
from mediafp.ingest.limits import CPU_SECONDS_PER_FILE, MAX_CPU_SECONDS, MAX_IMAGE_BYTES, MAX_METADATA_BYTES, MAX_PIXELS
from mediafp.ingest.open_media import open_media
from mediafp.types import runs
from mediafp.types.errors import MediaError, TooLargeMedia, UnsupportedMedia
from mediafp.types.media import AUDIO_SAMPLE_RATE, DecodedMedia, Frame


def whole(path: Path, go_on: BudgetCheck = unlimited, **how: bool) -> tuple[DecodedMedia, list[Frame]]:
    """A file's media, read to its end, and its frames."""
    with open_file(path) as file:
        media = open_media(file, within_budget=go_on, **how)
        assert media is not None
        return media, list(media.frames)


def refused(path: Path) -> MediaError:
    """Why a file is not read; it is said at once."""
    start = time.process_time()
    with pytest.raises(MediaError, match=path.name) as caught:
        whole(path)
    assert time.process_time() - start < 2
    return caught.value


# CPU time -----------------------------------------------------------------------------------------
def test_past_the_budget_reading_is_told_to_stop_and_then_the_kernel_stops_it() -> None:
    done = child(
        """
        import resource, time
        from mediafp.ingest import cpu_budget as budget
        budget.GRACE_CPU_SECONDS = 0.5
        start = time.process_time()
        go_on = budget.CpuBudget(0.1)
        while go_on(0.0):
            pass
        print(time.process_time() - start, time.process_time(), resource.getrlimit(resource.RLIMIT_CPU)[0], flush=True)
        while True:
            pass
        """
    )
    assert done.returncode == -signal.SIGXCPU, (done.returncode, done.stderr)
    spent, stopped, killed = map(float, done.stdout.split())
    assert 0.1 <= spent < 0.4
    assert stopped < killed == 1


LIMITS = """
import json, resource, time
from mediafp.ingest.cpu_budget import CpuBudget
told = []
def look(seconds=None):
    told.append((resource.getrlimit(resource.RLIMIT_CPU)[0], None if seconds is None else go_on(seconds)))
"""


def test_what_was_read_earns_time_up_to_the_most() -> None:
    done = child(
        LIMITS
        + textwrap.dedent(
            """
            go_on = CpuBudget(1.0)
            for seconds in (0.0, 0.1, 10.0, 5.0, 1e9, float("inf"), float("nan"), -5.0, 0.0):
                look(seconds)
            look()
            print(json.dumps(told))
            """
        )
    )
    told = json.loads(done.stdout)
    assert all(on for _, on in told[:-1]), "there is time left"
    limits = [limit for limit, _ in told]
    # What was read earns two seconds each; the start took less than one, and the kernel comes 1.5 later.
    assert limits[0] == limits[1] == limits[2] == 3
    assert limits[3] == limits[4] == 1 + 2 * 10 + 2
    assert set(limits[5:]) == {MAX_CPU_SECONDS + 2}, "it is never taken back"


def test_a_hard_limit_is_kept_and_a_fresh_file_starts_anew() -> None:
    done = child(
        LIMITS
        + textwrap.dedent(
            """
            resource.setrlimit(resource.RLIMIT_CPU, (50, 50))
            go_on = CpuBudget()
            look(1000.0)
            look()
            go_on = CpuBudget()
            look()
            while time.process_time() < 0.3:
                pass
            go_on = CpuBudget(0.2)
            look(0.0)
            print(json.dumps([told, resource.getrlimit(resource.RLIMIT_CPU)]))
            """
        )
    )
    (first, most, again, last), limit = json.loads(done.stdout)
    assert first == [CPU_SECONDS_PER_FILE + 2, True] and most[0] == 50 and again[0] == CPU_SECONDS_PER_FILE + 2
    assert last == [3, True], "what was spent before is not its own"
    assert limit == [3, 50]


def test_reading_here_has_no_end_and_sets_no_limit(photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_CPU)
    Image.fromarray(photos["temple"]).save(tmp_path / "a.png", compress_level=1)
    assert whole(tmp_path / "a.png")[1] and unlimited(1e9)
    assert resource.getrlimit(resource.RLIMIT_CPU) == before
    assert issubclass(CpuBudget, object) and cpu_budget.GRACE_CPU_SECONDS >= 1, "RLIMIT_CPU counts whole seconds"


def until(seconds: float) -> BudgetCheck:
    """Reading on up to this second of the media."""
    return lambda read: read < seconds


def test_a_video_that_takes_too_long_keeps_what_was_read(clips: dict[str, Path]) -> None:
    _, every = whole(clips["bikes"])
    media, frames = whole(clips["bikes"], until(3.0))
    assert len(frames) == 3 and len(every) == 10
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(frames, every, strict=False))
    assert 2.9 < frames[-1].end < 3.2
    assert media.warnings == [f"only the first 3 s were read: {CPU_LIMIT_MESSAGE}"]
    assert media.properties["duration"] == 10.0, "what the file says of itself stays"


def test_a_video_that_takes_too_long_keeps_its_sound_so_far(clips: dict[str, Path]) -> None:
    media, frames = whole(clips["bunny"], until(2.0), sound=True)
    assert len(frames) == 2
    assert media.audio and 1.5 < media.audio.duration < 3
    # The file is whole: that it may be cut short is not said.
    assert media.warnings == [f"only the first 2 s were read: {CPU_LIMIT_MESSAGE}"]


def test_a_video_that_is_stopped_at_once_has_a_frame_or_a_reason(clips: dict[str, Path]) -> None:
    try:
        media, _ = whole(clips["bikes"], lambda _: False)
    except MediaError as error:
        assert CPU_LIMIT_MESSAGE in str(error) or error.kind in ("too_large", "timeout")
    else:
        assert any(CPU_LIMIT_MESSAGE in warning for warning in media.warnings)


def test_sound_that_takes_too_long_is_kept_so_far(clips: dict[str, Path]) -> None:
    with open_file(clips["bunny"]) as file:
        every, _ = read_audio(file)
        heard, warnings = read_audio(file, within_budget=until(2.0))
    assert every and heard and 2 <= heard.duration < 3 and np.array_equal(
        heard.samples[: AUDIO_SAMPLE_RATE], every.samples[: AUDIO_SAMPLE_RATE]
    )  # fmt: skip
    assert warnings == [f"only the first 2 s of the sound were read: {CPU_LIMIT_MESSAGE}"]


def gif(path: Path, count: int) -> Path:
    """An animation of so many frames of 16 x 16 pixels, each 0.1 s."""
    shots = [Image.new("L", (16, 16), 2 * n) for n in range(count)]
    shots[0].save(path, save_all=True, append_images=shots[1:], duration=100)
    return path


def test_an_animation_that_takes_too_long_keeps_what_was_read(tmp_path: Path) -> None:
    asked: list[float] = []

    def go_on(seconds: float) -> bool:
        asked.append(seconds)
        return len(asked) < 8

    media, frames = whole(gif(tmp_path / "a.gif", 20), go_on)
    assert len(frames) == 8 and set(asked) == {0.0}
    assert [int(frame.pixels[0, 0, 0]) for frame in frames] == [2 * n for n in range(8)]
    assert media.warnings == [f"only the first 8 of 20 frames were read: {CPU_LIMIT_MESSAGE}"]
    assert frames[-1].end == pytest.approx(0.8) and media.properties["frames"] == 20
    assert len(whole(tmp_path / "a.gif", lambda _: False)[1]) == 1, "the first is always there"


# Pictures -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "most", "left"), [("MAX_ANIMATION_FRAMES", 5, 5), ("ANIMATION_PIXELS", 16 * 16 * 7 + 9, 7)]
)
def test_a_long_animation_is_read_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int, left: int
) -> None:
    path = gif(tmp_path / "a.gif", 20)
    assert whole(path)[0].warnings == []
    monkeypatch.setattr(images, name, most)
    media, frames = whole(path)
    assert len(frames) == left and frames[-1].end == pytest.approx(left / 10)
    (warning,) = media.warnings
    assert warning.startswith(f"only the first {left} of 20 frames were read") and str(most) in warning


def test_an_animation_of_vast_frames_shows_its_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "ANIMATION_PIXELS", 10)
    assert len(whole(gif(tmp_path / "a.gif", 3))[1]) == 1


def jpeg(photos: dict[str, np.ndarray]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(photos["flower"]).save(out, "JPEG")
    return out.getvalue()


def segments(marker: int, count: int, before: bytes = b"") -> bytes:
    """So many segments of notes, 64 KiB each."""
    return (before + bytes((0xFF, marker)) + struct.pack(">H", 65_535) + bytes(65_533)) * count


@pytest.mark.parametrize("marker", [0xE1, 0xE2, 0xED, 0xFE], ids=["EXIF", "profile", "Photoshop", "comment"])
def test_a_jpeg_of_notes_is_too_large(tmp_path: Path, photos: dict[str, np.ndarray], marker: int) -> None:
    plain = jpeg(photos)
    (tmp_path / "a.jpg").write_bytes(plain[:2] + segments(marker, 20) + plain[2:])
    assert len(whole(tmp_path / "a.jpg")[1]) == 1, "some are read"
    (tmp_path / "b.jpg").write_bytes(plain[:2] + segments(marker, MAX_METADATA_BYTES // 65_535 + 1) + plain[2:])
    error = refused(tmp_path / "b.jpg")
    assert isinstance(error, TooLargeMedia) and "notes" in str(error)


@pytest.mark.parametrize("before", [b"\xff", b"\0"], ids=["padding", "junk"])
def test_notes_are_counted_behind_what_the_reader_passes_over(
    tmp_path: Path, photos: dict[str, np.ndarray], before: bytes
) -> None:
    start, rest = jpeg(photos)[:2] + segments(0xFE, 1), jpeg(photos)[2:]
    (tmp_path / "a.jpg").write_bytes(start + segments(0xED, 3, before) + rest)
    assert len(whole(tmp_path / "a.jpg")[1]) == 1, "Pillow does"
    # Not many more than there may be: how long they take grows with their square.
    (tmp_path / "b.jpg").write_bytes(start + segments(0xED, MAX_METADATA_BYTES // 65_535 + 1, before) + rest)
    assert isinstance(refused(tmp_path / "b.jpg"), TooLargeMedia)


def test_a_picture_of_too_many_bytes_is_not_even_opened(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(photos))
    with (tmp_path / "a.jpg").open("r+b") as file:
        file.truncate(MAX_IMAGE_BYTES)
    assert len(whole(tmp_path / "a.jpg")[1]) == 1
    with (tmp_path / "a.jpg").open("r+b") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)
    error = refused(tmp_path / "a.jpg")
    assert isinstance(error, TooLargeMedia) and str(MAX_IMAGE_BYTES) in str(error)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header_of(width: int, height: int) -> bytes:
    """A PNG that says to be so large, and holds next to nothing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"), [(12_001, 10_000), (10_000, 12_001), (MAX_PIXELS + 1, 1), (2**31 - 1, 2**31 - 1)]
)
def test_a_picture_of_too_many_pixels_is_not_decoded(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "a.png").write_bytes(header_of(width, height))
    error = refused(tmp_path / "a.png")
    assert isinstance(error, TooLargeMedia) and f"{width} x {height}" in str(error)


def test_as_many_pixels_as_there_may_be_are_begun(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(header_of(12_000, 10_000))
    assert refused(tmp_path / "a.png").kind == "corrupt", "it is cut short"


@pytest.mark.parametrize("where", ["zTXt", "iTXt", "iCCP", "many"])
def test_a_png_with_packed_notes_is_too_large(tmp_path: Path, photos: dict[str, np.ndarray], where: str) -> None:
    out, notes = io.BytesIO(), PngImagePlugin.PngInfo()
    profile = bytes(2 << 20) if where == "iCCP" else None
    if where == "zTXt":
        notes.add_text("Comment", "x" * (2 << 20), zip=True)
    elif where == "iTXt":
        notes.add_itxt("Comment", "x" * (2 << 20), zip=True)
    elif where == "many":
        for n in range(70):
            notes.add_text(f"Comment {n}", "x" * (1 << 20), zip=True)
    Image.fromarray(photos["flower"][:64, :64]).save(out, "PNG", pnginfo=notes, icc_profile=profile)
    (tmp_path / "a.png").write_bytes(out.getvalue())
    assert len(out.getvalue()) < 200_000
    assert isinstance(refused(tmp_path / "a.png"), TooLargeMedia)


def test_a_png_with_a_few_notes_is_read(tmp_path: Path) -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "x" * 100_000, zip=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=notes)
    assert len(whole(tmp_path / "a.png")[1]) == 1


# Large pictures come small ------------------------------------------------------------------------
def wide(photos: dict[str, np.ndarray], long: int) -> Image.Image:
    """A strip of a photograph, blown up to this long side."""
    return Image.fromarray(photos["flower"][100:300, :600]).resize((long, long // 3), Image.Resampling.BICUBIC)


def clear(picture: Image.Image) -> Image.Image:
    """How opaque each place is: from not at all to wholly, left to right."""
    return Image.fromarray(np.tile(np.linspace(0, 255, picture.width).astype(np.uint8), (picture.height, 1)))


def over_white(rgb: Image.Image, alpha: np.ndarray) -> np.ndarray:
    share = alpha[:, :, None] / 255
    return np.asarray(rgb, np.float32) * share + 255 * (1 - share)


Made = tuple[Image.Image, str, dict[str, object], np.ndarray]
"""A picture, how it is saved, and how it looks, RGB."""


def rgb_of(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"), np.float32)


def as_alpha(picture: Image.Image, mode: str) -> Made:
    made = picture.convert(mode[:-1])
    made.putalpha(clear(picture))
    return made, "PNG", {"compress_level": 1}, over_white(made.convert("RGB"), np.asarray(clear(picture)))


def as_numbers(picture: Image.Image, factor: float, dtype: str, form: str) -> Made:
    values = np.asarray(picture.convert("L"), np.float64)
    # Floats have no black and no white of their own: the darkest and the lightest of the picture are taken.
    looks = (values - values.min()) * (255 / np.ptp(values)) if dtype == "<f4" else values
    made = Image.fromarray((values * factor).astype(dtype))
    return made, form, {}, looks[:, :, None].repeat(3, 2).astype(np.float32)


def as_palette(picture: Image.Image, how: str) -> Made:
    made = picture.quantize(64, dither=Image.Dither.NONE)
    if how == "one clear":
        index = int(np.bincount(np.asarray(made).ravel()).argmax())
        alpha = np.where(np.asarray(made) == index, 0, 255)
        return made, "PNG", {"transparency": index}, over_white(made.convert("RGB"), alpha)
    shades = np.arange(64, dtype=np.uint8) * 4
    return made, "PNG", {"transparency": shades.tobytes()}, over_white(made.convert("RGB"), shades[np.asarray(made)])


def plain(picture: Image.Image, mode: str, form: str) -> Made:
    made = picture.convert(mode)
    options: dict[str, object] = {"compress_level": 1} if form == "PNG" else {"quality": 95} if form == "JPEG" else {}
    return made, form, options, rgb_of(made)


MODES: dict[str, Callable[[Image.Image], Made]] = {
    "1": lambda picture: plain(picture, "1", "PNG"),
    "L": lambda picture: plain(picture, "L", "PNG"),
    "L in JPEG": lambda picture: plain(picture, "L", "JPEG"),
    "LA": lambda picture: as_alpha(picture, "LA"),
    "P": lambda picture: plain(picture, "P", "PNG"),
    "P in GIF": lambda picture: plain(picture, "P", "GIF"),
    "P, one clear": lambda picture: as_palette(picture, "one clear"),
    "P, shades clear": lambda picture: as_palette(picture, "shades clear"),
    "RGB": lambda picture: plain(picture, "RGB", "PNG"),
    "RGB in JPEG": lambda picture: plain(picture, "RGB", "JPEG"),
    "RGB in WebP": lambda picture: plain(picture, "RGB", "WEBP"),
    "RGBA": lambda picture: as_alpha(picture, "RGBA"),
    "CMYK": lambda picture: plain(picture, "CMYK", "TIFF"),
    "CMYK in JPEG": lambda picture: plain(picture, "CMYK", "JPEG"),
    "YCbCr": lambda picture: plain(picture, "YCbCr", "TIFF"),
    "I;16": lambda picture: as_numbers(picture, 257, "<u2", "PNG"),
    "I;16 in TIFF": lambda picture: as_numbers(picture, 257, "<u2", "TIFF"),
    "I;16B": lambda picture: as_numbers(picture, 257, ">u2", "TIFF"),
    "I": lambda picture: as_numbers(picture, 257, "<i4", "TIFF"),
    "I of eight bits": lambda picture: as_numbers(picture, 1, "<i4", "TIFF"),
    "F": lambda picture: as_numbers(picture, 1 / 255, "<f4", "TIFF"),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_large_picture_of_any_mode_comes_small_and_looks_the_same(
    tmp_path: Path, photos: dict[str, np.ndarray], mode: str
) -> None:
    made, form, options, looks = MODES[mode](wide(photos, 2_100))
    made.save(tmp_path / "a", form, **options)
    assert mode.split(" ")[0].rstrip(",") in (made.mode, "I;16B" if made.mode == "I;16" else made.mode)
    media, (frame,) = whole(tmp_path / "a")
    height, width = frame.pixels.shape[:2]
    assert MIN_DECODED_SIDE <= max(width, height) < 2 * MIN_DECODED_SIDE
    assert (media.properties["width"], media.properties["height"]) == made.size
    assert width / height == pytest.approx(made.width / made.height, rel=0.01)
    small = [Image.fromarray(looks[:, :, n]).resize((width, height), Image.Resampling.BOX) for n in range(3)]
    difference = np.abs(np.stack(small, 2) - frame.pixels)
    assert difference.mean() < 2 and np.abs(difference.mean(axis=(0, 1))).max() < 3
    assert media.warnings == []


@pytest.mark.parametrize("long", [1_024, 1_025, 2_047, 2_048, 3_071, 3_072, 5_000])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_the_long_side_stays_between_one_and_two_drafts(tmp_path: Path, long: int, form: str) -> None:
    for size in ((long, 40), (40, long)):
        Image.linear_gradient("L").resize(size).save(tmp_path / "a", form)
        with open_file(tmp_path / "a") as file:
            media = read_image(file)
        (frame,) = media.frames
        assert MIN_DECODED_SIDE <= max(frame.pixels.shape) < 2 * MIN_DECODED_SIDE
        assert (media.properties["width"], media.properties["height"]) == size


def test_a_small_picture_of_numbers_looks_as_bright_as_the_same_one_blown_up(tmp_path: Path) -> None:
    # 0 to 200 of 65535: black to the eye, whichever order of bytes it is stored in.
    for order in "<>":
        ramp = np.tile(np.linspace(0, 200, 64), (48, 1))
        for name, values in (("small.tif", ramp), ("large.tif", ramp.repeat(40, 0).repeat(40, 1))):
            Image.fromarray(values.astype(f"{order}u2")).save(tmp_path / name)
        small, large = (whole(tmp_path / name)[1][0].pixels.mean() for name in ("small.tif", "large.tif"))
        assert small == pytest.approx(large, abs=2), order


# Video --------------------------------------------------------------------------------------------
def film(path: Path, *shots: np.ndarray, codec: str = "mjpeg", form: str = "matroska", rate: int = 1) -> Path:
    """A video of these pictures, one a second."""
    with av.open(str(path), "w", format=form) as made:
        stream = made.add_stream(codec, rate=rate)
        stream.height, stream.width = shots[0].shape[:2]
        stream.pix_fmt = {"mjpeg": "yuvj420p", "zmbv": "bgr0"}.get(codec, "yuv420p")
        stream.codec_context.thread_count = 1
        for shot in shots:
            made.mux(stream.encode(av.VideoFrame.from_ndarray(shot, "rgb24")))
        made.mux(stream.encode(None))
    return path


def noise(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    made = np.random.default_rng(0)
    return [
        made.integers(0, 256, (height // 4, width // 4, 3), np.uint8).repeat(4, 0).repeat(4, 1) for _ in range(count)
    ]


def test_a_video_of_vast_frames_is_too_large(
    tmp_path: Path, clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(tmp_path / "a.mkv", *noise(3))
    monkeypatch.setattr(video, "MAX_FRAME_PIXELS", 64 * 48)
    assert len(whole(path)[1]) == 3
    monkeypatch.setattr(video, "MAX_FRAME_PIXELS", 64 * 48 - 1)
    error = refused(path)
    assert isinstance(error, TooLargeMedia) and "64 x 48" in str(error)
    assert isinstance(refused(clips["bikes"]), TooLargeMedia)


def test_frames_that_grow_behind_the_header_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "MAX_FRAME_PIXELS", 10_000)
    small, large = (film(tmp_path / name, *noise(3, *size)) for name, size in (("s", (64, 48)), ("l", (320, 240))))
    packets: list[bytes] = []
    for path in (small, large):
        with av.open(str(path)) as opened:
            packets += [bytes(packet) for packet in opened.demux() if packet.size]
    with av.open(str(tmp_path / "a.avi"), "w", format="avi") as made:
        stream = made.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for n, data in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, n, n, True
            made.mux(packet)
    try:
        media, frames = whole(tmp_path / "a.avi")
    except TooLargeMedia:
        return
    assert len(frames) == 3 and "3 broken packets were skipped" in media.warnings


def test_a_video_of_more_thumbnails_than_are_kept_ends_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(tmp_path / "a.mkv", *noise(9))
    monkeypatch.setattr(analysis, "BATCH_FRAMES", 2)

    def reading() -> runs.FileAnalysis:
        with open_file(path) as file:
            found = analysis.analyse_file(file, "")
        assert found is not None
        return found

    every = reading()
    assert len(every.thumbnails) == 9 and every.warnings == ()
    monkeypatch.setattr(analysis, "MAX_THUMBNAIL_BYTES", sum(len(thumbnail.jpeg) for thumbnail in every.thumbnails[:3]))
    part = reading()
    assert [thumbnail.jpeg for thumbnail in part.thumbnails] == [thumbnail.jpeg for thumbnail in every.thumbnails[:4]]
    assert all(len(one.vectors) == 4 for one in part.fingerprints)
    (warning,) = part.warnings
    assert "skipped the frames after 4 s" in warning
    # What is just as much as may be kept is whole.
    monkeypatch.setattr(analysis, "MAX_THUMBNAIL_BYTES", sum(len(thumbnail.jpeg) for thumbnail in every.thumbnails))
    assert reading().warnings == ()


def test_the_sound_of_a_video_of_many_thumbnails_is_whole(
    clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis, "BATCH_FRAMES", 1)
    monkeypatch.setattr(analysis, "MAX_THUMBNAIL_BYTES", 1)
    with open_file(clips["bunny"]) as file:
        part = analysis.analyse_file(file, "", audio=True)
    assert part and part.audio and part.audio.duration == pytest.approx(5.3, abs=0.1)
    assert len(part.thumbnails) == 1 and any("skipped the frames after" in warning for warning in part.warnings)


# Decoders -----------------------------------------------------------------------------------------
def test_a_decoder_that_is_not_listed_does_not_run(
    clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(container, "_DECODERS", frozenset(("aac",)))
    with pytest.raises(UnsupportedMedia, match="bikes"):
        whole(clips["bikes"])
    monkeypatch.setattr(container, "_DECODERS", frozenset(("h264",)))
    media, frames = whole(clips["bunny"], sound=True)
    assert len(frames) == 6 and media.audio is None
    assert media.properties["has_sound"] is False and "no decoder for its sound: it was left out" in media.warnings


def test_a_codec_that_only_screen_recorders_write_is_unsupported(tmp_path: Path) -> None:
    error = refused(film(tmp_path / "a.avi", *noise(3), codec="zmbv", form="avi"))
    assert isinstance(error, UnsupportedMedia) and "convert it" in str(error)


def test_sound_alone_of_a_codec_that_is_not_listed_is_unsupported(tmp_path: Path) -> None:
    tone = (8_000 * np.sin(np.arange(AUDIO_SAMPLE_RATE) / 9)).astype(np.int16)[None]
    with av.open(str(tmp_path / "a.wav"), "w", format="wav") as made:
        stream = made.add_stream("g722", rate=AUDIO_SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone, "s16", "mono")
        frame.sample_rate = AUDIO_SAMPLE_RATE
        made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    # It is not damaged, and to fetch it again does not help.
    assert isinstance(refused(tmp_path / "a.wav"), UnsupportedMedia)
    with open_file(tmp_path / "a.wav") as file, pytest.raises(UnsupportedMedia):
        read_audio(file)
