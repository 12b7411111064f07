"""Answers: the uses of one file in a case, by source image, footage and words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from mediafp.types.matches import HandleReadings, Match, QueryResult, TextLine, Trace
from mediafp.types.media import Asset, Kind, TimeSpan
from mediafp.types.saved_queries import QueryPart, QueryState
from mediafp.types.sightings import Sighting, Standing, posts_standing
from mediafp.types.written_words import Quotation

UseOrder = Literal["oldest", "biggest", "changed", "surest"]
"""Order of uses: by their first time, their pixels, how much of them differs from the query, or their probability."""
ChangeKind = Literal[
    "identical", "mirrored", "turned", "square", "part", "more", "inside", "slower", "faster", "backwards", "smaller", "altered",
    "unplaced",
]  # fmt: skip


class Change(NamedTuple):
    """Difference between the query and a use of it."""

    kind: ChangeKind
    value: float = 0.0
    """Degrees for `turned`, the factor for `slower` and `faster`, else a share: of the query that the use shows for `square` and
    `part`, of what it shows more for `more`, of its own area for `inside`; the number of altered places for `altered`. With
    `unplaced`, no placement joins the two images, so that no difference is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One file of the case that shows, or says, what the query does."""

    match: Match
    asset: Asset
    is_query: bool
    """True if it is the very file that was asked about."""
    changes: tuple[Change, ...]

    @property
    def sightings(self) -> tuple[Sighting, ...]:
        """Sightings, oldest first, those without a date last."""
        return self.match.sightings

    @property
    def first_at(self) -> str | None:
        """Time of the oldest sighting that has one."""
        return next((seen.date for seen in self.sightings if seen.date), None)

    @property
    def standing(self) -> Standing:
        """State of its posts."""
        return posts_standing(self.sightings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Videos that show the same stretch of the query, or that share the footage in which the image is seen."""

    span: TimeSpan | None
    """The stretch, in seconds of the query; None if that is an image."""
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Videos with the same recording or the same words as the query, in one language."""

    relation: Literal["same_voice", "same_script"]
    language: str | None
    """Language of most of it; None if it was not transcribed."""
    uses: tuple[Use, ...]
    query_text: Quotation | None = None
    """The words of the query; None if its transcript is not in the store."""
    reference_text: Quotation | None = None
    """The words of the first of the uses, where it has a transcript."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Videos that show an image, and over which the same words are spoken; they may have nothing to do with the image."""

    language: str
    """Language of most of it."""
    text: Quotation
    """The words of the first of the videos, shortened."""
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Groupings:
    """The uses of a query: counted ones by what they share with it, and those that are not counted."""

    pictures: tuple[Use, ...]
    footage: tuple[Stretch, ...]
    words: tuple[Words, ...]
    spoken: tuple[Spoken, ...]
    """Words over the footage of an image."""
    doubtful: tuple[Use, ...]
    """Matches that are only possible."""
    scenes: tuple[Use, ...]
    """Other images of the same scene."""
    near_misses: tuple[Use, ...]
    """Candidates below the probability that was asked for, the most probable ones first."""
    accounts: int
    """Accounts that the sightings of the counted uses name."""
    trace: Trace
    """The counted uses by date, with the least cut image, the first post, and the names in what was cut away."""

    @property
    def footage_uses(self) -> tuple[Use, ...]:
        """Videos that show it."""
        return tuple(use for stretch in self.footage for use in stretch.uses)

    @property
    def words_uses(self) -> tuple[Use, ...]:
        """Videos that have its sound or its words."""
        return tuple(use for words in self.words for use in words.uses)

    @property
    def counted(self) -> tuple[Use, ...]:
        """All counted uses; a video with the footage and the words is among them twice."""
        return (*self.pictures, *self.footage_uses, *self.words_uses)

    @property
    def has_certainty(self) -> bool:
        """True if the certainty of a quotation is known."""
        quoted = [text for words in self.words for text in (words.query_text, words.reference_text)]
        return any(text and text.certainty for text in (*quoted, *(one.text for one in self.spoken)))

    @property
    def files(self) -> dict[str, Use]:
        """The counted uses by SHA-256, each file once."""
        return {use.asset.sha256: use for use in reversed(self.counted)}

    @property
    def handles(self) -> tuple[HandleReadings, ...]:
        """Account names in what the query lacks."""
        return self.trace.handles


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A file that was asked about, or an asset of the case, with what is known of it so far."""

    sha256: str
    name: str
    uri: str | None
    """Path of the asset; None of a file that is not in the case."""
    kind: Kind | None
    bytes: int
    asset: Asset | None
    """The analysed file; None if it is not analysed yet, or could not be."""
    in_case: bool
    was_asked: bool
    """True if it was uploaded, and what is known of it is kept beside the case."""
    is_kept: bool
    """True if its content is at hand, so that a part of it can be searched."""
    asked_at: str | None
    state: QueryState
    seconds: float | None
    files: int | None
    """Files of the case when it was answered; None if unknown."""
    error: str | None
    result: QueryResult | None
    text: tuple[TextLine, ...] | None
    part_of: QueryPart | None
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Hashes of an image by their name, in hexadecimal digits."""
    is_compared: bool = True
    """False of an asset that was not compared with all others yet."""

    @property
    def is_running(self) -> bool:
        """True if more will be known."""
        return self.state not in ("done", "failed")
