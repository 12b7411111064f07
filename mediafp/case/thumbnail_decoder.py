"""The pixels of thumbnails, decoded by the workers of an engine: no other process of mediafp decodes an image."""

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.types.errors import CorruptMedia
from mediafp.types.jpeg import MAX_THUMBNAIL_SIDE
from mediafp.types.media import Pixels

if TYPE_CHECKING:
    from mediafp.engine.interface import Engine

_logger = logging.getLogger(__name__)

THUMBNAIL_CACHE_SIZE: Final = 256
"""Thumbnails kept in memory, some 50 kB each as stored and as encoded anew: the times at which a match shows a video often have
the same stored frame, and a page that is written again has the same thumbnails. Chosen, not measured."""
DecodeThumbnail = Callable[[bytes], Pixels]
"""Function that returns the pixels of a thumbnail, RGB, in a read-only array. Raises CorruptMedia if it is damaged."""


class ThumbnailDecoder:
    """Thumbnails of one case, decoded by the workers of its engine. Several threads may use one object."""

    def __init__(self, open_engine: "Callable[[], Engine]") -> None:
        """Take the function that returns the engine; it is called with the first thumbnail."""
        self._open_engine = open_engine
        self._encode_cached = lru_cache(THUMBNAIL_CACHE_SIZE)(self._encode_anew)

    def start(self) -> None:
        """Start the worker that decodes what is shown, so that the first page does not wait for it."""
        self.decode_apart(encode_thumbnail(np.zeros((16, 16, 3), np.uint8), MAX_THUMBNAIL_SIDE))

    def decode(self, jpeg: bytes) -> Pixels:
        """Return the pixels of a thumbnail that is matched. A worker that analysed a query may decode it. Raises CorruptMedia."""
        return self._open_engine().decode_thumbnail(jpeg)

    def decode_apart(self, jpeg: bytes) -> Pixels:
        """Return the pixels of a thumbnail that is shown, decoded by a worker that reads no file. Raises CorruptMedia."""
        return self._open_engine().decode_thumbnail(jpeg, apart=True)

    def encode_anew(self, jpeg: bytes) -> bytes:
        """Return a thumbnail as a JPEG of the same size that this process encoded. Raises CorruptMedia."""
        return self._encode_cached(jpeg)

    def _encode_anew(self, jpeg: bytes) -> bytes:
        return encode_thumbnail(self.decode_apart(jpeg), MAX_THUMBNAIL_SIDE)


def find_pixels(jpeg: bytes, decode: DecodeThumbnail) -> Pixels | None:
    """Return the pixels of a thumbnail of a query; None if it is damaged, as the query may do without it."""
    try:
        return decode(jpeg)
    except CorruptMedia as error:
        _logger.info("skipped a thumbnail of the query: %s", error)
        return None
