"""The two sides of a comparison: the rows of a stored asset, and the asset as a query."""

import threading
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from mediafp.engine.comparison.references import ComparedAssets
from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.reference_crops import CROP_CORNERS
from mediafp.matching.candidates import background_level
from mediafp.matching.images.search import ImageQuery
from mediafp.matching.local_features import query_features
from mediafp.matching.promise import CROP, RECTANGLE, REDUCED, WHOLE, AssetRows
from mediafp.matching.videos.directions import reference_as_query
from mediafp.matching.videos.frames import VideoQuery
from mediafp.types.geometry import Box
from mediafp.types.ground_pictures import find_image_parts
from mediafp.types.media import Pixels
from mediafp.types.rectangles import find_rectangles

CACHED_ROWS = 4096
"""Assets whose rows are kept in memory, 8 kB each for an image. Chosen, not measured."""
MIN_SIDE_WITH_CROPS = 4
"""Pixels of an image's shorter side below which a quarter of it has none."""
CACHED_QUERIES = 128
"""Images that are kept in memory as queries, about 700 kB each. Chosen, not measured."""


class StoredSides[A: ComparedAssets]:
    """Rows and queries of stored assets, loaded on demand. Several threads may use one object."""

    def __init__(self, references: A) -> None:
        self._references = references
        self.rows: Callable[[str], AssetRows] = lru_cache(CACHED_ROWS)(self._load_rows)
        self._image_query: Callable[[str, int], ImageQuery | None] = lru_cache(CACHED_QUERIES)(self._load_image_query)
        # Several threads ask for the same new asset at once.
        self._loading = threading.Lock()

    @property
    def references(self) -> A:
        """The assets."""
        return self._references

    def query(self, sha256: str, page: int = 0) -> ImageQuery | VideoQuery | None:
        """Return an asset as a query; None for an image without a thumbnail. `page` is the row of the page of an image."""
        if self._references.kind(sha256) == "image":
            with self._loading:
                return self._image_query(sha256, page)
        return reference_as_query(sha256, self._references)

    def _load_rows(self, sha256: str) -> AssetRows:
        whole = self._references.embedding_rows(sha256)
        parts = [
            (WHOLE, whole),
            (CROP, self._references.crop_rows(sha256)),
            (RECTANGLE, self._references.rectangle_rows(sha256)),
            (RECTANGLE, self._references.insets(sha256)),
            (REDUCED, self._references.reduced_rows(sha256)),
        ]
        vectors = np.concatenate([rows.vectors for _, rows in parts if rows])
        return AssetRows(
            sha256=sha256,
            kind=self._references.kind(sha256),
            vectors=vectors,
            shows=np.concatenate([np.full(len(rows.vectors), shows, np.uint8) for shows, rows in parts if rows]),
            levels=background_level(vectors, self._references.background),
            quality=np.concatenate([rows.quality for _, rows in parts if rows]),
            pdq=self._references.pdq(sha256),
        )

    def _load_image_query(self, sha256: str, page: int) -> ImageQuery | None:
        thumbnail = self._references.thumbnail(sha256, page)
        asset = self._references.find_asset(sha256)
        if thumbnail is None or asset is None:
            return None
        rows = self.rows(sha256)
        used = rows.rows_of_page(page)
        has_parts = len(used) > 1
        rectangles = find_rectangles(thumbnail)
        return ImageQuery(
            embeddings=rows.vectors[used],
            boxes=(None, *(part_boxes(rows, thumbnail) if has_parts else ())),
            primary_crops=1 + (int((rows.shows == RECTANGLE).sum()) if has_parts else 0),
            rectangles=tuple(rectangles),
            quality=float(rows.quality[page]),
            pdq=Pdq().dihedral_hashes(thumbnail),
            local_features=query_features(thumbnail, asset.row_size(page)),
            row=page,
        )


def part_boxes(rows: AssetRows, image: Pixels) -> list[Box | None]:
    """Return the position of each part of an image that has a row, in its pixels; None where it is not known, or the whole."""
    height, width = image.shape[:2]
    crops = int((rows.shows == CROP).sum())
    quarters = CROP_CORNERS if crops == len(CROP_CORNERS) else ()
    boxes: list[Box | None] = [
        (left * width // 4, top * height // 4, (left + 2) * width // 4, (top + 2) * height // 4)
        for left, top in (quarters if min(width, height) >= MIN_SIDE_WITH_CROPS else ())
    ]
    # Flat crops have no row, and which ones is not stored.
    boxes += [None] * (crops - len(boxes))
    found = int((rows.shows == RECTANGLE).sum())
    rectangles = find_image_parts(image) if found else []
    boxes += [rectangles[n] if n < len(rectangles) else None for n in range(found)]
    return boxes + [None] * int((rows.shows == REDUCED).sum())
