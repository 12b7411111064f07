"""Measurements of the stored thumbnails of images, in pixels of their originals."""

from mediafp.ingest.thumbnails import decode_thumbnail
from mediafp.matching.images.rectangles import find_rectangles
from mediafp.store import Store
from mediafp.types.geometry import box_corners
from mediafp.types.matches import Point
from mediafp.types.media import Pixels


def find_stored_rectangles(store: Store, sha256: str) -> list[tuple[Point, ...]]:
    """Return the prominent rectangles in a stored image, as corners in pixels of the original."""
    jpeg = store.row_thumbnail(sha256, 0)
    if jpeg is None:
        return []
    thumbnail = decode_thumbnail(jpeg)
    scale = thumbnail_scale(store, sha256, thumbnail)
    return [tuple((x * scale, y * scale) for x, y in box_corners(box).tolist()) for box in find_rectangles(thumbnail)]


def thumbnail_scale(store: Store, sha256: str, thumbnail: Pixels) -> float:
    """Return the pixels of a stored image per pixel of its thumbnail."""
    return max(store.asset(sha256).size) / float(max(thumbnail.shape[:2]))
