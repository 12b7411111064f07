"""Sound out of files: where it stands in time, what it sounds like, and what damage does to it."""

import shutil
import subprocess
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from mediafp.errors import CorruptMedia, MediaError, UnsupportedMedia
from mediafp.ingest import sound as module
from mediafp.ingest.open import open_media
from mediafp.ingest.sound import read_sound
from mediafp.media import SOUND_RATE


def ffmpeg(*arguments: object) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=60)


def tone(hertz: float = 440, seconds: float = 3) -> list[str]:
    return ["-f", "lavfi", "-i", f"sine=frequency={hertz}:duration={seconds}:sample_rate=48000"]


def pictures(seconds: float = 3) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=size=160x120:rate=10:duration={seconds}"]


def pitch(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64)))
    return float(np.fft.rfftfreq(len(samples), 1 / SOUND_RATE)[spectrum.argmax()])


def loud(samples: np.ndarray, start: float, end: float) -> bool:
    part = samples[round(start * SOUND_RATE) : round(end * SOUND_RATE)].astype(np.float64)
    return bool(np.sqrt(np.mean(part**2)) > 500)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", []),
        ("a.wav", ["-ar", "8000"]),
        ("a.mp3", []),
        ("a.m4a", []),
        ("a.ogg", ["-c:a", "libopus"]),
        ("a.flac", []),
    ],
)
def test_a_tone_keeps_its_pitch_and_length(tmp_path: Path, name: str, options: list[str]) -> None:
    ffmpeg(*tone(), *options, tmp_path / name)
    sound, warnings = read_sound(tmp_path / name)
    assert sound is not None and warnings == []
    assert pitch(sound.samples) == pytest.approx(440, abs=2)
    assert sound.seconds == pytest.approx(3, abs=0.15)
    assert sound.start == pytest.approx(0, abs=0.05)
    assert sound.samples.dtype == np.int16 and not sound.samples.flags.writeable


def test_one_decode_gives_the_same_sound_and_the_same_pictures(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    ffmpeg(*pictures(), *tone(), "-c:v", "libx264", "-pix_fmt", "yuv420p", film)
    alone, _ = read_sound(film)
    with_sound, without = open_media(film, sound=True), open_media(film)
    assert with_sound is not None and without is not None and alone is not None
    for a, b in zip(with_sound.frames, without.frames, strict=True):
        assert (a.start, a.end) == (b.start, b.end) and np.array_equal(a.pixels, b.pixels)
    (heard,) = with_sound.heard
    assert np.array_equal(heard.samples, alone.samples) and heard.sha256 == alone.sha256
    assert without.heard == [] and with_sound.warnings == without.warnings


def test_sound_that_sets_in_later_starts_later(tmp_path: Path) -> None:
    film = tmp_path / "late.mp4"
    ffmpeg(*pictures(4), "-itsoffset", "1", *tone(), "-c:v", "libx264", "-pix_fmt", "yuv420p", film)
    sound, _ = read_sound(film)
    assert sound is not None and sound.start == pytest.approx(1, abs=0.1)


def test_a_gap_in_the_time_stamps_is_silence(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "gap.mkv"), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=SOUND_RATE, layout="mono")
        wave = (8000 * np.sin(2 * np.pi * 440 * np.arange(SOUND_RATE) / SOUND_RATE)).astype(np.int16)
        for second in (0, 3):
            frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = SOUND_RATE, second * SOUND_RATE
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    sound, _ = read_sound(tmp_path / "gap.mkv")
    assert sound is not None and sound.seconds == pytest.approx(4, abs=0.05)
    assert loud(sound.samples, 0.1, 0.9) and not loud(sound.samples, 1.2, 2.8) and loud(sound.samples, 3.2, 3.9)


def test_a_voice_in_the_centre_of_six_channels_is_kept(tmp_path: Path) -> None:
    six = tmp_path / "six.wav"
    ffmpeg(*tone(), "-af", "pan=5.1|FC=c0", six)
    sound, _ = read_sound(six)
    assert sound is not None and loud(sound.samples, 0.2, 2.8) and pitch(sound.samples) == pytest.approx(440, abs=2)


def test_channels_that_cancel_each_other_are_heard(tmp_path: Path) -> None:
    ffmpeg(*tone(), "-af", "pan=stereo|c0=c0|c1=-1*c0", tmp_path / "out of phase.wav")
    sound, _ = read_sound(tmp_path / "out of phase.wav")
    assert sound is not None and loud(sound.samples, 0.2, 2.8)


def test_what_is_no_number_is_silence(tmp_path: Path) -> None:
    wave = np.full((1, SOUND_RATE), np.nan, np.float32)
    wave[0, ::2] = np.inf
    with av.open(str(tmp_path / "nan.wav"), "w") as out:
        stream = out.add_stream("pcm_f32le", rate=SOUND_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(wave, format="flt", layout="mono")
        frame.sample_rate, frame.pts = SOUND_RATE, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    sound, _ = read_sound(tmp_path / "nan.wav")
    assert sound is not None and not sound.samples.any()


def test_sound_that_breaks_off_leaves_a_warning_and_what_was_heard(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    ffmpeg(*pictures(8), *tone(seconds=8), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "faststart", whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    sound, warnings = read_sound(cut)
    assert sound is not None and 1 < sound.seconds < 7
    assert any("may be cut short" in warning for warning in warnings)


def test_the_limit_ends_the_sound_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ffmpeg(*tone(), tmp_path / "long.wav")
    monkeypatch.setattr(module, "MAX_SOUND_SECONDS", 2)
    sound, warnings = read_sound(tmp_path / "long.wav")
    assert sound is not None and sound.seconds == 2
    assert warnings == ["only the first 2 s of the sound were read"]


def test_files_without_sound(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    ffmpeg(*pictures(), "-c:v", "libx264", "-pix_fmt", "yuv420p", tmp_path / "silent.mp4")
    assert read_sound(tmp_path / "silent.mp4") == (None, [])
    (tmp_path / "text.txt").write_text("no media")
    with pytest.raises(UnsupportedMedia, match=r"text\.txt"):
        read_sound(tmp_path / "text.txt")
    with pytest.raises(MediaError):
        read_sound(tmp_path / "gone.wav")
    ffmpeg(*tone(), tmp_path / "whole.mp3")
    shutil.copyfile(tmp_path / "whole.mp3", tmp_path / "cover.mp3")
    (tmp_path / "broken.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(200))
    with pytest.raises(CorruptMedia, match="broken"):
        read_sound(tmp_path / "broken.m4a")
