"""Pictures on a plain ground."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from mediafp.types.ground_pictures import find_image_parts, find_pictures_on_ground
from mediafp.types.rectangles import box_iou


def profile_page(photo: np.ndarray, ground: str, ink: str) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Return the page of a person on a phone, and the box of the round picture on it."""
    page = Image.new("RGB", (1080, 2200), ground)
    draw = ImageDraw.Draw(page)
    for n in range(9):
        draw.text((60, 620 + 60 * n), "people share the news before it is deleted", ink, ImageFont.load_default(40))
    draw.rectangle((60, 1300, 1020, 1390), "#1d6fd1")
    circle = Image.new("L", (220, 220))
    ImageDraw.Draw(circle).ellipse((0, 0, 220, 220), 255)
    page.paste(ImageOps.fit(Image.fromarray(photo), (220, 220)), (300, 260), circle)
    return np.asarray(page), (300, 260, 520, 480)


def test_round_picture_on_a_page_is_found_in_both_themes(photos: dict[str, np.ndarray]) -> None:
    for ground, ink in (("white", "black"), ("#15202b", "white")):
        for name in ("cat", "coffee", "temple"):
            page, true = profile_page(photos[name], ground, ink)
            (box,) = find_pictures_on_ground(page)
            assert box_iou(box, true) > 0.85, (name, ground, box)


def test_lines_of_text_buttons_and_whole_photographs_are_no_pictures_on_a_ground(photos: dict[str, np.ndarray]) -> None:
    page, (left, top, right, bottom) = profile_page(photos["cat"], "white", "black")
    page = page.copy()
    page[top:bottom, left:right] = 255
    assert find_pictures_on_ground(page) == []
    assert all(find_pictures_on_ground(photo) == [] for photo in photos.values())
    assert find_pictures_on_ground(np.full((40, 60, 3), 200, np.uint8)) == []


def test_rectangle_on_a_ground_is_one_part(photos: dict[str, np.ndarray]) -> None:
    page = np.full((900, 700, 3), 250, np.uint8)
    photo = np.asarray(Image.fromarray(photos["temple"]).resize((400, 300)))
    page[200:500, 150:550] = photo
    parts = find_image_parts(page)
    assert len([part for part in parts if box_iou(part, (150, 200, 550, 500)) > 0.9]) == 1
