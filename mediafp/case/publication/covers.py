"""The parts of images that a publication covers, carried by placements to the other images that show the same."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from mediafp.case.joined_matches import seen_from
from mediafp.case.thumbnail_decoder import DecodeThumbnail
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.store import Store
from mediafp.types.arrays import Float64Array
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.geometry import (
    box_corners,
    homography_from_corners,
    image_corners,
    polygon_area,
    projective_depths,
    rounded_points,
    transform_points,
)
from mediafp.types.jpeg import MAX_THUMBNAIL_SIDE
from mediafp.types.matches import Placement, Point
from mediafp.types.media import Asset
from mediafp.types.scaled_images import scaled_size

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
MIN_EDGE_PROBABILITY: Final = DEFAULT_MIN_PROBABILITY - 1e-6
"""Probability above which two assets are taken to show the same: that of what is shown at all."""
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
    target: Shown
    """The same in the other asset."""
    placements: tuple[Placement, ...]
    """Placements of `own` in `target`, of which there may be none."""
    is_whole: bool
    """True if they hold for all that the two share."""


class CoverMap:
    """The placements between the assets of a publication, read for those in which something is covered."""

    def __init__(self, store: Store, assets: Collection[str], shown: Collection[str]) -> None:
        """Use the kept matches between some assets of a store.

        Args:
            store: The store.
            assets: SHA-256 of the assets of the publication.
            shown: SHA-256 of those whose images are shown.
        """
        self._store, self._shown = store, set(shown)
        self._asset = cache(store.asset)
        self._link = cache(self._load_link)
        self._find_tree = cache(self._build_tree)
        self._neighbours: defaultdict[str, set[str]] = defaultdict(set)
        for edge in store.kept_edges(MIN_EDGE_PROBABILITY, assets):
            if edge.relation not in ("same_voice", "same_script"):
                self._neighbours[edge.a].add(edge.b)
                self._neighbours[edge.b].add(edge.a)

    def carry(self, boxes: Iterable[tuple[Shown, Polygon]]) -> Covers:
        """Return some polygons, and what placements make of them in every other asset that is shown."""
        boxes = list(boxes)
        polygons: defaultdict[Shown, dict[Polygon, None]] = defaultdict(dict)
        uncarried: dict[tuple[Shown, str], None] = {}
        for origin, box in boxes:
            links, missed = self._find_tree(origin)
            carried = {origin: [box]}
            for link in links:
                carried[link.target] = [
                    self._carry(polygon, link.own, link.target, placement)
                    for polygon in carried[link.own]
                    for placement in link.placements
                ]
            for shown, found in carried.items():
                polygons[shown] |= dict.fromkeys(found)
            uncarried |= dict.fromkeys(missed)
        by_hand = {origin.sha256 for origin, _ in boxes}
        return Covers(
            polygons={shown: tuple(found) for shown, found in polygons.items()},
            uncarried=tuple(end for end in uncarried if end[1] not in by_hand),
        )

    def _build_tree(self, origin: Shown) -> tuple[list[_Link], list[tuple[Shown, str]]]:
        """Return the links by which covers are carried from an image to all others, in order, and where that fails."""
        targets = self._connected(origin.sha256) & self._shown - {origin.sha256}
        reached, links, of_other_pages = {origin.sha256: origin}, [], set()
        # Assets that are not shown carry only what has no other way.
        for is_direct in (True, False):
            queue = deque(reached.values())
            while queue and targets - reached.keys():
                own = queue.popleft()
                for name in sorted(self._neighbours[own.sha256] - reached.keys(), key=lambda n: (n not in targets, n)):
                    link = None if is_direct and name not in targets else self._link(own.sha256, name)
                    if link and link.placements and link.own == own:
                        reached[name] = link.target
                        links.append(link)
                        queue.append(link.target)
                    elif link and link.own != own:
                        of_other_pages.add(name)
        missed = [(origin, name) for name in sorted(targets - reached.keys() - of_other_pages)]
        return links, [*missed, *((link.own, link.target.sha256) for link in links if not link.is_whole)]

    def _connected(self, sha256: str) -> set[str]:
        """Return the assets that matches join with an asset, directly or not, and itself."""
        found, waiting = {sha256}, [sha256]
        while waiting:
            new = self._neighbours[waiting.pop()] - found
            found |= new
            waiting += new
        return found

    def _load_link(self, sha256: str, other: str) -> _Link | None:
        """Return the match of the images of two assets; None if there is none."""
        asset = self._asset(sha256)
        for kept in self._store.kept_pair(min(sha256, other), max(sha256, other)):
            if kept.channel != "picture" or not kept.match:
                continue
            match = seen_from(kept, asset, self._store)
            placements = [match.placement, *match.more_placements] if match.placement else []
            # Of two videos a placement was measured in one segment; others may be cut or mirrored in another way.
            pictured = sum(segment.channel == "picture" for segment in match.segments)
            return _Link(
                own=Shown(sha256, match.rows[0] if asset.kind == "image" else 0),
                target=Shown(other, match.rows[1] if match.kind == "image" else 0),
                placements=tuple(p for p in placements if polygon_area(np.array(p.quad)) >= MIN_QUAD_AREA),
                is_whole="image" in (asset.kind, match.kind) or pictured <= 1,
            )
        return None

    def _carry(self, polygon: Polygon, shown: Shown, target: Shown, placement: Placement) -> Polygon:
        """Return a polygon of an asset in another one, in which a placement puts the asset."""
        size = self._asset(shown.sha256).row_size(shown.page)
        matrix = homography_from_corners(image_corners(*size), np.array(placement.quad))
        corners = np.array(polygon, np.float64)
        depths = projective_depths(matrix, corners)
        if depths.min() < MIN_DEPTH:
            mapped = image_corners(*self._asset(target.sha256).row_size(target.page))
        else:
            mapped = _grow(transform_points(matrix, corners))
        return rounded_points(mapped)


def box_polygon(box: tuple[float, float, float, float]) -> Polygon:
    """Return the corners of a box: left, top, right, bottom."""
    return tuple((x, y) for x, y in box_corners(box).tolist())


def count_covered(covers: Covers, assets: Mapping[str, Asset]) -> int:
    """Return the number of assets of which a part is covered: a placement may carry a cover out of an image.

    Args:
        covers: The covers.
        assets: The assets of the publication by SHA-256.
    """
    covered = set()
    for shown, polygons in covers.polygons.items():
        width, height = assets[shown.sha256].row_size(shown.page) if shown.sha256 in assets else (0, 0)
        if width and height:
            scale = min(1.0, MAX_THUMBNAIL_SIDE / max(width, height))
            shape = scaled_size(width, height, scale)[::-1]
            if _mask(shape, (width, height), polygons).any():
                covered.add(shown.sha256)
    return len(covered)


def cover_image(jpeg: bytes, asset: Asset, page: int, polygons: Collection[Polygon], decode: DecodeThumbnail) -> bytes:
    """Return a JPEG of an asset with the polygons covered; nothing of what was there is left in its pixels.

    Args:
        jpeg: The image, as mediafp encodes thumbnails.
        asset: The asset.
        page: Row of the page of an image that it shows.
        polygons: What is covered, in pixels of the asset or of the page.
        decode: Decodes the image.

    Raises:
        CorruptMedia: The image is damaged.
    """
    if not polygons:
        return jpeg
    pixels = decode(jpeg)
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
