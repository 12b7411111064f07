"""Evidence from text in two placed images."""

import pytest
from sample_matches import sample_match, sample_placement

from mediafp.matching.images.text_evidence import DIFFERENT_CAPTION_PROBABILITY, QueryText, add_text_evidence
from mediafp.types.matches import Match, Placement, TextLine


def line(text: str, left: float, top: float, width: float, height: float) -> TextLine:
    right, bottom = left + width, top + height
    return TextLine(text=text, box=((left, top), (right, top), (right, bottom), (left, bottom)), confidence=0.9)


def placed(bottom: float, *, left: float = 0.0) -> Placement:
    """Placement of a query of 400 x 320 in a reference of 400 x 400 that it shows down to `bottom`, unscaled."""
    corners = ((left, 0.0), (400.0, 0.0), (400.0, bottom), (left, bottom))
    return sample_placement(
        quad=corners,
        overlap=corners,
        covered=bottom * (400 - left) / 160_000,
        removed=(left / 400, 0.0, 0.0, 1 - bottom / 400),
        inliers=90,
    )


def match(placement: Placement | None, *more: Placement) -> Match:
    return sample_match(
        probability=0.99,
        coverage=(1.0, 0.8),
        placement=placement,
        why=("90 keypoints agree on one placement",),
        more_placements=more,
    )


HANDLE = line("@样例用户", 250, 370, 130, 20)
HEADLINE = line("BREAKING NEWS", 20, 20, 300, 60)
ADDED = line("share this before it is deleted", 20, 150, 300, 50)
WATERMARK = line("@样例用户", 250, 290, 130, 20)
OTHER_WATERMARK = line("@other_user", 250, 290, 130, 20)


def with_text(before: Match, query: list[TextLine] | None, reference: list[TextLine] | None) -> Match:
    text = None if query is None else QueryText(lines=query, size=(400, 320))
    return add_text_evidence(before, text, lambda _: reference)


def test_line_outside_of_the_overlap_is_removed() -> None:
    placement = with_text(match(placed(320)), None, [HEADLINE, HANDLE]).placement
    assert placement and placement.removed_text == (HANDLE,) and placement.handles == ("@样例用户",)


def test_line_that_is_mostly_shown_is_not_removed() -> None:
    placement = with_text(match(placed(385)), None, [HANDLE]).placement
    assert placement and placement.removed_text == () and placement.handles == ()


def test_line_that_a_further_copy_shows_is_not_removed() -> None:
    result = with_text(match(placed(320), placed(400, left=200)), None, [HANDLE])
    assert result.placement and result.placement.removed_text == ()
    assert len(result.more_placements) == 1 and result.more_placements[0].removed_text == ()


def test_match_without_placement_or_text_is_unchanged() -> None:
    assert with_text(match(None), None, [HANDLE]) == match(None)
    assert with_text(match(placed(320)), None, None) == match(placed(320))


def test_different_captions_make_a_copy_possible() -> None:
    """Two memes on one template."""
    result = with_text(match(placed(320)), [line("WHEN THE BUS IS LATE", 20, 20, 300, 60)], [HEADLINE, HANDLE])
    assert (result.verdict, result.probability) == ("possible", DIFFERENT_CAPTION_PROBABILITY)
    assert result.why[0].startswith("the same image with other text: the captions share 0 of 2 words")


@pytest.mark.parametrize(
    ("query", "reference"),
    [
        ([ADDED], [HANDLE]),
        ([ADDED, HEADLINE], [HEADLINE]),
        ([], [HEADLINE]),
        ([OTHER_WATERMARK], [WATERMARK]),  # a platform's watermark is too small to be a caption
    ],
    ids=["added", "kept", "removed", "watermark"],
)
def test_copy_stays_a_copy_without_two_different_captions(query: list[TextLine], reference: list[TextLine]) -> None:
    assert with_text(match(placed(320)), query, reference).verdict == "copy"
