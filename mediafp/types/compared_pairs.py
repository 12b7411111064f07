"""Two files beside each other: what joins them, and what is known of each."""

from dataclasses import dataclass
from typing import Literal

from mediafp.types.decisions import Decision
from mediafp.types.matches import Match
from mediafp.types.media import Asset, TimeSpan
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import Certainty
from mediafp.types.written_words import Doubt, TextPiece, mark_guess

WordAgreement = Literal["same", "sound", "other"]
"""`same`: the same word, in simplified or traditional characters; `sound`: another word of the same or nearly the same sound;
`other`: another word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRun:
    """Characters of a line whose agreement, and whose certainty, is the same."""

    agreement: WordAgreement
    doubt: Doubt | None
    """Certainty of the words if it is less than sure."""
    pieces: tuple[TextPiece, ...]
    """The words with their times, and what is between them."""

    @property
    def text(self) -> str:
        """All of its characters."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenLine:
    """One segment of a transcript, as it is compared."""

    span: TimeSpan
    """From the first to the last word where their times are known, or else that of the segment."""
    language: str
    certainty: Certainty | None
    runs: tuple[TextRun, ...]

    @property
    def text(self) -> str:
        """The whole line."""
        return "".join(run.text for run in self.runs)

    @property
    def marked_text(self) -> str:
        """The whole line, with its guesses in marks."""
        return "".join(mark_guess(run.text, run.doubt) for run in self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePair:
    """Lines of both transcripts that share words; one of the two sides is empty if it is said on the other alone."""

    query: tuple[SpokenLine, ...]
    reference: tuple[SpokenLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WordComparison:
    """Two transcripts line by line.

    Attributes:
        lines: Their lines, in the order of the query.
        words: Words of the longest passage that both share; 0 if there is none.
        equal_words: Those among them that sound the same.
        by_syllable: True if its words are syllables of Chinese.
        offset: Least and greatest seconds from a word of the query to that of the reference; None without a passage.
        omitted_lines: Lines that are not among `lines`, which are the first ones.
    """

    lines: tuple[LinePair, ...]
    words: int
    equal_words: int
    by_syllable: bool
    offset: TimeSpan | None
    omitted_lines: int

    @property
    def has_certainty(self) -> bool:
        """True if the certainty of a line is known."""
        return any(one.certainty for line in self.lines for one in (*line.query, *line.reference))


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFile:
    """One of the two files.

    Attributes:
        asset: The file.
        name: Its name, that of an upload or of a sighting.
        sightings: Where it was seen, oldest first; none of an upload that the store does not contain.
        asked_at: When it was uploaded; None if it was not.
        in_store: True if the store contains it.
    """

    asset: Asset
    name: str
    sightings: tuple[Sighting, ...]
    asked_at: str | None
    in_store: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPair:
    """Two files with everything that joins them.

    Attributes:
        query: The one that is asked about.
        reference: The other one, an asset of the store.
        matches: Their matches seen from the query, the most probable ones first; none if nothing joins them.
        words: Their words, where both have a transcript and share a script.
        neighbours: SHA-256 of every reference of the query, in the order of its answer.
        decision: Decision of a person on the pair; of a rejected one there are no matches.
    """

    query: ComparedFile
    reference: ComparedFile
    matches: tuple[Match, ...]
    words: WordComparison | None
    neighbours: tuple[str, ...]
    decision: Decision | None
