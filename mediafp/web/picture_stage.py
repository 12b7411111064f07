"""Two pictures on one stage: their places on the drawing, outlines, points and cut strips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mediafp.report.change_rows import ChangeRow, list_changes
from mediafp.types.geometry import homography_from_corners, image_corners, polygon_area, transform_points
from mediafp.types.matches import Change, Placement, Point

PICTURE_BOX: Final = (530.0, 420.0)
"""Width and height that a picture takes beside the other one at most, units of the drawing."""
GAP: Final = 30.0
"""Distance of the two pictures, units."""
MAX_POINTS: Final = 60
"""Corresponding points that are drawn, evenly chosen: more hide the pictures. Chosen, not measured."""
MIN_AREA: Final = 1.0
"""Area in square pixels below which a placement has no outline."""
MIN_CUT_SHARE: Final = 0.01
"""Share of a side from which a cut strip is shown. Chosen, not measured."""
MAX_FRAME_MARGIN: Final = 1.0
"""Widths or heights of the reference by which the query may reach beyond it on the drawing where it lies over the reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A picture on the stage, in units of the drawing."""

    x: float
    y: float
    width: float
    height: float
    scale: float
    """Units per pixel of the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Strip of the reference that the query does not show at one side, in pixels of the reference."""

    side: str
    share: float
    box: tuple[float, float, float, float]
    """Left, top, width, height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """The query in the frame of the reference, in units of the drawing.

    Attributes:
        quad: Corners of the query.
        overlap: Polygon that both share.
        footprint: The same in the query.
        frame: Left, top, width and height of the drawing where the query lies over the reference: it reaches beyond the
            reference where the query does.
        extent: Left and right end of the query in that drawing.
        warp: Corners of the query from the left top of `frame`, and its size, in pixels of the reference.
        points: Corresponding points: x and y in the query, x and y in the reference, each from the corner of its picture.
        to_query: Homography from units of the reference to units of the query, row by row.
        zoom: Units of the query for one of the reference, in the middle of the overlap.
    """

    quad: tuple[Point, ...]
    overlap: tuple[Point, ...]
    footprint: tuple[Point, ...]
    frame: tuple[float, float, float, float]
    extent: tuple[float, float]
    warp: tuple[tuple[float, ...], tuple[float, float]]
    points: tuple[tuple[float, float, float, float], ...]
    to_query: tuple[float, ...]
    zoom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnChange:
    """A change of a copy, as it is outlined in both pictures.

    Attributes:
        row: The change, with its number, its sign and its words.
        reference: Its corners in the reference, in units of the drawing from the corner of the picture.
        query: The same in the query.
        labels: Places of its sign in the reference, and in the query.
    """

    row: ChangeRow
    reference: tuple[Point, ...]
    query: tuple[Point, ...]
    labels: tuple[Point, Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureStage:
    """Both pictures beside each other, and the query over the reference if a placement joins them."""

    width: float
    height: float
    query: Drawn
    reference: Drawn
    overlay: Overlay | None
    strips: tuple[Strip, ...]
    changes: tuple[DrawnChange, ...] = ()


def lay_out(
    query_size: tuple[float, float],
    reference_size: tuple[float, float],
    placement: Placement | None,
    changes: Sequence[Change] = (),
) -> PictureStage:
    """Return the stage of two pictures, given their sizes in pixels, with the changes of the one in the other."""
    query, reference = _fit(query_size, 0.0), _fit(reference_size, PICTURE_BOX[0] + GAP)
    height = max(query.height, reference.height)
    query, reference = _centred(query, height), _centred(reference, height)
    has_area = placement is not None and polygon_area(np.array(placement.quad)) >= MIN_AREA
    return PictureStage(
        width=2 * PICTURE_BOX[0] + GAP,
        height=height,
        query=query,
        reference=reference,
        overlay=_overlay(query_size, reference_size, query.scale, reference.scale, placement)
        if placement and has_area
        else None,
        strips=_strips(reference_size, placement) if placement else (),
        changes=tuple(_drawn_changes(changes, placement, query_size, query.scale, reference.scale))
        if placement and has_area
        else (),
    )


def _fit(size: tuple[float, float], left: float) -> Drawn:
    width, height = (max(1.0, side) for side in size)
    scale = min(PICTURE_BOX[0] / width, PICTURE_BOX[1] / height)
    # Towards the gap, where the lines between the points are shortest.
    x = left if left else PICTURE_BOX[0] - width * scale
    return Drawn(x=round(x, 3), y=0.0, width=round(width * scale, 3), height=round(height * scale, 3), scale=scale)


def _centred(drawn: Drawn, height: float) -> Drawn:
    return Drawn(
        x=drawn.x, y=round((height - drawn.height) / 2, 3), width=drawn.width, height=drawn.height, scale=drawn.scale
    )


def _overlay(
    query_size: tuple[float, float],
    reference_size: tuple[float, float],
    query_scale: float,
    reference_scale: float,
    placement: Placement,
) -> Overlay:
    quad = np.array(placement.quad)
    to_query = homography_from_corners(quad, image_corners(*query_size))
    overlap = np.array(placement.overlap).reshape(-1, 2)
    # In units: from units of the reference to pixels, then to pixels of the query, then to its units.
    units = (
        np.diag([query_scale, query_scale, 1.0]) @ to_query @ np.diag([1 / reference_scale, 1 / reference_scale, 1.0])
    )
    low = np.clip(np.minimum(quad.min(axis=0), 0.0), -MAX_FRAME_MARGIN * np.array(reference_size), 0.0)
    high = np.clip(
        np.maximum(quad.max(axis=0), reference_size), reference_size, (1 + MAX_FRAME_MARGIN) * np.array(reference_size)
    )
    frame = np.concatenate((low, high - low)) * reference_scale
    ends = np.clip(quad[:, 0], low[0], high[0]) * reference_scale
    every = max(1, -(-len(placement.correspondences) // MAX_POINTS))
    points = [
        (*(c * query_scale for c in upper), *(c * reference_scale for c in lower))
        for upper, lower in dict.fromkeys(placement.correspondences[::every])
    ]
    footprint = np.clip(transform_points(to_query, overlap), 0, query_size) if len(overlap) else overlap
    return Overlay(
        quad=_points(quad * reference_scale),
        overlap=_points(overlap * reference_scale),
        footprint=_points(footprint * query_scale),
        frame=_four(frame.tolist()),
        extent=(round(float(ends.min()), 3), round(float(ends.max()), 3)),
        warp=(
            tuple(round(float(value), 3) for value in (quad - low).ravel()),
            (round(float(high[0] - low[0]), 3), round(float(high[1] - low[1]), 3)),
        ),
        points=tuple(_four(point) for point in points),
        to_query=tuple(float(value) for value in units.ravel()),
        zoom=query_scale / max(1e-6, placement.scale) / reference_scale,
    )


def _drawn_changes(
    changes: Sequence[Change],
    placement: Placement,
    query_size: tuple[float, float],
    query_scale: float,
    reference_scale: float,
) -> Iterator[DrawnChange]:
    to_query = homography_from_corners(np.array(placement.quad), image_corners(*query_size))
    for row in list_changes(changes):
        box = np.array(row.change.box)
        reference = _points(box * reference_scale)
        query = _points(transform_points(to_query, box) * query_scale)
        yield DrawnChange(row=row, reference=reference, query=query, labels=(_label_at(reference), _label_at(query)))


def _label_at(corners: Sequence[Point]) -> Point:
    """Return the place of a label: above the corners at the left, or below the upper edge of the picture."""
    return max(0.0, min(x for x, _ in corners)), max(13.0, min(y for _, y in corners) - 4)


def _strips(reference_size: tuple[float, float], placement: Placement) -> tuple[Strip, ...]:
    """Return the strips that are missing from the query, the widest first."""
    width, height = reference_size
    left, top, right, bottom = placement.removed
    boxes = {
        "left": (left, (0.0, 0.0, left * width, height)),
        "top": (top, (0.0, 0.0, width, top * height)),
        "right": (right, (width - right * width, 0.0, right * width, height)),
        "bottom": (bottom, (0.0, height - bottom * height, width, bottom * height)),
    }
    strips = [
        Strip(side=side, share=share, box=_four(box)) for side, (share, box) in boxes.items() if share >= MIN_CUT_SHARE
    ]
    return tuple(sorted(strips, key=lambda strip: -strip.share))


def _points(points: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> tuple[Point, ...]:
    return tuple((round(float(x), 3), round(float(y), 3)) for x, y in points)


def _four(values: Sequence[float]) -> tuple[float, float, float, float]:
    a, b, c, d = (round(value, 3) for value in values)
    return a, b, c, d
