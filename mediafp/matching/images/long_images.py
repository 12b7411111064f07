"""Matches of two long images: what their pages and sections suggest, judged by all of their sections.

A section that two captures of one site have in common, such as a banner, shows nothing beyond itself. The map of a match, of the
pages or of a section of each, says where all other sections lie; what they show there is judged as that of two other images is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, prod
from typing import Final

import numpy as np
import numpy.typing as npt

from mediafp.matching import calibration
from mediafp.matching.candidates import min_hamming_distance
from mediafp.matching.images.change_evidence import with_changes
from mediafp.matching.images.dense_comparison import join_comparisons
from mediafp.matching.images.page_slices import compare_slices
from mediafp.matching.images.placement import MAX_STORED_CORRESPONDENCES, describe_map, removed_shares
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.images.region_similarity import compute_region_similarity
from mediafp.matching.images.scoring import (
    MAX_PDQ_MATCH_DISTANCE,
    NEGATIVE_REASON,
    image_features,
    image_reasons,
    image_verdict,
    placement_reasons,
)
from mediafp.matching.images.section_pairs import (
    FindFeatures,
    SectionPair,
    compare_tiles,
    find_tiles,
    is_of_unlike_sharpness,
    pair_tiles,
)
from mediafp.matching.images.whole_pages import limit_to_parts, place_in_pages
from mediafp.matching.local_features import LocalFeatures
from mediafp.matching.references import PairReferences
from mediafp.types.arrays import Float64Array
from mediafp.types.counted_nouns import count_of
from mediafp.types.geometry import (
    homography_from_corners,
    image_corners,
    intersection_area,
    polygon_area,
    polygon_intersection,
    rounded_points,
    transform_points,
)
from mediafp.types.matches import Change, Match, Placement, explaining_rank
from mediafp.types.media import Asset
from mediafp.types.pages import whole_row

MAX_COMPARED_SECTIONS: Final = 8
"""Sections that are compared under one map, evenly chosen from those that both images show. Chosen, not measured."""
MAX_JUDGED_MAPS: Final = 3
"""Maps of one long image to another that are judged, those on which most matches agree first. Chosen, not measured."""
MAX_CORNER_SHARE: Final = 0.01
"""Distance of two positions of a corner of the query, divided by the diagonal of the reference, up to which two maps are one.
Chosen, not measured."""

MIN_REFINING_SHARE: Final = 0.25
"""Content of a section that agrees, divided by that of the section with most of it, from which its map takes part in that of the
pages. Chosen, not measured."""
MAX_REFINED_SHARE: Final = 0.05
"""Distance, in diagonals of the reference, by which the maps of sections may move a corner; more is no refinement. Matches whose
corners are no further apart agree on one map. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LongQuery:
    """A long image that is compared.

    Attributes:
        asset: The image.
        pdq: PDQ hashes (8, 32) of its page as a whole: its four rotations anticlockwise, and those of its mirror image, each from
            the upright one on; (0, 32) for a flat one, and without a picture of it.
        features: Function that returns the local features of a row, None without a picture of it.
    """

    asset: Asset
    pdq: npt.NDArray[np.uint8]
    features: FindFeatures


def are_long(query: Asset, reference: Asset, rows: tuple[int, int]) -> bool:
    """Return True if the pages that two rows show all or a part of are compared in sections.

    Both are long, or one is, the other is high or wide, and the rows show both as wholes: a photograph in a page is compared
    with the section that shows it.
    """
    sides = [(asset, row) for asset, row in zip((query, reference), rows, strict=True) if asset.kind == "image"]
    tiles = [find_tiles(asset, whole_row(asset.pages, row)) for asset, row in sides]
    long = [any(asset.is_section(row) for row, _ in found) for (asset, _), found in zip(sides, tiles, strict=True)]
    if len(sides) < 2 or not all(tiles) or not any(long):
        return False
    return all(long) or not any(asset.is_section(row) for asset, row in sides)


def match_long_images(
    matches: Sequence[Match], query: LongQuery, reference: Asset, references: PairReferences
) -> Match:
    """Return the match of two long images.

    Matches of both as wholes are judged by the sections, and so are those of sections, which else are limited to a part. One of
    a further rendering is a match besides: it has no sections, and those on another ground may not show what it does.

    Args:
        matches: Matches of two of their pages, as wholes or by a section, at least one.
        query: The query.
        reference: The reference.
        references: References that contain it.
    """
    found: list[Match] = []
    maps: list[tuple[Match, Placement]] = []
    for match in matches:
        whole = place_in_pages(match, query.asset, reference)
        is_rendering = any(
            asset.pages[row].ground for asset, row in zip((query.asset, reference), match.rows, strict=True)
        )
        if query.asset.is_section(match.rows[0]) or reference.is_section(match.rows[1]):
            found.append(limit_to_parts(whole))
        elif match.verdict != "copy" or is_rendering:
            found.append(whole)
        if match.verdict == "copy":
            maps.append((whole, whole.placement or _place_as_wholes(whole, query, reference, references)))
    for whole, placement in _choose_maps(maps, reference):
        found += filter(None, [_judge(whole, placement, query, reference, references)])
    # Without pictures of the sections, nothing says more than that.
    return max(found, key=explaining_rank, default=None) or limit_to_parts(
        place_in_pages(matches[0], query.asset, reference)
    )


def _choose_maps(maps: Sequence[tuple[Match, Placement]], reference: Asset) -> list[tuple[Match, Placement]]:
    """Return the maps that are judged: those on which most matches agree, of these the most probable; of equal ones one.

    A picture that a page shows several times suggests as many maps, each more probable than that of a copy with a banner.

    Args:
        maps: Matches of two pages, and the placements that state their maps.
        reference: The reference.
    """
    if not maps:
        return []
    quads = np.array([placement.quad for _, placement in maps], np.float64)
    distances = np.linalg.norm(quads[:, None] - quads[None], axis=-1).max(axis=-1)
    diagonal = np.hypot(*reference.row_size(maps[0][0].rows[1]))
    agreeing = (distances <= MAX_REFINED_SHARE * diagonal).sum(axis=1).tolist()
    chosen: list[int] = []
    for n in sorted(range(len(maps)), key=lambda n: (-agreeing[n], -maps[n][0].probability)):
        if (distances[n, chosen] > MAX_CORNER_SHARE * diagonal).all():
            chosen.append(n)
    return [maps[n] for n in chosen[:MAX_JUDGED_MAPS]]


def _find_form(query: LongQuery, hashes: npt.NDArray[np.uint8]) -> int:
    """Return which of its rotations and reflections a query is most like by hashes (N, 32): a row of `LongQuery.pdq`, or 0."""
    if not len(query.pdq) or not len(hashes):
        return 0
    return int(np.bitwise_count(query.pdq[:, None] ^ hashes[None]).sum(axis=2).min(axis=1).argmin())


def _place_as_wholes(whole: Match, query: LongQuery, reference: Asset, references: PairReferences) -> Placement:
    """Return the placement of two images of which only the hashes say that they are copies, as they say that one is turned."""
    size, reference_size = query.asset.row_size(whole.rows[0]), reference.row_size(whole.rows[1])
    form = _find_form(query, references.pdq(reference.sha256))
    corners, places = image_corners(*reference_size), np.array([[0, 1], [3, 2]])
    quad = np.empty((4, 2))
    quad[np.rot90(places[:, ::-1] if form >= 4 else places, form)] = corners[places]
    middle = np.array(size) / 2
    mirrored, rotation, scale = describe_map(homography_from_corners(image_corners(*size), quad), middle)
    return Placement(
        quad=rounded_points(quad),  # type: ignore[arg-type]
        overlap=rounded_points(corners),
        covered=1.0,
        shown=1.0,
        mirrored=mirrored,
        rotation=rotation,
        scale=round(scale, 4),
        removed=(0.0, 0.0, 0.0, 0.0),
        inliers=0,
        correspondences=(),
    )


def _judge(
    match: Match, placement: Placement, query: LongQuery, reference: Asset, references: PairReferences
) -> Match | None:
    """Return the match of two long images by what their sections show under one map; None if there are no pictures of them.

    Args:
        match: Match of their pages that suggests the map.
        placement: Placement of one page in the other that states the map.
        query: The query.
        reference: The reference.
        references: References that contain it.
    """
    sizes = query.asset.row_size(match.rows[0]), reference.row_size(match.rows[1])
    quad = np.array(placement.quad, np.float64)
    tiles = find_tiles(query.asset, match.rows[0]), find_tiles(reference, match.rows[1])
    shared = list(pair_tiles(*tiles, quad, sizes[0]))
    kept = np.linspace(0, len(shared) - 1, min(len(shared), MAX_COMPARED_SECTIONS)).round().astype(int)
    is_negative = NEGATIVE_REASON in match.why
    pairs = [
        pair
        for one in kept.tolist()
        if (
            pair := compare_tiles(
                shared[one],
                (
                    _negatives(query.features) if is_negative else query.features,
                    lambda row: references.local_features(match.sha256, row),
                ),
                placement,
                sizes[0],
            )
        )
    ]
    if not pairs:
        return None
    quad = _refine_quad(pairs, quad, sizes)
    has_keypoints = any(pair.correspondences for pair in pairs) or placement_reasons(placement)[0] in match.why
    fit = _join(pairs, _place_pages(pairs, placement, quad, sizes), sizes[1], by_blocks=not has_keypoints)
    distance = min_hamming_distance(query.pdq, references.pdq(match.sha256))
    is_blurred = is_of_unlike_sharpness(pairs)
    if is_blurred and not fit.is_verified and match.placement and distance <= MAX_PDQ_MATCH_DISTANCE:
        # A blurred section agrees with no sharp one; equal hashes of pages that a placement joins say enough.
        return replace(match, why=("one image is too blurred to be compared in sections", *match.why))
    best = max(pairs, key=lambda pair: pair.dense.agreeing_blocks)
    similarity = 0.0
    if fit.is_verified and best.fit:
        aligned = replace(best.fit, dense=best.dense)
        similarity = compute_region_similarity(best.query, best.reference, aligned, references.embed_with_full_model)
    probability = calibration.probability(image_features(match.score, distance, fit, similarity))
    if fit.is_verified:
        # The sections confirm what suggested the map; those of a face have few keypoints of their own.
        probability = max(probability, match.probability)
    compared = f"compared in {len(pairs)} of {count_of(len(shared), 'section')} that both images show"
    if differing := sum(pair.differs_as_whole for pair in pairs):
        compared += f", {differing} of which {'differs' if differing == 1 else 'differ'} for the most part"
    judged = replace(
        match,
        verdict=image_verdict(probability, match.score, fit, distance),
        probability=probability,
        placement=fit.placement if fit.is_verified else None,
        more_placements=(),
        coverage=(fit.placement.shown, fit.placement.covered),
        why=(compared, *image_reasons(fit, distance, match.score, negative=is_negative)),
    )
    return with_changes(judged, _find_changes(pairs) if judged.verdict == "copy" else ())


def _negatives(features: FindFeatures) -> FindFeatures:
    """Return a function that returns the local features of the rows of an image with light and dark exchanged."""

    def find(row: int) -> LocalFeatures | None:
        found = features(row)
        return found and replace(found, image=np.asarray(255 - found.image, np.uint8))

    return find


def _refine_quad(
    pairs: Sequence[SectionPair], quad: Float64Array, sizes: tuple[tuple[int, int], tuple[int, int]]
) -> Float64Array:
    """Return the corners (4, 2) of a page in another one by the sections that agree, on all of its length; else as they were.

    Args:
        pairs: Sections of the pages that were compared.
        quad: Corners of the first page by the map that was suggested.
        sizes: Width and height of the pages.
    """
    import cv2

    least = MIN_REFINING_SHARE * max(pair.dense.agreeing_blocks for pair in pairs)
    corners = [pair.corners for pair in pairs if pair.dense.agreeing_blocks >= least > 0]
    if not corners:
        return quad
    places, moved = (np.concatenate(side).astype(np.float32) for side in zip(*corners, strict=True))
    cv2.setRNGSeed(1)
    diagonal = float(np.hypot(*sizes[1]))
    estimate, _ = cv2.findHomography(places, moved, cv2.RANSAC, MAX_CORNER_SHARE * diagonal)
    if estimate is None or not np.isfinite(estimate).all():
        return quad
    refined = transform_points(np.asarray(estimate, np.float64), image_corners(*sizes[0]))
    is_near = np.linalg.norm(refined - quad, axis=1).max() <= MAX_REFINED_SHARE * diagonal
    is_possible = cv2.isContourConvex(refined.astype(np.float32))
    shows_some = len(polygon_intersection(refined, image_corners(*sizes[1]))) > 2
    return refined if is_near and is_possible and shows_some else quad


def _place_pages(
    pairs: Sequence[SectionPair],
    placement: Placement,
    quad: Float64Array,
    sizes: tuple[tuple[int, int], tuple[int, int]],
) -> Placement:
    """Return a placement of two pages with all that they show of each other, and with the keypoints of their sections.

    Without any keypoints, its inliers are the blocks that agree.

    Args:
        pairs: Their sections that were compared.
        placement: The placement.
        quad: Corners (4, 2) of the first page in pixels of the second.
        sizes: Width and height of the pages.
    """
    overlap = polygon_intersection(quad, image_corners(*sizes[1]))
    area = polygon_area(overlap)
    by_place = {point: (other, point) for pair in pairs for other, point in pair.correspondences}
    found = sorted(by_place.values(), key=lambda one: (one[1][1], one[1][0])) or list(placement.correspondences)
    stored = np.linspace(0, len(found) - 1, min(len(found), MAX_STORED_CORRESPONDENCES)).round().astype(int)
    return replace(
        placement,
        quad=rounded_points(quad),  # type: ignore[arg-type]
        overlap=rounded_points(overlap),
        covered=round(min(1.0, area / prod(sizes[1])), 4),
        shown=round(min(1.0, area / polygon_area(quad)), 4),
        removed=removed_shares(overlap, sizes[1]),
        inliers=max(placement.inliers, len(found)) or round(sum(pair.dense.agreeing_blocks for pair in pairs)),
        correspondences=tuple(found[n] for n in stored.tolist()),
    )


def _join(
    pairs: Sequence[SectionPair], placement: Placement, size: tuple[int, int], *, by_blocks: bool
) -> PlacementFit:
    """Return the fit of two pages, of which each section counts by what it shows; one without a fit supports nothing."""
    contents = np.array([pair.content for pair in pairs])
    weights = contents / contents.sum()

    def mean(values: list[float]) -> float:
        return float(weights @ np.array(values))

    fits = [pair.fit for pair in pairs]
    return PlacementFit(
        placement=placement,
        median_ncc=mean([fit.median_ncc if fit else 0.0 for fit in fits]),
        matching_blocks=mean([fit.matching_blocks if fit else 0.0 for fit in fits]),
        support=mean([fit.support if fit else 0.0 for fit in fits]),
        reprojection_error=min((fit.reprojection_error for fit in fits if fit), default=inf),
        dense=join_comparisons([pair.dense for pair in pairs]),
        agrees_along=compare_slices(pairs, size).shows_one_image,
        by_blocks=by_blocks,
    )


def _find_changes(pairs: Sequence[SectionPair]) -> tuple[Change, ...]:
    """Return the changes of all sections, the largest first, one of those that share a place: sections overlap.

    None if one of them differs as a whole: the changes of the others would be taken for all that differs.
    """
    if any(pair.differs_as_whole for pair in pairs):
        return ()
    found = sorted(
        (one for pair in pairs for one in pair.find_changes()), key=lambda one: -polygon_area(np.array(one.box))
    )
    merged: list[Change] = []
    for change in found:
        if not any(intersection_area(np.array(change.box), np.array(one.box)) for one in merged):
            merged.append(change)
    return tuple(merged)
