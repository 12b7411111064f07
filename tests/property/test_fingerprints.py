"""Properties of the fingerprint types on real photographs: identity, symmetry, order of degradation, rotations, flips."""

import io
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from mediafp.cli.demo import media
from mediafp.fingerprints import registry
from mediafp.fingerprints.pdq import Pdq
from mediafp.matching.images.scoring import MAX_PDQ_MATCH_DISTANCE
from mediafp.types.fingerprints import FingerprintType

Edit = Callable[[np.ndarray], np.ndarray]
ORIENTATIONS = [(quarter_turns, flipped) for quarter_turns in range(4) for flipped in (False, True)]


@cache
def photo(name: str) -> np.ndarray:
    return np.asarray(Image.open(media.packaged_file(*media.PHOTOS[name])).convert("RGB"))


def jpeg(quality: int) -> Edit:
    def edit(image: np.ndarray) -> np.ndarray:
        out = io.BytesIO()
        Image.fromarray(image).save(out, "JPEG", quality=quality)
        return np.asarray(Image.open(out))

    return edit


def blur(radius: float) -> Edit:
    return lambda image: np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


def distances(fingerprint_type: FingerprintType, query: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the distance (N,) of N pairs of rows, scaled so that unrelated images are at about 1."""
    if fingerprint_type.metric == "hamming":
        return np.bitwise_count(query ^ reference).sum(axis=1) / (4.0 * fingerprint_type.columns)
    return 1 - (query.astype(np.float32) * reference.astype(np.float32)).sum(axis=1)


def reorient(image: np.ndarray, orientation: tuple[int, bool]) -> np.ndarray:
    quarter_turns, flipped = orientation
    rotated = np.rot90(image, quarter_turns)
    return np.ascontiguousarray(rotated[:, ::-1] if flipped else rotated)


@pytest.fixture(params=registry.type_names())
def fingerprint_type(request: pytest.FixtureRequest) -> FingerprintType:
    """Each registered type in turn."""
    return registry.fingerprint_type(request.param)


CROPS = st.tuples(
    st.sampled_from(sorted(media.PHOTOS)), st.integers(0, 200), st.integers(0, 200), st.integers(1, 300), st.integers(1, 300)
)  # fmt: skip
"""Photograph, left, top, width and height of a crop."""


@settings(max_examples=12, deadline=None, derandomize=True)
@given(crops=st.lists(CROPS, min_size=1, max_size=3))
@pytest.mark.parametrize("name", registry.type_names())
def test_distance_of_an_image_from_itself_is_zero(name: str, crops: list[tuple[str, int, int, int, int]]) -> None:
    fingerprint_type = registry.fingerprint_type(name)
    images = [photo(source)[top : top + height, left : left + width] for source, left, top, width, height in crops]
    vectors, quality = fingerprint_type.extract(images)
    repeated_vectors, _ = fingerprint_type.extract([image.copy() for image in images])
    assert distances(fingerprint_type, vectors, repeated_vectors) == pytest.approx(np.zeros(len(images)), abs=2e-3)
    assert ((quality >= 0) & (quality <= 1)).all()


@pytest.mark.parametrize(
    ("mild", "strong", "extreme"),
    [
        (jpeg(85), jpeg(25), jpeg(3)),
        (blur(0.7), blur(4), blur(25)),
    ],
    ids=["jpeg", "blur"],
)
def test_distance_grows_with_the_strength_of_an_edit(
    fingerprint_type: FingerprintType, photos: dict[str, np.ndarray], mild: Edit, strong: Edit, extreme: Edit
) -> None:
    images = list(photos.values())
    originals, _ = fingerprint_type.extract(images)
    mild_distance, strong_distance, extreme_distance = (
        distances(fingerprint_type, fingerprint_type.extract([edit(image) for image in images])[0], originals).mean()
        for edit in (mild, strong, extreme)
    )
    all_distances = (mild_distance, strong_distance, extreme_distance)
    assert mild_distance <= strong_distance + 0.01 and strong_distance <= extreme_distance + 0.01, all_distances
    assert mild_distance < 0.1 and mild_distance < extreme_distance


def test_nearest_image_of_an_edited_image_is_its_original(
    fingerprint_type: FingerprintType, photos: dict[str, np.ndarray]
) -> None:
    images = list(photos.values())
    originals, _ = fingerprint_type.extract(images)
    edited, _ = fingerprint_type.extract([jpeg(40)(image) for image in images])
    assert len(images) > 1
    for n in range(len(images)):
        to_originals = distances(fingerprint_type, np.repeat(edited[n : n + 1], len(images), axis=0), originals)
        assert to_originals.argmin() == n
        assert to_originals[n] < 0.25 < np.delete(to_originals, n).min()


@pytest.mark.parametrize("name", ["sscd_distilled", "sscd"])
def test_similarity_is_symmetric_and_independent_of_the_batch(photos: dict[str, np.ndarray], name: str) -> None:
    fingerprint_type = registry.fingerprint_type(name)
    images = list(photos.values())
    rows = fingerprint_type.extract(images)[0].astype(np.float32)
    rows_of_reversed_batch = fingerprint_type.extract(images[::-1])[0][::-1].astype(np.float32)
    similarities = rows @ rows.T
    assert similarities == pytest.approx(similarities.T, abs=1e-5)
    assert rows @ rows_of_reversed_batch.T == pytest.approx(similarities, abs=1e-5)
    assert np.diag(similarities) == pytest.approx(np.ones(len(images)), abs=2e-3)
    assert (similarities[~np.eye(len(images), dtype=bool)] < 0.5).all()


@pytest.mark.parametrize(
    "orientation",
    ORIENTATIONS,
    ids=[f"{90 * turns} degrees{', flipped' if flipped else ''}" for turns, flipped in ORIENTATIONS],
)
def test_dihedral_hashes_of_a_reoriented_image_contain_the_original_hash(
    photos: dict[str, np.ndarray], orientation: tuple[int, bool]
) -> None:
    pdq = Pdq()
    assert photos
    for name, image in photos.items():
        original = pdq.extract([image])[0][0]
        hashes = pdq.dihedral_hashes(reorient(image, orientation))
        assert hashes.shape == (8, 32) and hashes.dtype == np.uint8
        nearest = int(np.bitwise_count(hashes ^ original).sum(axis=1).min())
        assert nearest <= MAX_PDQ_MATCH_DISTANCE, (name, nearest)


def test_dihedral_hashes_start_with_the_hash_and_differ(photos: dict[str, np.ndarray]) -> None:
    pdq = Pdq()
    assert photos
    for name, image in photos.items():
        hashes = pdq.dihedral_hashes(image)
        assert hashes[0].tobytes() == pdq.extract([image])[0][0].tobytes(), name
        pair_distances = [int(np.bitwise_count(hashes[a] ^ hashes[b]).sum()) for a in range(8) for b in range(a)]
        assert min(pair_distances) > MAX_PDQ_MATCH_DISTANCE, name


@pytest.mark.parametrize("shape", [(1, 1), (300, 300), (40, 900)])
def test_dihedral_hashes_of_an_image_without_contrast_are_empty(shape: tuple[int, int]) -> None:
    assert Pdq().dihedral_hashes(np.full((*shape, 3), 120, np.uint8)).shape == (0, 32)
