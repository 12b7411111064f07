"""Images that only their PDQ hash finds, far from matching: another one was blended over them."""

import cv2
import numpy as np
import pytest
from fake_references import FakeAsset, FakeReferences, even_spans, random_embeddings, random_hashes, unit_rows

from mediafp.fingerprints.pdq import Pdq
from mediafp.matching.images.compare import match_image
from mediafp.matching.images.search import ImageQuery, find_near_hashes, search_candidates
from mediafp.matching.local_features import query_features

OTHERS = 90
"""Other references, more than the candidates that embeddings propose."""


def as_query(image: np.ndarray) -> ImageQuery:
    return ImageQuery(
        embeddings=random_embeddings(1, 1),
        boxes=(None,),
        primary_crops=1,
        rectangles=(),
        quality=1.0,
        pdq=Pdq().dihedral_hashes(image),
        local_features=query_features(image, image.shape[1::-1]),
    )


def references_with(image: np.ndarray) -> FakeReferences:
    """Return references of which one shows an image, and has the embedding that is least like the query's."""
    opposite = unit_rows(-random_embeddings(1, 1).astype(np.float32))
    own = FakeAsset("image", opposite, Pdq().extract([image])[0], even_spans(1), {0: image})
    others = {
        f"other {n}": FakeAsset("image", random_embeddings(1, 10 + n), random_hashes(1, 10 + n), even_spans(1))
        for n in range(OTHERS)
    }
    return FakeReferences({"own": own} | others)


def blended(photo: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return a photograph with another one over it, in part transparent."""
    return cv2.addWeighted(photo, 0.6, cv2.resize(other, photo.shape[1::-1]), 0.4, 0)


@pytest.mark.parametrize("mirrored", [False, True])
def test_photograph_under_another_one_is_found_by_its_hash_alone(
    photos: dict[str, np.ndarray], *, mirrored: bool
) -> None:
    image = blended(photos["cat"], photos["temple"])
    query = as_query(np.ascontiguousarray(image[:, ::-1]) if mirrored else image)
    references = references_with(photos["cat"])
    assert "own" not in {candidate.sha256 for candidate in search_candidates(query, references).candidates}
    found = {match.sha256: match for match in match_image(query, references)}
    assert found["own"].placement and found["own"].placement.mirrored == mirrored
    assert found["own"].placement.shown > 0.95
    assert found["own"].probability > max(match.probability for name, match in found.items() if name != "own")


def test_near_hashes_come_by_distance_and_far_ones_do_not(photos: dict[str, np.ndarray]) -> None:
    query = as_query(photos["cat"])
    references = references_with(photos["cat"])
    hashes = {"own": 60, "other 1": 20, "other 2": 99, "other 3": 104}
    for name, distance in hashes.items():
        bits = np.unpackbits(query.pdq[0])
        bits[:distance] ^= 1
        references.by_sha256[name].pdq = np.packbits(bits)[None]
    near = find_near_hashes(query, [], references)
    assert [candidate.sha256 for candidate in near] == ["other 1", "own", "other 2"]
    assert all(candidate.query_row == 0 for candidate in near)


def test_known_candidates_are_kept_as_they_are_and_a_flat_image_has_none(photos: dict[str, np.ndarray]) -> None:
    query, references = as_query(photos["cat"]), references_with(photos["cat"])
    known = find_near_hashes(query, [], references)
    assert find_near_hashes(query, known, references)[0] is known[0]
    assert find_near_hashes(as_query(np.full((90, 120, 3), 77, np.uint8)), [], references) == []
