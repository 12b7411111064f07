"""Relations of two videos on small given fingerprints, one row a second, with fake references."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from fake_references import FakeAsset, FakeReferences, add_noise, even_spans, random_embeddings, random_hashes

from mediafp.matching.local_features import LocalFeatures, query_features
from mediafp.matching.videos import compare
from mediafp.matching.videos.compare import compare_videos, match_video
from mediafp.matching.videos.frames import VideoQuery
from mediafp.matching.videos.relations import MIN_FULL_COVERAGE
from mediafp.types.matches import Match
from mediafp.types.media import Pixels

REFERENCE_ROWS = 30
EMBEDDINGS = random_embeddings(REFERENCE_ROWS, 1)
HASHES = random_hashes(REFERENCE_ROWS, 2)
OTHER_EMBEDDINGS = random_embeddings(REFERENCE_ROWS, 3)
OTHER_HASHES = random_hashes(REFERENCE_ROWS, 4)


def no_features(row: int) -> LocalFeatures | None:
    return None


def video(embeddings: np.ndarray, hashes: np.ndarray, images: dict[int, Pixels] | None = None) -> FakeAsset:
    return FakeAsset("video", embeddings, hashes, even_spans(len(embeddings)), images or {})


def references(**more: FakeAsset) -> FakeReferences:
    """The reference video, an unrelated one, and more assets."""
    unrelated = video(random_embeddings(REFERENCE_ROWS, 5), random_hashes(REFERENCE_ROWS, 6))
    return FakeReferences({"reference": video(EMBEDDINGS, HASHES), "unrelated": unrelated, **more})


def query(
    *parts: tuple[bool, slice],
    quality: float = 1.0,
    local_features: Callable[[int], LocalFeatures | None] = no_features,
) -> VideoQuery:
    """A video of parts (copied, rows): rows of the reference after recompression, or rows of no reference."""
    embeddings = np.concatenate([(EMBEDDINGS if copied else OTHER_EMBEDDINGS)[rows] for copied, rows in parts])
    hashes = np.concatenate([(HASHES if copied else OTHER_HASHES)[rows] for copied, rows in parts])
    return VideoQuery(
        sha256="query",
        embeddings=add_noise(embeddings, 0.9, 7),
        quality=np.full(len(embeddings), quality, np.float32),
        pdq=hashes,
        spans=even_spans(len(embeddings)),
        track=None,
        local_features=local_features,
    )


WHOLE = (True, slice(0, REFERENCE_ROWS))


def match_of(asked: VideoQuery, stored: FakeReferences | None = None) -> Match:
    """The only match, which is with the reference."""
    (match,) = match_video(asked, stored or references())
    assert match.sha256 == "reference"
    return match


# Relations ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "relation", "query_span", "reference_span", "coverage"),
    [
        # Nearly whole and in order on both sides.
        ([WHOLE], "same_video", (0, 30), (0, 30), (1.0, 1.0)),
        ([(True, slice(4, 28))], "same_video", (0, 24), (4, 28), (1.0, 0.8)),
        # The query is a part of the reference.
        ([(True, slice(10, 20))], "contained_in", (0, 10), (10, 20), (1.0, 10 / 30)),
        # The query has all of the reference, and more before and after it.
        ([(False, slice(0, 14)), WHOLE, (False, slice(14, 30))], "contains", (14, 44), (0, 30), (0.5, 1.0)),
        # Both have footage that the other lacks.
        ([(False, slice(0, 15)), (True, slice(20, 28))], "shares_footage", (15, 23), (20, 28), (8 / 23, 8 / 30)),
    ],
    ids=["same_video", "same_video_cut", "contained_in", "contains", "shares_footage"],
)
def test_relation_follows_from_the_coverage_of_both_videos(
    parts: list[tuple[bool, slice]],
    relation: str,
    query_span: tuple[float, float],
    reference_span: tuple[float, float],
    coverage: tuple[float, float],
) -> None:
    match = match_of(query(*parts))
    assert (match.relation, match.verdict, match.kind) == (relation, "copy", "video")
    assert match.probability > 0.9
    assert match.coverage == pytest.approx(coverage, abs=1e-3)
    (segment,) = match.segments
    assert (segment.channel, segment.speed, segment.mirrored) == ("picture", 1.0, False)
    assert segment.query == query_span and segment.reference == reference_span
    assert segment.score > 0.5


def test_unrelated_videos_have_no_match() -> None:
    """No frame of the query votes for a reference: random embeddings score below the voting threshold."""
    assert match_video(query((False, slice(0, 30))), references()) == []


@pytest.mark.parametrize(("rows", "relation"), [(24, "same_video"), (23, "contained_in")])
def test_full_coverage_starts_at_its_threshold(rows: int, relation: str) -> None:
    """24 of 30 seconds are exactly the share that counts as the whole video, 23 seconds are not."""
    assert MIN_FULL_COVERAGE == 0.8
    assert match_of(query((True, slice(0, rows)))).relation == relation


def test_stills_in_another_order_share_footage_in_two_segments() -> None:
    """Each segment covers a part; no line of constant offset covers both."""
    match = match_of(query((True, slice(16, 24)), (False, slice(0, 12)), (True, slice(2, 10))))
    assert match.relation == "shares_footage"
    assert [(s.query, s.reference) for s in match.segments] == [((0, 8), (16, 24)), ((20, 28), (2, 10))]
    assert match.why[0] == "16 s of the query align with the reference in 2 segments"
    assert match.why[1] == "57 % of the query and 53 % of the reference are covered"


def test_sped_up_copy_has_its_speed() -> None:
    """Row n of the query is the reference's row at 1.5 n seconds."""
    rows = np.floor(np.arange(20) * 1.5).astype(int)
    asked = VideoQuery(
        sha256="query",
        embeddings=add_noise(EMBEDDINGS[rows], 0.9, 7),
        quality=np.ones(20, np.float32),
        pdq=HASHES[rows],
        spans=even_spans(20),
        track=None,
        local_features=no_features,
    )
    match = match_of(asked)
    assert len(match.segments) == 1 and match.segments[0].speed == pytest.approx(1.5, rel=0.01)
    assert "the query plays at 1.5× speed" in match.why


# Evidence -----------------------------------------------------------------------------------------


def test_single_similar_frame_is_no_proof() -> None:
    """A single aligned row without a placement and with another hash is `possible` at best, however similar."""
    asked = query((True, slice(5, 6)))
    match = match_of(replace(asked, pdq=OTHER_HASHES[5:6]))
    assert match.verdict != "copy"
    assert len(match.segments) == 1
    assert match_of(asked).verdict == "copy", "an equal hash is proof"


def test_flat_frames_alone_are_no_match() -> None:
    """Flat frames have similar embeddings, which is no evidence; their hashes are no evidence either."""
    sharp, flat = query(WHOLE), query(WHOLE, quality=0.1)
    different_hashes = VideoQuery(
        sha256="query",
        embeddings=flat.embeddings,
        quality=flat.quality,
        pdq=OTHER_HASHES,
        spans=flat.spans,
        track=None,
        local_features=no_features,
    )
    assert match_video(different_hashes, references()) == [] and match_of(sharp).probability > 0.9


def test_placed_frames_give_placement_orientation_and_reasons(photos: dict[str, np.ndarray]) -> None:
    """Three frame pairs are placed; all are mirrored, so the segment is."""
    mirrored = np.ascontiguousarray(photos["cat"][:, ::-1])
    stored = references(reference=video(EMBEDDINGS, HASHES, dict.fromkeys(range(REFERENCE_ROWS), photos["cat"])))
    asked = query(WHOLE, local_features=lambda row: query_features(mirrored, (mirrored.shape[1], mirrored.shape[0])))
    (pair,) = compare_videos(asked, stored)
    assert len(pair.frame_comparisons) == 3 == len(stored.placed)
    assert all(comparison.fit and comparison.fit.is_verified for comparison in pair.frame_comparisons)
    match = match_of(asked, stored)
    assert match.placement is not None and match.placement.mirrored
    assert [segment.mirrored for segment in match.segments] == [True]
    assert "the query is mirrored" in match.why


def test_video_without_rows_has_no_match() -> None:
    """A video of flat frames only has no rows."""
    assert match_video(query((True, slice(0, 0))), references()) == []


def test_matches_are_ordered_by_probability() -> None:
    """A shorter copy is less evidence than a longer one."""
    stored = references(clip=video(np.concatenate((EMBEDDINGS[:3], random_embeddings(27, 8))), random_hashes(30, 9)))
    matches = match_video(query(WHOLE), stored)
    assert [match.sha256 for match in matches] == ["reference", "clip"]
    assert matches[0].probability > matches[1].probability


# A video and an image -----------------------------------------------------------------------------


def test_image_in_the_query_has_the_time_of_its_frames() -> None:
    """The reference is an image that the query shows from second 6 to second 9."""
    still = random_embeddings(1, 10)
    embeddings = OTHER_EMBEDDINGS.copy()
    embeddings[6:9] = still
    hashes = OTHER_HASHES.copy()
    hashes[6:9] = HASHES[0]
    asked = VideoQuery(
        sha256="query",
        embeddings=embeddings,
        quality=np.ones(30, np.float32),
        pdq=hashes,
        spans=even_spans(30),
        track=None,
        local_features=no_features,
    )
    stored = FakeReferences({"image": FakeAsset("image", still, HASHES[:1], np.zeros((1, 2)))})
    (match,) = match_video(asked, stored)
    assert (match.sha256, match.kind, match.relation, match.verdict) == ("image", "image", "image_in_video", "copy")
    assert [(segment.query, segment.reference) for segment in match.segments] == [((6, 9), (0, 0))]
    assert match.coverage == (0.1, 1.0)


def test_videos_of_too_many_rows_are_compared_in_steps(
    monkeypatch: pytest.MonkeyPatch, photos: dict[str, np.ndarray]
) -> None:
    monkeypatch.setattr(compare, "FEW_ROWS", 10)
    monkeypatch.setattr(compare, "MAX_ROW_PAIRS", REFERENCE_ROWS * REFERENCE_ROWS // 4)
    assert compare._choose_steps(REFERENCE_ROWS, REFERENCE_ROWS) == (2, 2)
    assert compare._choose_steps(10, 10_000) == (1, 445) and compare._choose_steps(10_000, 10) == (1, 1)
    images = {row: photos["coffee"] for row in range(REFERENCE_ROWS)}
    features = {row: query_features(image, (image.shape[1], image.shape[0])) for row, image in images.items()}
    whole = slice(0, REFERENCE_ROWS)
    match = match_of(
        query((True, whole), local_features=features.get), references(reference=video(EMBEDDINGS, HASHES, images))
    )
    assert match.sha256 == "reference" and match.relation == "same_video" and match.verdict == "copy"
    assert match.segments[0].query == match.segments[0].reference and match.placement
