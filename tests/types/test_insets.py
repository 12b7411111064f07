"""Insets: rectangles that stay in the frames of a video."""

import numpy as np
from PIL import Image, ImageOps

from mediafp.types.insets import find_inner_rectangles, find_insets
from mediafp.types.media import Pixels
from mediafp.types.rectangles import find_sharp_rectangles


def frame(photo: Pixels, number: int) -> Image.Image:
    """A frame of a camera that moves over a photograph."""
    scaled = ImageOps.fit(Image.fromarray(photo), (400, 260))
    return scaled.crop((8 * number, 4 * number, 8 * number + 320, 4 * number + 180))


def with_insets(photos: dict[str, np.ndarray], *numbers: int, count: int = 5) -> list[Pixels]:
    """Frames of moving footage, of which some have another photograph in a corner."""
    inset = ImageOps.fit(Image.fromarray(photos["cat"]), (130, 80))
    frames = [frame(photos["temple"], number) for number in range(count)]
    for number in numbers:
        frames[number].paste(inset, (170, 85))
    return [np.asarray(one) for one in frames]


def test_rectangle_that_stays_is_an_inset(photos: dict[str, np.ndarray]) -> None:
    found = find_insets(with_insets(photos, 1, 2, 4))
    assert [len(boxes) for boxes in found] == [0, 1, 1, 0, 1]
    for number in (1, 2, 4):
        assert np.abs(np.array(found[number][0]) - (170, 85, 300, 165)).max() <= 4


def test_rectangle_of_one_frame_is_no_inset(photos: dict[str, np.ndarray]) -> None:
    assert find_insets(with_insets(photos, 2)) == [[]] * 5
    assert find_insets([]) == []


def test_footage_between_bars_is_no_inset(photos: dict[str, np.ndarray]) -> None:
    for box in ((70, 0, 250, 180), (0, 35, 320, 145)):
        page = Image.new("RGB", (320, 180))
        page.paste(frame(photos["temple"], 0).resize((box[2] - box[0], box[3] - box[1])), box[:2])
        clear, inner = (
            [np.abs(np.array(found) - box).max() <= 4 for found in find(np.asarray(page))]
            for find in (find_sharp_rectangles, find_inner_rectangles)
        )
        assert sum(clear) == 1 and len(inner) == len(clear) - 1 and not any(inner)
