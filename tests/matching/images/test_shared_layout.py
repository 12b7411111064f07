"""Pages and posts of one layout, with another image inset in each."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from mediafp.matching.images.placement import place_image
from mediafp.matching.images.shared_layout import shows_different_inset
from mediafp.matching.local_features import LocalFeatures, query_features
from mediafp.types.rectangles import find_rectangles


def post(photo: np.ndarray) -> Image.Image:
    """A photograph in a post of one account."""
    page = Image.new("RGB", (600, 760), "white")
    draw = ImageDraw.Draw(page)
    draw.ellipse((20, 20, 90, 90), fill=(40, 90, 160))
    draw.text((110, 30), "truth daily news", (20, 20, 20), ImageFont.load_default(28))
    for n in range(6):
        draw.text(
            (20, 560 + n * 30), f"a line of words that every post has {n}", (60, 60, 60), ImageFont.load_default(20)
        )
    page.paste(ImageOps.fit(Image.fromarray(photo), (440, 380)), (80, 130))
    return page


def has_different_inset(query: Image.Image, reference: Image.Image) -> bool:
    query_pixels, reference_pixels = np.asarray(query.convert("RGB")), np.asarray(reference.convert("RGB"))
    query_image, reference_image = (
        query_features(query_pixels, query.size),
        LocalFeatures(reference_pixels, reference.size),
    )
    fit = place_image(query_image, reference_image)
    assert fit is not None
    return shows_different_inset(query_image, reference_image, fit, find_rectangles(query_pixels))


@pytest.mark.parametrize("other", ["temple", "rocket", "coffee"])
def test_posts_of_one_layout_show_different_insets(photos: dict[str, np.ndarray], other: str) -> None:
    assert has_different_inset(post(photos["cat"]).resize((420, 532)), post(photos[other]))


def test_copy_of_a_post_shows_the_same_inset(photos: dict[str, np.ndarray]) -> None:
    page = post(photos["cat"])
    assert not has_different_inset(page.resize((420, 532)), page)
    assert not has_different_inset(page.crop((30, 60, 590, 740)), page)
    assert not has_different_inset(ImageEnhance.Contrast(ImageEnhance.Color(page).enhance(0.3)).enhance(0.7), page)
    assert not has_different_inset(ImageOps.mirror(page), page)


def test_overlay_is_no_different_inset(photos: dict[str, np.ndarray]) -> None:
    covered = Image.fromarray(photos["temple"])
    ImageDraw.Draw(covered).rectangle((0, 300, 639, 390), fill=(190, 20, 25))
    assert not has_different_inset(covered, Image.fromarray(photos["temple"]))


def test_photograph_without_rectangle_has_no_inset(photos: dict[str, np.ndarray]) -> None:
    assert not has_different_inset(Image.fromarray(photos["cat"]).resize((300, 200)), Image.fromarray(photos["cat"]))
