"""Repetition in the sound itself, by the similarity of Whisper's encoder states to themselves some time later."""

from typing import Final

import numpy as np

from mediafp.types.arrays import Float32Array

STATES_PER_SECOND: Final = 50
"""Encoder states per second of audio."""
MIN_PERIOD_STATES, MAX_PERIOD_STATES = 10, 250
"""Shortest and longest time after which the same is said again, states: .2 to 5 s. Chosen, not measured."""
MAX_PERIOD_SHARE: Final = 2 / 3
"""Longest such time as a share of the audio: of two repetitions at least the half is compared."""
MIN_SIMILARITY: Final = 0.43
"""Mean cosine of states and those one period later from which the sound repeats. 30 clips of ordinary speech have .11 to .42 at
their most similar period; a piece of them said 4 to 7 times at changing speed and level .33 to .61, four in five above the
limit."""


def sound_repeats(states: Float32Array, seconds: float) -> bool:
    """Return True if an audio says the same again and again.

    Args:
        states: Encoder states (1, T, width) of the audio, padded with silence.
        seconds: Duration of the audio.
    """
    found = states[0, : round(seconds * STATES_PER_SECOND)].astype(np.float32)
    if len(found) * MAX_PERIOD_SHARE < MIN_PERIOD_STATES:
        return False
    found = found - found.mean(axis=0)
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    longest = min(MAX_PERIOD_STATES, int(len(found) * MAX_PERIOD_SHARE))
    similarity = found @ found.T
    return any(
        float(np.diagonal(similarity, period).mean()) >= MIN_SIMILARITY
        for period in range(MIN_PERIOD_STATES, longest + 1)
    )
