"""The parts of images that a publication covers, carried by placements to the other images that show the same."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from mediafp.case.joined_matches import iter_joined, seen_from
from mediafp.ingest.thumbnails import decode_thumbnail, encode_thumbnail
from mediafp.store import Store
from mediafp.types.arrays import Float64Array
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.geometry import (
    box_corners,
    homography_from_corners,
    image_corners,
    polygon_area,
    projective_depths,
    rounded_point,
    transform_points,
)
from mediafp.types.jpeg import MAX_THUMBNAIL_SIDE
from mediafp.types.matches import Placement, Point
from mediafp.types.media import Asset

FILL: Final = (112, 112, 112)
"""Colour of what is covered, RGB: one colour whatever was there."""
BLOCK: Final = 16
"""Side of the blocks that are covered as a whole, pixels: those of a JPEG with halved colours, in which the content of a covered
part could have left traces around it."""
GROWTH: Final = 0.04
"""Share by which a covered part is grown around its middle when a placement carries it: placements are inexact. Chosen, not
measured."""
MIN_DEPTH: Final = 1e-3
"""Third homogeneous coordinate below which a mapped corner is at the horizon of the map: the whole image is covered then."""
MIN_QUAD_AREA: Final = 1e-6
"""Area of a quad in square pixels, below which its homography has no inverse."""
MAX_DRAWN_COORDINATE: Final = 1e5
"""Coordinate beyond which a polygon is not drawn, and the whole image is covered, pixels. Chosen, not measured."""
type Polygon = tuple[Point, ...]


class Shown(NamedTuple):
    """A video, or the page of an image with this row: covers are of one of them."""

    sha256: str
    page: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Covers:
    """Covered polygons by what they are in, in its pixels, and where they could not be carried to."""

    polygons: Mapping[Shown, tuple[Polygon, ...]]
    uncarried: tuple[tuple[Shown, str], ...]
    """Covered images or videos, each with an asset of which no placement says where it shows the same, or not for all of it."""


class _Link(NamedTuple):
    """Match of something that is shown with another asset."""

    own: Shown
    target: Shown | None
    """The same in the other asset; None if no placement joins the two."""
    other: str
    """SHA-256 of the other asset."""
    placements: tuple[Placement, ...]
    """Placements of `own` in `target`."""
    is_whole: bool
    """True if they hold for all that the two share."""


class CoverMap:
    """The placements between the assets of a publication, read for those in which something is covered."""

    def __init__(self, store: Store, assets: Collection[str]) -> None:
        """Use the kept matches between some assets of a store."""
        self._store, self._assets = store, set(assets)
        self._links: dict[str, list[_Link]] = {}

    def carry(self, boxes: Iterable[tuple[Shown, Polygon]]) -> Covers:
        """Return some polygons, and what placements make of them in every other asset."""
        boxes = list(boxes)
        polygons: defaultdict[Shown, dict[Polygon, None]] = defaultdict(dict)
        uncarried: dict[tuple[Shown, str], None] = {}
        for origin, box in boxes:
            reached, open_ends = {origin}, []
            queue = deque([(origin, box)])
            while queue:
                shown, polygon = queue.popleft()
                polygons[shown][polygon] = None
                for link in self._neighbours(shown):
                    if link.target is None:
                        open_ends.append((shown, link.other))
                    elif link.target not in reached:
                        reached.add(link.target)
                        queue += [(link.target, self._carry(polygon, shown, link.target, p)) for p in link.placements]
                        if not link.is_whole:
                            uncarried[shown, link.other] = None
            known = {shown.sha256 for shown in reached}
            uncarried |= dict.fromkeys(end for end in open_ends if end[1] not in known)
        by_hand = {origin.sha256 for origin, _ in boxes}
        return Covers(
            polygons={shown: tuple(found) for shown, found in polygons.items()},
            uncarried=tuple(end for end in uncarried if end[1] not in by_hand),
        )

    def _neighbours(self, shown: Shown) -> Iterator[_Link]:
        """Yield the links from an image or a video to everything that shows the same."""
        if shown.sha256 not in self._links:
            self._links[shown.sha256] = list(self._load(shown.sha256))
        for link in self._links[shown.sha256]:
            if link.own == shown or link.target is None:
                yield link

    def _load(self, sha256: str) -> Iterator[_Link]:
        asset = self._store.asset(sha256)
        for kept in iter_joined(self._store.kept_matches(sha256, min_probability=DEFAULT_MIN_PROBABILITY), self._store):
            match = seen_from(kept, asset, self._store)
            if match.sha256 not in self._assets or match.verdict == "same_scene" or kept.channel != "picture":
                continue
            placements = [match.placement, *match.more_placements] if match.placement else []
            usable = tuple(p for p in placements if polygon_area(np.array(p.quad)) >= MIN_QUAD_AREA)
            own = Shown(sha256, match.rows[0] if asset.kind == "image" else 0)
            target = Shown(match.sha256, match.rows[1] if match.kind == "image" else 0)
            # Of two videos a placement was measured in one segment; others may be cut or mirrored in another way.
            pictured = sum(segment.channel == "picture" for segment in match.segments)
            yield _Link(
                own=own,
                target=target if usable else None,
                other=match.sha256,
                placements=usable,
                is_whole="image" in (asset.kind, match.kind) or pictured <= 1,
            )

    def _carry(self, polygon: Polygon, shown: Shown, target: Shown, placement: Placement) -> Polygon:
        """Return a polygon of an asset in another one, in which a placement puts the asset."""
        size = self._store.asset(shown.sha256).row_size(shown.page)
        matrix = homography_from_corners(image_corners(*size), np.array(placement.quad))
        corners = np.array(polygon, np.float64)
        depths = projective_depths(matrix, corners)
        if depths.min() < MIN_DEPTH:
            mapped = image_corners(*self._store.asset(target.sha256).row_size(target.page))
        else:
            mapped = _grow(transform_points(matrix, corners))
        return tuple(rounded_point(x, y) for x, y in mapped)


def box_polygon(box: tuple[float, float, float, float]) -> Polygon:
    """Return the corners of a box: left, top, right, bottom."""
    return tuple((x, y) for x, y in box_corners(box).tolist())


def cover_image(jpeg: bytes, asset: Asset, page: int, polygons: Collection[Polygon]) -> bytes:
    """Return a JPEG of an asset with the polygons covered; nothing of what was there is left in its pixels.

    Args:
        jpeg: The image, as mediafp encodes thumbnails.
        asset: The asset.
        page: Row of the page of an image that it shows.
        polygons: What is covered, in pixels of the asset or of the page.

    Raises:
        CorruptMedia: The image is damaged.
    """
    if not polygons:
        return jpeg
    pixels = decode_thumbnail(jpeg)
    mask = _mask(pixels.shape[:2], asset.row_size(page), polygons)
    covered = pixels.copy()
    covered[mask] = FILL
    return encode_thumbnail(covered, MAX_THUMBNAIL_SIDE)


def _mask(
    shape: tuple[int, ...], size: tuple[int, int], polygons: Collection[Polygon]
) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    """Return True for each pixel of each block that a polygon touches."""
    import cv2

    height, width = shape
    touched = np.zeros((height, width), np.uint8)
    # What is drawn reaches a little beyond the edges: a pixel of the small image mixes those at both sides of one.
    for polygon in polygons:
        corners = np.array(polygon, np.float64) * (width / max(1, size[0]), height / max(1, size[1]))
        if np.abs(corners).max() > MAX_DRAWN_COORDINATE:
            # Beyond the numbers that OpenCV draws with exactly.
            corners = image_corners(width, height)
        drawn = np.rint(corners).astype(np.int32)
        cv2.fillPoly(touched, [drawn], 1)
        cv2.polylines(touched, [drawn], True, 1, thickness=3)
    rows, columns = -(-height // BLOCK), -(-width // BLOCK)
    padded = np.zeros((rows * BLOCK, columns * BLOCK), np.uint8)
    padded[:height, :width] = touched
    blocks = padded.reshape(rows, BLOCK, columns, BLOCK).max(axis=(1, 3))
    return np.asarray(blocks.repeat(BLOCK, 0).repeat(BLOCK, 1)[:height, :width] > 0)


def _grow(corners: Float64Array) -> Float64Array:
    middle = corners.mean(axis=0)
    return np.asarray(middle + (corners - middle) * (1 + GROWTH), np.float64)
