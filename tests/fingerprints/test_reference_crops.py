"""Reference crops: embeddings of parts of a stored image."""

import numpy as np
from PIL import Image

from mediafp.fingerprints.reference_crops import fingerprint_reference_crops, reference_crops_version
from mediafp.fingerprints.registry import fingerprint_type
from mediafp.types.fingerprints import MAX_CROPS_PER_IMAGE, REFERENCE_CROPS

EMBEDDING = fingerprint_type("sscd_distilled")


def test_small_crop_is_more_similar_to_a_reference_crop_than_to_the_whole(photos: dict[str, np.ndarray]) -> None:
    for name in ("cat", "temple", "portrait"):
        photo = photos[name]
        height, width = photo.shape[:2]
        rows = slice(height // 2 - height // 6, height // 2 + height // 6)
        columns = slice(width // 2 - width // 6, width // 2 + width // 6)
        (query, whole), _ = EMBEDDING.extract([photo[rows, columns], photo])
        crops = fingerprint_reference_crops("a" * 64, photo, EMBEDDING)
        similarity = crops.vectors.astype(np.float32) @ query.astype(np.float32)
        assert similarity.max() > float(query.astype(np.float32) @ whole.astype(np.float32)) + 0.1, name


def test_flat_reference_crops_are_skipped(photos: dict[str, np.ndarray]) -> None:
    crops = fingerprint_reference_crops("a" * 64, photos["cat"], EMBEDDING)
    assert (crops.type, crops.version) == (REFERENCE_CROPS, reference_crops_version(EMBEDDING))
    assert 1 <= len(crops.vectors) <= MAX_CROPS_PER_IMAGE
    page = Image.new("RGB", (640, 1000), (245, 245, 245))
    page.paste(Image.fromarray(photos["cat"]).resize((300, 200)), (0, 0))
    assert 1 <= len(fingerprint_reference_crops("a" * 64, np.asarray(page), EMBEDDING).vectors) < MAX_CROPS_PER_IMAGE
    for flat in (np.full((1000, 640, 3), 245, np.uint8), np.zeros((1, 1, 3), np.uint8)):
        assert len(fingerprint_reference_crops("a" * 64, flat, EMBEDDING).vectors) == 0
