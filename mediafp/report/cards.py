"""One match and its evidence, prepared for a template."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from mediafp.report.change_rows import ChangeRow, list_changes
from mediafp.report.doubted_words import draw_words, name_certainty
from mediafp.report.names import display_name
from mediafp.report.page_evidence import PageEvidence
from mediafp.report.segment_evidence import (
    MAX_FRAME_SEGMENTS,
    FramePair,
    SegmentRow,
    build_frame_pairs,
    describe_track,
    list_segments,
)
from mediafp.report.svg import DrawnImage, draw_side_by_side
from mediafp.report.timelines import draw_timelines, order_segments
from mediafp.types.letter_names import letter_name
from mediafp.types.matches import Clip, Match, Placement, QueryResult, Segment
from mediafp.types.media import Asset, TimeSpan
from mediafp.types.written_words import Quotation, quote_segments

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
MAX_PASSAGES: Final = 4
"""Segments of a match that are shown as text. Chosen, not measured."""
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
    clues: tuple[Markup, ...]
    more_clues: int
    warnings: tuple[str, ...]
    """Warnings of its analysis, such as that a part was not read."""
    group: str | None
    """Id of the group that the asset belongs to; None on a page without groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipLink:
    """Link to a clip, and what it shows."""

    link: str
    title: str


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
    segments: list[SegmentRow]
    more_segments: int
    """Matching segments that are not listed."""
    frames: list[FramePair]
    more_frames: int
    """Segments of channel `picture` of which no frames are shown."""
    clips: list[ClipLink]
    pair: Markup | None
    changes: list[ChangeRow]
    handles: tuple[str, ...]
    removed_text: list[str]
    strips: list[tuple[Markup, str]]
    more_strips: int
    """Removed lines of text that are not shown enlarged, where some are."""
    passages: list[tuple[Markup, Markup]]
    """Words of both sides of each of the first segments of channel `script`."""
    more_passages: int
    """Further segments of channel `script`."""
    has_doubts: bool
    """True if a word of a passage is marked as less than sure."""
    words: str
    """Words by which the filter finds the match."""


def build_card(
    result: QueryResult,
    match: Match,
    evidence: PageEvidence,
    clips: Mapping[tuple[str, str], list[tuple[str, Clip]]],
    group_ids: Mapping[str, str],
    *,
    from_originals: bool = False,
) -> MatchCard:
    """Prepare one match for a template.

    Args:
        result: The result that the match belongs to.
        match: The match.
        evidence: The evidence; query and reference are assets of it.
        clips: Clips with the links to them, by the SHA-256 of query and reference.
        group_ids: Ids of the groups of assets, by SHA-256.
        from_originals: Decode the frames of videos from the originals where they are at hand.
    """
    assert result.sha256 is not None, "a query that could not be analysed has no matches"
    query, reference = evidence.asset(result.sha256), evidence.asset(match.sha256)
    placement = match.placement
    has_image = query.kind == "image" or reference.kind == "image"
    segments = order_segments(match.segments)
    pictured = [] if has_image else [s for s in segments if s.channel == "picture"]
    rows = list_segments(segments)
    scripts = [segment for segment in segments if segment.channel == "script"]
    passages = [
        passage for segment in scripts[:MAX_PASSAGES] if any(passage := _passages(query, reference, segment, evidence))
    ]
    return MatchCard(
        query=_side("query", query, result.query, evidence, group_ids),
        reference=_side("reference", reference, match.uris[0], evidence, group_ids),
        statement=_statement(query, match),
        relation=match.relation.replace("_", " "),
        verdict=match.verdict,
        probability=match.probability,
        why=match.why,
        times=draw_timelines(segments, describe_track("query", query), describe_track("reference", reference))
        if segments
        else None,
        segments=rows,
        more_segments=len(segments) - len(rows),
        frames=build_frame_pairs(query, reference, segments, evidence, from_originals=from_originals)
        if pictured
        else [],
        more_frames=max(0, len(pictured) - MAX_FRAME_SEGMENTS),
        clips=[
            ClipLink(link=link, title=_clip_title(clip, segments))
            for link, clip in clips.get((query.sha256, reference.sha256), [])
        ],
        pair=_draw_pair(query, reference, result, match, evidence) if has_image else None,
        changes=list_changes(match.changes),
        handles=placement.handles if placement else (),
        removed_text=[line.text for line in placement.removed_text] if placement else [],
        strips=(strips := _removed_strips(reference, placement, evidence) if placement else []),
        more_strips=len(placement.removed_text) - len(strips) if placement and strips else 0,
        passages=[(_draw_passage(sides[0]), _draw_passage(sides[1])) for sides in passages],
        more_passages=len(scripts[MAX_PASSAGES:]),
        has_doubts=any(run.doubt for sides in passages for side in sides if side for run in side.runs),
        words=" · ".join(dict.fromkeys(_list_words(query, result.query, match, evidence))),
    )


def _list_words(query: Asset, query_name: str, match: Match, evidence: PageEvidence) -> Iterator[str]:
    """Yield the words by which the filter finds a match; some come twice."""
    yield from map(display_name, (query_name, match.uris[0]))
    yield from evidence.words(query.sha256)
    yield from evidence.words(match.sha256)
    kinds = match.relation, match.verdict
    yield from kinds
    yield from (kind.replace("_", " ") for kind in kinds)


def _side(role: str, asset: Asset, uri: str, evidence: PageEvidence, group_ids: Mapping[str, str]) -> Side:
    lines, (clues, more_clues) = evidence.sighting_lines(asset.sha256), evidence.clue_lines(asset.sha256)
    return Side(
        role=role,
        name=display_name(uri),
        sha256=asset.sha256,
        image=evidence.image(asset.sha256),
        sightings=lines,
        more_sightings=len(evidence.sightings(asset.sha256)) - len(lines),
        clues=clues,
        more_clues=more_clues,
        warnings=evidence.warnings(asset.sha256),
        group=group_ids.get(asset.sha256),
    )


def _statement(query: Asset, match: Match) -> str:
    """Return the verb of a sentence about a match."""
    if match.verdict == "same_scene":
        verb = "shows the same scene as"
    elif match.relation == "image_in_video" and query.kind == "image":
        verb = "appears in"
    elif match.translated:
        verb = "has the script, in another language, of"
    else:
        verb = STATEMENTS[match.relation]
    return f"possibly {verb}" if match.verdict == "possible" else verb


def _passages(
    query: Asset, reference: Asset, segment: Segment, evidence: PageEvidence
) -> tuple[Quotation | None, Quotation | None]:
    """Return the words of both sides of a segment; None without a transcript."""
    return (
        _passage(query.sha256, segment.query, segment.sound("query"), evidence),
        _passage(reference.sha256, segment.reference, segment.sound("reference"), evidence),
    )


def _passage(
    sha256: str, times: TimeSpan | None, sound: tuple[int, int | None] | None, evidence: PageEvidence
) -> Quotation | None:
    """Return the words of the transcript segments that overlap a time span; None if there are none.

    They are those of all sounds, or of that with a track and a channel.
    """
    transcribed = evidence.transcript(sha256)
    if transcribed is None or times is None:
        return None
    return quote_segments(
        [
            s
            for s in transcribed[0].segments
            if s.end > times[0] and s.start < times[1] and sound in (None, (s.track, s.channel))
        ]
    )


def _draw_passage(passage: Quotation | None) -> Markup:
    """Return the words of one side, with their certainty if it is known."""
    if passage is None:
        return Markup()
    certainty = Markup(' <span class="certainty">{}</span>').format(name_certainty(passage.certainty))
    return draw_words(passage.runs) + (certainty if passage.certainty else Markup())


def _draw_pair(
    query: Asset, reference: Asset, result: QueryResult, match: Match, evidence: PageEvidence
) -> Markup | None:
    """Draw both sides, a video by its kept frame in the middle of the first segment; None if an image is missing."""
    images = []
    segment = match.segments[0] if match.segments else None
    sides = (
        ("query", query, result.query, segment.query if segment else None, match.rows[0]),
        ("reference", reference, match.uris[0], segment.reference if segment else None, match.rows[1]),
    )
    for role, asset, uri, times, page in sides:
        seconds = None
        if times and asset.kind == "video":
            # The frames that the placement joins are kept ones.
            (shown,) = evidence.frames(asset.sha256, [sum(times) / 2], from_original=False)
            image, seconds = (shown[0], shown[1].seconds) if shown else (None, None)
        else:
            image = evidence.find_image(asset.sha256, None, page)
        if image is None:
            return None
        images.append(
            DrawnImage(image=image, size=evidence.size(asset, page), role=role, name=display_name(uri), seconds=seconds)
        )
    return draw_side_by_side(
        evidence.images, images[0], images[1], match.placement, match.more_placements, match.changes
    )


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


def _clip_title(clip: Clip, segments: Sequence[Segment]) -> str:
    """Return which segment a clip shows, with its times."""
    if clip.segment is None or clip.segment not in segments:
        return clip.message
    return f"{letter_name(segments.index(clip.segment))}, {clip.segment.channel}, {clip.message}"
