"""The stored thumbnails of images and frames, decoded, and measurements of them in pixels of their originals."""

from mediafp.case.thumbnail_decoder import DecodeThumbnail
from mediafp.store import Store
from mediafp.types.errors import CorruptMedia
from mediafp.types.geometry import box_corners
from mediafp.types.matches import Point
from mediafp.types.media import Pixels
from mediafp.types.rectangles import find_rectangles


def load_row_thumbnail(store: Store, decode: DecodeThumbnail, sha256: str, row: int) -> Pixels | None:
    """Return the thumbnail of one fingerprint row, or None if there is none or it is damaged."""
    jpeg = store.row_thumbnail(sha256, row)
    try:
        return None if jpeg is None else decode(jpeg)
    except CorruptMedia as error:
        report_damage(store, sha256, error)
        return None


def find_stored_rectangles(store: Store, decode: DecodeThumbnail, sha256: str) -> list[tuple[Point, ...]]:
    """Return the prominent rectangles in a stored image, as corners in pixels of the original."""
    thumbnail = load_row_thumbnail(store, decode, sha256, 0)
    if thumbnail is None:
        return []
    height, width = thumbnail.shape[:2]
    scale = thumbnail_scale(store, sha256, (width, height))
    return [tuple((x * scale, y * scale) for x, y in box_corners(box).tolist()) for box in find_rectangles(thumbnail)]


def thumbnail_scale(store: Store, sha256: str, size: tuple[int, int]) -> float:
    """Return the pixels of a stored image per pixel of its thumbnail, which has this width and height."""
    return max(store.asset(sha256).size) / float(max(size))


def report_damage(store: Store, sha256: str, error: CorruptMedia) -> None:
    """Report that a stored thumbnail of an asset cannot be decoded."""
    store.on_damage(sha256, f"a thumbnail of it is damaged ({error.__cause__ or 'it cannot be decoded'})")
