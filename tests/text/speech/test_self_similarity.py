"""Repetition in the sound: found where the same states come again, and not where they merely change slowly."""

import numpy as np
import pytest

from mediafp.text.speech.encoder import STATES_PER_SECOND
from mediafp.text.speech.self_similarity import sound_repeats
from mediafp.types.arrays import Float32Array


def smooth_noise(count: int, seed: int, width: int = 64) -> Float32Array:
    """Return states that change as slowly as those of speech."""
    noise = np.random.default_rng(seed).normal(size=(count + 8, width))
    return np.stack([np.convolve(column, np.ones(8), "valid")[:count] for column in noise.T], 1).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.4, 1.1, 2.5])
def test_what_is_said_four_times_repeats(seconds: float) -> None:
    once = smooth_noise(round(seconds * STATES_PER_SECOND), 1)
    rng = np.random.default_rng(2)
    states = np.concatenate([once + rng.normal(scale=1.0, size=once.shape).astype(np.float32) for _ in range(4)])
    assert sound_repeats(states[None], len(states) / STATES_PER_SECOND)


def test_ordinary_speech_and_a_slow_drift_do_not_repeat() -> None:
    for seed in range(5):
        assert not sound_repeats(smooth_noise(400, seed)[None], 8.0)
    drift = np.linspace(0, 1, 400)[:, None] * np.random.default_rng(3).normal(size=(1, 64)) + 0.2 * smooth_noise(400, 4)
    assert not sound_repeats(drift[None].astype(np.float32), 8.0)


def test_the_silence_behind_the_audio_and_very_short_audio_prove_nothing() -> None:
    padded = np.concatenate([smooth_noise(200, 5), np.zeros((800, 64), np.float32)])
    assert not sound_repeats(padded[None], 4.0)
    assert not sound_repeats(padded[None], 0.1) and not sound_repeats(padded[None, :0], 0.0)
