"""Reduced images: a small part of an image resembles it at the size at which the image shows it."""

import numpy as np
import pytest

from mediafp.fingerprints.reduced_image import REDUCED_IMAGE, REDUCED_SIDE
from mediafp.fingerprints.reference_crops import REFERENCE_CROPS
from mediafp.fingerprints.registry import SEARCH_TYPE, frame_type, image_type
from mediafp.types.errors import UsageError

REDUCED = image_type(REDUCED_IMAGE)


@pytest.mark.parametrize("name", ["cat", "temple", "portrait"])
def test_small_crop_resembles_a_reference_crop_most_at_reduced_size(photos: dict[str, np.ndarray], name: str) -> None:
    photo = photos[name]
    height, width = photo.shape[:2]
    # A twentieth of the area, in the middle, which one reference crop shows.
    small = photo[int(height * 0.39) : int(height * 0.61), int(width * 0.39) : int(width * 0.61)]
    crops, _ = image_type(REFERENCE_CROPS).extract(photo)
    full, reduced = frame_type(SEARCH_TYPE).extract([small])[0], REDUCED.extract(small)[0]
    best = [float((rows.astype(np.float32) @ crops.astype(np.float32).T).max()) for rows in (full, reduced)]
    assert best[1] > best[0] + 0.03, best


def test_reduced_image_is_one_row_of_its_own_version(photos: dict[str, np.ndarray]) -> None:
    vectors, quality = REDUCED.extract(photos["cat"])
    assert vectors.shape == (1, 512) and quality.shape == (1,) and REDUCED.max_rows == 1
    assert abs(float(np.linalg.norm(vectors.astype(np.float32))) - 1) < 0.01 and quality[0] > 0.8
    assert f"square{REDUCED_SIDE}-" in REDUCED.version != frame_type(SEARCH_TYPE).version
    flat = REDUCED.extract(np.full((1, 1, 3), 245, np.uint8))
    assert flat[0].shape == (1, 512) and flat[1][0] == 0


def test_a_type_of_frames_is_none_of_images() -> None:
    with pytest.raises(UsageError, match="cannot fingerprint an image with type 'pdq': it consumes 'frames'"):
        image_type("pdq")
