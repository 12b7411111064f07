"""Repetition in the sound itself, by the similarity of Whisper's encoder states to those some time later."""

from typing import Final

import numpy as np

from mediafp.text.speech.encoder import STATES_PER_SECOND
from mediafp.types.arrays import Float32Array

MIN_PERIOD_STATES, MAX_PERIOD_STATES = 5, 250
"""Shortest and longest time after which the same is said again, states: .1 to 5 s. Chosen, not measured."""
MAX_PERIOD_SHARE: Final = 2 / 3
"""Longest such time as a share of the audio: of two repetitions at least the half is compared."""
MIN_PROMINENCE: Final = 0.35
"""Rise of the mean cosine from its lowest value at a shorter time, from which the sound repeats. Of 138 development clips of
ordinary speech the highest is .32; of 45 pieces of such clips, said 4 to 7 times at changing speed and level, 44 have .38 and
more. The cosine itself does not tell them apart: slow speech is similar to itself .2 s later."""


def sound_repeats(states: Float32Array, seconds: float) -> bool:
    """Return True if an audio says the same again and again.

    Args:
        states: Encoder states (1, T, width) of the audio, padded with silence.
        seconds: Duration of the audio.
    """
    found = states[0, : round(seconds * STATES_PER_SECOND)].astype(np.float32)
    longest = min(MAX_PERIOD_STATES, int(len(found) * MAX_PERIOD_SHARE))
    if longest <= MIN_PERIOD_STATES:
        return False
    found = found - found.mean(axis=0)
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    similarity = found @ found.T
    means = np.array([np.diagonal(similarity, period).mean() for period in range(MIN_PERIOD_STATES, longest + 1)])
    return bool((means - np.minimum.accumulate(means)).max() >= MIN_PROMINENCE)
