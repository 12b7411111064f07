"""What text says about two placed pictures: what stood in the part that was cut away, and whether captions were changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mediafp.matching.images.handles import extract_handles
from mediafp.types.geometry import (
    Homography,
    homography_from_corners,
    image_corners,
    intersection_area,
    polygon_area,
    transform_points,
)
from mediafp.types.matches import Match, Placement, TextLine
from mediafp.types.tokens import tokenise

TextLines = Sequence[TextLine]
MIN_SHOWN_SHARE = 0.5
"""Share of a line that the query must show so that it was not removed."""
MIN_CAPTION_AREA = 0.04
"""Share of what both pictures show that text must fill on each side to be a caption; a platform's mark fills .01 to .03."""
SAME_WORDS = 0.5
"""Share of the words of the side with fewer that must stand on the other too."""
DIFFERENT_CAPTION_PROBABILITY = 0.5
"""Probability of two pictures with other captions: whether they are one picture or one template, nobody can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryText:
    """The text of a query, and its size (width, height) in the pixels in which the text's boxes are."""

    lines: TextLines
    size: tuple[int, int]


def add_text_evidence(match: Match, query: QueryText | None, text_of: Callable[[Match], TextLines | None]) -> Match:
    """The match with what its reference's text says, where it places two pictures; `query` is None where it is unread."""
    placement = match.placement
    if placement is None or match.kind != "image":
        return match
    lines = text_of(match)
    if not lines:
        return match
    shown = [placement, *match.more_placements]
    match = replace(
        match,
        placement=find_removed_text(placement, lines, shown),
        more_placements=tuple(find_removed_text(one, lines, shown) for one in match.more_placements),
    )
    if match.verdict == "copy" and query and captions_differ(placement, query, lines):
        return replace(
            match,
            verdict="possible",
            probability=min(match.probability, DIFFERENT_CAPTION_PROBABILITY),
            why=("the same picture with other text: one template used twice, or one of the two rewritten", *match.why),
        )
    return match


def find_removed_text(placement: Placement, lines: TextLines, shown: Sequence[Placement]) -> Placement:
    """The placement with the lines of the reference that the query shows nowhere, and the handles in them."""
    overlaps = [np.array(one.overlap) for one in shown]
    gone = tuple(
        line for line in lines if all(_share(np.array(line.box), overlap) < MIN_SHOWN_SHARE for overlap in overlaps)
    )
    return replace(placement, removed_text=gone, handles=extract_handles(line.text for line in gone))


def captions_differ(placement: Placement, query: QueryText, reference: TextLines) -> bool:
    """Whether both pictures carry captions in what they share, and these say different things."""
    overlap = np.array(placement.overlap)
    ours = [(line.text, box) for line, box in zip(query.lines, _in_reference(query, placement), strict=True)]
    theirs = [(line.text, np.array(line.box)) for line in reference]
    words: list[set[str]] = []
    for side in (ours, theirs):
        inside = [(text, box) for text, box in side if _share(box, overlap) >= MIN_SHOWN_SHARE]
        filled = sum(polygon_area(box) for _, box in inside)
        words.append({token.text for text, _ in inside for token in tokenise(text)})
        if filled < MIN_CAPTION_AREA * polygon_area(overlap) or not words[-1]:
            return False
    return len(words[0] & words[1]) < SAME_WORDS * min(map(len, words))


def _in_reference(query: QueryText, placement: Placement) -> list[Homography]:
    """The boxes of the query's lines in the reference's pixels: they lie in its quad as they lie in the query."""
    matrix = homography_from_corners(image_corners(*query.size), np.array(placement.quad))
    return [transform_points(matrix, np.array(line.box)) for line in query.lines]


def _share(box: Homography, overlap: Homography) -> float:
    """The share of a convex box that lies in a convex polygon."""
    size = polygon_area(box)
    return intersection_area(box, overlap) / size if size > 0 else 0.0
