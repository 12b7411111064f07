"""Where somebody speaks: Silero's voice detector, and the pieces between pauses."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from mediafp.types.media import AUDIO_SAMPLE_RATE

Samples = npt.NDArray[np.int16]
"""Mono, (N,), at SOUND_RATE: as of a `Sound`."""
FRAME_SAMPLES = 512
"""Samples that Silero judges at a time (32 ms)."""
BLOCK = FRAME_SAMPLES * 10_000
"""Samples that are judged in one run; the detector's memory starts anew with each (5 minutes)."""
SPEECH_THRESHOLD, SILENCE_THRESHOLD = 0.5, 0.15
"""Speech reaches the one somewhere (Silero's own threshold), and goes on, both ways, as far as the other. From the first
to the last frame over the one, with Silero's 0.35 for the other, 2.4 % of spliced speech was lost; so 1.1 % is, and no
more is taken of what is none."""
PAUSE_SECONDS = 0.25
"""A shorter pause does not end a piece. Changes of language are 0.3 s and more apart in the development set."""
PAD_SECONDS = 0.2
"""Sound kept before and after a piece, at most half of the pause."""
MIN_SPEECH_SECONDS = 0.1
"""Less at SPEECH_AT is a click."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechChunk:
    """Speech between two pauses: samples `start` to `end`.

    `likely` is the mean likelihood that it is speech, from where it first is likelier than not to where it last is.
    """

    start: int
    end: int
    probability: float


def detect_speech(samples: Samples, *, longest: int) -> list[SpeechChunk]:
    """The stretches of speech in order, none longer than `longest` samples; empty where nobody speaks."""
    return _cut(_likelihood(samples), len(samples), longest)


def to_float(samples: Samples) -> npt.NDArray[np.float32]:
    """The samples in -1..1, as the models take them."""
    return np.multiply(samples, 1 / 32768, dtype=np.float32)


def _likelihood(samples: Samples) -> npt.NDArray[np.float32]:
    """How likely each frame of FRAME samples is speech (N,)."""
    model = _detector()
    judged: list[npt.NDArray[np.float32]] = []
    for at in range(0, len(samples), BLOCK):
        block = to_float(samples[at : at + BLOCK])
        judged.append(np.asarray(model(np.pad(block, (0, -len(block) % FRAME_SAMPLES)))).reshape(-1))
    return np.concatenate(judged).astype(np.float32) if judged else np.empty(0, np.float32)


@cache
def _detector():  # type: ignore[no-untyped-def]
    from faster_whisper.vad import get_vad_model

    return get_vad_model()


def _cut(likelihood: npt.NDArray[np.float32], count: int, longest: int) -> list[SpeechChunk]:
    pause = round(PAUSE_SECONDS * AUDIO_SAMPLE_RATE / FRAME_SAMPLES)
    maybe = np.flatnonzero(likelihood >= SILENCE_THRESHOLD)
    runs = [
        (int(run[0]), int(run[-1]) + 1)
        for run in np.split(maybe, np.flatnonzero(np.diff(maybe) > pause + 1) + 1)
        if np.sum(likelihood[run] >= SPEECH_THRESHOLD) >= MIN_SPEECH_SECONDS * AUDIO_SAMPLE_RATE / FRAME_SAMPLES
    ]
    runs = [part for run in runs for part in _split(run, likelihood, longest // FRAME_SAMPLES)]
    pad = round(PAD_SECONDS * AUDIO_SAMPLE_RATE)
    made = []
    for n, (first, end) in enumerate(runs):
        before = runs[n - 1][1] * FRAME_SAMPLES if n else -2 * pad
        after = runs[n + 1][0] * FRAME_SAMPLES if n + 1 < len(runs) else count + 2 * pad
        made.append(
            SpeechChunk(
                start=max(0, first * FRAME_SAMPLES - min(pad, (first * FRAME_SAMPLES - before) // 2)),
                end=min(count, end * FRAME_SAMPLES + min(pad, (after - end * FRAME_SAMPLES) // 2)),
                probability=_mean(likelihood[first:end]),
            )
        )
    return made


def _mean(likelihood: npt.NDArray[np.float32]) -> float:
    sure = np.flatnonzero(likelihood >= SPEECH_THRESHOLD)
    return float(np.mean(likelihood[sure[0] : sure[-1] + 1] if len(sure) else likelihood))


def _split(run: tuple[int, int], likelihood: npt.NDArray[np.float32], longest: int) -> list[tuple[int, int]]:
    """The run in parts of at most `longest` frames less the padding, cut where speech is least likely."""
    most = longest - 2 * round(PAD_SECONDS * AUDIO_SAMPLE_RATE / FRAME_SAMPLES)
    start, end = run
    parts = []
    while end - start > most:
        half = start + most // 2
        cut = half + int(np.argmin(likelihood[half : start + most]))
        parts.append((start, cut))
        start = cut
    return [*parts, (start, end)]
