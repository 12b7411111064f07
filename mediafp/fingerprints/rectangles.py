"""Embeddings of the images in a stored image: a screenshot or a collage resembles the image on it only there."""

from typing import Final, Literal

from mediafp.fingerprints.embedded_parts import EmbeddedParts
from mediafp.types.arrays import Float32Array
from mediafp.types.fingerprints import Vectors
from mediafp.types.ground_pictures import MAX_IMAGE_PARTS, find_image_parts
from mediafp.types.media import Pixels

RECTANGLES: Final = "sscd_distilled_rectangles"
"""Name of the type."""


class Rectangles(EmbeddedParts):
    """Embeddings of the clear rectangles in an image and of the pictures on its ground; most photographs have none."""

    name = RECTANGLES
    consumes: Literal["thumbnail"] = "thumbnail"
    """As a match is placed in the thumbnail, in which other rectangles may be clearer than in the image."""
    max_rows = MAX_IMAGE_PARTS
    parts_version = "2"

    def extract(self, image: Pixels) -> tuple[Vectors, Float32Array]:
        """Return vectors (N, 512) and quality (N,) of the rectangles, comparable with rows of the embedder."""
        boxes = find_image_parts(image)
        return self._embedder.extract([image[top:bottom, left:right] for left, top, right, bottom in boxes])
