"""Comparison of two sounds."""

from functools import cache

import numpy as np
import pytest
from sound_samples import hum, mixed, noise, side, tune, voice

from mediafp.matching import calibration
from mediafp.matching.sounds.compare import SoundComparison, compare_sounds, to_match
from mediafp.matching.sounds.promise import pair_promise
from mediafp.matching.sounds.side import SoundSide

RATE = 16_000
SHA256 = "0" * 64
MAX_ERROR = 0.35


@cache
def spoken(seed: int, seconds: float = 12.0) -> np.ndarray:
    return voice(seed, seconds)


def compared(query: SoundSide, reference: SoundSide) -> SoundComparison:
    comparison = compare_sounds(query, reference)
    assert comparison is not None
    return comparison


EDITS = {
    "same": (spoken(1), 1.0),
    "pitch": (voice(1, 12, pitch=1.06), 1.0),
    "tempo": (voice(1, 12, speed=1.15), 1.15),
    "slower and lower": (voice(1, 12, speed=0.85, pitch=0.85), 0.85),
    "noise": (mixed(spoken(1), noise(5, 12), -10), 1.0),
    "music": (mixed(spoken(1), tune(3, 12), 3), 1.0),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_found_over_its_whole_length(edit: str) -> None:
    samples, speed = EDITS[edit]
    query, reference = side(samples), side(spoken(1))
    assert (pair_promise(query, reference) or 0) >= 1
    comparison = compared(query, reference)
    (found,) = comparison.segments
    assert found.query == pytest.approx((0, 12 / speed), abs=MAX_ERROR)
    assert found.reference == pytest.approx((0, 12), abs=MAX_ERROR)
    assert found.speed == pytest.approx(speed, abs=0.01)
    assert min(comparison.coverage) > 0.9
    assert calibration.probability(comparison.features) > 0.95


def test_speed_one_is_told_exactly() -> None:
    assert compared(side(EDITS["noise"][0]), side(spoken(1))).segments[0].speed == 1.0


def test_a_part_of_another_voice_over_is_found_where_it_is() -> None:
    guest, host = spoken(1), spoken(2)
    query = side(np.concatenate([host[: 5 * RATE], guest[2 * RATE : 8 * RATE], host[5 * RATE :]]), start=1.5)
    (found,) = compared(query, side(guest)).segments
    assert found.query == pytest.approx((6.5, 12.5), abs=MAX_ERROR)
    assert found.reference == pytest.approx((2, 8), abs=MAX_ERROR)
    first, second = sorted(compared(query, side(host)).segments, key=lambda one: one.query)
    assert first.query + second.query == pytest.approx((1.5, 6.5, 12.5, 19.5), abs=MAX_ERROR)
    assert second.reference == pytest.approx((5, 12), abs=MAX_ERROR)


def test_a_loop_is_found_each_time() -> None:
    clip = spoken(1)[3 * RATE : 8 * RATE]
    segments = compared(side(np.tile(clip, 3)), side(spoken(1))).segments
    assert np.array(sorted(one.query for one in segments)) == pytest.approx(
        np.array([(0, 5), (5, 10), (10, 15)]), abs=MAX_ERROR
    )
    assert all(one.reference == pytest.approx((3, 8), abs=MAX_ERROR) for one in segments)


def test_a_segment_is_not_carried_over_other_sound() -> None:
    middle = spoken(1).copy()
    middle[4 * RATE : 8 * RATE] = spoken(2)[: 4 * RATE]
    segments = compared(side(middle), side(spoken(1))).segments
    assert np.array(sorted(one.query for one in segments)) == pytest.approx(np.array([(0, 4), (8, 12)]), abs=MAX_ERROR)


UNRELATED = {
    "other words": (spoken(1), spoken(2)),
    "one bed under two voices": (mixed(spoken(1), tune(3, 12), -12), mixed(spoken(2), tune(3, 12), -12)),
    "two tunes of one beat": (tune(1, 12), tune(2, 12)),
    "noise": (noise(1, 12), noise(2, 12)),
    "hum": (hum(12), mixed(hum(12), spoken(1), -20)),
    "silence": (np.zeros(12 * RATE, np.int16), spoken(1)),
    "faint noise": (noise(1, 12, 0.003), noise(2, 12, 0.003)),
}


@pytest.mark.parametrize("pair", UNRELATED)
def test_unrelated_sounds_are_no_match(pair: str) -> None:
    query, reference = (side(samples) for samples in UNRELATED[pair])
    comparison = compare_sounds(query, reference)
    assert comparison is None or calibration.probability(comparison.features) < 0.5


def test_music_and_voice_are_told_apart() -> None:
    both = side(mixed(spoken(1), tune(3, 12), 0))
    assert compare_sounds(both, side(spoken(1))) and compare_sounds(both, side(tune(3, 12)))


def test_the_same_words_read_again_are_not_one_recording() -> None:
    """Each second of the second reading is early or late by up to 50 ms."""
    places = np.arange(20 * RATE)
    marks = np.arange(0, 22 * RATE, RATE)
    jitter = np.random.default_rng(5).uniform(-0.05, 0.05, len(marks)) * RATE
    again = np.interp(places + np.interp(places, marks, jitter), places, voice(1, 20)).astype(np.int16)
    comparison = compared(side(again), side(voice(1, 20)))
    match = to_match(comparison, sha256=SHA256, uris=("a.wav",), kind="video")
    assert match.verdict == "possible" and match.probability <= 0.4
    assert "read again" in match.why[-1]


def test_a_recording_with_shorter_pauses_is_the_same_recording() -> None:
    samples = voice(1, 24)
    parts = np.split(samples, [7 * RATE, 7 * RATE + 3000, 15 * RATE, 15 * RATE + 4000])
    match = to_match(
        compared(side(np.concatenate(parts[::2])), side(samples)), sha256=SHA256, uris=("a.wav",), kind="video"
    )
    assert match.verdict == "copy"


def test_the_comparison_is_mirrored_in_the_other_direction() -> None:
    query = side(np.concatenate([spoken(2)[: 3 * RATE], EDITS["tempo"][0]]), start=2.0)
    reference = side(spoken(1))
    there, back = compared(query, reference), compared(reference, query)
    assert there.features == back.features and there.coverage == back.coverage[::-1]
    assert [one.mirrored() for one in back.segments] == list(there.segments)
    assert pair_promise(query, reference) == pair_promise(reference, query)


def test_a_match_names_what_was_measured() -> None:
    comparison = compared(side(voice(1, 12, speed=1.1, pitch=1.09)), side(spoken(1)))
    match = to_match(comparison, sha256=SHA256, uris=("a.wav",), kind="video")
    assert (match.relation, match.verdict) == ("same_voice", "copy")
    (segment,) = match.segments
    assert segment.channel == "voice" and segment.speed == pytest.approx(1.1, abs=0.01)
    assert match.why[0].endswith("s of the sound agree at 1.10× speed, pitch about +9 %")
