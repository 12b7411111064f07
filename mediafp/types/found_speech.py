"""Speech that a search found: the segments that a place quotes, and the probability of their words."""

from dataclasses import replace
from typing import Final

from mediafp.types.transcripts import SearchHit, Transcript, TranscriptSegment

ROUNDING_SECONDS: Final = 0.001
"""Difference between the times of a place, which are rounded, and those of its segment."""


def quoted_segments(hit: SearchHit, transcript: Transcript | None) -> list[tuple[int, TranscriptSegment]]:
    """Return the segments that a place quotes, one or two that follow each other, with their positions in its text.

    None are returned for text that is not speech.
    """
    segments = transcript.segments if transcript and hit.source == "speech" else ()
    own = [one for one in segments if hit.track is None or (one.track, one.channel) == (hit.track, hit.channel)]
    shared = [min(one.end, hit.end) - max(one.start, hit.start) for one in own]
    # Where a sentence is said twice in a row, the other one touches the place; the words found may have no duration.
    least = ROUNDING_SECONDS if max(shared, default=0.0) >= ROUNDING_SECONDS else -ROUNDING_SECONDS
    found, position = [], 0
    for segment, seconds in zip(own, shared, strict=True):
        start = hit.text.find(segment.text, position) if seconds >= least else -1
        if start >= 0:
            position = start + len(segment.text)
            found.append((start, segment))
    return found


def rate_hit(hit: SearchHit, transcript: Transcript | None) -> SearchHit:
    """Return a place with the mean probability that a word of it is right, if it is speech and that is known."""
    probabilities = [one for _, segment in quoted_segments(hit, transcript) for one in segment.token_probabilities]
    return replace(hit, word_probability=sum(probabilities) / len(probabilities)) if probabilities else hit
