"""Audio as it is transcribed: the mix of each track, or its channels where they differ in what is said."""

from pathlib import Path

import numpy as np
import pytest
from audio_track_files import write_tracks
from media_files import decode_whole
from sound_samples import noise, voice

from mediafp.engine.analysis import analyse_file
from mediafp.ingest import audio, speech_audio
from mediafp.ingest.files import open_file
from mediafp.ingest.speech_audio import read_audio, read_audio_tracks
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio

FIRST, SECOND = (voice(seed, 6) // 2 for seed in (1, 2))
BOTH = np.stack((FIRST, SECOND))
ALIKE = np.stack((FIRST, FIRST // 2))
MIXED = "their mix is transcribed"


def read(path: Path) -> tuple[list[tuple[int, int | None, float]], list[Audio], list[str]]:
    with open_file(path) as file:
        found, warnings = read_audio(file)
    return [(one.track, one.channel, one.start) for one in found], found, warnings


def test_channels_that_differ_are_returned_as_they_are_and_the_mix_is_compared(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "a.mka", BOTH)
    places, (left, right), warnings = read(path)
    assert places == [(0, 0, 0.0), (0, 1, 0.0)] and warnings == []
    assert np.array_equal(left.samples, FIRST) and np.array_equal(right.samples, SECOND)
    assert not left.samples.flags.writeable
    media, _ = decode_whole(path, audio=True)
    assert media.audio is not None and media.audio.channel is None and media.differing_tracks == [0]
    assert np.abs(media.audio.samples - BOTH.mean(axis=0)).max() <= 1
    with open_file(path) as file:
        tracks, _ = read_audio_tracks(file)
        analysis, without = analyse_file(file, "", audio=True), analyse_file(file, "")
    assert [one.sha256 for one in tracks.audio] == [media.audio.sha256]
    assert analysis is not None and [one.sha256 for one in analysis.audio] == [left.sha256, right.sha256]
    assert without is not None and without.audio == () and without.warnings == analysis.warnings
    prints = [one.fingerprint("sound_prints").vectors for one in (analysis, without)]
    assert len(prints[0]) and np.array_equal(*prints)


def test_channels_that_are_alike_stay_mixed(tmp_path: Path) -> None:
    places, _, warnings = read(write_tracks(tmp_path / "a.mka", ALIKE))
    assert places == [(0, None, 0.0)] and warnings == []


def test_each_track_is_separated_on_its_own_clock(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "a.mka", noise(3, 2), BOTH, ALIKE, BOTH[::-1], starts={1: 1.5}, default=3)
    places, found, _ = read(path)
    assert places == [(3, 0, 0.0), (3, 1, 0.0), (0, None, 0.0), (1, 0, 1.5), (1, 1, 1.5), (2, None, 0.0)]
    assert np.array_equal(found[0].samples, SECOND) and np.array_equal(found[4].samples, SECOND)


def test_the_track_that_players_play_is_found_whatever_its_number(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "a.mka", *[noise(3, 0.1)] * 65, BOTH, *[noise(3, 0.1)] * 2, default=65)
    places, (left, *_), _ = read(path)
    assert places[:3] == [(63, 0, 0.0), (63, 1, 0.0), (0, None, 0.0)] and np.array_equal(left.samples, FIRST)


def test_channels_without_room_stay_mixed_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_audio, "MAX_TRACKS_SECONDS", 20)
    places, _, warnings = read(write_tracks(tmp_path / "a.mka", BOTH, BOTH))
    assert places == [(0, 0, 0.0), (0, 1, 0.0), (1, None, 0.0)]
    assert warnings == [
        f"skipped the single channels of audio track 2: with them there are more than 20 s of audio; {MIXED}"
    ]


def test_channels_that_cannot_be_decoded_again_stay_mixed_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tracks(tmp_path / "a.mka", BOTH)
    monkeypatch.setattr(audio, "BATCH_PACKETS", 4)
    checked: list[float] = []

    def within_budget(seconds: float) -> bool:
        checked.append(seconds)
        return seconds < 8

    with open_file(path) as file:
        (mixed,), warnings = read_audio(file, within_budget=within_budget)
    assert mixed.channel is None and mixed.duration == 6
    assert warnings == [f"skipped the single channels of audio track 1: they could not be decoded once more; {MIXED}"]
    assert max(checked) >= 8, "the time of both rounds counts"

    class Full(audio.MonoSamples):
        def join(self) -> None:
            raise MemoryError

    with open_file(path) as file:
        tracks, _ = read_audio_tracks(file)
        monkeypatch.setattr(audio, "MonoSamples", Full)
        again: list[str] = []
        (kept,) = speech_audio.separate_channels(file, tracks.audio, tracks.differing, again)
    assert kept is tracks.audio[0] and again == warnings


def test_limit_of_a_track_is_that_of_the_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "MAX_AUDIO_SECONDS", 5)
    places, (left, right), warnings = read(write_tracks(tmp_path / "a.mka", BOTH))
    assert places == [(0, 0, 0.0), (0, 1, 0.0)]
    assert len(left.samples) == len(right.samples) == 5 * AUDIO_SAMPLE_RATE
    assert warnings == ["skipped the audio after 5 s: the limit of one file was reached"]
