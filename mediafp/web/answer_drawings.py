"""Positions of what the page of an answer draws: the cut of an image, matching stretches in a video."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mediafp.types.answers import Use
from mediafp.types.matches import Placement, Point

BAR_WIDTH, BAR_HEIGHT = 132.0, 14.0
"""Size of the line that represents a video, SVG units."""
MIN_BAR: Final = 3.0
"""Least width of a stretch on it, so that a stretch of a film is seen. Chosen, not measured."""
MIN_STRIP_SHARE: Final = 0.02
"""Share of an image's side from which a missing strip is shown enlarged. Chosen, not measured."""
TEXT_MARGIN: Final = 0.6
"""Margin around text that was cut away, in line heights. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutDrawing:
    """A reference image with the query outlined in it, in pixels of the reference.

    Attributes:
        width: Width of the reference.
        height: Height of it.
        outline: Points of the part that both show, for `points` of a polygon.
        away: Path of the rest, which the query lacks.
        stroke: Width of the outline.
        strip: Left, top, width and height of the strip that is shown enlarged; None if nothing is missing.
        strip_text: Text in the strip, with the confidence of its reading; None if there is none.
        row: Row of the reference, which of an image is that of a page.
    """

    width: int
    height: int
    outline: str
    away: str
    stroke: float
    strip: tuple[float, float, float, float] | None
    strip_text: tuple[str, float] | None
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A matching stretch on the line of a video, SVG units."""

    x: float
    y: float
    width: float
    height: float
    channel: str


def draw_cut(use: Use) -> CutDrawing | None:
    """Return the drawing of an image with a placement; None if it has none."""
    placement, row = use.match.placement, use.match.rows[1]
    width, height = use.asset.row_size(row)
    if placement is None or not width or not height:
        return None
    shape = [(min(max(x, 0.0), width), min(max(y, 0.0), height)) for x, y in placement.overlap]
    hole = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in shape) + "Z"
    strip, text = _find_strip(placement, width, height)
    return CutDrawing(
        width=width,
        height=height,
        outline=" ".join(f"{x:.1f},{y:.1f}" for x, y in shape),
        away=f"M0 0H{width}V{height}H0Z {hole}",
        stroke=max(width, height) / 190,
        strip=strip,
        strip_text=text,
        row=row,
    )


def draw_bars(use: Use) -> list[Bar]:
    """Return the matching stretches of a video on a line of `BAR_WIDTH`."""
    duration = float(use.asset.properties.get("duration") or 0.0)
    duration = max([duration, *(one.reference[1] for one in use.match.segments)], default=0.0)
    # Pictures, sound and words lie below each other; a video that has none of them matches itself by its bytes alone.
    channels = sorted({one.channel for one in use.match.segments})
    if duration <= 0 or not channels:
        return []
    height = (BAR_HEIGHT - 3) / len(channels)
    bars = []
    for one in use.match.segments:
        start, end = (second / duration * BAR_WIDTH for second in one.reference)
        width = min(max(end - start, MIN_BAR), BAR_WIDTH)
        x, y = round(min(start, BAR_WIDTH - width), 1), round(1.5 + channels.index(one.channel) * height, 1)
        bars.append(Bar(x=x, y=y, width=round(width, 1), height=round(height, 1), channel=one.channel))
    return bars


def _find_strip(
    placement: Placement, width: int, height: int
) -> tuple[tuple[float, float, float, float] | None, tuple[str, float] | None]:
    """Return the box of the text that was cut away, or else of the widest strip, and that text."""
    named = [line for line in placement.removed_text if any(h.lstrip("@") in line.text for h in placement.handles)]
    lines = named or list(placement.removed_text)
    if lines:
        corners = [point for line in lines for point in line.box]
        left, top, right, bottom = _bounds(corners)
        margin = TEXT_MARGIN * (bottom - top) / len(lines)
        box = _clipped((left - margin, top - margin, right + margin, bottom + margin), width, height)
        return box, (" ".join(line.text for line in lines), min(line.confidence for line in lines))
    left, top, right, bottom = placement.removed
    strips = [
        (left, (0.0, 0.0, left * width, float(height))),
        (top, (0.0, 0.0, float(width), top * height)),
        (right, (width * (1 - right), 0.0, float(width), float(height))),
        (bottom, (0.0, height * (1 - bottom), float(width), float(height))),
    ]
    share, strip = max(strips, key=lambda one: one[0])
    return (_clipped(strip, width, height), None) if share >= MIN_STRIP_SHARE else (None, None)


def _bounds(points: Sequence[Point]) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _clipped(
    box: tuple[float, float, float, float], width: int, height: int
) -> tuple[float, float, float, float] | None:
    """Return left, top, width and height of a box within an image; None if nothing of it is."""
    left, top = max(0.0, box[0]), max(0.0, box[1])
    right, bottom = min(float(width), box[2]), min(float(height), box[3])
    if right - left < 1 or bottom - top < 1:
        return None
    return tuple(round(value, 1) for value in (left, top, right - left, bottom - top))  # type: ignore[return-value]
