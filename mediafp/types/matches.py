"""What is said about assets, with what it rests on: placements, segments, matches, clusters."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mediafp.types.media import Kind, Sighting, TimeSpan

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
Verdict = Literal["copy", "possible", "same_scene"]
Point = tuple[float, float]
PairKey = tuple[frozenset[str], bool]
"""Two assets, whichever comes first, and whether it is their words that they share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """A piece of text read from a picture; `box` are four corners in that picture's pixels."""

    text: str
    box: tuple[Point, ...]
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OcrResult:
    """The lines of text that one version of the reader found in a picture, from top to bottom."""

    version: str
    lines: tuple[TextLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the query lies in the reference, in reference pixels (pixel edges are whole numbers).

    `quad`: the query's corners, top-left, top-right, bottom-right, bottom-left. `overlap`: the polygon
    both share, `covered` its share of the reference's area, `shown` of the query's. `removed`: left, top,
    right, bottom, the share of the reference missing on each side. `points`: matched points as (query, reference) pairs
    in pixels of each, for drawing. `scale`: reference pixels a query pixel; `rotation`: degrees,
    counter-clockwise as seen, of the query's content against the reference, which is mirrored first where `mirrored`;
    both in the middle of the overlap.
    """

    quad: tuple[Point, Point, Point, Point]
    overlap: tuple[Point, ...]
    covered: float
    shown: float
    mirrored: bool
    rotation: float
    scale: float
    removed: tuple[float, float, float, float]
    inliers: int
    correspondences: tuple[tuple[Point, Point], ...] = ()
    removed_text: tuple[TextLine, ...] = ()
    handles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A matching stretch; times in presentation seconds, `speed` = reference seconds per query second.

    `query` is None where the query is a still picture.
    """

    channel: Literal["picture", "voice", "script"]
    query: TimeSpan | None
    reference: TimeSpan
    speed: float
    mirrored: bool
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One relation between a query and a reference, with its proof.

    `coverage`: the share of the query, and of the reference, that it explains: of a picture's area, or of
    the time that a video can be compared in (flat frames cannot). `more_placements`: where else the reference
    stands in the query, as in a collage, each proven by itself.
    """

    sha256: str
    uris: tuple[str, ...]
    kind: Kind
    relation: Relation
    verdict: Verdict
    probability: float
    coverage: tuple[float, float]
    placement: Placement | None
    segments: tuple[Segment, ...]
    why: tuple[str, ...]
    more_placements: tuple[Placement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """All that was found for one query; `error` says why it could not be asked, else None.

    `turned_down`: the nearest candidates that are no match, each with why. `text`: what stands in the query; None where it
    was not read.
    """

    query: str
    sha256: str | None
    kind: Kind | None
    error: str | None
    matches: tuple[Match, ...] = ()
    near_misses: tuple[Match, ...] = ()
    text: tuple[TextLine, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceEntry:
    """A match with its sightings, the oldest first; `first_seen` is its date, None where none is known.

    `extent`: how much of the picture the reference shows, in areas of the query: 1.25 is the query and a quarter more.
    None where no placement says so.
    """

    match: Match
    sightings: tuple[Sighting, ...]
    first_seen: str | None
    extent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Where a picture was seen, the oldest first; `source` is the least-cut one that shows it, None where none does."""

    result: QueryResult
    entries: tuple[TraceEntry, ...]
    source: TraceEntry | None


def pair_key(a: str, b: str, relation: Relation) -> PairKey:
    """What the two directions of one match have in common: a pair may be joined once by pictures and once by words."""
    return frozenset((a, b)), relation == "same_script"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A clip that was cut; `message` says why not where `path` is None."""

    pair: tuple[str, str]
    """The SHA-256 of the query and of the reference."""
    path: Path | None
    message: str
