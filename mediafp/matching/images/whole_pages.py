"""Matches of sections and further renderings of images, in pixels of their whole pages."""

from dataclasses import replace

import numpy as np

from mediafp.matching.images.placement import removed_shares
from mediafp.matching.images.placement_fit import MIN_OVERLAP_SHARE
from mediafp.matching.images.scoring import format_percent, placement_reasons
from mediafp.types.arrays import Float64Array
from mediafp.types.geometry import (
    homography_from_corners,
    image_corners,
    jacobian_at,
    rounded_points,
    transform_points,
)
from mediafp.types.matches import Change, Match, Placement
from mediafp.types.media import Asset
from mediafp.types.pages import Page, whole_row

SHARED_PART_PROBABILITY = 0.49
"""Largest probability of two long images by a section of each, and of two images that share less than `MIN_OVERLAP_SHARE` of
both: two pages with one image, or one site's banner. Below one half, so that they make no cluster. Chosen, not measured."""


def to_whole_pages(match: Match, query: Asset, reference: Asset) -> Match:
    """Return a match with the rows and in the pixels of the pages that have its rows; the match itself if these are pages.

    Two long images are `possible` at best by a section of one, and so are images that share less than `MIN_OVERLAP_SHARE` of
    either, as two whole ones are.
    """
    whole = place_in_pages(match, query, reference)
    are_long = _is_long(query) and _is_long(reference)
    sides = zip((query, reference), match.rows, strict=True)
    if are_long and any(asset.is_section(row) for asset, row in sides):
        return limit_to_parts(whole)
    if whole is match:
        return match
    placements = [one for one in (whole.placement, *whole.more_placements) if one]
    shared = max(sum(one.shown for one in placements), placements[0].covered) if placements else max(whole.coverage)
    if shared >= MIN_OVERLAP_SHARE:
        return whole
    share, limit = format_percent(shared), format_percent(MIN_OVERLAP_SHARE)
    return _as_parts_alone(whole, f"what both show is {share} of an image (copies: at least {limit})")


def limit_to_parts(whole: Match) -> Match:
    """Return a match of two long images, in the pixels of their pages, as one of a part of each."""
    return _as_parts_alone(whole, "a part of the query and a part of the reference show the same, and both are larger")


def place_in_pages(match: Match, query: Asset, reference: Asset) -> Match:
    """Return a match as `to_whole_pages` does, with the probability of what was compared.

    The overlap is what was compared: of a section nothing is claimed beyond it.
    """
    pages = [_pages(asset, row) for asset, row in zip((query, reference), match.rows, strict=True)]
    if all(part == whole for part, whole in pages):
        return match
    areas = [part.size[0] * part.size[1] / (whole.size[0] * whole.size[1]) for part, whole in pages]
    placements = [
        _place_in_whole(placement, pages[0], pages[1], (areas[0], areas[1]))
        for placement in (match.placement, *match.more_placements)
        if placement
    ]
    named = [
        f"matched by {name}"
        for side, (part, _) in zip(("query", "reference"), pages, strict=True)
        if (name := _name(side, part))
    ]
    return replace(
        match,
        placement=placements[0] if placements else None,
        more_placements=tuple(placements[1:]),
        changes=tuple(_change_in_whole(change, pages[1][0]) for change in match.changes),
        coverage=(round(match.coverage[0] * areas[0], 4), round(match.coverage[1] * areas[1], 4)),
        why=(*named, *restate_placement(match, placements[0] if placements else None)),
        rows=(_whole_row(query, match.rows[0]), _whole_row(reference, match.rows[1])),
    )


def _as_parts_alone(match: Match, reason: str) -> Match:
    """Return a match of two images that may share no more than a part, such as the banner of one site.

    One that shows nothing in common, and is as improbable, stays as it is.
    """
    if match.placement is None and match.verdict != "copy" and match.probability <= SHARED_PART_PROBABILITY:
        return match
    return replace(
        match,
        probability=min(match.probability, SHARED_PART_PROBABILITY),
        verdict="possible" if match.verdict == "copy" else match.verdict,
        why=(reason, *match.why),
    )


def _pages(asset: Asset, row: int) -> tuple[Page, Page]:
    """Return what a row of an asset shows, and the page that it is all or a part of."""
    pages = asset.pages if asset.kind == "image" else ()
    if row >= len(pages):
        frame = Page(number=1, size=asset.row_size(row))
        return frame, frame
    return pages[row], pages[whole_row(pages, row)]


def _is_long(asset: Asset) -> bool:
    return asset.kind == "image" and any(page.corner for page in asset.pages)


def _whole_row(asset: Asset, row: int) -> int:
    return whole_row(asset.pages, row) if asset.kind == "image" else row


def _name(side: str, page: Page) -> str | None:
    if page.ground:
        return f"the {side} on a {page.ground} ground"
    if page.corner:
        left, top, right, bottom = page.box
        return f"the part of the {side} from {left}, {top} to {right}, {bottom}"
    return None


def _place_in_whole(
    placement: Placement, query: tuple[Page, Page], reference: tuple[Page, Page], areas: tuple[float, float]
) -> Placement:
    """Return a placement of one section in another one as that of the whole page in the whole page.

    Args:
        placement: Placement of the sections.
        query: What was compared of the query, and the page with it.
        reference: The same of the reference.
        areas: Area of what was compared as a share of its page, of the query and of the reference.
    """
    query_corner, reference_corner = (np.array(side[0].corner or (0, 0), np.float64) for side in (query, reference))
    quad = np.array(placement.quad, np.float64)
    overlap = np.array(placement.overlap, np.float64)
    if query[0].corner:
        quad = _extend(quad, overlap, query[0].size, image_corners(*query[1].size) - query_corner)
    overlap = overlap + reference_corner
    return replace(
        placement,
        quad=rounded_points(quad + reference_corner),  # type: ignore[arg-type]
        overlap=rounded_points(overlap),
        covered=round(placement.covered * areas[1], 4),
        shown=round(placement.shown * areas[0], 4),
        removed=removed_shares(overlap, reference[1].size),
        correspondences=tuple(
            ((a[0] + query_corner[0], a[1] + query_corner[1]), (b[0] + reference_corner[0], b[1] + reference_corner[1]))
            for a, b in placement.correspondences
        ),
    )


def _change_in_whole(change: Change, reference: Page) -> Change:
    """Return a change within a section of the reference in pixels of its page."""
    left, top = reference.corner or (0, 0)
    return replace(change, box=tuple((x + left, y + top) for x, y in change.box))


def _extend(quad: Float64Array, overlap: Float64Array, size: tuple[int, int], points: Float64Array) -> Float64Array:
    """Return where points (N, 2) fall, given where the corners of a section fall: by the map in the middle of the overlap.

    A perspective that fits the section would bend the page around it.
    """
    to_reference = homography_from_corners(image_corners(*size), quad)
    middle = overlap.mean(axis=0)
    centre = transform_points(np.linalg.inv(to_reference), middle[None])[0]
    return np.asarray(middle + (points - centre) @ jacobian_at(to_reference, centre).T, np.float64)


def restate_placement(match: Match, placement: Placement | None) -> tuple[str, ...]:
    """Return the reasons of a match with those of its placement as they are of another one, that of the whole pages."""
    if match.placement is None or placement is None:
        return match.why
    for by_blocks in (False, True):
        old = placement_reasons(match.placement, by_blocks=by_blocks)
        if set(old) <= set(match.why):
            first = match.why.index(old[0])
            kept = [reason for reason in match.why[first:] if reason not in old]
            return (*match.why[:first], *placement_reasons(placement, by_blocks=by_blocks), *kept)
    # The placement gave none: it is not verified.
    return match.why
