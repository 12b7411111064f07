"""What of a sound is decoded at once: windows of one language, and the times of what was read in them."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from mediafp.text.speech.voice_activity import Samples, SpeechChunk
from mediafp.types.media import AUDIO_SAMPLE_RATE, TimeSpan

JOIN_SECONDS = 3.0
"""Pieces of one language this near are decoded together, without the pause: words before and after help."""
SNAP_SECONDS = 0.6
"""A change of utterance this near to a pause is put there: Whisper's own times are coarse."""
DECODED_TOLERANCE_SECONDS = 0.3
"""A piece that begins this little before Whisper's end was not decoded: its times are coarse."""
MIN_REMAINDER_SECONDS = 1.0
"""Less of a piece is not decoded anew."""
CUT_SECONDS = 3.0
"""A shorter piece is not cut in two."""
QUIET_SECONDS = 0.2
"""A piece is cut where so much of it is quietest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingWindow:
    """Speech in one language that is decoded at once."""

    pieces: tuple[SpeechChunk, ...]
    language: str
    probability: float

    @property
    def length(self) -> int:
        """Samples of speech, pauses between pieces left out."""
        return sum(p.end - p.start for p in self.pieces)

    @property
    def chunk_offsets(self) -> list[float]:
        """Where in the window's sound each piece begins, and the last one ends, seconds."""
        lengths = [0, *((p.end - p.start) / AUDIO_SAMPLE_RATE for p in self.pieces)]
        return list(accumulate(lengths))

    def audio(self, samples: Samples) -> Samples:
        """What is decoded."""
        return np.concatenate([samples[p.start : p.end] for p in self.pieces])

    def to_media_time(self, at: float) -> float:
        """When a moment of the window's sound is heard, seconds from the first sample of all."""
        edges = self.chunk_offsets
        n = min(max(bisect_right(edges, at) - 1, 0), len(self.pieces) - 1)
        return min(self.pieces[n].start / AUDIO_SAMPLE_RATE + at - edges[n], self.pieces[n].end / AUDIO_SAMPLE_RATE)


def build_windows(
    found: Sequence[SpeechChunk], languages: Sequence[tuple[str, float]], longest: float
) -> Iterator[DecodingWindow]:
    """Neighbouring pieces of one language, no more than `longest` seconds of speech together."""
    open_: DecodingWindow | None = None
    for piece, (language, probability) in zip(found, languages, strict=True):
        if (
            open_
            and open_.language == language
            and piece.start - open_.pieces[-1].end <= JOIN_SECONDS * AUDIO_SAMPLE_RATE
            and open_.length + piece.end - piece.start <= longest * AUDIO_SAMPLE_RATE
        ):
            weights = open_.length, piece.end - piece.start
            mean = float(np.average([open_.probability, probability], weights=weights))
            open_ = replace(open_, pieces=(*open_.pieces, piece), probability=round(mean, 4))
            continue
        if open_:
            yield open_
        open_ = DecodingWindow(pieces=(piece,), language=language, probability=probability)
    if open_:
        yield open_


def split_decoded(window: DecodingWindow, end: float | None) -> tuple[DecodingWindow, list[DecodingWindow]]:
    """What of a window was decoded, and what is left: Whisper often ends after a sentence, and the rest waits.

    `end` is where in its sound the words end, seconds; None where they go on to its end. Where nothing was decoded, the
    first piece is given up and the others are tried on their own.
    """
    if end is None:
        return window, []
    edges = window.chunk_offsets
    count = sum(begin < end - DECODED_TOLERANCE_SECONDS for begin in edges[:-1])
    read, left = list(window.pieces[:count]), list(window.pieces[count:])
    if not read:
        read, left = [window.pieces[0]], list(window.pieces[1:])
    elif edges[count] - end > MIN_REMAINDER_SECONDS and end - edges[count - 1] > MIN_REMAINDER_SECONDS:
        at = read[-1].start + round((end - edges[count - 1]) * AUDIO_SAMPLE_RATE)
        left.insert(0, replace(read[-1], start=at))
        read[-1] = replace(read[-1], end=at)
    rest = [replace(window, pieces=tuple(left))] if left else []
    return replace(window, pieces=tuple(read)), rest


def split_in_half(window: DecodingWindow, samples: Samples) -> list[DecodingWindow]:
    """A window in two, each of about half the speech: between its pieces, or where its only piece is quietest.

    Empty where the only piece is too short for two.
    """
    pieces = window.pieces
    if len(pieces) == 1:
        if window.length < CUT_SECONDS * AUDIO_SAMPLE_RATE:
            return []
        cut = _quietest(pieces[0], samples)
        parts: list[tuple[SpeechChunk, ...]] = [(replace(pieces[0], end=cut),), (replace(pieces[0], start=cut),)]
    else:
        edges = window.chunk_offsets
        middle = min(range(1, len(pieces)), key=lambda n: abs(edges[n] - edges[-1] / 2))
        parts = [pieces[:middle], pieces[middle:]]
    return [replace(window, pieces=part) for part in parts]


def _quietest(piece: SpeechChunk, samples: Samples) -> int:
    """The sample in the middle half of a piece around which QUIET_SECONDS have the least energy."""
    quarter, width = (piece.end - piece.start) // 4, round(QUIET_SECONDS * AUDIO_SAMPLE_RATE)
    inside = samples[piece.start + quarter : piece.end - quarter].astype(np.float64) ** 2
    energy = np.diff(np.concatenate(([0.0], np.cumsum(inside)))[:: width // 4])
    return piece.start + quarter + (int(np.argmin(np.convolve(energy, np.ones(4), "valid"))) + 2) * (width // 4)


def sentence_times(window: DecodingWindow, starts: Sequence[float]) -> list[TimeSpan]:
    """Start and end of each sentence, seconds from the first sample of all: they follow one another, and change at a
    pause where one is near. `starts` are in the window's sound."""
    if not starts:
        return []
    pieces, edges = window.pieces, window.chunk_offsets
    begins, ends, last = [pieces[0].start / AUDIO_SAMPLE_RATE], [], 0.0
    for start in starts[1:]:
        at = min(max(start, last), edges[-1])
        near = min(range(len(edges)), key=lambda n: abs(edges[n] - at))
        if 0 < near < len(pieces) and abs(edges[near] - at) <= SNAP_SECONDS and edges[near] > last:
            at = edges[near]
            ends.append(pieces[near - 1].end / AUDIO_SAMPLE_RATE)
            begins.append(pieces[near].start / AUDIO_SAMPLE_RATE)
        else:
            ends.append(window.to_media_time(at))
            begins.append(window.to_media_time(at))
        last = at
    return list(zip(begins, [*ends, pieces[-1].end / AUDIO_SAMPLE_RATE], strict=True))
