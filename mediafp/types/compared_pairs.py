"""Two files beside each other: what joins them, and what is known of each."""

from dataclasses import dataclass
from typing import Literal

from mediafp.types.decisions import Decision
from mediafp.types.matches import Match
from mediafp.types.media import Asset, TimeSpan
from mediafp.types.sightings import Sighting

WordAgreement = Literal["same", "sound", "other"]
"""`same`: the same word, in simplified or traditional characters; `sound`: another word of the same or nearly the same sound;
`other`: another word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRun:
    """Characters of a line whose agreement is the same."""

    text: str
    agreement: WordAgreement


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenLine:
    """One segment of a transcript, as it is compared."""

    span: TimeSpan
    language: str
    runs: tuple[TextRun, ...]

    @property
    def text(self) -> str:
        """The whole line."""
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePair:
    """Lines of both transcripts that share words, or say the same in two languages; empty on a side that does not say it."""

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
        translated: True if lines are beside each other that say the same in different languages, and not the same words.
    """

    lines: tuple[LinePair, ...]
    words: int
    equal_words: int
    by_syllable: bool
    offset: TimeSpan | None
    omitted_lines: int
    translated: bool = False


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
