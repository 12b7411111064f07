"""A match that is reversed is the match of the other direction."""

import random
from dataclasses import replace

import numpy as np
import pytest
from sample_matches import sample_match

from mediafp.matching.images.placement import place_all_occurrences, place_image
from mediafp.matching.local_features import LocalFeatures, query_features
from mediafp.matching.reversal import reverse_match, reverse_placement
from mediafp.types.geometry import intersection_area, polygon_area
from mediafp.types.matches import Match, Placement, Relation, Segment
from mediafp.types.media import Asset, Kind

MAX_CORNER_ERROR = 0.02
"""Largest distance of the corners of two placements of the same images, in shares of the longer side of the reference."""


def asset(name: str, kind: Kind = "image", size: tuple[int, int] = (400, 300)) -> Asset:
    return Asset(sha256=name * 64, kind=kind, bytes=1, properties={"width": size[0], "height": size[1]})


def place(query: np.ndarray, reference: np.ndarray) -> Placement:
    """Return the placement of an image in another one."""
    fits = place_all_occurrences(
        query_features(query, (query.shape[1], query.shape[0])),
        LocalFeatures(reference, (reference.shape[1], reference.shape[0])),
    )
    assert len(fits) == 1 and fits[0].is_verified
    return fits[0].placement


@pytest.mark.parametrize("turns", [0, 1])
@pytest.mark.parametrize("mirrored", [False, True])
def test_reversed_placement_of_a_crop_is_that_of_the_other_direction(
    photos: dict[str, np.ndarray], turns: int, mirrored: bool
) -> None:
    whole = photos["motorcycle"][::2, ::2]
    crop = whole[20:230, 60:330]
    crop = np.ascontiguousarray(np.rot90(crop[:, ::-1] if mirrored else crop, turns))
    sizes = (crop.shape[1], crop.shape[0]), (whole.shape[1], whole.shape[0])
    reversed_one, direct = reverse_placement(place(crop, whole), *sizes), place(whole, crop)
    assert reversed_one.mirrored == direct.mirrored == mirrored
    assert reversed_one.rotation == pytest.approx(direct.rotation, abs=1)
    assert reversed_one.scale == pytest.approx(direct.scale, rel=0.02)
    assert reversed_one.removed == pytest.approx(direct.removed, abs=0.02)
    assert (reversed_one.covered, reversed_one.shown) == pytest.approx((direct.covered, direct.shown), abs=0.02)
    assert np.abs(np.array(reversed_one.quad) - direct.quad).max() < MAX_CORNER_ERROR * max(sizes[1])
    shared = intersection_area(np.array(reversed_one.overlap), np.array(direct.overlap))
    assert shared > 0.97 * max(polygon_area(np.array(one.overlap)) for one in (reversed_one, direct))
    # Each stored correspondence is a point of the query and one of the reference.
    for query_point, reference_point in reversed_one.correspondences:
        assert 0 <= query_point[0] <= sizes[1][0] and 0 <= query_point[1] <= sizes[1][1]
        assert 0 <= reference_point[0] <= sizes[0][0] and 0 <= reference_point[1] <= sizes[0][1]


def test_reversed_twice_is_the_placement_itself(photos: dict[str, np.ndarray]) -> None:
    whole = photos["coffee"]
    for left, top, right, bottom in ((0, 0, 500, 300), (90, 50, 410, 390)):
        crop = np.ascontiguousarray(whole[top:bottom, left:right])
        sizes = (crop.shape[1], crop.shape[0]), (whole.shape[1], whole.shape[0])
        fit = place_image(query_features(crop, sizes[0]), LocalFeatures(whole, sizes[1]))
        assert fit
        again = reverse_placement(reverse_placement(fit.placement, *sizes), *sizes[::-1])
        for name in ("quad", "overlap"):
            given, returned = np.array(getattr(fit.placement, name)), np.array(getattr(again, name))
            assert np.abs(given - returned).max() < 0.1
        for name in ("covered", "shown", "mirrored", "inliers", "correspondences"):
            assert getattr(again, name) == getattr(fit.placement, name)
        assert again.scale == pytest.approx(fit.placement.scale, rel=1e-3)
        assert again.rotation == pytest.approx(fit.placement.rotation, abs=0.05)
        assert again.removed == pytest.approx(fit.placement.removed, abs=5e-3)


def random_segment(rng: random.Random) -> Segment:
    start, other = round(rng.uniform(0, 50), 3), round(rng.uniform(0, 50), 3)
    seconds, speed = rng.uniform(2, 20), rng.choice((-1.0, 0.5, 1.0, 1.25, 2.0))
    return Segment(
        channel="picture",
        query=(start, round(start + seconds, 3)),
        reference=(other, round(other + seconds * abs(speed), 3)),
        speed=speed,
        mirrored=rng.random() < 0.5,
        score=0.5,
    )


def reversed_match(match: Match, query: Asset, reference: Asset) -> Match:
    return reverse_match(match, query, reference, ("/there",))


@pytest.mark.parametrize("relation", ["same_video", "contains", "contained_in", "shares_footage"])
def test_segments_of_videos_are_reversed(relation: Relation) -> None:
    rng = random.Random(3)
    query, reference = asset("a", "video"), asset("b", "video")
    for count in (1, 2, 5):
        segments = tuple(sorted((random_segment(rng) for _ in range(count)), key=lambda s: (s.query, s.reference)))
        match = sample_match(
            sha256=reference.sha256,
            kind="video",
            uris=("/there",),
            relation=relation,
            segments=segments,
            coverage=(0.3, 0.9),
            why=("3 s of the query align with the reference", "the query plays at 2× speed"),
        )
        back = reversed_match(match, query, reference)
        assert (back.sha256, back.coverage) == (query.sha256, (0.9, 0.3))
        assert back.why == ("3 s of the reference align with the query", "the reference plays at 2× speed")
        assert [s.query for s in back.segments] == sorted(s.reference for s in segments)
        for segment in back.segments:
            (given,) = (one for one in segments if one.reference == segment.query and one.query == segment.reference)
            assert segment.speed * given.speed == pytest.approx(1, abs=1e-3)
            assert segment.mirrored == given.mirrored
        assert {relation, back.relation} in ({relation}, {"contains", "contained_in"})
        assert reversed_match(back, reference, query) == match


def test_an_image_in_a_video_is_reversed() -> None:
    image, video = asset("a"), asset("b", "video", (640, 360))
    seen = Segment(channel="picture", query=None, reference=(2.0, 4.5), speed=1.0, mirrored=False, score=0.4)
    match = sample_match(
        sha256=video.sha256, kind="video", uris=("/there",), relation="image_in_video", segments=(seen,)
    )
    back = reversed_match(match, image, video)
    assert (back.relation, back.kind) == ("image_in_video", "image")
    assert back.segments == (replace(seen, query=(2.0, 4.5), reference=(0.0, 0.0)),)
    assert reversed_match(back, video, image).segments == match.segments
