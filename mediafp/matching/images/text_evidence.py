"""Evidence from text in two placed images: text that was cut away, and captions that differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mediafp.matching.images.change_evidence import read_changes, with_changes
from mediafp.matching.images.handles import extract_handles
from mediafp.types.arrays import Float64Array
from mediafp.types.geometry import (
    homography_from_corners,
    image_corners,
    intersection_area,
    polygon_area,
    transform_points,
)
from mediafp.types.matches import Match, Placement, TextLine
from mediafp.types.media import Asset
from mediafp.types.tokens import tokenise

TextLines = Sequence[TextLine]
MIN_SHOWN_SHARE = 0.5
"""Share of a line's area that the query must show so that the line does not count as removed. Chosen, not measured."""
MIN_CAPTION_AREA = 0.04
"""Share of the overlap that text must fill in each image to be a caption; a platform's watermark fills .01 to .03."""
SAME_CAPTION_WORDS = 0.5
"""Share of the words of the shorter caption that must occur in the other. Chosen, not measured."""
MIN_JOINED_CHARS = 4
"""Characters of a word from which it is also found inside of other words, from which OCR did not separate it. Chosen, not
measured."""
DIFFERENT_CAPTION_PROBABILITY = 0.5
"""Largest probability of two images with different captions: they are one image or one template, which the pixels cannot
decide. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryText:
    """Text lines of a query, and its width and height in the pixels of the lines' boxes."""

    lines: TextLines
    size: tuple[int, int]

    @staticmethod
    def find(lines: TextLines | None, asset: Asset) -> "QueryText | None":
        """Return the text of an asset by its OCR result; None without one. An empty result counts: text may have been removed."""
        return None if lines is None else QueryText(lines=lines, size=asset.size)


def takes_text_evidence(match: Match) -> bool:
    """Return True if the text in its reference may change a match: OCR reads the first page of images alone."""
    return match.placement is not None and match.kind == "image" and not any(match.rows)


def add_text_evidence(match: Match, query: QueryText | None, load_text: Callable[[Match], TextLines | None]) -> Match:
    """Return a match of two placed images with the evidence from text: removed lines, handles, changed words, different captions.

    Other matches are returned unchanged.

    Args:
        match: Match of the query.
        query: Text of the query; None if there is no OCR result.
        load_text: Function that returns the text lines of a match's reference, or None if there is no OCR result.
    """
    placement = match.placement
    if placement is None or not takes_text_evidence(match):
        return match
    lines = load_text(match)
    if lines is not None and query and match.changes:
        read = zip(query.lines, _boxes_in_reference(query, placement), strict=True)
        changes = read_changes(
            match.changes,
            [(line.text, box) for line, box in read],
            [(line.text, np.array(line.box)) for line in lines],
        )
        match = with_changes(match, changes)
    if not lines:
        return match
    placements = [placement, *match.more_placements]
    match = replace(
        match,
        placement=find_removed_text(placement, lines, placements),
        more_placements=tuple(find_removed_text(further, lines, placements) for further in match.more_placements),
    )
    if match.verdict == "copy" and query:
        shared, shorter_word_count = _count_shared_words(placement, query, lines)
        if shared < SAME_CAPTION_WORDS * shorter_word_count:
            return replace(
                match,
                verdict="possible",
                probability=min(match.probability, DIFFERENT_CAPTION_PROBABILITY),
                why=(
                    f"the same image with other text: the captions share {shared} of {shorter_word_count} words"
                    " (one template used twice, or one of the two captions rewritten)",
                    *match.why,
                ),
            )
    return match


def find_removed_text(placement: Placement, lines: TextLines, placements: Sequence[Placement]) -> Placement:
    """Return a placement with the lines of the reference that the query does not show, and the handles in them.

    Args:
        placement: Placement to complete.
        lines: Text lines of the reference, in its pixels.
        placements: All placements of the reference in the query; a line that one of them shows is not removed.
    """
    overlaps = [np.array(shown.overlap) for shown in placements]
    removed = tuple(
        line
        for line in lines
        if all(_share_inside(np.array(line.box), overlap) < MIN_SHOWN_SHARE for overlap in overlaps)
    )
    return replace(placement, removed_text=removed, handles=extract_handles(line.text for line in removed))


def _count_shared_words(placement: Placement, query: QueryText, reference_lines: TextLines) -> tuple[int, int]:
    """Return the number of words that two captions share, and of the shorter one; (0, 0) if one image has no caption."""
    overlap = np.array(placement.overlap)
    query_boxes = _boxes_in_reference(query, placement)
    query_texts = [(line.text, box) for line, box in zip(query.lines, query_boxes, strict=True)]
    reference_texts = [(line.text, np.array(line.box)) for line in reference_lines]
    captions: list[list[str]] = []
    for texts in (query_texts, reference_texts):
        inside = [(text, box) for text, box in texts if _share_inside(box, overlap) >= MIN_SHOWN_SHARE]
        text_area = sum(polygon_area(box) for _, box in inside)
        words = [token.text for text, _ in inside for token in tokenise(text)]
        if text_area < MIN_CAPTION_AREA * polygon_area(overlap) or not words:
            return 0, 0
        captions.append(words)
    first, second = captions
    counts = len(set(first)), len(set(second))
    return min(max(_count_words_in(first, second), _count_words_in(second, first)), *counts), min(counts)


def _count_words_in(words: Sequence[str], others: Sequence[str]) -> int:
    """Return how many different words of one caption occur in another, also run together with others: OCR drops spaces."""
    joined, known = "".join(others), set(others)
    return sum(word in known or (len(word) >= MIN_JOINED_CHARS and word in joined) for word in set(words))


def _boxes_in_reference(query: QueryText, placement: Placement) -> list[Float64Array]:
    """Return the boxes (4, 2) of the query's lines in reference pixels."""
    query_to_reference = homography_from_corners(image_corners(*query.size), np.array(placement.quad))
    return [transform_points(query_to_reference, np.array(line.box)) for line in query.lines]


def _share_inside(box: Float64Array, polygon: Float64Array) -> float:
    """Return the share, 0..1, of a convex box that is inside a convex polygon."""
    area = polygon_area(box)
    return intersection_area(box, polygon) / area if area > 0 else 0.0
