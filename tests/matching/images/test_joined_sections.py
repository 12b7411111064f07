"""Two long images whose sections agree on one map are joined to a match of both; a shared banner is not."""

from dataclasses import replace

import numpy as np
import pytest

from mediafp.matching.images.change_evidence import with_changes
from mediafp.matching.images.joined_sections import join_sections
from mediafp.matching.images.scoring import placement_reasons
from mediafp.matching.images.whole_pages import place_in_pages
from mediafp.types.matches import Change, Match, Placement, Point
from mediafp.types.media import Asset
from mediafp.types.pages import Page, format_pages

TILES = ((0, 0), (200, 0), (400, 0))


def long_image(sha256: str, scale: int) -> Asset:
    """Return an image of 900 × 300 pixels, enlarged, with three overlapping sections."""
    whole = Page(number=1, size=(900 * scale, 300 * scale))
    sections = [Page(number=1, size=(500 * scale, 300 * scale), corner=(x * scale, y * scale)) for x, y in TILES]
    properties = {"width": 900 * scale, "height": 300 * scale, "pages": format_pages([whole, *sections])}
    return Asset(sha256=sha256, kind="image", bytes=1, properties=properties)


QUERY, REFERENCE = long_image("1" * 64, 1), long_image("2" * 64, 2)


def box(left: float, top: float, right: float, bottom: float) -> tuple[Point, Point, Point, Point]:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def section_match(
    row: int,
    *,
    shift: float = 0.0,
    probability: float = 0.99,
    changes: tuple[Change, ...] = (),
    keypoints: range = range(50, 1_000, 100),
) -> Match:
    """Return a match of a section with the same section of the reference, at twice its size and shifted, in the pages' pixels.

    In the section of the reference, `keypoints` are the distances of its keypoints from its left.
    """
    overlap = box(max(0.0, shift), 0, min(1_000.0, 1_000 + shift), 600)
    placement = Placement(
        quad=box(shift, 0, 1_000 + shift, 600),
        overlap=overlap,
        covered=1.0,
        shown=1.0,
        mirrored=False,
        rotation=0.0,
        scale=2.0,
        removed=(0.0, 0.0, 0.0, 0.0),
        inliers=40 + row,
        correspondences=tuple(((x / 2, 10.0), (float(x), 20.0)) for x in keypoints),
    )
    match = Match(
        sha256=REFERENCE.sha256,
        uris=("long.jpg",),
        kind="image",
        relation="copy",
        verdict="copy" if probability >= 0.5 else "possible",
        probability=probability,
        coverage=(1.0, 1.0),
        placement=placement,
        segments=(),
        why=(*placement_reasons(placement), "last"),
        rows=(row, row),
    )
    return place_in_pages(with_changes(match, changes), QUERY, REFERENCE)


def test_sections_that_agree_on_one_map_are_one_match_of_the_whole_images() -> None:
    matches = [section_match(1), section_match(2, probability=0.999), section_match(3, probability=0.9)]
    joined = join_sections(matches, QUERY, REFERENCE)
    assert joined and joined.placement and (joined.verdict, joined.probability) == ("copy", 0.999)
    assert np.allclose(joined.placement.quad, box(0, 0, 1_800, 600)) and joined.rows == (0, 0)
    assert np.allclose(sorted(joined.placement.overlap), sorted(box(0, 0, 1_800, 600)))
    assert joined.coverage == (joined.placement.shown, joined.placement.covered) == (1.0, 1.0)
    assert joined.placement.removed == (0, 0, 0, 0), "what one section does not show, the others do"
    assert joined.why == (
        "3 parts of the images agree on one placement",
        "matched by the part of the query from 200, 0 to 700, 300",
        "matched by the part of the reference from 400, 0 to 1400, 600",
        "42 keypoints agree on one placement",
        "last",
    )


@pytest.mark.parametrize(
    "matches",
    [
        [section_match(1)],
        [section_match(1), section_match(2)],
        [section_match(1), section_match(2, shift=100), section_match(3, shift=-100)],
        [section_match(1), section_match(3, probability=0.2)],
        [replace(section_match(1), placement=None), section_match(3)],
    ],
    ids=("a banner", "two thirds", "other maps", "another picture", "no placement"),
)
def test_sections_that_leave_a_part_open_are_not_joined(matches: list[Match]) -> None:
    assert join_sections(matches, QUERY, REFERENCE) is None


def test_pages_with_the_same_start_and_end_are_not_joined() -> None:
    """The sections agree on one map, and cover the images, but what lies between their keypoints may be anything."""
    ends = [section_match(1, keypoints=range(0, 300, 50)), section_match(3, keypoints=range(700, 1_000, 50))]
    assert join_sections([ends[0], section_match(2), ends[1]], QUERY, REFERENCE)
    assert join_sections([ends[0], section_match(2, keypoints=range(0)), ends[1]], QUERY, REFERENCE) is None
    # In pixels of the reference: 250, 450, 660 … 1,290, 1,500, and .35 of its shorter side are 210.
    assert join_sections([ends[0], section_match(2, keypoints=range(50, 1_000, 210)), ends[1]], QUERY, REFERENCE)
    assert (
        join_sections([ends[0], section_match(2, keypoints=range(50, 1_000, 211)), ends[1]], QUERY, REFERENCE) is None
    )


def test_sections_without_keypoints_are_not_joined() -> None:
    matches = [section_match(row, keypoints=range(0)) for row in (1, 2, 3)]
    assert join_sections(matches, QUERY, REFERENCE) is None


def in_corner(match: Match) -> Match:
    """Return a match by whose map the whole images share the bottom right of the query and the top left of the reference."""
    assert match.placement
    quad = box(-1_600, -300, 200, 300)
    placement = replace(match.placement, quad=quad, overlap=box(0, 0, 200, 300))
    return replace(match, placement=placement)


def test_banner_in_two_sections_of_each_is_less_than_images_must_share() -> None:
    banner = [in_corner(section_match(2)), in_corner(section_match(3))]
    assert join_sections(banner, QUERY, REFERENCE) is None
    half = [replace(match, placement=replace(match.placement, quad=box(-900, 0, 900, 600), overlap=box(0, 0, 900, 600)))
            for match in banner if match.placement]  # fmt: skip
    joined = join_sections(half, QUERY, REFERENCE)
    assert joined and joined.coverage == (0.5, 0.5)


def test_sections_of_other_pages_of_the_files_are_not_joined() -> None:
    """Page 1 shares its left with page 1 of another file, and page 2 its right with page 2."""
    first, other = section_match(1), section_match(3)
    assert join_sections([first, section_match(2), other], QUERY, REFERENCE)
    assert join_sections([first, section_match(2), replace(other, rows=(1, 1))], QUERY, REFERENCE) is None


def test_changes_of_all_sections_are_stated_once_each_and_of_the_whole_image() -> None:
    def change(left: float) -> Change:
        return Change(box=box(left, 0, left + 100, 100), what="added", kind="object")

    # The first and the second section show one change, at 600 pixels of the page; the third has one of its own.
    matches = [section_match(1, changes=(change(600),)), section_match(2, changes=(change(200),)), section_match(3)]
    matches[2] = section_match(3, changes=(change(850),))
    joined = join_sections(matches, QUERY, REFERENCE)
    assert joined and [one.box[0] for one in joined.changes] == [(600, 0), (1_650, 0)]
    assert joined.why[0] == (
        "the same picture, changed here: at the top, less than 1 % of it, something was added;"
        " at the top right, less than 1 % of it, something was added"
    )
