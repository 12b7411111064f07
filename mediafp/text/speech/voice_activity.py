"""Voice activity detection: the speech in an audio track, cut at its pauses (Silero VAD)."""

import logging
import time
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float32Array
from mediafp.types.media import AUDIO_SAMPLE_RATE
from mediafp.types.model_files import model_path

Samples = npt.NDArray[np.int16]
"""Mono audio samples (N,), int16 at AUDIO_SAMPLE_RATE, as in `Audio.samples`."""
FRAME_SAMPLES = 512
"""Samples for which Silero VAD returns one probability (32 ms)."""
BLOCK_SAMPLES = FRAME_SAMPLES * 10_000
"""Samples of one call of the detector, whose recurrent state is reset in between (5 minutes). Chosen, not measured."""
SPEECH_THRESHOLD, SILENCE_THRESHOLD = 0.5, 0.15
"""Speech probability that a chunk reaches somewhere (Silero's own threshold), and the one above which it extends in both
directions. With chunks from the first to the last frame over SPEECH_THRESHOLD and Silero's 0.35 for silence, 2.4 % of the
speech in spliced development clips was lost; with these values 1.1 % is lost, and no more non-speech is included."""
PAUSE_SECONDS = 0.25
"""Shortest pause that ends a chunk. Changes of language are at least 0.3 s apart in the development set."""
PAD_SECONDS = 0.4
"""Audio included before and after a chunk; at most half of the pause. With 0.2 s Whisper misreads more words at the ends of short
Mandarin sentences (`docs/measurements.md`)."""
MARGIN_SECONDS = 0.1
"""Audio before and after the voice that counts as speech: a soft beginning is below SILENCE_THRESHOLD. With 0.2 s the language of
English in spliced development files is right for .938 of the time, with 0.1 s for .995."""
SOFT_SAMPLES = AUDIO_SAMPLE_RATE // 10
"""Samples by which a text begins before the speech and ends after it. Without them, 1.2 % of the speech in spliced development
files has no text beside it, with them .8 %."""
MIN_SPEECH_SECONDS = 0.1
"""Shorter audio above SPEECH_THRESHOLD is a click, not speech. Chosen, not measured."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechChunk:
    """Speech between two pauses: samples `start` to `end`, of which the first `lead` and the last `tail` are not speech.

    `probability` is the mean speech probability between the first and the last frame that reach SPEECH_THRESHOLD.
    """

    start: int
    end: int
    probability: float
    lead: int = 0
    tail: int = 0

    @property
    def onset(self) -> int:
        """First sample of the speech."""
        return self.start + self.lead

    @property
    def offset(self) -> int:
        """Sample after the speech."""
        return self.end - self.tail

    @property
    def begin_seconds(self) -> float:
        """Start of its text in the track, seconds."""
        return max(self.start, self.onset - SOFT_SAMPLES) / AUDIO_SAMPLE_RATE

    @property
    def end_seconds(self) -> float:
        """End of its text in the track, seconds."""
        return min(self.end, self.offset + SOFT_SAMPLES) / AUDIO_SAMPLE_RATE

    def trimmed(self) -> "SpeechChunk":
        """Return the chunk with no more around its speech than its text has."""
        lead, tail = min(self.lead, SOFT_SAMPLES), min(self.tail, SOFT_SAMPLES)
        return replace(self, start=self.onset - lead, end=self.offset + tail, lead=lead, tail=tail)

    def cut(self, sample: int) -> tuple["SpeechChunk", "SpeechChunk"]:
        """Return the chunk in two, before and after a sample."""
        return replace(self, end=sample, tail=0), replace(self, start=sample, lead=0)


def detect_speech(samples: Samples, *, longest: int) -> list[SpeechChunk]:
    """Return the speech chunks of an audio track in order; empty if it contains no speech.

    Args:
        samples: The audio track.
        longest: Maximum length of a chunk, samples.
    """
    return cut_into_chunks(_speech_probabilities(samples), len(samples), longest)


def to_float(samples: Samples) -> Float32Array:
    """Return samples scaled to -1..1, the form that the speech models take."""
    return np.multiply(samples, 1 / 32768, dtype=np.float32)


def cut_into_chunks(probabilities: Float32Array, sample_count: int, longest: int) -> list[SpeechChunk]:
    """Return the speech chunks of an audio track from the speech probability of each frame.

    Args:
        probabilities: (N,), one for each FRAME_SAMPLES samples.
        sample_count: Length of the track, samples.
        longest: Maximum length of a chunk, samples.
    """
    pause = round(PAUSE_SECONDS * AUDIO_SAMPLE_RATE / FRAME_SAMPLES)
    voiced = np.flatnonzero(probabilities >= SILENCE_THRESHOLD)
    runs = [
        (int(run[0]), int(run[-1]) + 1)
        for run in np.split(voiced, np.flatnonzero(np.diff(voiced) > pause + 1) + 1)
        if np.sum(probabilities[run] >= SPEECH_THRESHOLD) >= MIN_SPEECH_SECONDS * AUDIO_SAMPLE_RATE / FRAME_SAMPLES
    ]
    runs = [part for run in runs for part in _split_run(run, probabilities, longest // FRAME_SAMPLES)]
    pad, margin = round(PAD_SECONDS * AUDIO_SAMPLE_RATE), round(MARGIN_SECONDS * AUDIO_SAMPLE_RATE)
    chunks = []
    for n, (first, end) in enumerate(runs):
        previous_end = runs[n - 1][1] * FRAME_SAMPLES if n else -2 * pad
        next_start = runs[n + 1][0] * FRAME_SAMPLES if n + 1 < len(runs) else sample_count + 2 * pad
        start = max(0, first * FRAME_SAMPLES - min(pad, (first * FRAME_SAMPLES - previous_end) // 2))
        stop = min(sample_count, end * FRAME_SAMPLES + min(pad, (next_start - end * FRAME_SAMPLES) // 2))
        chunks.append(
            SpeechChunk(
                start=start,
                end=stop,
                probability=_mean_probability(probabilities[first:end]),
                lead=max(0, first * FRAME_SAMPLES - margin - start),
                tail=max(0, stop - end * FRAME_SAMPLES - margin),
            )
        )
    return chunks


def _speech_probabilities(samples: Samples) -> Float32Array:
    """Return the speech probability of each frame (N,)."""
    model = _load_detector()
    blocks: list[Float32Array] = []
    for start in range(0, len(samples), BLOCK_SAMPLES):
        block = to_float(samples[start : start + BLOCK_SAMPLES])
        blocks.append(np.asarray(model(np.pad(block, (0, -len(block) % FRAME_SAMPLES)))).reshape(-1))
    return np.concatenate(blocks).astype(np.float32) if blocks else np.empty(0, np.float32)


@cache
def _load_detector() -> Any:
    started = time.monotonic()
    # Imports onnxruntime and CTranslate2, which most commands do not need.
    from faster_whisper.vad import get_vad_model

    # The library loads the same file, without checking it.
    model_path("silero_vad")
    model = get_vad_model()
    _logger.info("loaded the voice activity detector Silero VAD in %.2f s", time.monotonic() - started)
    return model


def _mean_probability(probabilities: Float32Array) -> float:
    speech = np.flatnonzero(probabilities >= SPEECH_THRESHOLD)
    return float(np.mean(probabilities[speech[0] : speech[-1] + 1] if len(speech) else probabilities))


def _split_run(run: tuple[int, int], probabilities: Float32Array, longest: int) -> list[tuple[int, int]]:
    """Return a run of frames in parts of at most `longest` frames less the padding, cut at the lowest probability."""
    limit = longest - 2 * round(PAD_SECONDS * AUDIO_SAMPLE_RATE / FRAME_SAMPLES)
    start, end = run
    parts = []
    while end - start > limit:
        half = start + limit // 2
        cut = half + int(np.argmin(probabilities[half : start + limit]))
        parts.append((start, cut))
        start = cut
    return [*parts, (start, end)]
