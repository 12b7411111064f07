"""Whisper's encoder: the states from which text is decoded, and the language probabilities of speech."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mediafp.text.speech.voice_activity import Samples, to_float
from mediafp.types.arrays import Float32Array
from mediafp.types.media import AUDIO_SAMPLE_RATE

if TYPE_CHECKING:
    import ctranslate2
    from faster_whisper import WhisperModel

FRAMES_PER_SECOND = 100
"""Feature frames per second of audio."""
STATES_PER_SECOND = FRAMES_PER_SECOND // 2
"""Encoder states per second of audio."""
SHORT_PROBE_SECONDS = 5.0
"""Length of the encoder's input for chunks that fit in it with half a second of silence: it takes .6 of the time of 10 s, and
identifies the language as well (spliced files, three draws, 1,535 s: .983, .995 and .981 of the time of English, Cantonese and
Mandarin are right, .983, .994 and .981 with 10 s)."""
PROBE_SILENCE_SECONDS = 0.5
"""Silence that a short chunk leaves in the input. Chosen, not measured."""
PROBE_SECONDS = 10.0
"""Audio of a chunk by which its language is identified. Encoding 10 s costs an eighth of Whisper's 30 s, and identifies the
language as well. With 5 s the classifier of Cantonese is right for .956 of varied chunks of sources that it was not fitted on,
with 10 s for .967 (development set, `scripts/fit_language.py`)."""
SILENCE_OFFSET = 2.0
"""Value of silence below the largest feature: Whisper cuts the spectrum off 80 dB below its peak, and was trained with
silence after the speech. Padded with zeros, which are a hum, 19 of 304 development chunks were assigned a language other
than Chinese and English, or the wrong one of the two; padded with silence, 14."""


def encode_tracks(whisper: WhisperModel, tracks: Iterable[Samples], frames: int) -> Float32Array:
    """Return the encoder states (N, frames / 2, width) of N audio tracks, each cut or padded with silence to `frames`.

    Tracks are encoded one by one: a batch is no faster, and takes 70 MB for each.
    """
    states = []
    for samples in tracks:
        features = whisper.feature_extractor(to_float(samples[: frames * AUDIO_SAMPLE_RATE // FRAMES_PER_SECOND]))
        features = features[:, :frames]
        silence = features.max() - SILENCE_OFFSET
        features = np.pad(features, ((0, 0), (0, frames - features.shape[-1])), constant_values=silence)
        states.append(np.array(whisper.model.encode(to_storage_view(features[None]), to_cpu=True)))
    return np.concatenate(states)


def probe_languages(whisper: WhisperModel, tracks: Sequence[Samples]) -> list[tuple[dict[str, float], Float32Array]]:
    """Return the language probabilities, and the mean (width,) of the encoder states, of each audio track.

    At most PROBE_SECONDS of a track are used. The probabilities are keyed by Whisper's language codes.
    """
    found: dict[int, tuple[dict[str, float], Float32Array]] = {}
    for seconds, numbers in _group_by_length(tracks).items():
        states = encode_tracks(whisper, [tracks[n] for n in numbers], int(seconds * FRAMES_PER_SECOND))
        guesses = whisper.model.detect_language(to_storage_view(states))
        for n, guess, state in zip(numbers, guesses, states, strict=True):
            # The silence behind a short track is not part of its mean.
            count = max(1, min(len(state), len(tracks[n]) * STATES_PER_SECOND // AUDIO_SAMPLE_RATE))
            # Language tokens are written <|en|>.
            found[n] = {token[2:-2]: float(p) for token, p in guess}, state[:count].astype(np.float32).mean(axis=0)
    return [found[n] for n in range(len(tracks))]


def _group_by_length(tracks: Sequence[Samples]) -> dict[float, list[int]]:
    """Return the numbers of tracks by the length of the encoder's input for them, seconds."""
    groups: dict[float, list[int]] = {}
    for n, samples in enumerate(tracks):
        needed = len(samples) / AUDIO_SAMPLE_RATE + PROBE_SILENCE_SECONDS
        groups.setdefault(SHORT_PROBE_SECONDS if needed <= SHORT_PROBE_SECONDS else PROBE_SECONDS, []).append(n)
    return groups


def to_storage_view(values: Float32Array) -> ctranslate2.StorageView:
    """Return an array in the form that CTranslate2 takes."""
    import ctranslate2

    return ctranslate2.StorageView.from_array(np.ascontiguousarray(values))
