"""A page that two pictures have in common, with another picture in it each time."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from mediafp.matching.images.local_features import LocalFeatures, query_features
from mediafp.matching.images.placement import place_image
from mediafp.matching.images.rectangles import find_rectangles
from mediafp.matching.images.shared_layout import shows_different_inset


def post(photo: np.ndarray, *, mirrored: bool = False) -> Image.Image:
    """A photograph in a post of one account."""
    page = Image.new("RGB", (600, 760), "white")
    draw = ImageDraw.Draw(page)
    draw.ellipse((20, 20, 90, 90), fill=(40, 90, 160))
    draw.text((110, 30), "truth daily news", (20, 20, 20), ImageFont.load_default(28))
    for n in range(6):
        draw.text(
            (20, 560 + n * 30), f"a line of words that every post has {n}", (60, 60, 60), ImageFont.load_default(20)
        )
    image = ImageOps.fit(Image.fromarray(photo), (440, 380))
    page.paste(ImageOps.mirror(image) if mirrored else image, (80, 130))
    return page


def another(query: Image.Image, reference: Image.Image) -> bool:
    mine, theirs = np.asarray(query.convert("RGB")), np.asarray(reference.convert("RGB"))
    here, there = query_features(mine, query.size), LocalFeatures(theirs, reference.size)
    fit = place_image(here, there)
    assert fit is not None
    return shows_different_inset(here, there, fit, find_rectangles(mine))


@pytest.mark.parametrize("other", ["temple", "rocket", "coffee"])
def test_two_posts_of_one_layout_hold_other_pictures(photos: dict[str, np.ndarray], other: str) -> None:
    assert another(post(photos["cat"]).resize((420, 532)), post(photos[other]))


def test_a_copy_of_a_post_holds_the_same_picture(photos: dict[str, np.ndarray]) -> None:
    page = post(photos["cat"])
    assert not another(page.resize((420, 532)), page)
    assert not another(page.crop((30, 60, 590, 740)), page)
    assert not another(ImageEnhance.Contrast(ImageEnhance.Color(page).enhance(0.3)).enhance(0.7), page)
    assert not another(ImageOps.mirror(page), page)


def test_what_was_laid_over_a_picture_makes_no_other_one_of_it(photos: dict[str, np.ndarray]) -> None:
    covered = Image.fromarray(photos["temple"])
    ImageDraw.Draw(covered).rectangle((0, 300, 639, 390), fill=(190, 20, 25))
    assert not another(covered, Image.fromarray(photos["temple"]))


def test_a_photograph_without_a_frame_holds_none(photos: dict[str, np.ndarray]) -> None:
    assert not another(Image.fromarray(photos["cat"]).resize((300, 200)), Image.fromarray(photos["cat"]))
