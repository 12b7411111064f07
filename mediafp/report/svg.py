"""Evidence as SVG: two images with their overlap, removed strips and correspondences; the time line of speech."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from mediafp.report.change_rows import list_changes
from mediafp.report.isolation import escape_text, isolate_tspan
from mediafp.report.page_images import PageImage, PageImages
from mediafp.report.timelines import SEGMENT_COLOURS
from mediafp.types.geometry import polygon_area, reference_to_query
from mediafp.types.matches import Change, Placement, Point
from mediafp.types.timestamps import format_time
from mediafp.types.transcripts import TranscriptSegment
from mediafp.types.written_words import segment_certainty

IMAGE_HEIGHT = 320.0
"""Height at which both images are drawn, SVG units."""
GAP = 56.0
"""Distance between the two images, SVG units."""
GREEN, RED, INK = "#0a7d4f", "#c8202f", "#1c2733"
"""Colours of the overlap, of what was removed, and of the rest of the reference."""
LANGUAGE_COLOURS = {"zh": "#2563a8", "yue": "#b4690e", "en": "#0a7d4f", "und": "#8a949e"}
MIN_REMOVED_SHARE = 0.01
"""Share of a side from which a removed strip is named. Chosen, not measured."""
MIN_QUAD_AREA = 1e-6
"""Area of a quad in square pixels, below which its homography has no inverse."""
MAX_DRAWN_LINES = 24
"""Correspondences that are joined by lines; more of them hide the images. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnImage:
    """An image to draw: its image, and the size (width, height) in whose pixels coordinates are given."""

    image: PageImage
    size: tuple[float, float]
    role: str
    name: str
    seconds: float | None = None
    """Time of the frame, None for an image."""


def draw_side_by_side(
    images: PageImages,
    query: DrawnImage,
    reference: DrawnImage,
    placement: Placement | None,
    further_placements: Sequence[Placement] = (),
    changes: Sequence[Change] = (),
) -> Markup:
    """Draw the query on the left and the reference on the right.

    The overlap is outlined in green, what the query lacks is tinted red, correspondences are joined by lines.

    Args:
        images: The images of the page.
        query: The query.
        reference: The reference.
        placement: Position of the query in the reference, None if there is none.
        further_placements: Further copies of the reference in the query; each is outlined in the query too.
        changes: What was altered; each is outlined in both images, with its sign and its number.
    """
    left, right = (max(40.0, IMAGE_HEIGHT * s.size[0] / max(1.0, s.size[1])) for s in (query, reference))
    width = left + GAP + right
    reference_x = left + GAP
    parts = [
        images.draw(query.image, 0, left, IMAGE_HEIGHT),
        images.draw(reference.image, reference_x, right, IMAGE_HEIGHT),
    ]
    height, removed = IMAGE_HEIGHT + 28, _removed_label(placement) if placement else ""
    if placement:
        parts += _reference_marks(reference, placement, reference_x, right, is_cut=bool(removed))
        parts += [_query_outline(query, each, left) for each in (placement, *further_placements)]
        parts.append(_correspondences(query, reference, placement, left, reference_x, right))
        parts += _change_marks(query, reference, placement, changes, left, reference_x, right)
    for x, shown in ((0.0, query), (reference_x, reference)):
        parts.append(f'<text x="{x:.1f}" y="{IMAGE_HEIGHT + 20:.1f}" class="cap">{_caption(shown)}</text>')
    if removed:
        # Below the image, since the removed strip, perhaps with a handle, has to stay readable.
        parts.append(
            f'<text x="{width:.1f}" y="{IMAGE_HEIGHT + 40:.1f}" text-anchor="end" class="cut">{removed}</text>'
        )
        height += 20
    return Markup(
        f'<svg class="pair" viewBox="0 0 {width:.1f} {height:.1f}" width="{width * 1.15:.0f}" role="img"'
        f' aria-label="{_describe(query, reference, removed)}">{"".join(parts)}</svg>'
    )


def _describe(query: DrawnImage, reference: DrawnImage, removed: str) -> Markup:
    """Return what a drawing shows, in words."""
    label = f"{query.name} on the left, {reference.name} on the right"
    return escape_text(f"{label}; {removed}" if removed else label)


def _caption(shown: DrawnImage) -> str:
    time = f" at {format_time(shown.seconds)}" if shown.seconds is not None else ""
    return f"{shown.role}: {isolate_tspan(shown.name)}{time}"


def _scaled(points: Sequence[Point], size: tuple[float, float], x: float, width: float) -> list[Point]:
    return [(x + px / max(1.0, size[0]) * width, py / max(1.0, size[1]) * IMAGE_HEIGHT) for px, py in points]


def _path(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _removed_label(placement: Placement) -> str:
    """Return the removed strips in words, "" if there are none."""
    sides = zip(("left", "top", "right", "bottom"), placement.removed, strict=True)
    parts = [f"{side} {share * 100:.0f} %" for side, share in sides if share >= MIN_REMOVED_SHARE]
    return f"missing: {', '.join(parts)}" if parts else ""


def _reference_marks(shown: DrawnImage, placement: Placement, x: float, width: float, *, is_cut: bool) -> list[str]:
    """Tint the reference outside the overlap, red if a strip was removed, and outline the overlap."""
    outline = _scaled(placement.overlap, shown.size, x, width)
    hole = "M" + " L".join(f"{px:.1f} {py:.1f}" for px, py in outline) + " Z"
    frame = f"M{x:.1f} 0 H{x + width:.1f} V{IMAGE_HEIGHT} H{x:.1f} Z"
    parts = [f'<path d="{frame} {hole}" fill-rule="evenodd" fill="{RED if is_cut else INK}" fill-opacity=".34"/>']
    parts.append(f'<polygon points="{_path(outline)}" fill="none" stroke="{GREEN}" stroke-width="2.5"/>')
    return parts


def _query_outline(query: DrawnImage, placement: Placement, width: float) -> str:
    """Outline the query footprint: the overlap mapped from reference to query pixels."""
    w, h = query.size
    if polygon_area(np.array(placement.quad)) < MIN_QUAD_AREA:
        return ""
    footprint = reference_to_query(placement.quad, query.size, np.array(placement.overlap)).tolist()
    inside = [(min(max(px, 0.0), w), min(max(py, 0.0), h)) for px, py in footprint]
    return f'<polygon points="{_path(_scaled(inside, query.size, 0, width))}" fill="none" stroke="{GREEN}" stroke-width="2.5"/>'


def _correspondences(
    query: DrawnImage, reference: DrawnImage, placement: Placement, left: float, reference_x: float, right: float
) -> str:
    query_points = _scaled([pair[0] for pair in placement.correspondences], query.size, 0, left)
    reference_points = _scaled([pair[1] for pair in placement.correspondences], reference.size, reference_x, right)
    every = max(1, len(query_points) // MAX_DRAWN_LINES)
    lines = "".join(
        f"M{a[0]:.0f} {a[1]:.0f}L{b[0]:.0f} {b[1]:.0f}"
        for a, b in list(zip(query_points, reference_points, strict=True))[::every]
    )
    # One path each, with a marker at each vertex: an element for each point makes a page of many matches slow to open.
    dots = "".join(f"M{x:.0f} {y:.0f}" for x, y in (*query_points, *reference_points))
    return f'<g class="points"><path d="{lines}" class="joined"/><path d="{dots}" class="dots"/></g>' if dots else ""


def _change_marks(
    query: DrawnImage,
    reference: DrawnImage,
    placement: Placement,
    changes: Sequence[Change],
    left: float,
    reference_x: float,
    right: float,
) -> list[str]:
    """Outline changes in both images: the line is whole where something is, and dashed where it is missing."""
    if polygon_area(np.array(placement.quad)) < MIN_QUAD_AREA:
        return []
    marks = []
    for row in list_changes(changes):
        change = row.change
        in_query = reference_to_query(placement.quad, query.size, np.array(change.box)).tolist()
        for points, size, x, width, is_missing in (
            (in_query, query.size, 0.0, left, change.what == "removed"),
            (change.box, reference.size, reference_x, right, change.what == "added"),
        ):
            corners = _scaled(points, size, x, width)
            label_x, label_y = min(px for px, _ in corners), min(py for _, py in corners)
            label_x, label_y = max(x, label_x), max(13.0, label_y - 3)
            shape = f'points="{_path(corners)}"'
            marks.append(
                f'<g class="change"><polygon {shape} class="casing"/>'
                f'<polygon {shape} class="{"missing" if is_missing else "shown"}"/>'
                f'<text x="{label_x:.1f}" y="{label_y:.1f}">{row.sign}{row.number}</text></g>'
            )
    return marks


def draw_speech_timeline(segments: Sequence[TranscriptSegment], seconds: float) -> Markup:
    """Draw one bar per transcript segment, coloured by language, striped if the segment has a quality flag or is a guess."""
    width, bar, left = 900.0, 20.0, 8.0
    languages = list(dict.fromkeys(segment.language for segment in segments))
    colours = {
        name: LANGUAGE_COLOURS.get(name, SEGMENT_COLOURS[n % len(SEGMENT_COLOURS)]) for n, name in enumerate(languages)
    }

    def x(at: float) -> float:
        return left + (width - 2 * left) * min(max(at, 0.0), seconds) / max(seconds, 0.1)

    parts = [f'<rect x="{left}" y="18" width="{width - 2 * left}" height="{bar}" class="line"/>']
    for segment in segments:
        length = max(1.5, x(segment.end) - x(segment.start))
        box = f'x="{x(segment.start):.1f}" y="18" width="{length:.1f}" height="{bar}"'
        # On a line of its own, a text cannot reorder the time.
        spoken = escape_text(" ".join(segment.text.split()))
        title = f"<title>{format_time(segment.start)} {escape_text(segment.language)}\n{spoken}</title>"
        parts.append(f'<rect {box} fill="{colours[segment.language]}" stroke="#fff" stroke-width=".6">{title}</rect>')
        if segment.flags or segment.language == "und" or segment_certainty(segment) == "guess":
            parts.append(f'<rect {box} fill="url(#doubt)">{title}</rect>')
    for at, anchor in ((0.0, "start"), (seconds, "end")):
        parts.append(
            f'<text x="{x(at):.1f}" y="{18 + bar + 15}" text-anchor="{anchor}" class="tick">{format_time(at)}</text>'
        )
    for n, name in enumerate(languages):
        parts.append(f'<rect x="{left + n * 62}" y="3" width="10" height="10" fill="{colours[name]}"/>')
        parts.append(f'<text x="{left + n * 62 + 15}" y="12" class="tick">{escape_text(name)}</text>')
    stripes = (
        '<defs><pattern id="doubt" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="2.4" height="6" fill="#fff" fill-opacity=".75"/></pattern></defs>'
    )
    return Markup(
        f'<svg class="times" viewBox="0 0 {width:.0f} 56" role="img" aria-label="speech by language">'
        f"{stripes}{''.join(parts)}</svg>"
    )
