"""Reference crops: embeddings of parts of a stored image."""

import numpy as np
from PIL import Image

from mediafp.fingerprints.reference_crops import REFERENCE_CROPS, ReferenceCrops
from mediafp.fingerprints.registry import frame_type

EMBEDDING = frame_type("sscd_distilled")
CROPS = ReferenceCrops(EMBEDDING)


def test_small_crop_is_more_similar_to_a_reference_crop_than_to_the_whole(photos: dict[str, np.ndarray]) -> None:
    for name in ("cat", "temple", "portrait"):
        photo = photos[name]
        height, width = photo.shape[:2]
        rows = slice(height // 2 - height // 6, height // 2 + height // 6)
        columns = slice(width // 2 - width // 6, width // 2 + width // 6)
        (query, whole), _ = EMBEDDING.extract([photo[rows, columns], photo])
        crops, _ = CROPS.extract(photo)
        similarity = crops.astype(np.float32) @ query.astype(np.float32)
        assert similarity.max() > float(query.astype(np.float32) @ whole.astype(np.float32)) + 0.1, name


def test_flat_reference_crops_are_skipped(photos: dict[str, np.ndarray]) -> None:
    assert (CROPS.name, CROPS.version) == (REFERENCE_CROPS, f"1-{EMBEDDING.version}")
    assert CROPS.max_rows == 5
    assert 1 <= len(CROPS.extract(photos["cat"])[0]) <= CROPS.max_rows
    page = Image.new("RGB", (640, 1000), (245, 245, 245))
    page.paste(Image.fromarray(photos["cat"]).resize((300, 200)), (0, 0))
    assert 1 <= len(CROPS.extract(np.asarray(page))[0]) < CROPS.max_rows
    for flat in (np.full((1000, 640, 3), 245, np.uint8), np.zeros((1, 1, 3), np.uint8)):
        assert len(CROPS.extract(flat)[0]) == 0
