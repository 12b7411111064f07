"""The stored thumbnails of images and frames, decoded, and measurements of them in pixels of their originals."""

from mediafp.ingest.thumbnails import decode_thumbnail
from mediafp.matching.images.rectangles import find_rectangles
from mediafp.store import Store
from mediafp.types.errors import CorruptMedia
from mediafp.types.geometry import box_corners
from mediafp.types.matches import Point
from mediafp.types.media import Pixels


def load_row_thumbnail(store: Store, sha256: str, row: int) -> Pixels | None:
    """Return the thumbnail of one fingerprint row, or None if there is none or it is damaged."""
    return decode_stored(store, sha256, store.row_thumbnail(sha256, row))


def load_thumbnail(store: Store, sha256: str, seconds: float | None = None) -> Pixels | None:
    """Return the thumbnail of the frame shown at a time (None: the first), or None if there is none or it is damaged."""
    return decode_stored(store, sha256, store.thumbnail(sha256, seconds))


def find_stored_rectangles(store: Store, sha256: str) -> list[tuple[Point, ...]]:
    """Return the prominent rectangles in a stored image, as corners in pixels of the original."""
    thumbnail = load_row_thumbnail(store, sha256, 0)
    if thumbnail is None:
        return []
    scale = thumbnail_scale(store, sha256, thumbnail)
    return [tuple((x * scale, y * scale) for x, y in box_corners(box).tolist()) for box in find_rectangles(thumbnail)]


def thumbnail_scale(store: Store, sha256: str, thumbnail: Pixels) -> float:
    """Return the pixels of a stored image per pixel of its thumbnail."""
    return max(store.asset(sha256).size) / float(max(thumbnail.shape[:2]))


def decode_stored(store: Store, sha256: str, jpeg: bytes | None) -> Pixels | None:
    """Return a stored thumbnail, decoded; None if there is none or it is damaged."""
    if jpeg is None:
        return None
    try:
        return decode_thumbnail(jpeg)
    except CorruptMedia as error:
        store.on_damage(sha256, f"a thumbnail of it is damaged ({error.__cause__ or 'it cannot be decoded'})")
        return None
