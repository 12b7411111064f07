"""Decoding windows: speech chunks of one language that are decoded together, and the times of the decoded sentences."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np

from mediafp.text.speech.language import ChunkLanguage
from mediafp.text.speech.voice_activity import Samples, SpeechChunk
from mediafp.types.media import AUDIO_SAMPLE_RATE, TimeSpan

MAX_WINDOW_SECONDS = 28.0
"""Maximum speech in one window: Whisper's input is 30 s, and ends with silence (`decoding.MIN_SILENCE_SECONDS`)."""
JOIN_SECONDS = 3.0
"""Longest pause between two chunks of one language that are decoded together, without the pause: context improves both.
Chosen, not measured."""
KEPT_PAUSE_SECONDS = 2.0
"""Longest part of a pause between two chunks that stays in the audio that is decoded, except of Cantonese; the rest is cut out.
With pauses and longer silence around a chunk, English and Mandarin have fewer errors and Cantonese has more, with its prompt
(`docs/measurements.md`)."""
SNAP_SECONDS = 0.6
"""Longest distance over which a sentence boundary is moved to a pause: Whisper's time tokens are imprecise.
Chosen, not measured."""
DECODED_TOLERANCE_SECONDS = 0.3
"""A chunk that begins less than this before Whisper's last time token was not decoded: time tokens are imprecise.
Chosen, not measured."""
MIN_REMAINDER_SECONDS = 1.0
"""Shortest undecoded rest of a chunk that is decoded again. Chosen, not measured."""
MIN_SPLIT_SECONDS = 3.0
"""Shortest single chunk that is split in half. Chosen, not measured."""
QUIET_SECONDS = 0.2
"""Length of the quietest stretch of a chunk, at which it is split. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingWindow:
    """Speech chunks in one language that are decoded together.

    `probability` is that of the language, averaged over the chunks by their length; `alternative` is another language that
    they may be in, in which they are decoded too, or None.
    """

    chunks: tuple[SpeechChunk, ...]
    language: str
    probability: float
    alternative: str | None = None

    @property
    def sample_count(self) -> int:
        """Samples of the window's audio."""
        return sum(chunk.end - chunk.start for chunk in self.chunks)

    @property
    def speech_seconds(self) -> float:
        """Duration of the speech, without the silence around the chunks."""
        return sum(chunk.offset - chunk.onset for chunk in self.chunks) / AUDIO_SAMPLE_RATE

    @property
    def voice(self) -> float:
        """Mean speech probability of the chunks by their length, 0..1."""
        lengths = [chunk.end - chunk.start for chunk in self.chunks]
        return float(np.average([chunk.probability for chunk in self.chunks], weights=lengths))

    @property
    def chunk_times(self) -> list[TimeSpan]:
        """Start and end of each chunk in the window's audio, seconds."""
        lengths = [(chunk.end - chunk.start) / AUDIO_SAMPLE_RATE for chunk in self.chunks]
        return list(pairwise(accumulate([0.0, *lengths])))

    @property
    def speech_times(self) -> list[TimeSpan]:
        """Start and end of the speech of each chunk in the window's audio, seconds."""
        return [
            (start + chunk.lead / AUDIO_SAMPLE_RATE, end - chunk.tail / AUDIO_SAMPLE_RATE)
            for (start, end), chunk in zip(self.chunk_times, self.chunks, strict=True)
        ]

    def audio(self, samples: Samples) -> Samples:
        """Return the window's audio: its chunks, cut out of a track and concatenated."""
        return np.concatenate([samples[chunk.start : chunk.end] for chunk in self.chunks])

    def to_track_time(self, seconds: float) -> float:
        """Return the time in the track, seconds from its first sample, of a time in the window's audio."""
        times = self.chunk_times
        n = max(bisect_right([start for start, _ in times], seconds) - 1, 0)
        chunk = self.chunks[n]
        return min(chunk.start / AUDIO_SAMPLE_RATE + seconds - times[n][0], chunk.end / AUDIO_SAMPLE_RATE)


def build_windows(
    chunks: Sequence[SpeechChunk], languages: Sequence[ChunkLanguage], max_seconds: float
) -> Iterator[DecodingWindow]:
    """Yield windows of neighbouring chunks in one language.

    Args:
        chunks: The speech chunks of a track, in order.
        languages: Language of each chunk.
        max_seconds: Maximum audio in a window of several chunks.
    """
    window: DecodingWindow | None = None
    for chunk, language in zip(chunks, languages, strict=True):
        alone = DecodingWindow(
            chunks=(chunk.trimmed() if language.likeliest == "yue" else chunk,),
            language=language.likeliest,
            probability=language.probability,
            alternative=language.alternative,
        )
        joined = _join(window, alone) if window else None
        if joined and joined.sample_count <= max_seconds * AUDIO_SAMPLE_RATE:
            window = joined
            continue
        if window:
            yield window
        window = alone
    if window:
        yield window


def _join(window: DecodingWindow, next_one: DecodingWindow) -> DecodingWindow | None:
    """Return a window with the chunk of the next one; None if they differ in language or a long pause separates them."""
    (chunk,) = next_one.chunks
    if (window.language, window.alternative) != (next_one.language, next_one.alternative):
        return None
    if chunk.onset - window.chunks[-1].offset > JOIN_SECONDS * AUDIO_SAMPLE_RATE:
        return None
    last = window.chunks[-1]
    longest = 0.0 if window.language == "yue" else KEPT_PAUSE_SECONDS
    kept = min(chunk.start - last.end, round(longest * AUDIO_SAMPLE_RATE))
    window = replace(window, chunks=(*window.chunks[:-1], replace(last, end=last.end + kept, tail=last.tail + kept)))
    weights = window.sample_count, chunk.end - chunk.start
    mean = float(np.average([window.probability, next_one.probability], weights=weights))
    return replace(window, chunks=(*window.chunks, chunk), probability=round(mean, 4))


def split_decoded(window: DecodingWindow, end_seconds: float | None) -> tuple[DecodingWindow, list[DecodingWindow]]:
    """Split a window at the end of its decoded text: Whisper often stops after a sentence, before the speech ends.

    If nothing was decoded, the first chunk counts as decoded, so that the others are tried without it.

    Args:
        window: A decoded window.
        end_seconds: End of the decoded text in the window's audio; None if it reaches the end of the audio.

    Returns:
        The decoded part, and the rest as a list of no or one window, to be decoded again.
    """
    if end_seconds is None:
        return window, []
    times = window.chunk_times
    count = sum(start < end_seconds - DECODED_TOLERANCE_SECONDS for start, _ in times)
    decoded, rest = list(window.chunks[:count]), list(window.chunks[count:])
    if not decoded:
        decoded, rest = [window.chunks[0]], list(window.chunks[1:])
    elif (
        times[count - 1][1] - end_seconds > MIN_REMAINDER_SECONDS
        and end_seconds - times[count - 1][0] > MIN_REMAINDER_SECONDS
    ):
        cut = decoded[-1].start + round((end_seconds - times[count - 1][0]) * AUDIO_SAMPLE_RATE)
        decoded[-1], after = decoded[-1].cut(cut)
        rest.insert(0, after)
    return replace(window, chunks=tuple(decoded)), [replace(window, chunks=tuple(rest))] if rest else []


def split_in_half(window: DecodingWindow, samples: Samples) -> list[DecodingWindow]:
    """Return a window in two halves of about equal speech, split between its chunks or at the quietest sample of one.

    Args:
        window: The window.
        samples: The audio track that the window belongs to.

    Returns:
        Two windows; none if the window has a single chunk shorter than MIN_SPLIT_SECONDS.
    """
    chunks = window.chunks
    if len(chunks) == 1:
        if window.speech_seconds < MIN_SPLIT_SECONDS:
            return []
        cut = _quietest_sample(chunks[0], samples)
        halves: list[tuple[SpeechChunk, ...]] = [(half,) for half in chunks[0].cut(cut)]
    else:
        times = window.chunk_times
        middle = min(range(1, len(chunks)), key=lambda n: abs(times[n][0] - times[-1][1] / 2))
        halves = [chunks[:middle], chunks[middle:]]
    return [replace(window, chunks=half) for half in halves]


def sentence_times(window: DecodingWindow, starts: Sequence[float]) -> list[TimeSpan]:
    """Return the start and end of each sentence of a window, seconds from the first sample of the track.

    Sentences follow one another without overlap; a boundary within SNAP_SECONDS of a pause is moved to it.

    Args:
        window: The window.
        starts: Start of each sentence in the window's audio, seconds.
    """
    if not starts:
        return []
    chunks, times = window.chunks, window.speech_times
    begins, ends, previous = [chunks[0].begin_seconds], [], 0.0
    for start in starts[1:]:
        boundary = min(max(start, previous), times[-1][1])
        nearest = min(range(1, len(chunks)), key=lambda n: _distance(boundary, times, n), default=0)
        if nearest and _distance(boundary, times, nearest) <= SNAP_SECONDS and times[nearest][0] > previous:
            boundary = times[nearest][0]
            ends.append(chunks[nearest - 1].end_seconds)
            begins.append(chunks[nearest].begin_seconds)
        else:
            ends.append(window.to_track_time(boundary))
            begins.append(window.to_track_time(boundary))
        previous = boundary
    return list(zip(begins, [*ends, chunks[-1].end_seconds], strict=True))


def _distance(seconds: float, times: Sequence[TimeSpan], n: int) -> float:
    """Return the seconds from a time to the pause before chunk `n`; 0 within it."""
    return max(times[n - 1][1] - seconds, seconds - times[n][0], 0.0)


def _quietest_sample(chunk: SpeechChunk, samples: Samples) -> int:
    """Return the sample in the middle half of a chunk around which QUIET_SECONDS have the least energy."""
    quarter, width = (chunk.end - chunk.start) // 4, round(QUIET_SECONDS * AUDIO_SAMPLE_RATE)
    power = samples[chunk.start + quarter : chunk.end - quarter].astype(np.float64) ** 2
    energy = np.diff(np.concatenate(([0.0], np.cumsum(power)))[:: width // 4])
    return chunk.start + quarter + (int(np.argmin(np.convolve(energy, np.ones(4), "valid"))) + 2) * (width // 4)
