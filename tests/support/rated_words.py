"""Transcript segments whose words have times and probabilities."""

from collections.abc import Sequence
from dataclasses import replace

from mediafp.types.transcripts import TranscriptSegment


def said(text: str, start: float = 0.0, end: float = 4.0, language: str = "zh") -> TranscriptSegment:
    """Return a segment of which only the times are known."""
    return TranscriptSegment(start=start, end=end, language=language, language_probability=0.9, text=text)


def rated(segment: TranscriptSegment, probabilities: Sequence[float]) -> TranscriptSegment:
    """Return a segment with the probability of each word, and with words of equal length."""
    seconds = (segment.end - segment.start) / len(probabilities)
    times = [(segment.start + seconds * n, segment.start + seconds * (n + 1)) for n in range(len(probabilities))]
    return replace(segment, token_times=tuple(times), token_probabilities=tuple(probabilities))
