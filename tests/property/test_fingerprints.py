"""Properties of the fingerprints of real photographs: identity, symmetry, mild and strong edits, rotations."""

import io
from collections.abc import Callable
from functools import cache

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from mediafp.cli.demo import media
from mediafp.fingerprints import registry
from mediafp.fingerprints.pdq import Pdq
from mediafp.matching.images.scoring import MAX_PDQ_MATCH_DISTANCE
from mediafp.types.fingerprint_types import FrameFingerprintType

Edit = Callable[[np.ndarray], np.ndarray]
ROTATIONS = [(turns, mirrored) for turns in range(4) for mirrored in (False, True)]
FRAME_TYPES = [name for name in registry.type_names() if registry.fingerprint_type(name).consumes == "frames"]


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


def distances(frames: FrameFingerprintType, query: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the distance of each row to its counterpart, in shares of the expected distance of unrelated images."""
    if frames.metric == "hamming":
        return np.bitwise_count(query ^ reference).sum(axis=1) / (4.0 * frames.columns)
    return 1 - (query.astype(np.float32) * reference.astype(np.float32)).sum(axis=1)


def rotate(image: np.ndarray, rotation: tuple[int, bool]) -> np.ndarray:
    turns, mirrored = rotation
    rotated = np.rot90(image, turns)
    return np.ascontiguousarray(rotated[:, ::-1] if mirrored else rotated)


@pytest.fixture(params=FRAME_TYPES)
def frames(request: pytest.FixtureRequest) -> FrameFingerprintType:
    """Each type that consumes frames."""
    return registry.frame_type(request.param)


CROPS = st.tuples(
    st.sampled_from(sorted(media.PHOTOS)), st.integers(0, 200), st.integers(0, 200), st.integers(1, 300), st.integers(1, 300)
)  # fmt: skip


@settings(max_examples=12, deadline=None, derandomize=True)
@given(crops=st.lists(CROPS, min_size=1, max_size=3))
@pytest.mark.parametrize("name", FRAME_TYPES)
def test_distance_of_an_image_to_itself_is_zero(name: str, crops: list[tuple[str, int, int, int, int]]) -> None:
    frames = registry.frame_type(name)
    images = [photo(of)[top : top + height, left : left + width] for of, left, top, width, height in crops]
    vectors, quality = frames.extract(images)
    again, _ = frames.extract([image.copy() for image in images])
    assert distances(frames, vectors, again) == pytest.approx(np.zeros(len(images)), abs=2e-3)
    assert ((quality >= 0) & (quality <= 1)).all()


@pytest.mark.parametrize(
    ("mild", "strong", "worst"),
    [
        (jpeg(85), jpeg(25), jpeg(3)),
        (blur(0.7), blur(4), blur(25)),
    ],
    ids=["jpeg", "blur"],
)
def test_distance_grows_with_the_strength_of_an_edit(
    frames: FrameFingerprintType, photos: dict[str, np.ndarray], mild: Edit, strong: Edit, worst: Edit
) -> None:
    images = list(photos.values())
    originals, _ = frames.extract(images)
    near, further, far = (
        distances(frames, frames.extract([edit(image) for image in images])[0], originals).mean()
        for edit in (mild, strong, worst)
    )
    assert near <= further + 0.01 and further <= far + 0.01, (near, further, far)
    assert near < 0.1 and near < far


def test_nearest_image_of_an_edited_one_is_its_original(
    frames: FrameFingerprintType, photos: dict[str, np.ndarray]
) -> None:
    images = list(photos.values())
    originals, _ = frames.extract(images)
    edited, _ = frames.extract([jpeg(40)(image) for image in images])
    assert len(images) > 3
    for n in range(len(images)):
        to_all = distances(frames, np.repeat(edited[n : n + 1], len(images), axis=0), originals)
        assert to_all.argmin() == n
        assert to_all[n] < 0.25 < np.delete(to_all, n).min()


@pytest.mark.parametrize("name", ["sscd_distilled", "sscd"])
def test_similarity_is_symmetric_and_independent_of_the_batch(photos: dict[str, np.ndarray], name: str) -> None:
    frames = registry.frame_type(name)
    images = list(photos.values())
    rows = frames.extract(images)[0].astype(np.float32)
    backwards = frames.extract(images[::-1])[0][::-1].astype(np.float32)
    similarities = rows @ rows.T
    assert similarities == pytest.approx(similarities.T, abs=1e-5)
    assert rows @ backwards.T == pytest.approx(similarities, abs=1e-5)
    assert np.diag(similarities) == pytest.approx(np.ones(len(images)), abs=2e-3)
    assert (similarities[~np.eye(len(images), dtype=bool)] < 0.5).all()


# PDQ ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "rotation",
    ROTATIONS,
    ids=[f"{90 * turns} degrees{', mirrored' if mirrored else ''}" for turns, mirrored in ROTATIONS],
)
def test_dihedral_hashes_of_a_rotated_image_contain_the_hash_of_the_original(
    photos: dict[str, np.ndarray], rotation: tuple[int, bool]
) -> None:
    pdq = Pdq()
    assert len(photos) > 3
    for name, image in photos.items():
        original = pdq.extract([image])[0][0]
        hashes = pdq.dihedral_hashes(rotate(image, rotation))
        assert hashes.shape == (8, 32) and hashes.dtype == np.uint8
        nearest = int(np.bitwise_count(hashes ^ original).sum(axis=1).min())
        assert nearest <= MAX_PDQ_MATCH_DISTANCE, (name, nearest)


def test_dihedral_hashes_differ_and_start_with_the_upright_one(photos: dict[str, np.ndarray]) -> None:
    pdq = Pdq()
    assert len(photos) > 3
    for name, image in photos.items():
        hashes = pdq.dihedral_hashes(image)
        assert hashes[0].tobytes() == pdq.extract([image])[0][0].tobytes(), name
        apart = [int(np.bitwise_count(hashes[a] ^ hashes[b]).sum()) for a in range(8) for b in range(a)]
        assert min(apart) > MAX_PDQ_MATCH_DISTANCE, name


@pytest.mark.parametrize("shape", [(1, 1), (300, 300), (40, 900)])
def test_dihedral_hashes_of_a_flat_image_are_none(shape: tuple[int, int]) -> None:
    assert Pdq().dihedral_hashes(np.full((*shape, 3), 120, np.uint8)).shape == (0, 32)


# pHash and dHash ----------------------------------------------------------------------------------
GRADIENT = np.arange(256, dtype=np.uint8)
SYNTHETIC = {
    "flat": np.full((90, 120, 3), 200, np.uint8),
    "black": np.zeros((9, 9, 3), np.uint8),
    "one pixel": np.full((1, 1, 3), 7, np.uint8),
    "gradient to the right": np.broadcast_to(GRADIENT[None, :, None], (100, 256, 3)),
    "gradient down": np.broadcast_to(GRADIENT[:, None, None], (256, 100, 3)),
    "one line": np.where(np.arange(300)[:, None, None] == 150, 0, 255).repeat(200, 1).repeat(3, 2).astype(np.uint8),
    "noise": np.random.default_rng(3).integers(0, 256, (300, 411, 3), np.uint8),
}


def hex_hashes(image: np.ndarray) -> tuple[str, str]:
    phash, dhash = (registry.frame_type(name).extract([image])[0] for name in ("phash", "dhash"))
    return phash.tobytes().hex(), dhash.tobytes().hex()


def test_phash_and_dhash_equal_those_of_imagehash(photos: dict[str, np.ndarray]) -> None:
    assert len(photos) > 3
    images = {
        **SYNTHETIC,
        **photos,
        **{f"{name}, odd crop": image[3:-2, 5:-1] for name, image in photos.items()},
    }
    for name, image in images.items():
        opened = Image.fromarray(np.ascontiguousarray(image))
        assert hex_hashes(image) == (str(imagehash.phash(opened)), str(imagehash.dhash(opened))), name
