"""A match of a section or a further rendering is stated in the pixels of its whole page, and claims nothing beyond it."""

from dataclasses import replace

import numpy as np
import pytest

from mediafp.matching.images.scoring import placement_reasons
from mediafp.matching.images.whole_pages import to_whole_pages
from mediafp.matching.reversal import reverse_match
from mediafp.types.matches import Change, Match, Placement, Point
from mediafp.types.media import Asset
from mediafp.types.pages import Page, format_pages

PHOTO = Asset(sha256="1" * 64, kind="image", bytes=1, properties={"width": 400, "height": 300})
VIDEO = Asset(sha256="4" * 64, kind="video", bytes=1, properties={"width": 400, "height": 300})
PAGES = (
    Page(number=1, size=(1_000, 8_000)),
    Page(number=2, size=(300, 300)),
    Page(number=1, size=(1_000, 8_000), ground="black"),
    Page(number=1, size=(1_000, 1_500), corner=(0, 2_000)),
)
CAPTURE = Asset(
    sha256="2" * 64,
    kind="image",
    bytes=1,
    properties={"width": 1_000, "height": 8_000, "pages": format_pages(PAGES)},
)


def box(left: float, top: float, right: float, bottom: float) -> tuple[Point, Point, Point, Point]:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def placement(quad: tuple[Point, ...], overlap: tuple[Point, ...], **shares: float) -> Placement:
    made = Placement(
        quad=quad,  # type: ignore[arg-type]
        overlap=overlap,
        covered=shares["covered"],
        shown=shares["shown"],
        mirrored=False,
        rotation=0.0,
        scale=shares["scale"],
        removed=(0.1, 0.2, 0.1, 0.4),
        inliers=50,
        correspondences=(((10.0, 20.0), (120.0, 340.0)),),
    )
    return made


def match_of(placed: Placement | None, rows: tuple[int, int], reference: Asset = CAPTURE) -> Match:
    reasons = placement_reasons(placed) if placed else ["no placement joins the two images"]
    return Match(
        sha256=reference.sha256,
        uris=("capture.png",),
        kind=reference.kind,
        relation="copy",
        verdict="copy",
        probability=0.99,
        coverage=(placed.shown, placed.covered) if placed else (1.0, 1.0),
        placement=placed,
        segments=(),
        why=("first", *reasons, "last"),
        rows=rows,
    )


def test_photograph_in_a_section_is_placed_in_the_page() -> None:
    placed = placement(box(100, 300, 900, 900), box(100, 300, 900, 900), covered=0.32, shown=1.0, scale=2.0)
    match = to_whole_pages(match_of(placed, (0, 3)), PHOTO, CAPTURE)
    assert match.placement and match.rows == (0, 0) and (match.verdict, match.probability) == ("copy", 0.99)
    assert match.placement.quad == match.placement.overlap == box(100, 2_300, 900, 2_900)
    assert match.placement.covered == pytest.approx(0.06) and match.placement.shown == 1
    assert match.placement.removed == (0.1, 0.2875, 0.1, 0.6375)
    assert match.placement.correspondences == (((10, 20), (120, 2_340)),)
    assert match.coverage == (1.0, pytest.approx(0.06))
    assert match.why == (
        "matched by the part of the reference from 0, 2000 to 1000, 3500",
        "first",
        *placement_reasons(match.placement),
        "last",
    )
    # Both directions of it are one.
    back = reverse_match(match, PHOTO, CAPTURE, ("photo.jpg",))
    assert back.rows == (0, 0) and back.placement
    assert np.allclose(back.placement.quad, box(-50, -1_150, 450, 2_850))


def test_changes_in_a_section_are_placed_in_the_page() -> None:
    placed = placement(box(0, 0, 1_000, 1_500), box(0, 0, 1_000, 1_500), covered=1.0, shown=1.0, scale=2.5)
    changed = Change(box=box(100, 200, 300, 260), what="changed", kind="text")
    in_section = replace(match_of(placed, (0, 3)), changes=(changed,))
    (moved,) = to_whole_pages(in_section, PHOTO, CAPTURE).changes
    assert moved == replace(changed, box=box(100, 2_200, 300, 2_260))
    (kept,) = to_whole_pages(replace(in_section, rows=(0, 0)), PHOTO, CAPTURE).changes
    assert kept == changed


def test_section_of_a_query_gives_the_corners_of_the_whole_query() -> None:
    # The section shows the photograph from 100, 300 to 900, 900, at twice its size.
    quad = box(-50, -150, 450, 600)
    placed = placement(quad, box(0, 0, 400, 300), covered=1.0, shown=0.32, scale=0.5)
    query = replace(CAPTURE, sha256="3" * 64)
    match = to_whole_pages(match_of(placed, (3, 0), PHOTO), query, PHOTO)
    assert match.placement and match.rows == (0, 0)
    assert np.allclose(match.placement.quad, box(-50, -1_150, 450, 2_850))
    assert match.placement.overlap == box(0, 0, 400, 300)
    assert (match.placement.shown, match.placement.covered) == (pytest.approx(0.06), 1)
    assert match.placement.correspondences == (((10, 2_020), (120, 340)),)


def test_overlap_of_two_sections_does_not_grow_beyond_them() -> None:
    placed = placement(box(0, 0, 1_000, 1_500), box(0, 0, 1_000, 1_500), covered=1.0, shown=1.0, scale=1.0)
    match = to_whole_pages(match_of(placed, (3, 3)), replace(CAPTURE, sha256="3" * 64), CAPTURE)
    assert match.placement and match.placement.overlap == box(0, 2_000, 1_000, 3_500)
    assert np.allclose(match.placement.quad, box(0, 0, 1_000, 8_000))
    assert match.coverage == (0.1875, 0.1875)
    # As two captures with one banner.
    assert (match.verdict, match.probability) == ("possible", 0.49)
    assert match.why[0] == "a part of the query and a part of the reference show the same, and both are larger"


def test_small_part_of_a_page_and_of_an_image_is_no_copy() -> None:
    # A banner: a tenth of a screenshot, and of a page.
    placed = placement(box(0, 0, 1_000, 9_000), box(0, 0, 1_000, 800), covered=0.53, shown=0.1, scale=1.0)
    match = to_whole_pages(match_of(placed, (0, 3)), PHOTO, CAPTURE)
    assert (match.verdict, match.probability, match.coverage) == ("possible", 0.49, (0.1, 0.0994))
    assert match.why[0] == "what both show is 10 % of an image (copies: at least 20 %)"


def test_perspective_of_a_section_does_not_bend_the_page_around_it() -> None:
    # A square of 400 pixels at the top of a photograph, whose lower edge is a little shorter.
    quad = ((0.0, 0.0), (400.0, 0.0), (390.0, 600.0), (10.0, 600.0))
    placed = placement(quad, box(0, 0, 400, 300), covered=1.0, shown=0.5, scale=0.4)
    match = to_whole_pages(match_of(placed, (3, 0), PHOTO), replace(CAPTURE, sha256="3" * 64), PHOTO)
    assert match.placement
    corners = np.array(match.placement.quad)
    # A parallelogram, where the perspective would have its corners beyond the horizon.
    assert np.allclose(corners[0] + corners[2], corners[1] + corners[3], atol=0.1)
    assert np.abs(corners).max() < 6_000


def test_rendering_is_named_and_keeps_its_placement() -> None:
    placed = placement(box(0, 0, 1_000, 8_000), box(0, 0, 1_000, 8_000), covered=1.0, shown=1.0, scale=2.5)
    match = to_whole_pages(match_of(placed, (0, 2)), PHOTO, CAPTURE)
    assert match.rows == (0, 0) and match.placement and match.placement.quad == placed.quad
    assert match.why[0] == "matched by the reference on a black ground"


def test_pages_and_frames_stay_as_they_are() -> None:
    placed = placement(box(0, 0, 300, 300), box(0, 0, 300, 300), covered=1.0, shown=1.0, scale=1.0)
    for match in (match_of(placed, (0, 1)), match_of(None, (0, 0)), match_of(placed, (0, 0), VIDEO)):
        reference = VIDEO if match.kind == "video" else CAPTURE
        assert to_whole_pages(match, PHOTO, reference) is match


def test_section_without_a_placement_is_taken_as_a_part_of_its_page() -> None:
    match = to_whole_pages(match_of(None, (0, 3)), PHOTO, CAPTURE)
    assert match.rows == (0, 0) and match.placement is None
    assert match.coverage == (1.0, 0.1875)
    assert match.why[1:] == ("first", "no placement joins the two images", "last")


def test_sections_with_nothing_in_common_are_not_said_to_share_a_part() -> None:
    unlike = replace(match_of(None, (3, 3)), probability=0.01, verdict="possible")
    match = to_whole_pages(unlike, replace(CAPTURE, sha256="3" * 64), CAPTURE)
    assert (match.probability, match.verdict) == (0.01, "possible")
    assert not any("show" in reason for reason in match.why)
