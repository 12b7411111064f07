"""Embeddings of the clear rectangles in a stored image."""

import numpy as np
from PIL import Image, ImageOps

from mediafp.fingerprints.rectangles import RECTANGLES, Rectangles
from mediafp.fingerprints.registry import frame_type
from mediafp.types.media import Pixels

EMBEDDING = frame_type("sscd_distilled")
TYPE = Rectangles(EMBEDDING)


def page(*photos: Pixels, side: int = 260) -> Pixels:
    """A page with photographs one below the other."""
    image = Image.new("RGB", (640, 1100), (245, 245, 245))
    for number, photo in enumerate(photos):
        scaled = ImageOps.fit(Image.fromarray(photo), (side, side))
        image.paste(scaled, (150, 80 + number * (side + 70)))
    return np.asarray(image)


def test_image_on_a_page_is_similar_to_a_rectangle_and_not_to_the_page(photos: dict[str, np.ndarray]) -> None:
    for name in ("cat", "temple", "portrait"):
        screenshot = page(photos[name])
        (query, whole), _ = EMBEDDING.extract([photos[name], screenshot])
        rows, _ = TYPE.extract(screenshot)
        similarity = rows.astype(np.float32) @ query.astype(np.float32)
        assert similarity.max() > 0.6 > float(query.astype(np.float32) @ whole.astype(np.float32)) + 0.2, name


def test_images_have_few_rectangles_and_a_page_alone_has_none(photos: dict[str, np.ndarray]) -> None:
    assert (TYPE.name, TYPE.version) == (RECTANGLES, f"2-{EMBEDDING.version}")
    three = TYPE.extract(page(photos["cat"], photos["temple"], photos["portrait"]))[0]
    assert len(three) == 3 < TYPE.max_rows, "two clear rectangles, and the third picture on the ground"
    assert len(TYPE.extract(page())[0]) == len(TYPE.extract(np.zeros((1, 1, 3), np.uint8))[0]) == 0
