"""Files of several audio tracks: which are decoded, and what a track costs the others."""

from pathlib import Path

import numpy as np
import pytest
from audio_track_files import write_tracks
from media_files import decode_whole
from sound_samples import noise

from mediafp.engine.analysis import analyse_file
from mediafp.ingest import audio_tracks
from mediafp.ingest.files import open_file
from mediafp.ingest.speech_audio import read_audio
from mediafp.types.media import Audio
from mediafp.types.sound_prints import split_tracks

FIRST, SECOND = noise(1, 3), noise(2, 2)
NONE = np.empty(0, np.int16)


def decoded(path: Path) -> tuple[list[Audio], list[str]]:
    media, _ = decode_whole(path, audio=True)
    warnings = [warning for warning in media.warnings if not warning.startswith("no frames")]
    return [*media.audio_tracks, *media.further_audio_tracks], warnings


def test_tracks_of_any_length_and_start_are_on_one_clock(tmp_path: Path) -> None:
    tracks, warnings = decoded(write_tracks(tmp_path / "a.mka", FIRST, SECOND, starts={1: 1.5}))
    assert [(one.track, one.start, one.duration) for one in tracks] == [(0, 0, 3), (1, 1.5, 2)]
    assert np.array_equal(tracks[0].samples, FIRST) and np.array_equal(tracks[1].samples, SECOND)
    assert warnings == []


def test_of_very_many_tracks_four_are_decoded(tmp_path: Path) -> None:
    tracks, warnings = decoded(write_tracks(tmp_path / "a.mka", *(FIRST[:1000] for _ in range(64))))
    assert [one.track for one in tracks] == [0, 1, 2, 3]
    assert warnings == ["skipped 60 of 64 audio tracks: at most 4 are decoded"]


@pytest.mark.parametrize("broken", [0, 1])
def test_a_damaged_track_and_an_empty_one_leave_the_others(tmp_path: Path, broken: int) -> None:
    path = write_tracks(tmp_path / "a.mka", FIRST, FIRST, NONE, broken=broken)
    (track,), warnings = decoded(path)
    assert track.track == 1 - broken and np.array_equal(track.samples, FIRST)
    undecoded = "skipped the audio: none of it could be decoded, the file is damaged or truncated (audio track {})"
    assert warnings[0].endswith(f"damaged (audio track {broken + 1})")
    assert warnings[1:] == [undecoded.format(broken + 1), undecoded.format(3)]
    with open_file(path) as file:
        analysis = analyse_file(file, "", audio=True)
        audio, _ = read_audio(file)
    assert analysis is not None and [one.sha256 for one in analysis.audio] == [track.sha256]
    assert [(one.track, one.sha256) for one in audio] == [(track.track, track.sha256)]


def test_the_last_tracks_are_skipped_if_all_are_too_long_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_tracks, "MAX_TRACKS_SECONDS", 40)
    long = np.tile(FIRST, 10)
    tracks, warnings = decoded(write_tracks(tmp_path / "a.mka", long, SECOND, long))
    assert [(one.track, one.duration) for one in tracks] == [(0, 30), (1, 2)]
    assert warnings == ["skipped audio track 3: the audio tracks have more than 40 s together"]


def test_audio_that_ends_its_file_beyond_the_limit_is_skipped_with_its_track(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last packets are decoded when the file ends, and their samples counted then."""
    monkeypatch.setattr(audio_tracks, "MAX_TRACKS_SECONDS", 4)
    path = write_tracks(tmp_path / "a.mka", FIRST, SECOND)
    tracks, warnings = decoded(path)
    assert [(one.track, one.duration) for one in tracks] == [(0, 3)]
    assert warnings == ["skipped audio track 2: the audio tracks have more than 4 s together"]
    with open_file(path) as file:
        assert [one.track for one in read_audio(file)[0]] == [0]


def test_tracks_far_apart_in_time_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_tracks, "MAX_AUDIO_SECONDS", 20)
    tracks, warnings = decoded(write_tracks(tmp_path / "a.mka", FIRST, SECOND, SECOND, starts={1: 100.0}))
    assert [one.track for one in tracks] == [0, 2]
    assert warnings == ["skipped audio track 2: it is more than 20 s apart from the others"]


def test_rows_state_their_track_and_a_silent_track_has_none(tmp_path: Path) -> None:
    with open_file(write_tracks(tmp_path / "a.mka", FIRST, np.zeros(32_000, np.int16), SECOND)) as file:
        analysis = analyse_file(file, "")
    assert analysis is not None and "skipped audio track 2: it is silent" in analysis.warnings
    rows = analysis.fingerprint("sound_prints")
    assert [(track, len(numbers)) for track, numbers in split_tracks(rows.vectors)] == [(0, 3), (2, 2)]
    assert (np.diff(rows.spans[:3, 0]) > 0).all() and rows.spans[3, 0] == 0
