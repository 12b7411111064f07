"""Pieces of speech between pauses, from likelihoods made by hand and from real sounds."""

import numpy as np
import pytest

from mediafp.text.speech import voice_activity
from mediafp.text.speech.voice_activity import FRAME_SAMPLES, SpeechChunk, _cut
from mediafp.types.media import AUDIO_SAMPLE_RATE

LONGEST = 28 * AUDIO_SAMPLE_RATE


def likelihood(*runs: tuple[float, float]) -> np.ndarray:
    """Likelihoods from (seconds, likelihood) runs."""
    return np.concatenate([np.full(round(s * AUDIO_SAMPLE_RATE / FRAME_SAMPLES), p, np.float32) for s, p in runs])


def cut(*runs: tuple[float, float], longest: int = LONGEST) -> list[tuple[float, float]]:
    likely = likelihood(*runs)
    return [
        (p.start / AUDIO_SAMPLE_RATE, p.end / AUDIO_SAMPLE_RATE)
        for p in _cut(likely, len(likely) * FRAME_SAMPLES, longest)
    ]


def test_a_pause_parts_two_pieces_which_share_it() -> None:
    (a, b), (c, d) = cut((1, 0), (2, 0.9), (0.35, 0), (2, 0.9), (1, 0))
    assert (a, d) == (pytest.approx(0.8, abs=0.05), pytest.approx(5.5, abs=0.1))
    assert b == pytest.approx(c, abs=0.04)


def test_a_breath_and_a_dip_part_nothing() -> None:
    assert len(cut((2, 0.9), (0.15, 0), (2, 0.9), (0.5, 0.4), (1, 0.9))) == 1


def test_a_click_and_a_murmur_are_no_speech() -> None:
    assert cut((1, 0), (0.06, 0.9), (3, 0.3), (1, 0)) == []


def test_a_long_piece_is_cut_where_speech_is_least_likely() -> None:
    found = cut((20, 0.95), (0.2, 0.4), (20, 0.95), longest=28 * AUDIO_SAMPLE_RATE)
    assert len(found) == 2 and found[0][1] == pytest.approx(20.1, abs=0.2)
    assert all(end - start <= 28 for start, end in found)
    assert all(end - start <= 28 for start, end in cut((100, 0.95), longest=28 * AUDIO_SAMPLE_RATE))


def test_pieces_lie_inside_the_sound_in_order() -> None:
    rng = np.random.default_rng(5)
    likely = rng.random(2000).astype(np.float32)
    found = _cut(likely, 2000 * FRAME_SAMPLES - 100, 5 * AUDIO_SAMPLE_RATE)
    edges = [edge for piece in found for edge in (piece.start, piece.end)]
    assert edges == sorted(edges) and edges[0] >= 0 and edges[-1] <= 2000 * FRAME_SAMPLES - 100
    assert all(isinstance(piece, SpeechChunk) and 0 <= piece.probability <= 1 for piece in found)


@pytest.mark.parametrize("seconds", [0, 0.01, 3])
def test_silence_and_nothing_at_all_hold_no_speech(seconds: float) -> None:
    assert voice_activity.detect_speech(np.zeros(round(seconds * AUDIO_SAMPLE_RATE), np.int16), longest=LONGEST) == []
