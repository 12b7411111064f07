"""Matches with their evidence: placements, segments, OCR text, traces, clips."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from mediafp.types.decisions import Decision
from mediafp.types.hashes import ListedHit
from mediafp.types.media import Kind, TimeSpan
from mediafp.types.sightings import Clue, Sighting

Relation = Literal[
    "copy",
    "image_in_video",
    "same_video",
    "contains",
    "contained_in",
    "shares_footage",
    "same_voice",
    "same_script",
]
MIRRORED_RELATIONS: Final[Mapping[Relation, Relation]] = {"contains": "contained_in", "contained_in": "contains"}
"""Relations that are named otherwise when they are seen from the reference."""
JOINED_RELATIONS: Final[frozenset[Relation]] = frozenset(("same_video", "contains", "contained_in", "shares_footage"))
"""Relations of the images of two videos; a match of the sound of the same videos is joined with one of these."""
Verdict = Literal["copy", "possible", "same_scene"]
SegmentChannel = Literal["picture", "voice", "script"]
Point = tuple[float, float]
ChangeKind = Literal["text", "object", "face", "overlay"]
ChangeType = Literal["added", "removed", "changed"]
MIN_EXTRA_EXTENT: Final = 0.02
"""Share of the query's area by which a reference must show more for a trace to say so. Chosen, not measured."""
OWNER_KINDS: Final = ("weibo_uid", "account", "account_id")
"""Kinds of clues that name an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """Line of text in an image."""

    text: str
    box: tuple[Point, ...]
    """Four corners in pixels of the image."""
    confidence: float
    """Confidence of the recognition, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OcrResult:
    """Lines of text that one version of the reader found in an image, from top to bottom."""

    version: str
    lines: tuple[TextLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Position of the query in the reference, in reference pixels (the edges of pixels are whole numbers)."""

    quad: tuple[Point, Point, Point, Point]
    """Corners of the query: top-left, top-right, bottom-right, bottom-left."""
    overlap: tuple[Point, ...]
    """Polygon that both share."""
    covered: float
    """Share of the reference's area that the overlap covers."""
    shown: float
    """Share of the query's area that shows the overlap."""
    mirrored: bool
    rotation: float
    """Degrees, counter-clockwise as displayed, of the query's content against the reference (mirrored first if `mirrored`),
    in the middle of the overlap."""
    scale: float
    """Reference pixels per query pixel, in the middle of the overlap."""
    removed: tuple[float, float, float, float]
    """Left, top, right, bottom: the share of the reference that is missing from the query on each side."""
    inliers: int
    correspondences: tuple[tuple[Point, Point], ...] = ()
    """Corresponding points, in query pixels and in reference pixels, for drawings."""
    removed_text: tuple[TextLine, ...] = ()
    """Lines of text of the reference that the query does not show."""
    handles: tuple[str, ...] = ()
    """Account names in the removed text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Region in which a copy shows something else than its reference."""

    box: tuple[Point, ...]
    """Four corners, in pixels of the reference."""
    what: ChangeType
    """`added`: the query alone shows something there; `removed`: the reference alone; `changed`: both, not the same."""
    kind: ChangeKind
    """Kind of its content: words, a thing, a face, or something drawn over the image."""
    before: str | None = None
    """Words in the reference; None if none were read."""
    after: str | None = None
    """Words in the query; None if none were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Matching interval of query and reference, in presentation seconds."""

    channel: SegmentChannel
    query: TimeSpan | None
    """None if the query is an image."""
    reference: TimeSpan
    speed: float
    """Reference seconds per query second; negative if the query runs backwards."""
    mirrored: bool
    score: float
    weakest: tuple[float, float] | None = None
    """Seconds in the query and in the reference at which the two agree least; None if it was not measured."""
    tracks: tuple[int, int] | None = None
    """Numbers of the audio tracks of the query and of the reference that agree, from 0 in the order of the file; None for
    pictures, and for a script of files whose words all are of their first track."""
    audio_channels: tuple[int | None, int | None] | None = None
    """Numbers of the channels of these tracks, from 0, of a script; None in place of one whose channels were not transcribed one
    by one, and of both if neither's were."""

    translated: bool = False
    """True if the two say the same in different languages; of the channel `script` only."""

    def sound(self, side: Literal["query", "reference"]) -> tuple[int, int | None] | None:
        """Return track and channel of one side; None if its track is not known."""
        number = 0 if side == "query" else 1
        if self.tracks is None:
            return None
        return self.tracks[number], self.audio_channels[number] if self.audio_channels else None

    def reference_time(self, query_time: float) -> float:
        """Return the time in the reference that a time within the query's interval shows; the query is a video."""
        assert self.query is not None, "an image has no times"
        (query_start, query_end), (start, end) = self.query, self.reference
        share = (query_time - query_start) / max(query_end - query_start, 1e-6)
        return end - share * (end - start) if self.speed < 0 else start + share * (end - start)


SAME_BYTES: Final = "the bytes are identical"
"""First reason of a match with an asset of the same bytes, the only one whose probability is 1, and reason of such a hit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One relation between a query and a reference, with its evidence."""

    sha256: str
    """SHA-256 of the reference."""
    uris: tuple[str, ...]
    kind: Kind
    relation: Relation
    verdict: Verdict
    probability: float
    coverage: tuple[float, float]
    """Share of the query, and of the reference, that the relation explains: of an image's area, or of the time in which a
    video can be compared (flat frames cannot). Two images without a verified placement have (1, 1): which part they share
    is unknown, and they are taken as wholes."""
    placement: Placement | None
    segments: tuple[Segment, ...]
    why: tuple[str, ...]
    """Reasons for the probability, one measured fact each."""
    more_placements: tuple[Placement, ...] = ()
    """Placements of further occurrences of the reference in the query, as in a collage, each verified by itself."""
    changes: tuple[Change, ...] = ()
    """Regions in which a copy of an image was altered, the largest first; empty if none was found or sought."""
    rows: tuple[int, int] = (0, 0)
    """Row of the query and of the reference that the placement joins, which of an image is that of a page; 0 of a video."""
    score: float = 0.0
    """Score of the embeddings, -1..1, by which equally probable matches of images are ranked while they are found; not kept."""
    sightings: tuple[Sighting, ...] = ()
    """Every sighting of the reference, oldest first, those without a date last; empty while the match is compared and kept."""
    clues: tuple[Clue, ...] = ()
    """Clues to the source of the reference in its names and its content."""
    is_common: bool = False
    """True if many other videos of the store show all that the two share, such as an intro: of equally probable matches, it
    comes after the others."""
    model_probability: float | None = None
    """Probability that the model itself states, if `probability` was fitted on the decisions of the case; else None."""
    decision: Decision | None = None
    """Decision of a person on the two files, `confirm` or `unsure`; None if there is none. A rejected match is in no result."""
    words: tuple[tuple[str, str], ...] | None = None
    """Words of the query and of the reference in each segment of channel `script`, shortened; None if they were not looked up."""

    @property
    def translated(self) -> bool:
        """True if the two have the same script in different languages."""
        return any(segment.translated for segment in self.segments)

    @property
    def has_same_bytes(self) -> bool:
        """True if the match states that both files have the same bytes."""
        return self.why[:1] == (SAME_BYTES,)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """Matches, near misses, OCR text and error of one query."""

    query: str
    sha256: str | None
    kind: Kind | None
    error: str | None
    """Reason why the query could not be analysed."""
    matches: tuple[Match, ...] = ()
    more_matches: int = 0
    """Number of further matches, less probable than those, that were found and not asked for."""
    near_misses: tuple[Match, ...] = ()
    """Best candidates below the probability threshold."""
    text: tuple[TextLine, ...] | None = None
    """Text in the query; None if OCR was not run."""
    clues: tuple[Clue, ...] = ()
    """Clues to the source of the query in its name and its content."""
    listed: tuple[ListedHit, ...] = ()
    """Hashes of imported lists that the query hits, the nearest first."""
    warnings: tuple[str, ...] = ()
    """A sentence for each part of the query that was not read or is damaged, and for each index of which a part was searched: a
    match may be missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceEntry:
    """Match of a traced image."""

    match: Match
    first_seen: str | None
    """Date of the oldest sighting; None if none has a date."""
    extent: float | None
    """Area of the image that the reference shows, in areas of the query: 1.25 is the query and a quarter more. None if there
    is no placement."""

    @property
    def extent_words(self) -> str:
        """Comparison of what the reference shows with the query: "25 % more than the query"."""
        more = (self.extent or 1.0) - 1
        return f"{more * 100:.0f} % more than the query" if more >= MIN_EXTRA_EXTENT else "no more than the query"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandleReadings:
    """Readings of one account name in the removed text of several references; of a small watermark they differ."""

    best: str | None
    """The reading with the better evidence; None if it is one of several, or doubtful."""
    readings: tuple[str, ...]
    """Every reading, the more confident ones first."""

    @property
    def text(self) -> str:
        """The best reading, or all of them if none is better; of a doubtful one it says so."""
        return self.best or f"{'perhaps' if len(self.readings) == 1 else 'one of'} {', '.join(self.readings)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Sightings of an image by its matches, oldest first."""

    result: QueryResult
    entries: tuple[TraceEntry, ...]
    source: TraceEntry | None
    """Entry that shows most of the image, of equal ones the oldest; None if none shows the whole query, or if no date decides
    between equal ones. It is the query itself if the store contains that, and no reference shows more."""
    equally_complete: tuple[TraceEntry, ...] = ()
    """Entries that show as much as the source, of which no date says that they are later; without a source, those of which it may
    be any."""
    first_posted: Sighting | None = None
    """Earliest sighting of a copy whose time of posting is known."""
    perhaps_first: tuple[Sighting, ...] = ()
    """Posts of copies by other accounts, which may be earlier than `first_posted`: the times are not exact enough to decide."""
    handles: tuple[HandleReadings, ...] = ()
    """Account names in the text that the query does not show."""

    @property
    def perhaps_sources(self) -> tuple[TraceEntry, ...]:
        """The entries of which any may be the source, as far as dates state: the source first, if it is known."""
        return (*filter(None, (self.source,)), *self.equally_complete)

    def is_query(self, entry: TraceEntry) -> bool:
        """Return True if an entry is the query itself, which the store contains."""
        return entry.match.sha256 == self.result.sha256

    def owner_clues(self) -> dict[Clue, list[TraceEntry]]:
        """Return the clues of possible sources to the accounts that they came from, of each the first, and which state it."""
        found: dict[Clue, list[TraceEntry]] = {}
        for entry in self.perhaps_sources:
            if clue := next((clue for clue in entry.match.clues if clue.kind in OWNER_KINDS), None):
                found.setdefault(clue, []).append(entry)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """Clip of a matching segment."""

    pair: tuple[str, str]
    """SHA-256 of the query and of the reference."""
    path: Path | None
    """None if the clip could not be cut."""
    message: str
    """Times that it shows, or the reason why it could not be cut."""
    segment: Segment | None = None
    """The segment that it shows."""


def format_probability(probability: float, digits: int = 3) -> str:
    """Return a probability with so many digits; less than 1 is `0.999` at most, since only equal bytes are certain."""
    return f"{probability if probability == 1 else min(probability, 1 - 10.0**-digits):.{digits}f}"


def explaining_rank(match: "Match") -> tuple[float, float, float]:
    """Return the rank of a match among those of one reference: of equally probable ones the one that explains most."""
    return round(match.probability, 2), sum(match.coverage) if match.placement else 0.0, match.probability


def by_probability(match: Match) -> tuple[float, bool, float, str, Relation]:
    """Return the sort key of a match by falling probability; common stretches come last, the more similar first."""
    return -match.probability, match.is_common, -match.score, match.sha256, match.relation
