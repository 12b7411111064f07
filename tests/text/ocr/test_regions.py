"""Regions around text: their boxes, joining, growth to the units of the detection model."""

import numpy as np
import pytest

from mediafp.text.ocr.regions import MARGIN_CELLS, Region, TextCells, join_regions

IMAGE = Region(0, 0, 400, 300)


def test_regions_surround_each_group_of_cells_with_a_margin() -> None:
    mask = np.zeros((38, 50), np.uint8)
    mask[10, 10:14] = mask[30, 40:45] = 1
    first, second = sorted(TextCells(mask, 8.0).regions(IMAGE), key=lambda region: region.top)
    margin = 8 * MARGIN_CELLS
    assert first == (80 - margin, 80 - margin, 112 + margin, 88 + margin)
    assert second == (320 - margin, 240 - margin, 360 + margin, 248 + margin)


def test_regions_of_a_strip_lie_in_the_strip() -> None:
    mask = np.zeros((38, 50), np.uint8)
    mask[2:36, 20] = 1
    strip = Region(0, 250, 400, 300)
    (region,) = TextCells(mask, 8.0).regions(strip)
    assert (region.top, region.bottom) == (250, 300)
    mask[:] = 0
    mask[5, 20] = 1
    assert TextCells(mask, 8.0).regions(strip) == []


def test_regions_are_joined_where_that_saves_pixels() -> None:
    left, beside, far = Region(0, 0, 100, 40), Region(90, 0, 200, 44), Region(0, 200, 100, 240)
    assert sorted(join_regions([left, far, beside])) == [(0, 0, 200, 44), far]
    assert sorted(join_regions([left, Region(150, 0, 250, 40), Region(80, 0, 160, 40)])) == [(0, 0, 250, 40)]


@pytest.mark.parametrize("region", [(0, 0, 50, 20), (350, 280, 400, 300), (100, 100, 165, 133), (0, 0, 400, 300)])
@pytest.mark.parametrize("unit", [16.0, 32.0, 43.5])
def test_aligned_region_contains_the_region_and_fills_units(region: tuple[int, int, int, int], unit: float) -> None:
    aligned = Region(*region).aligned(IMAGE, unit)
    assert aligned.joined(Region(*region)) == aligned == aligned.clipped(IMAGE)
    for length, available in ((aligned.right - aligned.left, 400), (aligned.bottom - aligned.top, 300)):
        assert length == available or abs(length / unit - round(length / unit)) * unit < 0.6
