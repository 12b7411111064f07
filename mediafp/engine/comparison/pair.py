"""The comparison of two stored assets, which depends on nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt

from mediafp.engine.comparison.references import ComparedAssets
from mediafp.engine.comparison.sides import StoredSides
from mediafp.matching.candidates import Candidate
from mediafp.matching.images import compare as images
from mediafp.matching.images.long_images import LongQuery, are_long, match_long_images
from mediafp.matching.images.search import ImageQuery
from mediafp.matching.images.whole_pages import to_whole_pages
from mediafp.matching.promise import CROP, RECTANGLE, REDUCED, WHOLE, Promise
from mediafp.matching.reversal import reverse_match
from mediafp.matching.videos import compare as videos
from mediafp.matching.videos.directions import is_first
from mediafp.types.kept_matches import MIN_KEPT_PROBABILITY, PROMISING
from mediafp.types.matches import Match
from mediafp.types.media import Asset
from mediafp.types.pages import whole_row

FoundMatch = tuple[str, Match | None]
"""SHA-256 of the query of a pair, and its match with the other one; None if that is improbable."""
CERTAIN_PROBABILITY = 0.95
"""Probability from which a pair is not compared in the other direction too. Chosen, not measured."""
MIN_OPEN_PROBABILITY = 0.05
"""Probability below which two whole images or videos are not compared in the other direction. Chosen, not measured."""
MIN_EXTENT_DIFFERENCE = 0.01
"""Difference of the shares that two images show of each other from which the smaller part is made the query.
Chosen, not measured."""


def find_match(a: str, b: str, promise: Promise, sides: StoredSides[ComparedAssets]) -> FoundMatch:
    """Return the match of two stored assets by what they show, without the evidence of texts.

    The order of the arguments decides only which way `promise.rows` is read. Two images are compared in the direction in
    which one is more likely a part of the other, and in the other direction too if that is not certain; the query of the
    result is the smaller part.

    Args:
        a: SHA-256 of one asset.
        b: SHA-256 of the other.
        promise: Promise of the pair, its rows those of `a` and of `b`.
        sides: The assets.
    """
    query, reference = _order(a, b, promise, sides)
    shows_part = any(sides.rows(side).shows[row] != WHOLE for side, row in zip((a, b), promise.rows, strict=True))
    # Only a small part of an image may have too few keypoints, or be found in one direction alone.
    thoroughly = shows_part and promise.value >= PROMISING
    best = _compare(query, reference, sides, thoroughly=thoroughly)
    probability = best[1].probability if best else 0.0
    if probability < CERTAIN_PROBABILITY and (thoroughly or probability >= MIN_OPEN_PROBABILITY):
        other = _compare(reference, query, sides, thoroughly=thoroughly)
        best = max(filter(None, (best, other)), key=_rank, default=None)
    return _from_smaller_part(*best, sides) if best and best[1].probability >= MIN_KEPT_PROBABILITY else (query, None)


def _order(a: str, b: str, promise: Promise, sides: StoredSides[ComparedAssets]) -> tuple[str, str]:
    """Return the query and the reference of the direction that is compared first."""
    rows = sides.rows(a), sides.rows(b)
    kinds = rows[0].kind, rows[1].kind
    if kinds[0] != kinds[1]:
        return (a, b) if kinds[0] == "image" else (b, a)
    if kinds[0] == "video":
        return (a, b) if is_first(rows[0].whole_count, a, rows[1].whole_count, b) else (b, a)
    shows = [int(side.shows[row]) for side, row in zip(rows, promise.rows, strict=True)]
    if RECTANGLE in shows:
        # The image with the rectangle contains the other one, and its keypoints are detected in the rectangle.
        return (a, b) if shows[0] == RECTANGLE else (b, a)
    if REDUCED in shows:
        return (a, b) if shows[0] == REDUCED else (b, a)
    if CROP in shows:
        return (b, a) if shows[0] == CROP else (a, b)
    pixels = [_pixels(side, row, sides) for side, row in zip((a, b), promise.rows, strict=True)]
    return (a, b) if (pixels[0], a) < (pixels[1], b) else (b, a)


def _pixels(sha256: str, row: int, sides: StoredSides[ComparedAssets]) -> int:
    """Return the pixels of the page of an image that has a row."""
    asset = sides.references.find_asset(sha256)
    return prod(asset.row_size(row)) if asset else 0


def _compare(
    query: str, reference: str, sides: StoredSides[ComparedAssets], *, thoroughly: bool
) -> tuple[str, Match] | None:
    """Return the query and its match with the reference; None if there is none."""
    rows = sides.rows(query)
    page = _best_page(query, reference, sides) if rows.kind == "image" else 0
    side = sides.query(query, page)
    if side is None:
        return None
    # An image is compared by one page, and by its parts.
    used = rows.rows_of_page(page) if rows.kind == "image" else np.arange(rows.whole_count)
    candidate = _best_rows(query, used, reference, sides)
    if isinstance(side, ImageQuery):
        match = images.match_candidate(side, candidate, sides.references, thoroughly=thoroughly)
    elif found := videos.match_candidate(side, candidate, sides.references):
        match = found
    else:
        return None
    assets = sides.references.find_asset(query), sides.references.find_asset(reference)
    assert assets[0] and assets[1], "both were compared"
    if not are_long(assets[0], assets[1], match.rows):
        return query, to_whole_pages(match, assets[0], assets[1])
    return query, _compare_long_images(match, query, (assets[0], assets[1]), sides)


def _compare_long_images(
    match: Match, query: str, assets: tuple[Asset, Asset], sides: StoredSides[ComparedAssets]
) -> Match:
    """Return the match of two long images, given that of their most similar rows.

    Two captures of one page have sections that are as alike as the pages are; if much of one is hidden, sections are alike.
    """
    references, page = sides.references, whole_row(assets[0].pages, match.rows[0])
    whole = sides.query(query, page)
    if not isinstance(whole, ImageQuery):
        return to_whole_pages(match, *assets)
    matches = [match]
    for of_sections in (False, True):
        rows, others = (
            [
                row
                for row, one in enumerate(asset.pages)
                if asset.is_section(row) == of_sections and one.number == asset.pages[shown].number and not one.ground
            ]
            for asset, shown in zip(assets, match.rows, strict=True)
        )
        if not rows or not others:
            continue
        best = _best_rows(query, np.array(rows), match.sha256, sides, others)
        row = rows[best.query_row]
        side = sides.query(query, row)
        if (row, best.row) != match.rows and isinstance(side, ImageQuery):
            # The section is a query of one row.
            alone = replace(best, query_row=0)
            matches.append(images.match_candidate(side, alone, references, thoroughly=False))
    long = LongQuery(asset=assets[0], pdq=whole.pdq, features=lambda row: references.local_features(query, row))
    return match_long_images(matches, long, assets[1], references)


def _best_page(query: str, reference: str, sides: StoredSides[ComparedAssets]) -> int:
    """Return the row of the page of an image that has the best pair of rows; the first one if a part of it has that."""
    rows = sides.rows(query)
    if rows.whole_count == 1:
        return 0
    row = _best_rows(query, np.arange(len(rows.vectors)), reference, sides).query_row
    return row if row < rows.whole_count else 0


def _best_rows(
    query: str,
    used: npt.NDArray[np.intp],
    reference: str,
    sides: StoredSides[ComparedAssets],
    others: Sequence[int] | None = None,
) -> Candidate:
    """Return the reference with the best pair of one of these rows of the query and one of its whole image or frames.

    `others` are rows of the reference; all of its whole image or frames if it is None.
    """
    rows, reference_rows = sides.rows(query), sides.rows(reference)
    compared = np.flatnonzero(reference_rows.shows == WHOLE) if others is None else np.array(others)
    similarities = rows.vectors[used].astype(np.float32) @ reference_rows.vectors[compared].astype(np.float32).T
    scores = similarities - rows.levels[used, None]
    row, other = (int(n) for n in np.unravel_index(int(scores.argmax()), scores.shape))
    return Candidate(
        sha256=reference,
        score=float(scores[row, other]),
        similarity=float(similarities[row, other]),
        distinct_score=float(scores[0].max()),
        query_row=row,
        row=int(compared[other]),
    )


def _rank(compared: tuple[str, Match]) -> tuple[float, float, str]:
    """Return the rank of a direction: the more probable one, else the one whose query is the smaller part."""
    query, match = compared
    # Rounded, since the two directions of a pair are hardly ever equally probable to the last digit.
    return round(match.probability, 2), -match.placement.covered if match.placement else 0.0, query


def _from_smaller_part(query: str, match: Match, sides: StoredSides[ComparedAssets]) -> tuple[str, Match]:
    """Return a match of two images seen from the one that is the smaller part: it shows what was cropped off."""
    placement = match.placement
    if match.relation != "copy" or not placement or placement.covered - placement.shown < MIN_EXTENT_DIFFERENCE:
        return query, match
    assets = sides.references.find_asset(query), sides.references.find_asset(match.sha256)
    assert assets[0] and assets[1], "both were compared"
    return match.sha256, reverse_match(match, assets[0], assets[1], sides.references.uris(query))
