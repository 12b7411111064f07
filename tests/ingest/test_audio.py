"""Audio of files: its times, its content, and the effect of damage."""

import os
from pathlib import Path

import av
import numpy as np
import pytest
from processes import run_ffmpeg

from mediafp.ingest import audio
from mediafp.ingest.files import OpenFile, open_file
from mediafp.ingest.open_media import open_media
from mediafp.ingest.speech_audio import read_audio
from mediafp.ingest.video import read_video
from mediafp.types.errors import CorruptMedia, UnreadableMedia, UnsupportedMedia
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio


def read_track(file: OpenFile) -> tuple[Audio | None, list[str]]:
    """Return the audio of a file of at most one track, and warnings."""
    tracks, warnings = read_audio(file)
    assert len(tracks) < 2
    return next(iter(tracks), None), warnings


def tone(hertz: float = 440, seconds: float = 3) -> list[object]:
    return ["-f", "lavfi", "-i", f"sine=frequency={hertz}:duration={seconds}:sample_rate=48000"]


def video_input(seconds: float = 3) -> list[object]:
    return ["-f", "lavfi", "-i", f"testsrc2=size=160x120:rate=10:duration={seconds}"]


def pitch(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64)))
    return float(np.fft.rfftfreq(len(samples), 1 / AUDIO_SAMPLE_RATE)[spectrum.argmax()])


BEEP = ["-f", "lavfi", "-i", "aevalsrc='if(between(t,2,3),0.5*sin(2*PI*1000*t),0)':s=44100:d=5"]
H264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]


def beep(track: Audio | None) -> tuple[float, float, float]:
    """Return the presentation seconds at which the loud part starts and ends, and its pitch."""
    assert track is not None
    loud = np.flatnonzero(np.abs(track.samples.astype(int)) > 3000)
    first, last = int(loud[0]), int(loud[-1])
    return (
        track.start + first / AUDIO_SAMPLE_RATE,
        track.start + last / AUDIO_SAMPLE_RATE,
        pitch(track.samples[first:last]),
    )


def write_wave(path: Path, values: np.ndarray, rate: int = AUDIO_SAMPLE_RATE, layout: str = "mono") -> None:
    """Write samples (N, channels), int16 or float32, in the container that the name asks for."""
    name, codec = {"f": ("flt", "pcm_f32le"), "i": ("s16", "pcm_s16le")}[values.dtype.kind]
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(values.reshape(1, -1), format=name, layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def write_seconds(path: Path, starts: list[int], rate: int = AUDIO_SAMPLE_RATE) -> None:
    """Write a file with a second of tone at each of the given seconds, by time stamps alone."""
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
def test_read_audio_keeps_pitch_and_duration(tmp_path: Path, name: str, options: list[str]) -> None:
    run_ffmpeg(*tone(), *options, tmp_path / name)
    track, warnings = read_track(open_file(tmp_path / name))
    assert track is not None and warnings == []
    assert pitch(track.samples) == pytest.approx(440, abs=2)
    assert track.duration == pytest.approx(3, abs=0.15)
    assert track.start == pytest.approx(0, abs=0.05)
    assert track.samples.dtype == np.int16 and not track.samples.flags.writeable


def test_open_media_with_audio_gives_the_same_audio_and_frames(tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    run_ffmpeg(*video_input(), *tone(), *H264, video)
    alone, _ = read_track(open_file(video))
    with_audio, without_audio = open_media(open_file(video), audio=True), open_media(open_file(video))
    assert with_audio is not None and without_audio is not None and alone is not None
    pairs = list(zip(with_audio.frames, without_audio.frames, strict=True))
    assert len(pairs) > 0
    for a, b in pairs:
        assert (a.start, a.end) == (b.start, b.end) and np.array_equal(a.pixels, b.pixels)
    (decoded,) = with_audio.audio_tracks
    assert np.array_equal(decoded.samples, alone.samples) and decoded.sha256 == alone.sha256
    assert without_audio.audio_tracks == [] and with_audio.warnings == without_audio.warnings


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
def test_audio_starts_on_the_clock_of_the_frames(tmp_path: Path, name: str, options: list[str]) -> None:
    for shift, (video_offset, audio_offset) in {
        0: ([], []),
        1: ([], ["-itsoffset", 1]),
        -1: (["-itsoffset", 1], []),
    }.items():
        run_ffmpeg(*video_offset, *video_input(5), *audio_offset, *BEEP, *H264, *options, tmp_path / name)
        track, warnings = read_track(open_file(tmp_path / name))
        frame = next(read_video(open_file(tmp_path / name)).frames)
        start, end, hertz = beep(track)
        assert track is not None and min(frame.start, track.start) == pytest.approx(0, abs=0.001)
        assert (start - frame.start, end - frame.start) == pytest.approx((2 + shift, 3 + shift), abs=0.01)
        assert hertz == pytest.approx(1000, abs=2) and warnings == []


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.ogg", "a.opus", "a.m4a", "a.flac", "a.aiff"])
def test_audio_alone_starts_at_its_own_start(tmp_path: Path, name: str) -> None:
    run_ffmpeg(*BEEP, tmp_path / name)
    track, warnings = read_track(open_file(tmp_path / name))
    assert beep(track) == (pytest.approx(2, abs=0.01), pytest.approx(3, abs=0.01), pytest.approx(1000, abs=2))
    media = open_media(open_file(tmp_path / name), audio=True)
    assert media is not None and track is not None and list(media.frames) == []
    assert media.audio is not None and np.array_equal(media.audio.samples, track.samples)
    assert media.warnings == ["no frames: the file contains audio alone"] and warnings == []


def test_read_audio_returns_the_default_track_first(tmp_path: Path) -> None:
    run_ffmpeg(*tone(300, 1), *tone(900, 1), "-map", 0, "-map", 1, "-disposition:a:0", 0, "-disposition:a:1", "default",
           tmp_path / "two.mkv")  # fmt: skip
    tracks, warnings = read_audio(open_file(tmp_path / "two.mkv"))
    assert [(one.track, pitch(one.samples)) for one in tracks] == [
        (1, pytest.approx(900, abs=2)),
        (0, pytest.approx(300, abs=2)),
    ]
    assert warnings == []


@pytest.mark.parametrize("rate", [AUDIO_SAMPLE_RATE, 44100])
def test_gap_between_time_stamps_is_silence(tmp_path: Path, rate: int) -> None:
    write_seconds(tmp_path / "gap.mkv", [0, 3], rate)
    track, _ = read_track(open_file(tmp_path / "gap.mkv"))
    assert track is not None and track.duration == pytest.approx(4, abs=2 / AUDIO_SAMPLE_RATE)
    assert loud(track.samples, 0, 0.999) and not track.samples[AUDIO_SAMPLE_RATE + 9 : 3 * AUDIO_SAMPLE_RATE - 9].any()
    assert loud(track.samples, 3, 3.999)


def test_gap_beyond_the_limit_ends_the_audio(tmp_path: Path) -> None:
    write_seconds(tmp_path / "hours.mkv", [0, 36_000])
    track, warnings = read_track(open_file(tmp_path / "hours.mkv"))
    assert track is not None and track.duration == pytest.approx(1, abs=0.01)
    assert warnings == ["skipped the audio after 14400 s: the limit of one file was reached"]


def test_restarted_clock_is_counted_on(tmp_path: Path) -> None:
    run_ffmpeg(*tone(seconds=2), "-c:a", "mp2", "-output_ts_offset", 20, tmp_path / "a.ts")
    run_ffmpeg(*tone(seconds=2), "-c:a", "mp2", tmp_path / "b.ts")
    (tmp_path / "c.ts").write_bytes((tmp_path / "a.ts").read_bytes() + 2 * (tmp_path / "b.ts").read_bytes())
    track, _ = read_track(open_file(tmp_path / "c.ts"))
    assert track is not None and track.duration == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize("suffix", ["mp3", "aac", "ts"])
def test_change_of_rate_and_channels_within_a_stream(tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    codec = ["-c:a", "mp2"] if suffix == "ts" else ["-write_xing", 0] if suffix == "mp3" else []
    run_ffmpeg(*tone(seconds=2), "-ar", 22050, *codec, first)
    run_ffmpeg(*tone(seconds=2), "-ar", 48000, "-ac", 2, *codec, second)
    first.write_bytes(first.read_bytes() + second.read_bytes())
    track, _ = read_track(open_file(first))
    assert track is not None and track.duration == pytest.approx(4, abs=0.2)
    for start in (0.2, 2.3):
        part = track.samples[round(start * AUDIO_SAMPLE_RATE) : round((start + 1.5) * AUDIO_SAMPLE_RATE)]
        assert pitch(part) == pytest.approx(440, abs=2)


def test_downmix_keeps_the_centre_of_six_channels(tmp_path: Path) -> None:
    six = tmp_path / "six.wav"
    run_ffmpeg(*tone(), "-af", "pan=5.1|FC=c0", six)
    track, _ = read_track(open_file(six))
    assert track is not None and loud(track.samples, 0.2, 2.8) and pitch(track.samples) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("options", [[], ["-c:a", "aac"], ["-c:a", "libopus"], ["-c:a", "alac"]], ids=str)
def test_downmix_keeps_the_centre_of_eight_channels(tmp_path: Path, options: list[str]) -> None:
    # Decoders return them in one plane (FLAC) or in eight.
    path = tmp_path / f"a.{'mka' if options else 'wav'}"
    run_ffmpeg(*tone(), "-af", "pan=7.1|FC=c0", *options, path)
    with open_file(path) as file:
        track, warnings = read_track(file)
    assert track and not warnings
    assert track.duration == pytest.approx(3, abs=0.1) and pitch(track.samples) == pytest.approx(440, abs=3)


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_downmix_keeps_one_of_two_opposite_channels(tmp_path: Path, noise: float) -> None:
    voice, common = wave() / 2, np.random.default_rng(0).normal(0, noise, 3 * AUDIO_SAMPLE_RATE)
    both = np.stack([common + voice, common - voice], 1).astype(np.float32)
    write_wave(tmp_path / "out of phase.wav", both, layout="stereo")
    track, _ = read_track(open_file(tmp_path / "out of phase.wav"))
    assert track is not None and loud(track.samples, 0.2, 2.8)
    assert np.corrcoef(track.samples, voice)[0, 1] > 0.98


def test_downmix_keeps_one_loud_channel(tmp_path: Path) -> None:
    for layout, count in (("stereo", 2), ("16 channels", 16)):
        values = np.zeros((3 * AUDIO_SAMPLE_RATE, count), np.int16)
        values[:, -1] = wave() * 16000
        write_wave(tmp_path / "a.wav", values, layout=layout)
        track, warnings = read_track(open_file(tmp_path / "a.wav"))
        assert track is not None and warnings == [] and loud(track.samples, 0.2, 2.8)


def test_values_that_are_not_finite_are_silence(tmp_path: Path) -> None:
    values = np.full((AUDIO_SAMPLE_RATE, 1), np.nan, np.float32)
    values[::2] = np.inf
    write_wave(tmp_path / "nan.wav", values)
    track, _ = read_track(open_file(tmp_path / "nan.wav"))
    assert track is not None and not track.samples.any()
    values[:, 0] = wave(1) / 2
    values[8000] = np.nan
    write_wave(tmp_path / "nan.wav", values, 44100)
    track, _ = read_track(open_file(tmp_path / "nan.wav"))
    assert track is not None and np.abs(track.samples).max() < 17_000


@pytest.mark.parametrize("level", [1.5, 3e38])
def test_audio_beyond_full_scale_is_clipped(tmp_path: Path, level: float) -> None:
    write_wave(tmp_path / "loud.wav", (wave(1)[:, None] * level).astype(np.float32))
    track, _ = read_track(open_file(tmp_path / "loud.wav"))
    assert track is not None
    assert (track.samples > 32_000).any() and np.corrcoef(track.samples, wave(1))[0, 1] > 0.85


@pytest.mark.parametrize("rate", [1, 0x7FFF_FFFF])
def test_implausible_sample_rate_is_not_decoded(tmp_path: Path, rate: int) -> None:
    write_wave(tmp_path / "a.wav", (wave(1)[:, None] * 9000).astype(np.int16))
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[24:28] = rate.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(data)
    track, warnings = read_track(open_file(tmp_path / "a.wav"))
    assert (
        track is None and "skipped the audio: none of it could be decoded, the file is damaged or truncated" in warnings
    )


def test_damaged_audio_leaves_the_frames_intact(tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    run_ffmpeg(*video_input(), *tone(), *H264, video)
    with av.open(str(video)) as container:
        positions = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    data, noise = bytearray(video.read_bytes()), np.random.default_rng(0)
    for position, size in positions[20:60]:
        data[position : position + size] = noise.bytes(size)
    (tmp_path / "broken.mp4").write_bytes(data)
    broken, whole = open_media(open_file(tmp_path / "broken.mp4"), audio=True), open_media(open_file(video))
    assert broken is not None and whole is not None
    pairs = list(zip(broken.frames, whole.frames, strict=True))
    assert len(pairs) > 0
    for a, b in pairs:
        assert np.array_equal(a.pixels, b.pixels)
    assert any(" audio packets: they are damaged" in warning for warning in broken.warnings)
    assert broken.audio is not None and broken.audio.duration == pytest.approx(3, abs=0.1)
    assert loud(broken.audio.samples, 0.05, 0.4) and loud(broken.audio.samples, 1.5, 2.9)


def test_audio_shorter_than_the_video_gives_no_warning(tmp_path: Path) -> None:
    run_ffmpeg(*video_input(6), *tone(), *H264, tmp_path / "a.mp4")
    media = open_media(open_file(tmp_path / "a.mp4"), audio=True)
    assert media is not None and len(list(media.frames)) == 6 and media.warnings == []
    assert media.audio is not None and media.audio.duration == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.mka"])
def test_truncated_audio_file_gives_a_warning(tmp_path: Path, name: str) -> None:
    run_ffmpeg(*tone(seconds=8), tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    track, warnings = read_track(open_file(tmp_path / name))
    assert track is not None and 2 < track.duration < 6
    assert any("of 8.0 s: the file may be truncated" in warning for warning in warnings)


@pytest.mark.parametrize("name", ["a.mp3", "a.aac"])
def test_guessed_duration_gives_no_warning(tmp_path: Path, name: str) -> None:
    quiet_first = "aevalsrc='if(lt(t,9),0,random(0)-0.5)':s=44100:d=12"
    run_ffmpeg(
        "-f", "lavfi", "-i", quiet_first, *(["-q:a", 4, "-write_xing", 0] if name == "a.mp3" else []), tmp_path / name
    )
    track, warnings = read_track(open_file(tmp_path / name))
    assert track is not None and track.duration == pytest.approx(12, abs=0.1) and warnings == []


def test_open_media_with_audio_closes_file_if_frames_are_not_exhausted(tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    run_ffmpeg(*video_input(), *tone(), *H264, video)

    def count_open() -> int:
        return sum(os.path.realpath(link) == str(video) for link in Path("/proc/self/fd").iterdir())

    with open_file(video) as file:
        media = open_media(file, audio=True)
    assert media is not None
    next(media.frames)
    assert media.audio is None and count_open() == 1
    del media
    assert count_open() == 0


def test_truncated_video_file_keeps_its_audio_with_a_warning(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    run_ffmpeg(*video_input(8), *tone(seconds=8), *H264, "-movflags", "faststart", whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    track, warnings = read_track(open_file(cut))
    assert track is not None and 1 < track.duration < 7
    assert any("may be truncated" in warning for warning in warnings)


def test_audio_over_the_limit_ends_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_ffmpeg(*tone(), tmp_path / "long.wav")
    monkeypatch.setattr(audio, "MAX_AUDIO_SECONDS", 2)
    track, warnings = read_track(open_file(tmp_path / "long.wav"))
    assert track is not None and track.duration == 2
    assert warnings == ["skipped the audio after 2 s: the limit of one file was reached"]


def test_cover_image_of_audio_is_no_video(tmp_path: Path) -> None:
    run_ffmpeg(*video_input(), "-frames:v", 1, tmp_path / "cover.png")
    run_ffmpeg(*tone(), "-i", tmp_path / "cover.png", "-map", 0, "-map", 1, "-c:v", "copy",
           "-disposition:v", "attached_pic", tmp_path / "a.mp3")  # fmt: skip
    track, warnings = read_track(open_file(tmp_path / "a.mp3"))
    assert track is not None and warnings == [] and track.start == 0
    media = open_media(open_file(tmp_path / "a.mp3"), audio=True)
    assert media is not None and list(media.frames) == []
    assert media.audio is not None and media.audio.sha256 == track.sha256


def test_read_audio_returns_nothing_without_audio(tmp_path: Path) -> None:
    run_ffmpeg(*video_input(), *H264, tmp_path / "silent.mp4")
    run_ffmpeg(*video_input(), "-frames:v", 1, tmp_path / "a.png")
    run_ffmpeg(*video_input(1), tmp_path / "a.gif")
    for name in ("silent.mp4", "a.png", "a.gif"):
        assert read_audio(open_file(tmp_path / name)) == ([], [])
        media = open_media(open_file(tmp_path / name), audio=True)
        assert media is not None and list(media.frames) and media.audio is None and media.warnings == []


def test_read_audio_rejects_other_and_damaged_files(tmp_path: Path) -> None:
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
