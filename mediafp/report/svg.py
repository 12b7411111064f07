"""Evidence as SVG: two pictures with the shared area, the removed strips and the matched points; two time lines."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from mediafp.types.geometry import polygon_area, reference_to_query
from mediafp.types.matches import Placement, Point, Segment
from mediafp.types.transcripts import TranscriptSegment

IMAGE_HEIGHT = 320.0
"""Height in SVG units at which both pictures are drawn."""
GAP = 56.0
GREEN, RED, INK = "#0a7d4f", "#c8202f", "#1c2733"
BANDS = ("#2563a8", "#b4690e", "#6d3fa0", "#0a7d4f", "#a62c5b", "#4d6b1f", "#1d7a86", "#7a4a2b")
LANGUAGES = {"zh": "#2563a8", "yue": "#b4690e", "en": "#0a7d4f", "und": "#8a949e"}
REMOVED_AT = 0.01
MIN_AREA = 1e-6
"""Square pixels of a quad below which it is no area, and cannot be carried back."""
MAX_DRAWN_LINES = 24
"""Matched points that are joined by lines; more hide the pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnImage:
    """A picture to draw: its JPEG, and the (width, height) in which coordinates are given."""

    jpeg: bytes
    size: tuple[float, float]
    caption: str


def data_uri(jpeg: bytes) -> str:
    """A JPEG as a data URI."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def draw_side_by_side(
    query: DrawnImage, reference: DrawnImage, placement: Placement | None, more: Sequence[Placement] = ()
) -> Markup:
    """The query left, the reference right: overlap outlined green, what is missing red, points joined.

    `more`: where else the reference stands in the query, which is outlined there too.
    """
    left, right = (max(40.0, IMAGE_HEIGHT * s.size[0] / max(1.0, s.size[1])) for s in (query, reference))
    width = left + GAP + right
    at = left + GAP
    parts = [_image(query, 0, left), _image(reference, at, right)]
    foot, cut = IMAGE_HEIGHT + 28, _missing(placement) if placement else ""
    if placement:
        parts += _reference_marks(reference, placement, at, right, marked=bool(cut))
        parts += [_query_outline(query, each, left) for each in (placement, *more)]
        parts.append(_points(query, reference, placement, left, at, right))
    for x, shown in ((0.0, query), (at, reference)):
        parts.append(f'<text x="{x:.1f}" y="{IMAGE_HEIGHT + 20:.1f}" class="cap">{escape(shown.caption)}</text>')
    if cut:
        # Below the picture: what was cut away, a handle perhaps, must stay readable.
        parts.append(f'<text x="{width:.1f}" y="{IMAGE_HEIGHT + 40:.1f}" text-anchor="end" class="cut">{cut}</text>')
        foot += 20
    return Markup(
        f'<svg class="pair" viewBox="0 0 {width:.1f} {foot:.1f}" style="max-width:{width * 1.15:.0f}px" role="img"'
        f' aria-label="query and reference">{"".join(parts)}</svg>'
    )


def _image(shown: DrawnImage, x: float, width: float) -> str:
    return (
        f'<image x="{x:.1f}" y="0" width="{width:.1f}" height="{IMAGE_HEIGHT}" preserveAspectRatio="none"'
        f' href="{data_uri(shown.jpeg)}"/>'
    )


def _scaled(points: Sequence[Point], size: tuple[float, float], x: float, width: float) -> list[Point]:
    return [(x + px / max(1.0, size[0]) * width, py / max(1.0, size[1]) * IMAGE_HEIGHT) for px, py in points]


def _path(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _missing(placement: Placement) -> str:
    """The strips that the query lacks, in words; "" where it lacks none."""
    sides = zip(("left", "top", "right", "bottom"), placement.removed, strict=True)
    parts = [f"{side} {share * 100:.0f} %" for side, share in sides if share >= REMOVED_AT]
    return f"missing: {', '.join(parts)}" if parts else ""


def _reference_marks(shown: DrawnImage, placement: Placement, x: float, width: float, *, marked: bool) -> list[str]:
    outline = _scaled(placement.overlap, shown.size, x, width)
    hole = "M" + " L".join(f"{px:.1f} {py:.1f}" for px, py in outline) + " Z"
    frame = f"M{x:.1f} 0 H{x + width:.1f} V{IMAGE_HEIGHT} H{x:.1f} Z"
    parts = [f'<path d="{frame} {hole}" fill-rule="evenodd" fill="{RED if marked else INK}" fill-opacity=".34"/>']
    parts.append(f'<polygon points="{_path(outline)}" fill="none" stroke="{GREEN}" stroke-width="2.5"/>')
    return parts


def _query_outline(query: DrawnImage, placement: Placement, width: float) -> str:
    """The part of the query that the reference shows: the reference's frame carried back by the placement."""
    w, h = query.size
    if polygon_area(np.array(placement.quad)) < MIN_AREA:
        return ""
    seen = reference_to_query(placement.quad, query.size, np.array(placement.overlap)).tolist()
    inside = [(min(max(px, 0.0), w), min(max(py, 0.0), h)) for px, py in seen]
    return f'<polygon points="{_path(_scaled(inside, query.size, 0, width))}" fill="none" stroke="{GREEN}" stroke-width="2.5"/>'


def _points(
    query: DrawnImage, reference: DrawnImage, placement: Placement, left: float, at: float, right: float
) -> str:
    here = _scaled([p[0] for p in placement.correspondences], query.size, 0, left)
    there = _scaled([p[1] for p in placement.correspondences], reference.size, at, right)
    every = max(1, len(here) // MAX_DRAWN_LINES)
    lines = "".join(
        f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"/>'
        for a, b in list(zip(here, there, strict=True))[::every]
    )
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>' for x, y in (*here, *there))
    return f'<g class="points">{lines}{dots}</g>'


def draw_timelines(segments: Sequence[Segment], query: float | None, reference: float | None) -> Markup:
    """The time lines, the query's above the reference's, matching stretches joined by bands, each with its times.

    `query` and `reference` are seconds; None, and no line, for a picture.
    """
    width, bar = 900.0, 22.0
    longest = max(query or 0.0, reference or 0.0, 0.1)
    low = 20.0 if query is None else 92.0
    foot = low + 44 if reference is not None else 50.0

    def x(seconds: float) -> float:
        return 70 + (width - 90) * min(seconds, longest) / longest

    def stretch(times: tuple[float, float], y: float, tick: float, colour: str) -> tuple[float, float]:
        a, b = x(times[0]), max(x(times[0]) + 2, x(times[1]))
        parts.append(f'<rect x="{a:.1f}" y="{y}" width="{b - a:.1f}" height="{bar}" fill="{colour}"/>')
        parts.append(
            f'<text x="{a:.1f}" y="{tick:.0f}" class="tick">{format_time(times[0])}–{format_time(times[1])}</text>'
        )
        return a, b

    parts: list[str] = []
    for y, name, seconds in ((20.0, "query", query), (low, "reference", reference)):
        if seconds is not None:
            parts.append(f'<text x="0" y="{y + 15:.0f}" class="cap">{name}</text>')
            long = max(2.0, x(seconds) - x(0))
            parts.append(f'<rect x="{x(0):.1f}" y="{y}" width="{long:.1f}" height="{bar}" class="line"/>')
    for n, segment in enumerate(segments):
        colour = BANDS[n % len(BANDS)]
        here = stretch(segment.query, 20, 14, colour) if segment.query is not None and query is not None else None
        there = stretch(segment.reference, low, low + bar + 16, colour) if reference is not None else None
        if here and there:
            band = [(here[0], 20 + bar), (here[1], 20 + bar), (there[1], low), (there[0], low)]
            parts.append(f'<polygon points="{_path(band)}" fill="{colour}" fill-opacity=".22"/>')
    return Markup(f'<svg class="times" viewBox="0 0 {width:.0f} {foot:.0f}" role="img">{"".join(parts)}</svg>')


def draw_speech_timeline(utterances: Sequence[TranscriptSegment], seconds: float) -> Markup:
    """The time line of what is said: a bar an utterance, coloured by language, striped where there is a doubt."""
    width, bar, left = 900.0, 20.0, 8.0
    languages = list(dict.fromkeys(u.language for u in utterances))
    colours = {name: LANGUAGES.get(name, BANDS[n % len(BANDS)]) for n, name in enumerate(languages)}

    def x(at: float) -> float:
        return left + (width - 2 * left) * min(max(at, 0.0), seconds) / max(seconds, 0.1)

    parts = [f'<rect x="{left}" y="18" width="{width - 2 * left}" height="{bar}" class="line"/>']
    for u in utterances:
        place = f'x="{x(u.start):.1f}" y="18" width="{max(1.5, x(u.end) - x(u.start)):.1f}" height="{bar}"'
        told = f"<title>{format_time(u.start)} {escape(u.language)} {escape(u.text)}</title>"
        parts.append(f'<rect {place} fill="{colours[u.language]}" stroke="#fff" stroke-width=".6">{told}</rect>')
        if u.flags or u.language == "und":
            parts.append(f'<rect {place} fill="url(#doubt)">{told}</rect>')
    for at, anchor in ((0.0, "start"), (seconds, "end")):
        parts.append(
            f'<text x="{x(at):.1f}" y="{18 + bar + 15}" text-anchor="{anchor}" class="tick">{format_time(at)}</text>'
        )
    for n, name in enumerate(languages):
        parts.append(f'<rect x="{left + n * 62}" y="3" width="10" height="10" fill="{colours[name]}"/>')
        parts.append(f'<text x="{left + n * 62 + 15}" y="12" class="tick">{escape(name)}</text>')
    stripes = (
        '<defs><pattern id="doubt" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="2.4" height="6" fill="#fff" fill-opacity=".75"/></pattern></defs>'
    )
    return Markup(
        f'<svg class="times" viewBox="0 0 {width:.0f} 56" role="img" aria-label="what is said when">'
        f"{stripes}{''.join(parts)}</svg>"
    )


def format_time(seconds: float) -> str:
    """Minutes and seconds, `1:02.5`."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"
