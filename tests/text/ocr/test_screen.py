"""Screening for text: marks on photographs are named, photographs without text are not."""

import numpy as np
import pytest
from watermarks import watermarked

from mediafp.text.ocr.regions import Region
from mediafp.text.ocr.screen import CELL, LEVELS, TextScreen, cell_features, cell_windows, screened_levels


@pytest.fixture(scope="module")
def screen() -> TextScreen:
    return TextScreen()


@pytest.mark.parametrize("at", [(0.4, 0.82), (0.02, 0.02), (0.3, 0.5)])
@pytest.mark.parametrize("size", [14, 24, 60])
@pytest.mark.parametrize("name", ["portrait", "cat", "temple"])
def test_find_text_names_the_region_of_a_mark(
    screen: TextScreen, photos: dict[str, np.ndarray], name: str, size: int, at: tuple[float, float]
) -> None:
    image = watermarked(photos[name], "@user88", size, at)
    bgr = np.ascontiguousarray(np.asarray(image)[:, :, ::-1])
    whole = Region(0, 0, image.width, image.height)
    # The baseline lies about one size below the position.
    row, column = round(image.height * at[1] + 0.7 * size), round(image.width * at[0] + 1.5 * size)
    regions = screen.find_text(bgr).regions(whole)
    assert any(region.top < row < region.bottom and region.left < column < region.right for region in regions)


@pytest.mark.parametrize("name", ["cat", "coffee"])
def test_find_text_names_little_of_a_photograph_without_text(
    screen: TextScreen, photos: dict[str, np.ndarray], name: str
) -> None:
    cells = screen.find_text(np.ascontiguousarray(photos[name][:, :, ::-1]))
    assert cells.mask.mean() < 0.05


def test_cells_cover_an_image_of_any_size() -> None:
    for width, height in ((1, 1), (333, 77), (2000, 900)):
        levels, side = screened_levels(np.zeros((height, width, 3), np.uint8))
        rows, columns = cell_features(levels[0]).shape[:2]
        assert rows * side >= height and columns * side >= width
        assert [level.shape[1] * n for level, n in zip(levels, LEVELS, strict=True)] == [columns * CELL] * len(LEVELS)


def test_cell_windows_hold_the_neighbours_of_a_cell() -> None:
    cells = np.arange(5 * 9 * 2, dtype=np.float32).reshape(5, 9, 2)
    windows = cell_windows(cells).reshape(5, 9, 3, 7, 2)
    assert np.array_equal(windows[2, 4], cells[1:4, 1:8])
    assert np.array_equal(windows[0, 0, 0, 0], cells[0, 0])
