"""Embeddings of clear rectangles in a stored image: a screenshot or a collage resembles the image on it only there."""

from typing import Final, Literal

from mediafp.types.arrays import Float32Array
from mediafp.types.fingerprint_types import FrameFingerprintType
from mediafp.types.fingerprints import Metric, Vectors
from mediafp.types.media import Pixels
from mediafp.types.rectangles import MAX_CLEAR_RECTANGLES, find_clear_rectangles

RECTANGLES: Final = "sscd_distilled_rectangles"
"""Name of the type."""


class Rectangles:
    """Embeddings of the clear rectangles in an image, at most two; most photographs have none."""

    name = RECTANGLES
    consumes: Literal["thumbnail"] = "thumbnail"
    """As a match is placed in the thumbnail, in which other rectangles may be clearer than in the image."""
    max_rows = MAX_CLEAR_RECTANGLES

    def __init__(self, embedder: FrameFingerprintType) -> None:
        self._embedder = embedder
        self.metric: Metric = embedder.metric
        self.columns = embedder.columns

    @property
    def version(self) -> str:
        """Version of the choice of rectangles and of the embedder."""
        return f"1-{self._embedder.version}"

    def extract(self, image: Pixels) -> tuple[Vectors, Float32Array]:
        """Return vectors (N, 512) and quality (N,) of the rectangles, comparable with rows of the embedder."""
        boxes = find_clear_rectangles(image)
        return self._embedder.extract([image[top:bottom, left:right] for left, top, right, bottom in boxes])
