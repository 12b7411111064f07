"""Slices across two pages tell pages of one make from copies, on given blocks of a dense comparison."""

import numpy as np
import pytest

from mediafp.matching.images.dense_comparison import BLOCK_SIDE, DenseComparison
from mediafp.matching.images.page_slices import SliceComparison, compare_slices
from mediafp.matching.images.section_pairs import SectionPair
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.pages import Page

PIXELS = LocalFeatures(np.zeros((8, 8, 3), np.uint8), (8, 8))
WIDTH = 16 * BLOCK_SIDE
"""Of a page: 16 blocks, so that a slice is four blocks high."""


def section(rows: str, *, top: int = 0, photographic: bool = False) -> SectionPair:
    """Return a comparison of sections whose rows of blocks agree (=), differ (x), or are flat (.)."""
    agrees = np.array([[row == "="] * 16 for row in rows])
    content = np.array([[row != "."] * 16 for row in rows]).astype(np.float32)
    dense = DenseComparison(
        to_reference=np.eye(3),
        query_to_reference=np.eye(3),
        content=content,
        ncc=np.where(agrees, 1.0, 0.0).astype(np.float32),
        steady_ncc=np.where(agrees, 1.0, 0.0).astype(np.float32),
        displacement=np.zeros_like(content),
        photographic=np.full(content.shape, photographic),
        surrounded=agrees,
    )
    tile = Page(number=1, size=(WIDTH, len(rows) * BLOCK_SIDE), corner=(0, top))
    return SectionPair(tiles=(tile, tile), query=PIXELS, reference=PIXELS, fit=None, dense=dense)


def compared(*pairs: SectionPair, height: int = 40) -> SliceComparison:
    return compare_slices(pairs, (WIDTH, height * BLOCK_SIDE))


def test_page_is_the_same_if_most_of_its_slices_are() -> None:
    same, other = "====" * 7, "xxxx" * 3
    found = compared(section(same + other))
    assert (found.same_share, found.longest_difference) == (0.7, 0.75) and found.shows_one_image
    found = compared(section("====" * 6 + "xxxx" * 4))
    assert (found.same_share, found.longest_difference) == (0.6, 1.0) and not found.shows_one_image


@pytest.mark.parametrize(("stretch", "is_one"), [(3, True), (4, False)])
def test_photograph_on_another_ground_has_no_long_stretch_that_differs(stretch: int, is_one: bool) -> None:
    rows = "xxxx" * stretch + "====" * 4 + "xxxx" * 3
    found = compared(section(rows, photographic=True))
    assert found.same_share < 0.65 and found.photographic_share == pytest.approx(4 / (stretch + 7))
    assert found.shows_one_image == is_one
    assert not compared(section(rows)).shows_one_image, "nothing of it is photographic"


def test_pages_that_overlap_around_one_photograph_are_not_the_same() -> None:
    found = compared(section("xxxx" * 3 + "====" * 3 + "xxxx" * 3, photographic=True))
    assert (found.same_share, found.longest_difference) == (pytest.approx(1 / 3), 0.75) and not found.shows_one_image


def test_flat_slices_are_no_part_of_a_stretch_and_do_not_end_it() -> None:
    found = compared(section("====" + "xxxx" * 2 + "...." * 3 + "xxxx" * 2 + "===="))
    assert (found.same_share, found.longest_difference) == (pytest.approx(2 / 6), 1.0)
    empty = compared(section("...." * 4))
    assert (empty.same_share, empty.longest_difference) == (1, 0)


def test_lines_of_small_text_are_no_photograph() -> None:
    """The labels of a form agree in each line, and what is entered beside them differs."""
    form = section("x==x" * 10, photographic=True)
    found = compared(form)
    assert found.photographic_share == 0 and not found.shows_one_image
    assert compared(section("x===" * 10, photographic=True)).shows_one_image


def test_sections_lie_where_their_corners_are() -> None:
    upper, lower = section("====" * 5), section("xxxx" * 5, top=20 * BLOCK_SIDE)
    found = compared(upper, lower)
    assert (found.same_share, found.longest_difference) == (0.5, 1.25)
    # The third slice differs in one of two sections that show it: half of it agrees.
    assert compared(section("===="), section("xxxx")).same_share == 0
