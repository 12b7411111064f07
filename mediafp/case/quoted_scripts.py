"""The words of matching passages of two transcripts, as text."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from mediafp.store import Store
from mediafp.types.matches import Match, QueryResult
from mediafp.types.media import TimeSpan
from mediafp.types.transcripts import Transcript, TranscriptSegment
from mediafp.types.written_words import mark_guess, quote_segments, replace_text, written_words

MAX_QUOTED_CHARS: Final = 120
"""Characters of the words of one side of a passage. Chosen, not measured: a sentence or two."""


def quote_scripts(result: QueryResult, transcript: Transcript | None, store: Store) -> QueryResult:
    """Return a result whose matches of scripts have the words of their passages.

    Args:
        result: The result.
        transcript: Transcript of the query; None for that of the store.
        store: The store, with the transcripts of the references.
    """
    if result.sha256 is None or all(match.relation != "same_script" for match in result.matches):
        return result
    own = transcript or store.find_transcript(result.sha256)
    return replace(result, matches=quote_matches(result.matches, own, store))


def quote_matches(matches: Sequence[Match], own: Transcript | None, store: Store) -> tuple[Match, ...]:
    """Return matches of one query of which those of scripts have the words of their passages.

    Args:
        matches: The matches.
        own: Transcript of the query; without it they stay as they are.
        store: The store, with the transcripts of the references.
    """
    return tuple(_with_words(match, own, store) for match in matches)


def _with_words(match: Match, own: Transcript | None, store: Store) -> Match:
    other = store.find_transcript(match.sha256) if match.relation == "same_script" else None
    if own is None or other is None:
        return match
    passages = [segment for segment in match.segments if segment.channel == "script" and segment.query]
    return replace(
        match,
        words=tuple(
            (
                _quote(own, passage.query or (0.0, 0.0), passage.sound("query")),
                _quote(other, passage.reference, passage.sound("reference")),
            )
            for passage in passages
        ),
    )


def _quote(transcript: Transcript, span: TimeSpan, sound: tuple[int, int | None] | None) -> str:
    """Return the words that are said in a time span, in all sounds or in one, guesses marked; "" if there are none."""
    quotation = quote_segments(list(_iter_said(transcript, span, sound)), MAX_QUOTED_CHARS)
    return "".join(mark_guess(run.text, run.doubt) for run in quotation.runs) if quotation else ""


def _iter_said(
    transcript: Transcript, span: TimeSpan, sound: tuple[int, int | None] | None
) -> Iterator[TranscriptSegment]:
    """Yield the segments of a time span, of each that has times of words its words within the span alone."""
    for segment in transcript.segments:
        shared = min(segment.end, span[1]) - max(segment.start, span[0])
        if sound not in (None, (segment.track, segment.channel)) or shared < 0:
            continue
        timed = [word for word in written_words(segment) if word.span]
        if not timed:
            # Without them a segment counts if most of it is in the span, or of the span in it.
            if shared >= 0.5 * min(segment.end - segment.start, span[1] - span[0]):
                yield segment
            continue
        spoken = [word for word in timed if word.span and span[0] <= sum(word.span) / 2 <= span[1]]
        if spoken:
            yield replace_text(segment, segment.text[spoken[0].start : spoken[-1].end])
