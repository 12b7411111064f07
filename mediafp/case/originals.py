"""The files from which assets were ingested."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mediafp.ingest.files import OpenFile, file_sha256, open_file
from mediafp.ingest.thumbnails import decode_thumbnail
from mediafp.matching.images.rectangles import find_rectangles
from mediafp.store import Store
from mediafp.types.errors import UnreadableMedia
from mediafp.types.geometry import box_corners
from mediafp.types.matches import Point
from mediafp.types.media import Pixels


@contextmanager
def open_original(store: Store, sha256: str) -> Iterator[OpenFile | None]:
    """A file that still holds the asset's bytes; None where it is gone or was changed."""
    with ExitStack() as opened:
        found = None
        for uri in store.uris(sha256):
            try:
                file = opened.enter_context(open_file(Path(uri)))
                if file_sha256(file) == sha256:
                    found = file
                    break
            except UnreadableMedia:
                continue
        yield found


def find_stored_rectangles(store: Store, sha256: str) -> list[tuple[Point, ...]]:
    """The rectangles that stand out in a stored picture, in its pixels."""
    jpeg = store.row_thumbnail(sha256, 0)
    if jpeg is None:
        return []
    thumbnail = decode_thumbnail(jpeg)
    zoom = _enlargement(store, sha256, thumbnail)
    return [tuple((x * zoom, y * zoom) for x, y in box_corners(box).tolist()) for box in find_rectangles(thumbnail)]


def _enlargement(store: Store, sha256: str, thumbnail: Pixels) -> float:
    """Pixels of a stored picture a pixel of its thumbnail."""
    properties = store.asset(sha256).properties
    return max(int(properties["width"] or 0), int(properties["height"] or 0)) / float(max(thumbnail.shape[:2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalCheck:
    """A file in which an asset was seen: still the same, changed since, or out of reach (gone, or in an archive)."""

    uri: str
    sha256: str
    state: Literal["same", "changed", "out of reach"]
