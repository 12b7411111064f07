"""Cues of subtitles: the segments of a transcript at times that follow one another."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise, zip_longest
from math import inf
from typing import Final

from mediafp.report.cue_lines import MAX_LINES, cut_text, text_width
from mediafp.report.escaping import escape_unprintable
from mediafp.types.tokens import Token, tokenise
from mediafp.types.transcripts import Transcript, TranscriptSegment

MIN_CUE_MILLISECONDS: Final = 200
"""Milliseconds for which a cue is shown at least: players skip one of no length. Chosen, not measured."""
_CHANNEL_NAMES: Final = ("L", "R")

type Voice = tuple[int, int]
"""Numbers of an audio track and of one of its channels, -1 for their mix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """Lines that are shown together, with times in milliseconds."""

    start: int
    end: int
    parts: tuple[tuple[str, tuple[str, ...]], ...]
    """Language and lines of each voice, one or two."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One cue of a segment."""

    start: int
    end: int
    voice: Voice
    is_alone: bool
    language: str
    lines: tuple[str, ...]


def make_cues(transcript: Transcript) -> list[Cue]:
    """Return the cues of a transcript, in order: none is negative, shorter than MIN_CUE_MILLISECONDS or overlaps another.

    A text of more than two lines is cut into several cues, at the times of its words if they are known. If the transcript
    has several voices, a mark in front of a text states its track and channel, and texts of two of them at one time are
    shown together, a line each.
    """
    segments = sorted((s for s in transcript.segments if s.text.split()), key=lambda s: s.start)
    voices = sorted({_voice(segment) for segment in segments})
    marks = _marks(voices)
    parts = [
        part
        for voice in voices
        for part in _parts(
            [segment for segment in segments if _voice(segment) == voice],
            [segment for segment in segments if _voice(segment) != voice],
            marks[voice],
        )
    ]
    return list(_in_sequence([*_paired(sorted(parts, key=lambda part: (part.start, part.voice)))]))


def _voice(segment: TranscriptSegment) -> Voice:
    return segment.track, -1 if segment.channel is None else segment.channel


def _marks(voices: Sequence[Voice]) -> dict[Voice, str]:
    """Return what begins the texts of each voice: nothing for a single one, else its track, its channel, or both."""
    if len(voices) < 2:
        return dict.fromkeys(voices, "")
    has_tracks = len({track for track, _ in voices}) > 1
    marks: dict[Voice, str] = {}
    for track, channel in voices:
        side = "" if channel < 0 else _CHANNEL_NAMES[channel] if channel < len(_CHANNEL_NAMES) else f"c{channel + 1}"
        marks[track, channel] = f"[{track + 1 if has_tracks or not side else ''}{side}] "
    return marks


def _parts(segments: Sequence[TranscriptSegment], others: Sequence[TranscriptSegment], mark: str) -> Iterator[_Part]:
    """Yield the cues of the segments of one voice, which do not overlap each other.

    A segment that overlaps the next one ends where that starts. One that is too short for its cues pushes the next one back.
    """
    shown_until = 0
    other_starts = [other.start for other in others]
    # The greatest end of those that start before each.
    other_ends = [-inf, *accumulate((other.end for other in others), max)]
    for segment, following in zip_longest(segments, segments[1:]):
        is_alone = other_ends[bisect_left(other_starts, segment.end)] <= segment.start
        text = escape_unprintable(" ".join(segment.text.split()))
        cues = cut_text(text, mark=mark, max_lines=MAX_LINES if is_alone else 1)
        start = max(0, round(segment.start * 1000), shown_until)
        end = round(segment.end * 1000)
        if following:
            end = min(end, round(following.start * 1000))
        end = shown_until = max(end, start + MIN_CUE_MILLISECONDS * len(cues))
        lengths = [len("".join(lines).replace(" ", "")) - len(mark.replace(" ", "")) for lines in cues]
        times = _start_times(segment, text, lengths[:-1])
        starts = [start, *(min(max(start, round(time * 1000)), end) for time in times)]
        for number in range(1, len(starts)):
            starts[number] = max(starts[number], starts[number - 1] + MIN_CUE_MILLISECONDS)
        for number in range(1, len(starts)):
            starts[number] = min(starts[number], end - MIN_CUE_MILLISECONDS * (len(starts) - number))
        for lines, (first, last) in zip(cues, pairwise([*starts, end]), strict=True):
            yield _Part(first, last, _voice(segment), is_alone, segment.language, tuple(lines))


def _start_times(segment: TranscriptSegment, text: str, lengths: Sequence[int]) -> list[float]:
    """Return the seconds at which the parts of a segment behind the first one start.

    Args:
        segment: The segment.
        text: Its text as it is shown.
        lengths: Characters of each part but the last, without spaces.
    """
    shown = text.replace(" ", "")
    ends = list(accumulate(lengths))
    if not ends:
        return []
    places = [place for place, character in enumerate(segment.text) if not character.isspace()]
    tokens = tokenise(segment.text) if segment.token_times else []
    if tokens and len(tokens) == len(segment.token_times):
        # What is hidden is shown by several characters.
        cuts = [places[end * len(places) // len(shown)] for end in ends]
        token_ends = [token.end for token in tokens]
        return [_token_time(segment, tokens, bisect_right(token_ends, cut), cut) for cut in cuts]
    widths = [0, *accumulate(text_width(character) for character in shown)]
    return [segment.start + (segment.end - segment.start) * widths[end] / widths[-1] for end in ends]


def _token_time(segment: TranscriptSegment, tokens: Sequence[Token], number: int, cut: int) -> float:
    """Return the seconds at which the text behind a position starts, the first token that ends behind it being `number`."""
    if number == len(tokens):
        return segment.token_times[-1][1]
    token, (first, last) = tokens[number], segment.token_times[number]
    # A number of several characters may be cut.
    return first + (last - first) * max(0, cut - token.start) / (token.end - token.start)


def _paired(parts: Sequence[_Part]) -> Iterator[Cue]:
    """Yield cues of one part, or of two of different voices that overlap, by start."""
    waiting = list(parts[::-1])
    while waiting:
        part = waiting.pop()
        shown = [part]
        if waiting and not part.is_alone:
            other = waiting[-1]
            if other.voice != part.voice and not other.is_alone and other.start < part.end:
                shown.append(waiting.pop())
        yield Cue(
            start=part.start,
            end=max(one.end for one in shown),
            parts=tuple((one.language, one.lines) for one in sorted(shown, key=lambda one: one.voice)),
        )


def _in_sequence(cues: Sequence[Cue]) -> Iterator[Cue]:
    """Yield cues that end where the next one starts, if not before."""
    shown_until = 0
    for cue, following in zip_longest(cues, cues[1:]):
        start = max(cue.start, shown_until)
        end = cue.end if following is None else min(cue.end, following.start)
        shown_until = max(end, start + MIN_CUE_MILLISECONDS)
        yield replace(cue, start=start, end=shown_until)
