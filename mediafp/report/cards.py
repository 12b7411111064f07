"""One match and its evidence, prepared for a template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from mediafp.report.names import display_name
from mediafp.report.page_evidence import PageEvidence
from mediafp.report.svg import DrawnImage, draw_side_by_side, draw_timelines
from mediafp.report.timestamps import format_time
from mediafp.types.matches import Match, Placement, QueryResult, Segment
from mediafp.types.media import Asset, TimeSpan

STATEMENTS: Final = {
    "copy": "shows the same image as",
    "image_in_video": "shows the image",
    "same_video": "is the same video as",
    "contains": "contains",
    "contained_in": "is contained in",
    "shares_footage": "shares footage with",
    "same_voice": "has the same sound as",
    "same_script": "has the same words as",
}
"""Each relation as the verb of a sentence from the query to the reference; of an image in a video with the video first."""
MAX_DRAWN_SEGMENTS: Final = 4
"""Segments of a match that are shown as frames or as text. Chosen, not measured."""
FRAME_POSITIONS: Final = (0.1, 0.5, 0.9)
"""Shares of a segment at which frames are shown."""
MAX_STRIPS: Final = 6
"""Removed lines of text that are shown enlarged."""
STRIP_HEIGHT, STRIP_WIDTH = 72, 520
"""Largest size of such a line, pixels."""
STRIP_MARGIN: Final = 0.5
"""Margin around such a line, in line heights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two assets of a match as the template draws it."""

    role: str
    name: str
    sha256: str
    image: Markup
    sightings: tuple[Markup, ...]
    more_sightings: int
    group: str | None
    """Id of the group that the asset belongs to; None on a page without groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePair:
    """Frames of both sides at one moment; the caption holds the time in the query and in the reference."""

    images: list[Markup]
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchCard:
    """One match as the template draws it: text, and markup of images and drawings."""

    query: Side
    reference: Side
    statement: str
    """Verb of a sentence from the query to the reference."""
    relation: str
    verdict: str
    probability: float
    why: tuple[str, ...]
    times: Markup | None
    frames: list[FramePair]
    clips: list[str]
    pair: Markup | None
    handles: tuple[str, ...]
    removed_text: list[str]
    strips: list[tuple[Markup, str]]
    passages: list[tuple[str, str]]
    words: str
    """Words by which the filter finds the match."""


def build_card(
    result: QueryResult,
    match: Match,
    evidence: PageEvidence,
    clips: Mapping[tuple[str, str], list[str]],
    group_ids: Mapping[str, str],
) -> MatchCard:
    """Prepare one match for a template.

    Args:
        result: The result that the match belongs to.
        match: The match.
        evidence: The evidence; query and reference are assets of it.
        clips: Links to clips, by the SHA-256 of query and reference.
        group_ids: Ids of the groups of assets, by SHA-256.
    """
    assert result.sha256 is not None, "a query that could not be analysed has no matches"
    query, reference = evidence.asset(result.sha256), evidence.asset(match.sha256)
    placement = match.placement
    has_image = query.kind == "image" or reference.kind == "image"
    video_segments = [] if has_image else [s for s in match.segments if s.channel == "picture"]
    script_segments = [s for s in match.segments if s.channel == "script"][:MAX_DRAWN_SEGMENTS]
    return MatchCard(
        query=_side("query", query, result.query, evidence, group_ids),
        reference=_side("reference", reference, match.uris[0], evidence, group_ids),
        statement=_statement(query, match),
        relation=match.relation.replace("_", " "),
        verdict=match.verdict,
        probability=match.probability,
        why=match.why,
        times=draw_timelines(match.segments, _duration(query), _duration(reference)) if match.segments else None,
        frames=[
            pair
            for segment in video_segments[:MAX_DRAWN_SEGMENTS]
            for pair in _frame_pairs(query, reference, segment, evidence)
        ],
        clips=clips.get((query.sha256, reference.sha256), []),
        pair=_draw_pair(query, reference, result, match, evidence) if has_image else None,
        handles=placement.handles if placement else (),
        removed_text=[line.text for line in placement.removed_text] if placement else [],
        strips=_removed_strips(reference, placement, evidence) if placement else [],
        passages=[
            (_passage(query.sha256, s.query, evidence), _passage(reference.sha256, s.reference, evidence))
            for s in script_segments
        ],
        words=" · ".join(
            dict.fromkeys(
                (
                    display_name(result.query),
                    display_name(match.uris[0]),
                    *evidence.words(query.sha256),
                    *evidence.words(reference.sha256),
                    match.relation,
                    match.verdict,
                    match.relation.replace("_", " "),
                    match.verdict.replace("_", " "),
                )
            )
        ),
    )


def _side(role: str, asset: Asset, uri: str, evidence: PageEvidence, group_ids: Mapping[str, str]) -> Side:
    lines = evidence.sighting_lines(asset.sha256)
    return Side(
        role=role,
        name=display_name(uri),
        sha256=asset.sha256,
        image=evidence.image(asset.sha256),
        sightings=lines,
        more_sightings=len(evidence.sightings(asset.sha256)) - len(lines),
        group=group_ids.get(asset.sha256),
    )


def _statement(query: Asset, match: Match) -> str:
    """Return the verb of a sentence about a match."""
    if match.verdict == "same_scene":
        verb = "shows the same scene as"
    elif match.relation == "image_in_video" and query.kind == "image":
        verb = "appears in"
    else:
        verb = STATEMENTS[match.relation]
    return f"possibly {verb}" if match.verdict == "possible" else verb


def _passage(sha256: str, times: TimeSpan | None, evidence: PageEvidence) -> str:
    """Return the text of the transcript segments that overlap a time span."""
    transcribed = evidence.transcript(sha256)
    if transcribed is None or times is None:
        return ""
    texts = (s.text for s in transcribed[0].segments if s.end > times[0] and s.start < times[1])
    return " ".join(" ".join(texts).split())


def _draw_pair(
    query: Asset, reference: Asset, result: QueryResult, match: Match, evidence: PageEvidence
) -> Markup | None:
    """Draw both sides, a video by its frame in the middle of the first segment; None if an image is missing."""
    images = []
    segment = match.segments[0] if match.segments else None
    sides = (
        ("query", query, result.query, segment.query if segment else None),
        ("reference", reference, match.uris[0], segment.reference if segment else None),
    )
    for role, asset, uri, times in sides:
        seconds = sum(times) / 2 if times and asset.kind == "video" else None
        image = evidence.find_image(asset.sha256, seconds)
        if image is None:
            return None
        images.append(
            DrawnImage(image=image, size=evidence.size(asset), role=role, name=display_name(uri), seconds=seconds)
        )
    return draw_side_by_side(evidence.images, images[0], images[1], match.placement, match.more_placements)


def _removed_strips(reference: Asset, placement: Placement, evidence: PageEvidence) -> list[tuple[Markup, str]]:
    """Return the removed lines of text, enlarged from the reference, each with its OCR text; none without an image."""
    image = evidence.find_image(reference.sha256)
    if image is None or not placement.removed_text:
        return []
    strips: list[tuple[Markup, str]] = []
    size = image.size
    zoom = max(size) / max(evidence.size(reference))
    for line in placement.removed_text[:MAX_STRIPS]:
        xs, ys = ([corner[axis] * zoom for corner in line.box] for axis in (0, 1))
        margin = (max(ys) - min(ys)) * STRIP_MARGIN
        box = (min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin)
        left, top, right, bottom = (min(max(value, 0.0), float(size[n % 2])) for n, value in enumerate(box))
        width, height = right - left, bottom - top
        if width < 2 or height < 2:
            continue
        scale = min(STRIP_HEIGHT / height, STRIP_WIDTH / width)
        drawn = evidence.images.draw(image, 0, size[0], size[1])
        strip = Markup(
            f'<svg class="strip" viewBox="{left:.1f} {top:.1f} {width:.1f} {height:.1f}" width="{width * scale:.0f}"'
            f' height="{height * scale:.0f}" role="img" aria-label="removed part of the reference">{drawn}</svg>'
        )
        strips.append((strip, line.text))
    return strips


def _frame_pairs(query: Asset, reference: Asset, segment: Segment, evidence: PageEvidence) -> list[FramePair]:
    """Return frame pairs at the start, in the middle and at the end of a segment."""
    assert segment.query is not None, "a segment of two videos has times on both sides"
    pairs = []
    for position in FRAME_POSITIONS:
        query_time, reference_time = (
            start + (end - start) * position for start, end in (segment.query, segment.reference)
        )
        caption = f"{format_time(query_time)} · {format_time(reference_time)}"
        images = [
            evidence.image(query.sha256, query_time, f"query at {format_time(query_time)}"),
            evidence.image(reference.sha256, reference_time, f"reference at {format_time(reference_time)}"),
        ]
        pairs.append(FramePair(images=[image for image in images if image], caption=caption))
    return pairs


def _duration(asset: Asset) -> float | None:
    """Return the duration of a video in seconds, 0 if it is unknown, and None for an image."""
    if asset.kind == "image":
        return None
    duration = asset.properties.get("duration")
    return float(duration) if isinstance(duration, (int, float)) else 0.0
