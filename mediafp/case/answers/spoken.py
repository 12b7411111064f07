"""Quotations from transcripts in the intervals of a match, and their language."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from mediafp.types.file_sounds import sound_key
from mediafp.types.matches import Match
from mediafp.types.media import TimeSpan
from mediafp.types.transcripts import Transcript, TranscriptSegment
from mediafp.types.written_words import Quotation, quote_segments

MAX_QUOTED_CHARS: Final = 400
"""Characters of a quotation. Chosen, not measured: two or three sentences."""


class Stretch(NamedTuple):
    """An interval of a file, and the sound in which the words of a match are said there."""

    span: TimeSpan
    sound: tuple[int, int | None] | None = None
    """Track and channel; None for all sounds."""


WHOLE: Final = (Stretch((float("-inf"), float("inf"))),)
"""All of a file, in all of its sounds."""


def stretches_of(match: Match, side: Literal["query", "reference"]) -> list[Stretch]:
    """Return the intervals of one side of a match of scripts."""
    spans = (
        (segment.query if side == "query" else segment.reference, segment.sound(side)) for segment in match.segments
    )
    return [Stretch(span, sound) for span, sound in spans if span]


def main_language(transcript: Transcript, stretches: Sequence[Stretch]) -> str | None:
    """Return the language that is spoken for the longest time in some intervals; None if nothing is."""
    seconds: Counter[str] = Counter()
    for segment in _within(transcript, stretches):
        seconds[segment.language] += segment.end - segment.start  # type: ignore[assignment]
    return max(sorted(seconds), key=lambda name: seconds[name], default=None)


def spoken_between(transcript: Transcript, stretches: Sequence[Stretch]) -> Quotation | None:
    """Return the words that are spoken in some intervals, sound after sound, with their doubts; None if there are none."""
    spoken = sorted(_within(transcript, stretches), key=lambda segment: sound_key(segment.track, segment.channel))
    return quote_segments(spoken, MAX_QUOTED_CHARS)


def _within(transcript: Transcript, stretches: Sequence[Stretch]) -> list[TranscriptSegment]:
    """Return the segments of a transcript of which most lies in one of some intervals."""
    return [
        segment
        for segment in transcript.segments
        if segment.text.strip()
        and any(
            sound in (None, (segment.track, segment.channel))
            and min(segment.end, end) - max(segment.start, start) >= 0.5 * (segment.end - segment.start)
            for (start, end), sound in stretches
        )
    ]
