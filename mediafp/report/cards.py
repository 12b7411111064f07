"""One match and its evidence, prepared for a template."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup
from PIL import Image

from mediafp.report.evidence_source import EvidenceSource
from mediafp.report.html import (
    GALLERY_SIDE,
    SMALL_SIDE,
    THUMBNAIL_ERRORS,
    THUMBNAIL_FORMATS,
    display_name,
    jpeg_uri,
    sighting_lines,
    thumbnail_uri,
)
from mediafp.report.svg import DrawnImage, draw_side_by_side, draw_timelines
from mediafp.report.timestamps import format_time
from mediafp.types.matches import Match, Placement, QueryResult, Segment
from mediafp.types.media import Asset, TimeSpan

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
class FramePair:
    """Frames of both sides at one moment; the caption holds the time in the query and in the reference."""

    images: list[str]
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchCard:
    """One match as the template draws it: text, data URIs of JPEGs, and SVG."""

    query_name: str
    reference_name: str
    query_thumb: str
    reference_thumb: str
    relation: str
    verdict: str
    probability: float
    why: tuple[str, ...]
    times: Markup | None
    frames: list[FramePair]
    clips: list[str]
    pair: Markup | None
    query_sightings: list[Markup]
    reference_sightings: list[Markup]
    handles: tuple[str, ...]
    removed_text: list[str]
    strips: list[tuple[str, str]]
    passages: list[tuple[str, str]]


def build_card(
    result: QueryResult, match: Match, source: EvidenceSource, clips: Mapping[tuple[str, str], list[str]]
) -> MatchCard:
    """Prepare one match for a template.

    Args:
        result: The result that the match belongs to.
        match: The match.
        source: The evidence; query and reference are assets of it.
        clips: Links to clips, by the SHA-256 of query and reference.
    """
    assert result.sha256 is not None, "a query that could not be analysed has no matches"
    query, reference = source.asset(result.sha256), source.asset(match.sha256)
    placement = match.placement
    has_image = query.kind == "image" or reference.kind == "image"
    video_segments = [] if has_image else [s for s in match.segments if s.channel == "picture"]
    script_segments = [s for s in match.segments if s.channel == "script"][:MAX_DRAWN_SEGMENTS]
    return MatchCard(
        query_name=display_name(result.query),
        reference_name=display_name(match.uris[0]),
        query_thumb=thumbnail_uri(source.thumbnail(query.sha256), SMALL_SIDE),
        reference_thumb=thumbnail_uri(source.thumbnail(reference.sha256), SMALL_SIDE),
        relation=match.relation.replace("_", " "),
        verdict=match.verdict,
        probability=match.probability,
        why=match.why,
        times=draw_timelines(match.segments, _duration(query), _duration(reference)) if match.segments else None,
        frames=[
            pair
            for segment in video_segments[:MAX_DRAWN_SEGMENTS]
            for pair in _frame_pairs(query, reference, segment, source)
        ],
        clips=clips.get((query.sha256, reference.sha256), []),
        pair=_draw_pair(query, reference, result, match, source) if has_image else None,
        query_sightings=sighting_lines(query, source),
        reference_sightings=sighting_lines(reference, source),
        handles=placement.handles if placement else (),
        removed_text=[line.text for line in placement.removed_text] if placement else [],
        strips=_removed_strips(reference, placement, source) if placement else [],
        passages=[
            (_passage(query.sha256, s.query, source), _passage(reference.sha256, s.reference, source))
            for s in script_segments
        ],
    )


def _passage(sha256: str, times: TimeSpan | None, source: EvidenceSource) -> str:
    """Return the text of the transcript segments that overlap a time span."""
    transcribed = source.transcript(sha256)
    if transcribed is None or times is None:
        return ""
    texts = (s.text for s in transcribed[0].segments if s.end > times[0] and s.start < times[1])
    return " ".join(" ".join(texts).split())


def _draw_pair(
    query: Asset, reference: Asset, result: QueryResult, match: Match, source: EvidenceSource
) -> Markup | None:
    """Draw both sides, a video by its frame in the middle of the first segment; None if a thumbnail is missing."""
    images = []
    segment = match.segments[0] if match.segments else None
    sides = (
        ("query", query, result.query, segment.query if segment else None),
        ("reference", reference, match.uris[0], segment.reference if segment else None),
    )
    for role, asset, uri, times in sides:
        seconds = sum(times) / 2 if times and asset.kind == "video" else None
        jpeg = source.thumbnail(asset.sha256, seconds)
        if jpeg is None:
            return None
        images.append(DrawnImage(jpeg=jpeg, size=_size(asset), role=role, name=display_name(uri), seconds=seconds))
    return draw_side_by_side(images[0], images[1], match.placement, match.more_placements)


def _removed_strips(reference: Asset, placement: Placement, source: EvidenceSource) -> list[tuple[str, str]]:
    """Return the removed lines of text, enlarged from the reference, each with its OCR text; none without a thumbnail."""
    jpeg = source.thumbnail(reference.sha256)
    if jpeg is None:
        return []
    strips: list[tuple[str, str]] = []
    try:
        with Image.open(io.BytesIO(jpeg), formats=THUMBNAIL_FORMATS) as image:
            zoom = max(image.size) / max(_size(reference))
            for line in placement.removed_text[:MAX_STRIPS]:
                xs, ys = ([corner[axis] * zoom for corner in line.box] for axis in (0, 1))
                margin = (max(ys) - min(ys)) * STRIP_MARGIN
                box = (min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin)
                limits = (0, 0, *image.size)
                left, top, right, bottom = (
                    round(min(max(value, 0), limits[2 + axis % 2])) for axis, value in enumerate(box)
                )
                if right - left < 2 or bottom - top < 2:
                    continue
                strip = image.crop((left, top, right, bottom))
                scale = min(STRIP_HEIGHT / strip.height, STRIP_WIDTH / strip.width)
                strip = strip.resize((max(1, round(strip.width * scale)), max(1, round(strip.height * scale))))
                strips.append((jpeg_uri(strip, quality=85), line.text))
    except THUMBNAIL_ERRORS:
        return []
    return strips


def _frame_pairs(query: Asset, reference: Asset, segment: Segment, source: EvidenceSource) -> list[FramePair]:
    """Return frame pairs at the start, in the middle and at the end of a segment."""
    assert segment.query is not None, "a segment of two videos has times on both sides"
    pairs = []
    for position in FRAME_POSITIONS:
        query_time, reference_time = (
            start + (end - start) * position for start, end in (segment.query, segment.reference)
        )
        images = [
            thumbnail_uri(source.thumbnail(query.sha256, query_time), GALLERY_SIDE),
            thumbnail_uri(source.thumbnail(reference.sha256, reference_time), GALLERY_SIDE),
        ]
        caption = f"{format_time(query_time)} · {format_time(reference_time)}"
        pairs.append(FramePair(images=[image for image in images if image], caption=caption))
    return pairs


def _size(asset: Asset) -> tuple[float, float]:
    width, height = asset.properties.get("width"), asset.properties.get("height")
    return float(width or 1), float(height or 1)


def _duration(asset: Asset) -> float | None:
    """Return the duration of a video in seconds, 0 if it is unknown, and None for an image."""
    if asset.kind == "image":
        return None
    duration = asset.properties.get("duration")
    return float(duration) if isinstance(duration, (int, float)) else 0.0
