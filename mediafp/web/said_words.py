"""Lines and words that are said in a file, as the pages show them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from mediafp.types.found_speech import quoted_segments
from mediafp.types.media import TimeSpan
from mediafp.types.transcripts import LINE_SEPARATOR, Certainty, SearchHit, Transcript
from mediafp.types.written_words import CertainRun, Doubt, certain_runs, segment_certainty

MAX_SAID_LINES: Final = 300
"""Lines of one file beside its player, the first ones. Chosen, not measured: half an hour of speech."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidLine:
    """One segment of a transcript as a page shows it."""

    span: TimeSpan
    language: str
    text: str
    certainty: Certainty | None
    runs: tuple[CertainRun, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidText:
    """The lines of one file, and the number of those that are not among them."""

    lines: tuple[SaidLine, ...]
    omitted: int

    @property
    def has_certainty(self) -> bool:
        """True if the certainty of a line is known."""
        return any(line.certainty for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class HitRun:
    """Characters of a place that a search found."""

    text: str
    is_found: bool
    """True if they are a word that was searched for."""
    doubt: Doubt | None


def read_said(transcript: Transcript | None) -> SaidText:
    """Return the lines of a transcript; none without one."""
    spoken = [segment for segment in (transcript.segments if transcript else ()) if segment.text.strip()]
    return SaidText(
        lines=tuple(
            SaidLine(
                span=(segment.start, segment.end),
                language=segment.language,
                text=segment.text,
                certainty=segment_certainty(segment),
                runs=certain_runs(segment),
            )
            for segment in spoken[:MAX_SAID_LINES]
        ),
        omitted=max(0, len(spoken) - MAX_SAID_LINES),
    )


def hit_runs(hit: SearchHit, transcript: Transcript | None) -> list[HitRun]:
    """Return the text of a place with the words found, and no more than these, and with its doubts if it is speech."""
    found = [False] * len(hit.text)
    for start, end in hit.marks:
        found[start:end] = [True] * len(found[start:end])
    doubts = _find_doubts(hit, transcript)
    # Lines of an image or of a post are separated as in other lists; a line break is an invisible character.
    shown = (LINE_SEPARATOR if character == "\n" else character for character in hit.text)
    characters = zip(found, doubts, shown, strict=True)
    return [
        HitRun(text="".join(character for *_, character in run), is_found=is_found, doubt=doubt)
        for (is_found, doubt), run in groupby(characters, key=lambda one: one[:2])
    ]


def _find_doubts(hit: SearchHit, transcript: Transcript | None) -> Sequence[Doubt | None]:
    """Return the doubt of each character of a place: of one segment, or of two that follow each other."""
    doubts: list[Doubt | None] = [None] * len(hit.text)
    for start, segment in quoted_segments(hit, transcript):
        doubts[start : start + len(segment.text)] = _doubts_of_characters(certain_runs(segment))
    return doubts


def _doubts_of_characters(runs: Sequence[CertainRun]) -> Iterator[Doubt | None]:
    for run in runs:
        yield from [run.doubt] * len(run.text)
