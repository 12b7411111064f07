"""What text says about two placed pictures."""

from mediafp.matching.images.text_evidence import DIFFERENT_CAPTION_PROBABILITY, QueryText, add_text_evidence
from mediafp.types.matches import Match, Placement, TextLine


def line(text: str, left: float, top: float, width: float, height: float) -> TextLine:
    right, bottom = left + width, top + height
    return TextLine(text=text, box=((left, top), (right, top), (right, bottom), (left, bottom)), confidence=0.9)


def placed(bottom: float, *, left: float = 0.0) -> Placement:
    """Where a query of 400 x 320 lies in a reference of 400 x 400 that it shows down to `bottom`, unscaled."""
    corners = ((left, 0.0), (400.0, 0.0), (400.0, bottom), (left, bottom))
    return Placement(
        quad=corners,
        overlap=corners,
        covered=bottom * (400 - left) / 160_000,
        shown=1.0,
        mirrored=False,
        rotation=0.0,
        scale=1.0,
        removed=(left / 400, 0.0, 0.0, 1 - bottom / 400),
        inliers=90,
    )


def match(placement: Placement | None, *more: Placement) -> Match:
    return Match(
        sha256="a" * 64,
        uris=("a.jpg",),
        kind="image",
        relation="copy",
        verdict="copy",
        probability=0.99,
        coverage=(1.0, 0.8),
        placement=placement,
        segments=(),
        why=("90 points agree on one placement",),
        more_placements=more,
    )


HANDLE = line("@样例用户", 250, 370, 130, 20)
HEADLINE = line("BREAKING NEWS", 20, 20, 300, 60)


def told(found: Match, query: list[TextLine] | None, reference: list[TextLine] | None) -> Match:
    text = None if query is None else QueryText(lines=query, size=(400, 320))
    return add_text_evidence(found, text, lambda _: reference)


def test_a_line_outside_of_what_the_query_shows_was_removed() -> None:
    found = told(match(placed(320)), None, [HEADLINE, HANDLE]).placement
    assert found and found.removed_text == (HANDLE,) and found.handles == ("@样例用户",)


def test_a_line_that_is_mostly_shown_was_not_removed() -> None:
    found = told(match(placed(385)), None, [HANDLE]).placement
    assert found and found.removed_text == () and found.handles == ()


def test_a_line_that_another_copy_in_the_query_shows_was_not_removed() -> None:
    found = told(match(placed(320), placed(400, left=200)), None, [HANDLE])
    assert found.placement and found.placement.removed_text == ()
    assert found.more_placements[0].removed_text == ()


def test_without_a_placement_or_text_nothing_is_said() -> None:
    assert told(match(None), None, [HANDLE]) == match(None)
    assert told(match(placed(320)), None, None) == match(placed(320))


def test_two_pictures_with_other_captions_are_related_and_no_copies() -> None:
    """Memes on one template."""
    found = told(match(placed(320)), [line("WHEN THE BUS IS LATE", 20, 20, 300, 60)], [HEADLINE, HANDLE])
    assert (found.verdict, found.probability) == ("possible", DIFFERENT_CAPTION_PROBABILITY)
    assert "other text" in found.why[0]


def test_a_caption_that_was_added_or_kept_leaves_a_copy_a_copy() -> None:
    added = line("share this before it is deleted", 20, 150, 300, 50)
    assert told(match(placed(320)), [added], [HANDLE]).verdict == "copy"
    assert told(match(placed(320)), [added, HEADLINE], [HEADLINE]).verdict == "copy"
    assert told(match(placed(320)), [], [HEADLINE]).verdict == "copy"
    # A platform's mark in place of another is no caption.
    marks = line("@other_user", 250, 290, 130, 20), line("@样例用户", 250, 290, 130, 20)
    assert told(match(placed(320)), [marks[0]], [marks[1]]).verdict == "copy"
