"""Tasks of the local engine: results equal those computed in this process, and every format is decoded in the sandbox."""

import os
import re
import struct
import subprocess
import sys
import time
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest
from heic_grid import heic_grid
from media_files import noise_frames, png_chunk, write_video
from PIL import Image, ImageCms
from processes import PATIENCE_SECONDS, run_ffmpeg

from mediafp.engine import analysis
from mediafp.engine.interface import AnalysisRequest
from mediafp.engine.local.engine import LocalEngine
from mediafp.fingerprints.registry import computed_types
from mediafp.ingest.files import file_sha256, open_file
from mediafp.ingest.speech_audio import read_audio
from mediafp.types.errors import CorruptMedia, NotMedia, TooLargeMedia

FIXTURES = Path(__file__).parents[3] / "fixtures"
TRAP_MODULE = "import pathlib\npathlib.Path({mark!r}).write_text(__name__)\n"


@pytest.mark.parametrize("name", ["photo", "bikes", "bunny"])
def test_analyse_equals_the_analysis_in_this_process(
    engine: LocalEngine, photo: Path, clips: dict[str, Path], name: str
) -> None:
    path, kind = (photo, "image") if name == "photo" else (clips[name], "video")
    with open_file(path) as file:
        sha256 = file_sha256(file)
        by_worker = engine.analyse(file, sha256, kind, AnalysisRequest(audio=True, image=True))  # type: ignore[arg-type]
        direct = analysis.analyse_file(file, sha256, audio=True)
    assert direct is not None
    assert (
        by_worker.asset == direct.asset
        and by_worker.warnings == direct.warnings
        and by_worker.thumbnails == direct.thumbnails
    )
    assert len(direct.thumbnails) >= 1 + (kind == "video")
    assert len(direct.fingerprints) == len(computed_types(kind, reference_crops=False))  # type: ignore[arg-type]
    for received, expected in zip(by_worker.fingerprints, direct.fingerprints, strict=True):
        assert (received.sha256, received.type, received.version) == (expected.sha256, expected.type, expected.version)
        for field in ("vectors", "spans", "quality"):
            assert np.array_equal(getattr(received, field), getattr(expected, field))
            assert getattr(received, field).dtype == getattr(expected, field).dtype
    assert (by_worker.image is None) == (direct.image is None) == (kind == "video")
    assert direct.image is None or np.array_equal(by_worker.image, direct.image)  # type: ignore[arg-type]
    assert len(by_worker.audio) == len(direct.audio) == (name == "bunny")
    for received_audio, expected_audio in zip(by_worker.audio, direct.audio, strict=True):
        assert received_audio.start == expected_audio.start and received_audio.sha256 == expected_audio.sha256
        assert np.array_equal(received_audio.samples, expected_audio.samples)


def test_a_worker_for_queries_analyses_a_video_of_still_frames(tmp_path: Path) -> None:
    """It loads less than one for ingest, and nothing more in the sandbox."""
    path = write_video(tmp_path / "stills.mkv", *noise_frames(3))
    with LocalEngine(tmp_path) as engine, open_file(path) as file:
        analysis = engine.analyse(file, "", "video", AnalysisRequest(matched_only=True))
    assert len(analysis.thumbnails) == 3


def test_analyse_decodes_every_frame_on_request(engine: LocalEngine, clips: dict[str, Path]) -> None:
    with open_file(clips["carphone"]) as file:
        by_worker = engine.analyse(file, "", "video", AnalysisRequest(full_decode=True))
        direct = analysis.analyse_file(file, "", full_decode=True)
    assert direct and [t.jpeg for t in by_worker.thumbnails] == [t.jpeg for t in direct.thumbnails]
    assert by_worker.image is None and by_worker.audio == (), "parts that were not requested are not returned"


def test_read_audio_equals_the_audio_read_in_this_process(
    engine: LocalEngine, photo: Path, clips: dict[str, Path], tmp_path: Path
) -> None:
    with open_file(clips["bunny"]) as file:
        (audio,), warnings = engine.read_audio(file)
        (direct,), direct_warnings = read_audio(file)
    assert warnings == direct_warnings
    assert audio.start == direct.start and np.array_equal(audio.samples, direct.samples)
    assert audio.duration == pytest.approx(5.3, abs=0.1)
    assert not any(tmp_path.glob("tmp*")), "the samples are in an anonymous file"
    for silent in (clips["bikes"], photo):
        with open_file(silent) as file:
            assert engine.read_audio(file) == ([], [])


def white_png(side: int) -> bytes:
    """Return a white PNG of side x side pixels, one bit per pixel."""
    row = b"\0" + b"\xff" * -(-side // 8)

    packer = zlib.compressobj(1)
    data = b"".join([*(packer.compress(row * 100) for _ in range(side // 100)), packer.flush()])
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def test_analyse_raises_the_error_class_of_a_faulty_file(engine: LocalEngine, tmp_path: Path, photo: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(50))
    (tmp_path / "half.png").write_bytes(photo.read_bytes()[:100_000])
    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "vast.png").write_bytes(white_png(11_000))
    for name, error in (("cut.jpg", CorruptMedia), ("half.png", CorruptMedia), ("vast.png", TooLargeMedia)):
        with open_file(tmp_path / name) as file, pytest.raises(error, match=name) as caught:
            engine.analyse(file, "", "image")
        assert type(caught.value) is error
    with open_file(tmp_path / "a.txt") as file:
        with pytest.raises(NotMedia):
            engine.analyse(file, "", "image")
        with pytest.raises(NotMedia):
            engine.read_audio(file)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems reject such names")
def test_error_contains_a_printable_form_of_any_file_name(engine: LocalEngine, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"a\nb\xff\xed\xa0\x80.jpg")
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(50))
    with open_file(path) as file, pytest.raises(CorruptMedia) as caught:
        engine.analyse(file, "", "image")
    assert str(caught.value).isprintable() and "b\\udcff" in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")
def test_workers_are_sandboxed_unless_the_engine_is_not(engine: LocalEngine, tmp_path: Path, photo: Path) -> None:
    def restrictions(of_engine: LocalEngine) -> set[str]:
        statuses = [Path(f"/proc/{worker.pid}/status").read_text().splitlines() for worker in of_engine._pool._all]
        return {line for status in statuses for line in status if line.startswith(("NoNewPrivs", "Seccomp:"))}

    engine.start()
    assert restrictions(engine) == {"NoNewPrivs:\t1", "Seccomp:\t2"}
    with LocalEngine(tmp_path, sandboxed=False) as unsandboxed, open_file(photo) as file:
        outside, inside = unsandboxed.analyse(file, "", "image"), engine.analyse(file, "", "image")
        assert restrictions(unsandboxed) == {"NoNewPrivs:\t0", "Seccomp:\t0"}
    assert np.array_equal(outside.fingerprint("pdq").vectors, inside.fingerprint("pdq").vectors)


def test_workers_import_no_modules_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photo: Path
) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "current").mkdir()
    for name in ("av", "numpy", "cv2", "socket", "msgspec", "mediafp", "sitecustomize"):
        (tmp_path / "current" / f"{name}.py").write_text(TRAP_MODULE.format(mark=str(mark)))
    monkeypatch.chdir(tmp_path / "current")
    subprocess.run([sys.executable, "-c", "import av"], check=True, timeout=PATIENCE_SECONDS)
    assert mark.read_text() == "av", "the trap works"
    mark.unlink()
    with LocalEngine(tmp_path) as engine, open_file(photo) as file:
        assert engine.analyse(file, "", "image").asset.kind == "image"
    assert not mark.exists()


def test_cielab_image_is_analysed_in_the_sandbox(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    srgb, cielab = (ImageCms.createProfile(space) for space in ("sRGB", "LAB"))
    lab = ImageCms.buildTransform(srgb, cielab, "RGB", "LAB").apply(Image.fromarray(photos["temple"]))
    lab.save(tmp_path / "a.tif")
    with LocalEngine(tmp_path) as engine, open_file(tmp_path / "a.tif") as file:
        result = engine.analyse(file, file_sha256(file), "image", AnalysisRequest(image=True))
    assert result.image is not None
    expected = np.asarray(Image.fromarray(photos["temple"]).resize(result.image.shape[1::-1]), np.float32)
    assert np.abs(expected - result.image).mean() < 8


@pytest.mark.parametrize("name", ["scene.heic", "layers.heic"])
def test_heic_image_is_analysed_in_the_sandbox(tmp_path: Path, name: str) -> None:
    """A fresh worker has decoded no file but the sample that the package contains."""
    with LocalEngine(tmp_path) as engine, open_file(FIXTURES / name) as file:
        assert engine.analyse(file, "", "image").asset.properties["format"] == "heif"


@pytest.mark.skipif(sys.platform != "linux", reason="the address space of the worker is read from /proc")
def test_audio_tasks_leak_neither_threads_nor_memory(engine: LocalEngine, tmp_path: Path) -> None:
    rate = 11_025  # needs resampling
    with wave.open(str(tmp_path / "a.wav"), "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes((8000 * np.sin(np.arange(rate) / 5)).astype("<i2").tobytes())

    def decode_audio() -> None:
        with open_file(tmp_path / "a.wav") as file:
            engine.analyse(file, "", "video", AnalysisRequest(audio=True))

    def threads_and_memory() -> tuple[int, int]:
        (worker,) = engine._pool._all
        status = Path(f"/proc/{worker.pid}/status").read_text()
        threads, memory = (re.findall(rf"{name}:\s+(\d+)", status)[0] for name in ("Threads", "VmSize"))
        return int(threads), int(memory)

    engine.start()
    decode_audio()
    memory_limit = threads_and_memory()[1] + 40_000  # KiB
    for _ in range(10):
        decode_audio()
    # The worker replies before it cleans up.
    until = time.monotonic() + PATIENCE_SECONDS
    while (used := threads_and_memory()) > (1, memory_limit) and time.monotonic() < until:
        time.sleep(0.01)
    assert used[0] == 1 and used[1] < memory_limit


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(".mkv", "srt"), (".mkv", "ass"), (".mp4", "mov_text"), (".mov", "mov_text"), (".webm", "webvtt")],
)
def test_video_with_subtitles_is_analysed_in_the_sandbox(
    suffix: str, codec: str, tmp_path: Path, clips: dict[str, Path]
) -> None:
    path = tmp_path / f"a{suffix}"
    (tmp_path / "lines.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\n字幕\n")
    subtitles = ["-i", str(tmp_path / "lines.srt"), "-map", "0:v", "-map", "1:s", "-c:s", codec]
    video = ["-c:v", "libvpx" if suffix == ".webm" else "libx264", "-t", "2", "-s", "160x90", "-pix_fmt", "yuv420p"]
    run_ffmpeg("-i", clips["bikes"], *subtitles, *video, path)
    # A fresh worker has loaded no decoder for another file.
    with LocalEngine(tmp_path) as engine, open_file(path) as file:
        assert engine.analyse(file, file_sha256(file), "video").asset.properties["height"] == 90


def test_import_of_the_engine_loads_no_media_library() -> None:
    """Every command creates an engine, and most run no task in it."""
    code = "import sys, mediafp.engine.local.engine; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    )
    loaded = set(done.stdout.split())
    assert "mediafp.engine.local.pool" in loaded
    assert not loaded & {"av", "cv2", "faiss", "faster_whisper", "ffmpeg", "imageio_ffmpeg", "onnxruntime", "PIL"}
    assert not loaded & {"imagehash", "opencc", "pyseccomp", "rapidocr", "scipy", "sklearn"}


def test_image_of_many_tiles_is_decoded_in_the_sandbox(tmp_path: Path) -> None:
    # Its decoder starts two threads for each tile.
    (tmp_path / "grid.heic").write_bytes(heic_grid(FIXTURES / "scene.heic", 6, 8))
    properties = []
    for sandboxed in (True, False):
        with LocalEngine(tmp_path, sandboxed=sandboxed) as engine, open_file(tmp_path / "grid.heic") as file:
            properties.append(engine.analyse(file, "", "image").asset.properties)
    assert properties == [{"format": "heif", "width": 512, "height": 384}] * 2
