"""What every fingerprint type has to keep, run over each name in the registry."""

import numpy as np
import pytest

from mediafp.fingerprints import registry
from mediafp.types.errors import UsageError
from mediafp.types.fingerprints import Fingerprint, FingerprintType

SHAPES = [(1, 1), (1, 400), (4000, 1), (2, 2), (3000, 20), (7, 5)]


@pytest.fixture(scope="module", params=registry.type_names())
def kind(request: pytest.FixtureRequest) -> FingerprintType:
    """Each type in turn, made once."""
    return registry.fingerprint_type(request.param)


@pytest.fixture(scope="module")
def pictures(photos: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Three photographs and a flat picture."""
    return [*(photos[name] for name in ("cat", "temple", "portrait")), np.full((90, 120, 3), 200, np.uint8)]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def check_rows(kind: FingerprintType, vectors: np.ndarray, quality: np.ndarray, count: int) -> None:
    assert vectors.shape == (count, kind.columns)
    assert vectors.dtype == {"cosine": np.float16, "hamming": np.uint8}[kind.metric]
    assert quality.shape == (count,) and quality.dtype == np.float32
    assert ((quality >= 0) & (quality <= 1)).all()
    if kind.metric == "cosine":
        assert np.linalg.norm(vectors.astype(np.float64), axis=1) == pytest.approx(np.ones(count), abs=2e-3)


def test_names_are_unique_and_are_those_of_the_types() -> None:
    names = registry.type_names()
    assert len(set(names)) == len(names) >= 5
    for name in names:
        assert registry.fingerprint_type(name).name == name


def test_an_unknown_name_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(UsageError, match="phash2") as refused:
        registry.fingerprint_type("phash2")
    assert all(name in str(refused.value) for name in registry.type_names())


def test_the_version_is_told_and_is_the_same_for_another_instance(kind: FingerprintType) -> None:
    other = registry.fingerprint_type.__wrapped__(kind.name)
    assert isinstance(kind.version, str) and kind.version.strip()
    assert other.version == kind.version and other.columns == kind.columns and other.metric == kind.metric


def test_rows_have_the_promised_shape_and_type(kind: FingerprintType, pictures: list[np.ndarray]) -> None:
    vectors, quality = kind.extract(pictures)
    check_rows(kind, vectors, quality, len(pictures))
    assert len(np.unique(vectors, axis=0)) == len(pictures), "different pictures have different rows"
    assert quality[-1] == quality.min(), "nothing is plainer than a flat picture"


def test_no_pictures_give_no_rows(kind: FingerprintType) -> None:
    vectors, quality = kind.extract([])
    check_rows(kind, vectors, quality, 0)


def test_the_same_picture_gives_the_same_rows(kind: FingerprintType, pictures: list[np.ndarray]) -> None:
    twice, qualities = kind.extract([pictures[0], pictures[0]])
    assert twice[0].tobytes() == twice[1].tobytes() and qualities[0] == qualities[1]
    again, quality = registry.fingerprint_type.__wrapped__(kind.name).extract([pictures[0]])
    assert again[0].tobytes() == twice[0].tobytes() and quality[0] == qualities[0]


def test_a_batch_gives_what_its_pictures_give_alone(kind: FingerprintType, pictures: list[np.ndarray]) -> None:
    batch = [*pictures, *pictures[::-1], *pictures[:2]]  # more than one of the model's own batches
    vectors, quality = kind.extract(batch)
    alone = [kind.extract([picture]) for picture in pictures]
    order = [0, 1, 2, 3, 3, 2, 1, 0, 0, 1]
    for row, n in enumerate(order):
        assert vectors[row].tobytes() == alone[n][0][0].tobytes(), row
        assert quality[row] == alone[n][1][0], row


@pytest.mark.parametrize("shape", SHAPES)
def test_odd_shapes_have_rows_too(kind: FingerprintType, shape: tuple[int, int]) -> None:
    vectors, quality = kind.extract([noise(*shape), np.zeros((*shape, 3), np.uint8)])
    check_rows(kind, vectors, quality, 2)


def test_slices_give_what_their_copies_give(kind: FingerprintType, photos: dict[str, np.ndarray]) -> None:
    whole = photos["motorcycle"]
    slices = [
        whole[40:400, 60:500],
        whole[40:200, 60:300],
        whole[::2, ::3],
        whole[:, ::-1],
        whole.transpose(1, 0, 2),
        whole[:, :, ::-1],
    ]
    assert not any(cut.flags.c_contiguous for cut in slices)
    vectors, quality = kind.extract(slices)
    copies, qualities = kind.extract([np.ascontiguousarray(cut) for cut in slices])
    assert vectors.tobytes() == copies.tobytes() and quality.tobytes() == qualities.tobytes()


def test_pictures_are_read_and_never_written(kind: FingerprintType, photos: dict[str, np.ndarray]) -> None:
    closed, opened = photos["cat"].copy(), photos["cat"].copy()
    closed.setflags(write=False)
    vectors, _ = kind.extract([closed, opened])
    assert vectors[0].tobytes() == vectors[1].tobytes()
    assert (opened == closed).all()


def test_rows_fit_the_noun(kind: FingerprintType, pictures: list[np.ndarray]) -> None:
    vectors, quality = kind.extract(pictures[:2])
    made = Fingerprint(
        sha256="0" * 64, type=kind.name, version=kind.version, spans=np.zeros((2, 2)), vectors=vectors, quality=quality
    )
    with pytest.raises(ValueError, match="read-only"):
        made.vectors[0] = 0
    with pytest.raises(ValueError, match="2 rows"):
        Fingerprint(
            sha256="", type=kind.name, version="", spans=np.zeros((1, 2)), vectors=vectors.copy(), quality=quality
        )
