"""Sound out of files: where it stands in time, what it sounds like, and what damage does to it."""

import os
from pathlib import Path

import av
import numpy as np
import pytest
from processes import ffmpeg

from mediafp.ingest import audio
from mediafp.ingest.audio import read_audio
from mediafp.ingest.files import open_file
from mediafp.ingest.open_media import open_media
from mediafp.types.errors import CorruptMedia, UnreadableMedia, UnsupportedMedia
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio


def tone(hertz: float = 440, seconds: float = 3) -> list[object]:
    return ["-f", "lavfi", "-i", f"sine=frequency={hertz}:duration={seconds}:sample_rate=48000"]


def pictures(seconds: float = 3) -> list[object]:
    return ["-f", "lavfi", "-i", f"testsrc2=size=160x120:rate=10:duration={seconds}"]


def pitch(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64)))
    return float(np.fft.rfftfreq(len(samples), 1 / AUDIO_SAMPLE_RATE)[spectrum.argmax()])


BEEP = ["-f", "lavfi", "-i", "aevalsrc='if(between(t,2,3),0.5*sin(2*PI*1000*t),0)':s=44100:d=5"]
H264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]


def beep(sound: Audio | None) -> tuple[float, float, float]:
    """Presentation seconds at which the loud part starts and ends, and its pitch."""
    assert sound is not None
    loud = np.flatnonzero(np.abs(sound.samples.astype(int)) > 3000)
    first, last = int(loud[0]), int(loud[-1])
    return (
        sound.start + first / AUDIO_SAMPLE_RATE,
        sound.start + last / AUDIO_SAMPLE_RATE,
        pitch(sound.samples[first:last]),
    )


def write_wave(path: Path, values: np.ndarray, rate: int = AUDIO_SAMPLE_RATE, layout: str = "mono") -> None:
    """Samples (N, channels), int16 or float32, as a WAV file, Matroska or whatever the name says."""
    name, codec = {"f": ("flt", "pcm_f32le"), "i": ("s16", "pcm_s16le")}[values.dtype.kind]
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(values.reshape(1, -1), format=name, layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def write_seconds(path: Path, starts: list[int], rate: int = AUDIO_SAMPLE_RATE) -> None:
    """A file with a second of tone at each of the seconds given, by time stamps alone."""
    wave = (8000 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.int16)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=rate, layout="mono")
        for second in starts:
            frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, second * rate
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def wave(seconds: float = 3, hertz: float = 440) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * AUDIO_SAMPLE_RATE)) / AUDIO_SAMPLE_RATE)


def loud(samples: np.ndarray, start: float, end: float) -> bool:
    part = samples[round(start * AUDIO_SAMPLE_RATE) : round(end * AUDIO_SAMPLE_RATE)].astype(np.float64)
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
    sound, warnings = read_audio(open_file(tmp_path / name))
    assert sound is not None and warnings == []
    assert pitch(sound.samples) == pytest.approx(440, abs=2)
    assert sound.duration == pytest.approx(3, abs=0.15)
    assert sound.start == pytest.approx(0, abs=0.05)
    assert sound.samples.dtype == np.int16 and not sound.samples.flags.writeable


def test_one_decode_gives_the_same_sound_and_the_same_pictures(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    ffmpeg(*pictures(), *tone(), *H264, film)
    alone, _ = read_audio(open_file(film))
    with_sound, without = open_media(open_file(film), audio=True), open_media(open_file(film))
    assert with_sound is not None and without is not None and alone is not None
    for a, b in zip(with_sound.frames, without.frames, strict=True):
        assert (a.start, a.end) == (b.start, b.end) and np.array_equal(a.pixels, b.pixels)
    (heard,) = with_sound.audio_tracks
    assert np.array_equal(heard.samples, alone.samples) and heard.sha256 == alone.sha256
    assert without.audio_tracks == [] and with_sound.warnings == without.warnings


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", []),
        ("a.mkv", []),
        ("a.mkv", ["-c:a", "libopus"]),
        ("a.mov", ["-c:a", "pcm_s16le"]),
        ("a.flv", []),
        ("a.ts", []),
        ("a.ts", ["-c:a", "mp2"]),
    ],
)
def test_sound_stands_where_the_pictures_have_it(tmp_path: Path, name: str, options: list[str]) -> None:
    for shift, (pictures_first, sound_first) in {
        0: ([], []),
        1: ([], ["-itsoffset", 1]),
        -1: (["-itsoffset", 1], []),
    }.items():
        ffmpeg(*pictures_first, *pictures(5), *sound_first, *BEEP, *H264, *options, tmp_path / name)
        sound, warnings = read_audio(open_file(tmp_path / name))
        assert beep(sound) == (
            pytest.approx(2 + shift, abs=0.01),
            pytest.approx(3 + shift, abs=0.01),
            pytest.approx(1000, abs=2),
        )
        assert warnings == []


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.ogg", "a.opus", "a.m4a", "a.flac", "a.aiff"])
def test_sound_alone_starts_with_itself(tmp_path: Path, name: str) -> None:
    ffmpeg(*BEEP, tmp_path / name)
    sound, warnings = read_audio(open_file(tmp_path / name))
    assert beep(sound) == (pytest.approx(2, abs=0.01), pytest.approx(3, abs=0.01), pytest.approx(1000, abs=2))
    media = open_media(open_file(tmp_path / name), audio=True)
    assert media is not None and sound is not None and list(media.frames) == []
    assert media.audio is not None and np.array_equal(media.audio.samples, sound.samples)
    assert media.warnings == ["no pictures"] and warnings == []


def test_the_default_track_is_heard(tmp_path: Path) -> None:
    ffmpeg(*tone(300, 1), *tone(900, 1), "-map", 0, "-map", 1, "-disposition:a:0", 0, "-disposition:a:1", "default",
           tmp_path / "two.mkv")  # fmt: skip
    sound, _ = read_audio(open_file(tmp_path / "two.mkv"))
    assert sound is not None and pitch(sound.samples) == pytest.approx(900, abs=2)


@pytest.mark.parametrize("rate", [AUDIO_SAMPLE_RATE, 44100])
def test_a_gap_in_the_time_stamps_is_silence(tmp_path: Path, rate: int) -> None:
    write_seconds(tmp_path / "gap.mkv", [0, 3], rate)
    sound, _ = read_audio(open_file(tmp_path / "gap.mkv"))
    assert sound is not None and sound.duration == pytest.approx(4, abs=2 / AUDIO_SAMPLE_RATE)
    assert loud(sound.samples, 0, 0.999) and not sound.samples[AUDIO_SAMPLE_RATE + 9 : 3 * AUDIO_SAMPLE_RATE - 9].any()
    assert loud(sound.samples, 3, 3.999)


def test_a_jump_of_hours_costs_nothing(tmp_path: Path) -> None:
    write_seconds(tmp_path / "hours.mkv", [0, 36_000])
    sound, warnings = read_audio(open_file(tmp_path / "hours.mkv"))
    assert sound is not None and sound.duration == pytest.approx(1, abs=0.01)
    assert warnings == ["only the first 14400 s of the sound were read"]


def test_a_clock_that_starts_again_is_counted_on(tmp_path: Path) -> None:
    ffmpeg(*tone(seconds=2), "-c:a", "mp2", "-output_ts_offset", 20, tmp_path / "a.ts")
    ffmpeg(*tone(seconds=2), "-c:a", "mp2", tmp_path / "b.ts")
    (tmp_path / "c.ts").write_bytes((tmp_path / "a.ts").read_bytes() + 2 * (tmp_path / "b.ts").read_bytes())
    sound, _ = read_audio(open_file(tmp_path / "c.ts"))
    assert sound is not None and sound.duration == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize("suffix", ["mp3", "aac", "ts"])
def test_a_change_of_rate_and_channels_within_the_stream(tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    codec = ["-c:a", "mp2"] if suffix == "ts" else ["-write_xing", 0] if suffix == "mp3" else []
    ffmpeg(*tone(seconds=2), "-ar", 22050, *codec, first)
    ffmpeg(*tone(seconds=2), "-ar", 48000, "-ac", 2, *codec, second)
    first.write_bytes(first.read_bytes() + second.read_bytes())
    sound, _ = read_audio(open_file(first))
    assert sound is not None and sound.duration == pytest.approx(4, abs=0.2)
    for start in (0.2, 2.3):
        part = sound.samples[round(start * AUDIO_SAMPLE_RATE) : round((start + 1.5) * AUDIO_SAMPLE_RATE)]
        assert pitch(part) == pytest.approx(440, abs=2)


def test_a_voice_in_the_centre_of_six_channels_is_kept(tmp_path: Path) -> None:
    six = tmp_path / "six.wav"
    ffmpeg(*tone(), "-af", "pan=5.1|FC=c0", six)
    sound, _ = read_audio(open_file(six))
    assert sound is not None and loud(sound.samples, 0.2, 2.8) and pitch(sound.samples) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("options", [[], ["-c:a", "aac"], ["-c:a", "libopus"], ["-c:a", "alac"]], ids=str)
def test_a_voice_in_the_centre_of_eight_channels_is_kept(tmp_path: Path, options: list[str]) -> None:
    # Decoders give them in one plane (FLAC) or in eight.
    path = tmp_path / f"a.{'mka' if options else 'wav'}"
    ffmpeg(*tone(), "-af", "pan=7.1|FC=c0", *options, path)
    with open_file(path) as file:
        sound, warnings = read_audio(file)
    assert sound and not warnings
    assert sound.duration == pytest.approx(3, abs=0.1) and pitch(sound.samples) == pytest.approx(440, abs=3)


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_channels_that_cancel_each_other_are_heard(tmp_path: Path, noise: float) -> None:
    voice, common = wave() / 2, np.random.default_rng(0).normal(0, noise, 3 * AUDIO_SAMPLE_RATE)
    both = np.stack([common + voice, common - voice], 1).astype(np.float32)
    write_wave(tmp_path / "out of phase.wav", both, layout="stereo")
    sound, _ = read_audio(open_file(tmp_path / "out of phase.wav"))
    assert sound is not None and loud(sound.samples, 0.2, 2.8)
    assert np.corrcoef(sound.samples, voice)[0, 1] > 0.98


def test_one_channel_and_many_unnamed_ones_are_heard(tmp_path: Path) -> None:
    for layout, count in (("stereo", 2), ("16 channels", 16)):
        values = np.zeros((3 * AUDIO_SAMPLE_RATE, count), np.int16)
        values[:, -1] = wave() * 16000
        write_wave(tmp_path / "a.wav", values, layout=layout)
        sound, warnings = read_audio(open_file(tmp_path / "a.wav"))
        assert sound is not None and warnings == [] and loud(sound.samples, 0.2, 2.8)


def test_what_is_no_number_is_silence(tmp_path: Path) -> None:
    values = np.full((AUDIO_SAMPLE_RATE, 1), np.nan, np.float32)
    values[::2] = np.inf
    write_wave(tmp_path / "nan.wav", values)
    sound, _ = read_audio(open_file(tmp_path / "nan.wav"))
    assert sound is not None and not sound.samples.any()
    values[:, 0] = wave(1) / 2
    values[8000] = np.nan
    write_wave(tmp_path / "nan.wav", values, 44100)
    sound, _ = read_audio(open_file(tmp_path / "nan.wav"))
    assert sound is not None and np.abs(sound.samples).max() < 17_000


@pytest.mark.parametrize("level", [1.5, 3e38])
def test_sound_that_is_too_loud_is_clipped(tmp_path: Path, level: float) -> None:
    write_wave(tmp_path / "loud.wav", (wave(1)[:, None] * level).astype(np.float32))
    sound, _ = read_audio(open_file(tmp_path / "loud.wav"))
    assert sound is not None
    assert (sound.samples > 32_000).any() and np.corrcoef(sound.samples, wave(1))[0, 1] > 0.85


@pytest.mark.parametrize("rate", [1, 0x7FFF_FFFF])
def test_absurd_rates_are_not_read(tmp_path: Path, rate: int) -> None:
    write_wave(tmp_path / "a.wav", (wave(1)[:, None] * 9000).astype(np.int16))
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[24:28] = rate.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(data)
    sound, warnings = read_audio(open_file(tmp_path / "a.wav"))
    assert sound is None and "no sound could be decoded: the file is damaged or cut short" in warnings


def test_broken_sound_leaves_the_pictures(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    ffmpeg(*pictures(), *tone(), *H264, film)
    with av.open(str(film)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    data, noise = bytearray(film.read_bytes()), np.random.default_rng(0)
    for place, size in places[20:60]:
        data[place : place + size] = noise.bytes(size)
    (tmp_path / "broken.mp4").write_bytes(data)
    broken, whole = open_media(open_file(tmp_path / "broken.mp4"), audio=True), open_media(open_file(film))
    assert broken is not None and whole is not None
    for a, b in zip(broken.frames, whole.frames, strict=True):
        assert np.array_equal(a.pixels, b.pixels)
    assert any("broken sound packets were skipped" in warning for warning in broken.warnings)
    assert broken.audio is not None and broken.audio.duration == pytest.approx(3, abs=0.1)
    assert loud(broken.audio.samples, 0.05, 0.4) and loud(broken.audio.samples, 1.5, 2.9)


def test_sound_that_is_shorter_than_the_pictures_is_no_fault(tmp_path: Path) -> None:
    ffmpeg(*pictures(6), *tone(), *H264, tmp_path / "a.mp4")
    media = open_media(open_file(tmp_path / "a.mp4"), audio=True)
    assert media is not None and len(list(media.frames)) == 6 and media.warnings == []
    assert media.audio is not None and media.audio.duration == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.mka"])
def test_sound_alone_that_is_cut_short(tmp_path: Path, name: str) -> None:
    ffmpeg(*tone(seconds=8), tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    sound, warnings = read_audio(open_file(tmp_path / name))
    assert sound is not None and 2 < sound.duration < 6
    assert any("of 8.0 s: the file may be cut short" in warning for warning in warnings)


@pytest.mark.parametrize("name", ["a.mp3", "a.aac"])
def test_a_length_that_the_demuxer_guessed_is_no_fault(tmp_path: Path, name: str) -> None:
    quiet_first = "aevalsrc='if(lt(t,9),0,random(0)-0.5)':s=44100:d=12"
    ffmpeg(
        "-f", "lavfi", "-i", quiet_first, *(["-q:a", 4, "-write_xing", 0] if name == "a.mp3" else []), tmp_path / name
    )
    sound, warnings = read_audio(open_file(tmp_path / name))
    assert sound is not None and sound.duration == pytest.approx(12, abs=0.1) and warnings == []


def test_file_is_closed_even_if_frames_are_left(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    ffmpeg(*pictures(), *tone(), *H264, film)

    def opened() -> int:
        return sum(os.path.realpath(one) == str(film) for one in Path("/proc/self/fd").iterdir())

    with open_file(film) as file:
        media = open_media(file, audio=True)
    assert media is not None
    next(media.frames)
    assert media.audio is None and opened() == 1
    del media
    assert opened() == 0


def test_sound_that_breaks_off_leaves_a_warning_and_what_was_heard(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    ffmpeg(*pictures(8), *tone(seconds=8), *H264, "-movflags", "faststart", whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    sound, warnings = read_audio(open_file(cut))
    assert sound is not None and 1 < sound.duration < 7
    assert any("may be cut short" in warning for warning in warnings)


def test_the_limit_ends_the_sound_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ffmpeg(*tone(), tmp_path / "long.wav")
    monkeypatch.setattr(audio, "MAX_AUDIO_SECONDS", 2)
    sound, warnings = read_audio(open_file(tmp_path / "long.wav"))
    assert sound is not None and sound.duration == 2
    assert warnings == ["only the first 2 s of the sound were read"]


def test_a_cover_picture_is_no_footage(tmp_path: Path) -> None:
    ffmpeg(*pictures(), "-frames:v", 1, tmp_path / "cover.png")
    ffmpeg(*tone(), "-i", tmp_path / "cover.png", "-map", 0, "-map", 1, "-c:v", "copy",
           "-disposition:v", "attached_pic", tmp_path / "a.mp3")  # fmt: skip
    sound, warnings = read_audio(open_file(tmp_path / "a.mp3"))
    assert sound is not None and warnings == [] and sound.start == 0
    media = open_media(open_file(tmp_path / "a.mp3"), audio=True)
    assert media is not None and list(media.frames) == []
    assert media.audio is not None and media.audio.sha256 == sound.sha256


def test_files_without_sound(tmp_path: Path) -> None:
    ffmpeg(*pictures(), *H264, tmp_path / "silent.mp4")
    ffmpeg(*pictures(), "-frames:v", 1, tmp_path / "a.png")
    ffmpeg(*pictures(1), tmp_path / "a.gif")
    for name in ("silent.mp4", "a.png", "a.gif"):
        assert read_audio(open_file(tmp_path / name)) == (None, [])
        media = open_media(open_file(tmp_path / name), audio=True)
        assert media is not None and list(media.frames) and media.audio is None and media.warnings == []


def test_files_that_are_no_media_or_damaged(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("no media")
    with pytest.raises(UnsupportedMedia, match=r"text\.txt.*name a media file"):
        read_audio(open_file(tmp_path / "text.txt"))
    with pytest.raises(UnreadableMedia):
        read_audio(open_file(tmp_path / "gone.wav"))
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "broken.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(200))
    for name in ("empty.wav", "broken.m4a"):
        with pytest.raises(CorruptMedia, match=f"{name}.*fetch it again"):
            read_audio(open_file(tmp_path / name))
