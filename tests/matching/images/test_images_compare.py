"""Comparison of an image with references on given embeddings and hashes; keypoints are those of real photographs."""

from dataclasses import replace

import numpy as np
import pytest
from fake_references import FakeAsset, FakeReferences, add_noise, even_spans, random_embeddings, random_hashes

from mediafp.matching.images.compare import MAX_PLACED, MIN_PLACED, compare_images, match_image
from mediafp.matching.images.search import ImageQuery
from mediafp.matching.local_features import query_features
from mediafp.types.media import Pixels

NAMES = ["cat", "coffee", "temple", "rocket", "flower"]
EMBEDDINGS = random_embeddings(len(NAMES), 1)
HASHES = random_hashes(len(NAMES), 2)
NO_HASHES = np.empty((0, 32), np.uint8)


def image(embedding: np.ndarray, pdq: np.ndarray, pixels: Pixels | None, quality: float = 1.0) -> FakeAsset:
    images = {} if pixels is None else {0: pixels}
    return FakeAsset("image", embedding[None], pdq[None], np.zeros((1, 2)), images, quality)


@pytest.fixture
def references(photos: dict[str, np.ndarray]) -> FakeReferences:
    """Five photographs with unrelated embeddings and hashes."""
    return FakeReferences({name: image(EMBEDDINGS[n], HASHES[n], photos[name]) for n, name in enumerate(NAMES)})


def query(pixels: Pixels, embedding: np.ndarray, pdq: np.ndarray = NO_HASHES, quality: float = 1.0) -> ImageQuery:
    """A query of one crop, the whole image, whose embedding is an edited copy of the given one."""
    return ImageQuery(
        embeddings=add_noise(embedding[None], 0.9, 3),
        boxes=(None,),
        primary_crops=1,
        rectangles=(),
        quality=quality,
        pdq=pdq,
        local_features=query_features(pixels, (pixels.shape[1], pixels.shape[0])),
    )


def crop(photo: Pixels) -> Pixels:
    """The right seven eighths of a photograph."""
    return np.ascontiguousarray(photo[:, photo.shape[1] // 8 :])


# Matches ------------------------------------------------------------------------------------------


def test_negative_is_placed_by_its_own_features_and_has_no_changes(
    references: FakeReferences, photos: dict[str, np.ndarray]
) -> None:
    photo = photos["temple"]
    size = photo.shape[1], photo.shape[0]
    plain = query(np.asarray(255 - photo, np.uint8), random_embeddings(1, 21)[0])
    both = np.concatenate((plain.embeddings, add_noise(EMBEDDINGS[2][None], 0.9, 3)))
    negative = replace(plain, embeddings=both, boxes=(None, None), negative=query_features(photo, size))
    best = match_image(negative, references)[0]
    assert (best.sha256, best.verdict, best.changes) == ("temple", "copy", ())
    assert any("light and dark are exchanged" in reason for reason in best.why)
    assert match_image(plain, references)[0].verdict != "copy", "its keypoints are those of another image"


def test_copy_has_relation_placement_and_reasons(references: FakeReferences, photos: dict[str, np.ndarray]) -> None:
    matches = match_image(query(crop(photos["temple"]), EMBEDDINGS[2]), references)
    assert len(matches) == MIN_PLACED, "the first fit is conclusive"
    best = matches[0]
    assert (best.sha256, best.kind, best.relation, best.verdict) == ("temple", "image", "copy", "copy")
    assert best.probability > 0.95 and best.segments == () and best.more_placements == ()
    assert best.placement is not None and best.placement.removed[0] == pytest.approx(1 / 8, abs=0.02)
    assert best.coverage == pytest.approx((1.0, 7 / 8), abs=0.02)
    assert best.why[0] == f"{best.placement.inliers} keypoints agree on one placement"
    assert max(match.probability for match in matches[1:]) < 0.05
    assert all(match.verdict != "copy" and match.placement is None for match in matches[1:])


def test_unrelated_image_has_only_improbable_matches(references: FakeReferences, photos: dict[str, np.ndarray]) -> None:
    matches = match_image(query(photos["motorcycle"], random_embeddings(1, 4)[0]), references)
    assert len(matches) == MIN_PLACED
    assert max(match.probability for match in matches) < 0.05
    assert {match.verdict for match in matches} == {"possible"}


def test_similar_embedding_without_placement_is_no_copy(
    references: FakeReferences, photos: dict[str, np.ndarray]
) -> None:
    """Two photographs of one scene have similar embeddings; no map joins them."""
    best = match_image(query(photos["motorcycle"], EMBEDDINGS[0]), references)[0]
    assert best.sha256 == "cat" and best.placement is None and best.verdict != "copy"
    assert best.why[0] == "no placement joins the two images"


def test_matching_hash_finds_a_reference_that_the_embedding_misses(
    references: FakeReferences, photos: dict[str, np.ndarray]
) -> None:
    """A rotated copy is like an unrelated image to SSCD; one of the eight PDQ hashes matches, and so do the keypoints."""
    rotated = np.ascontiguousarray(np.rot90(photos["coffee"]))
    hashes = np.concatenate((random_hashes(7, 5), HASHES[1:2]))
    pairs = compare_images(query(rotated, random_embeddings(1, 6)[0], hashes), references)
    (pair,) = (pair for pair in pairs if pair.candidate.sha256 == "coffee")
    assert pair.distance == 0 and pair.fit is not None and pair.fit.is_verified
    assert pair.fit.placement.rotation == pytest.approx(90, abs=1)
    best = match_image(query(rotated, random_embeddings(1, 6)[0], hashes), references)[0]
    assert (best.sha256, best.verdict) == ("coffee", "copy")
    assert "the PDQ hashes differ in 0 of 256 bits" in best.why


def test_reference_crop_finds_a_small_crop_by_fine_keypoints(photos: dict[str, np.ndarray]) -> None:
    """The embedding of one crop is similar, so the reference is placed, and placed again with fine keypoints."""
    photo = photos["temple"]
    height, width = photo.shape[:2]
    small = np.ascontiguousarray(photo[height * 3 // 8 : height * 5 // 8, width * 3 // 8 : width * 5 // 8])
    asset = image(EMBEDDINGS[2], HASHES[2], photo)
    stored = FakeReferences({"temple": asset}, crop_similarities={"temple": 0.9})
    best = match_image(query(small, random_embeddings(1, 7)[0]), stored)[0]
    assert best.sha256 == "temple" and best.placement is not None
    assert best.placement.covered == pytest.approx(1 / 16, abs=0.01)


def test_flat_query_is_no_evidence(references: FakeReferences, photos: dict[str, np.ndarray]) -> None:
    """All flat images have similar embeddings, so the score is scaled by the lower quality."""
    flat = np.full((200, 300, 3), 120, np.uint8)
    sharp_score, flat_score = (
        compare_images(query(flat, EMBEDDINGS[0], quality=quality), references)[0].weighted_score
        for quality in (1.0, 0.1)
    )
    assert flat_score == pytest.approx(0.1 * sharp_score)
    best = match_image(query(flat, EMBEDDINGS[0], quality=0.1), references)[0]
    assert best.probability < 0.1 and best.verdict == "possible"


# Cost ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_copy", "crop_similarity", "placed"),
    [(True, 0.3, MIN_PLACED), (False, 0.3, MAX_PLACED), (False, 0.1, MIN_PLACED), (False, 0.9, 21)],
)
def test_fewer_candidates_are_placed_after_a_conclusive_fit_or_if_nothing_speaks_for_them(
    photos: dict[str, np.ndarray], is_copy: bool, crop_similarity: float, placed: int
) -> None:
    """Twenty references that resemble the query in a crop, or hardly, and the copy first of all."""
    embeddings, hashes = random_embeddings(20, 8), random_hashes(20, 9)
    assets = {f"other-{n:02}": image(embeddings[n], hashes[n], photos["coffee"]) for n in range(20)}
    stored = FakeReferences({**assets, "cat": image(EMBEDDINGS[0], HASHES[0], photos["cat"])})
    stored.crop_similarities.update(dict.fromkeys(assets, crop_similarity))
    embedding = EMBEDDINGS[0] if is_copy else random_embeddings(1, 10)[0]
    pairs = compare_images(query(photos["cat"] if is_copy else photos["motorcycle"], embedding), stored)
    assert len(pairs) == placed
    assert any(pair.fit and pair.fit.is_conclusive for pair in pairs) == is_copy


def test_full_model_runs_only_on_inconclusive_fits(references: FakeReferences, photos: dict[str, np.ndarray]) -> None:
    compare_images(query(crop(photos["temple"]), EMBEDDINGS[2]), references)
    assert references.embedded == 0
    covered = photos["temple"].copy()
    covered[:, : covered.shape[1] // 2] = photos["rocket"][: covered.shape[0], : covered.shape[1] // 2]
    pairs = compare_images(query(covered, EMBEDDINGS[2]), references)
    assert references.embedded == 2, "the two regions of one pair"
    (pair,) = (pair for pair in pairs if pair.fit)
    assert pair.fit is not None and pair.fit.is_verified and pair.fit.matching_blocks < 0.85


# An image in a video ------------------------------------------------------------------------------


def test_image_in_a_video_has_the_segments_that_show_it(photos: dict[str, np.ndarray]) -> None:
    """The video shows the image from second 4 to 7 and from 12 to 14."""
    embeddings, hashes = random_embeddings(20, 11), random_hashes(20, 12)
    shown = [4, 5, 6, 12, 13]
    embeddings[shown] = EMBEDDINGS[0]
    asset = FakeAsset("video", embeddings, hashes, even_spans(20), dict.fromkeys(shown, photos["cat"]))
    best = match_image(query(photos["cat"], EMBEDDINGS[0]), FakeReferences({"video": asset}))[0]
    assert (best.sha256, best.kind, best.relation, best.verdict) == ("video", "video", "image_in_video", "copy")
    assert [(segment.query, segment.reference) for segment in best.segments] == [(None, (4, 7)), (None, (12, 14))]
    assert best.coverage == (1.0, 0.25)
