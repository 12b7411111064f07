"""Quotations from transcripts in the intervals of a match, and their language."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from mediafp.types.media import TimeSpan
from mediafp.types.transcripts import Transcript, TranscriptSegment
from mediafp.types.written_words import Quotation, quote_segments

MAX_QUOTED_CHARS: Final = 400
"""Characters of a quotation. Chosen, not measured: two or three sentences."""


def main_language(transcript: Transcript, spans: Sequence[TimeSpan]) -> str | None:
    """Return the language that is spoken for the longest time in some intervals; None if nothing is."""
    seconds: Counter[str] = Counter()
    for segment in _within(transcript, spans):
        seconds[segment.language] += segment.end - segment.start  # type: ignore[assignment]
    return max(sorted(seconds), key=lambda name: seconds[name], default=None)


def spoken_between(transcript: Transcript, spans: Sequence[TimeSpan]) -> Quotation | None:
    """Return the words that are spoken in some intervals, shortened, with their doubts; None if there are none."""
    return quote_segments(_within(transcript, spans), MAX_QUOTED_CHARS)


def _within(transcript: Transcript, spans: Sequence[TimeSpan]) -> list[TranscriptSegment]:
    """Return the segments of a transcript of which most lies in one of some intervals."""
    return [
        segment
        for segment in transcript.segments
        if segment.text.strip()
        and any(
            min(segment.end, end) - max(segment.start, start) >= 0.5 * (segment.end - segment.start)
            for start, end in spans
        )
    ]
