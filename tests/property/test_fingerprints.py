"""Properties of the fingerprints on real photographs: identity, symmetry, milder edits nearer, turns and flips."""

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
TURNS = [(turns, flipped) for turns in range(4) for flipped in (False, True)]


@cache
def photo(name: str) -> np.ndarray:
    return np.asarray(Image.open(media.packaged_file(*media.PHOTOS[name])).convert("RGB"))


def jpeg(quality: int) -> Edit:
    def edit(picture: np.ndarray) -> np.ndarray:
        out = io.BytesIO()
        Image.fromarray(picture).save(out, "JPEG", quality=quality)
        return np.asarray(Image.open(out))

    return edit


def blur(radius: float) -> Edit:
    return lambda picture: np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def distances(kind: FingerprintType, query: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The distance of each row to its counterpart, as a share of the greatest there is between unlike pictures."""
    if kind.metric == "hamming":
        return np.bitwise_count(query ^ reference).sum(axis=1) / (4.0 * kind.columns)
    return 1 - (query.astype(np.float32) * reference.astype(np.float32)).sum(axis=1)


def turned(picture: np.ndarray, turn: tuple[int, bool]) -> np.ndarray:
    turns, flipped = turn
    made = np.rot90(picture, turns)
    return np.ascontiguousarray(made[:, ::-1] if flipped else made)


@pytest.fixture(params=registry.type_names())
def kind(request: pytest.FixtureRequest) -> FingerprintType:
    """Each type in turn."""
    return registry.fingerprint_type(request.param)


CROPS = st.tuples(
    st.sampled_from(sorted(media.PHOTOS)), st.integers(0, 200), st.integers(0, 200), st.integers(1, 300), st.integers(1, 300)
)  # fmt: skip


@settings(max_examples=12, deadline=None, derandomize=True)
@given(crops=st.lists(CROPS, min_size=1, max_size=3))
@pytest.mark.parametrize("name", registry.type_names())
def test_a_picture_lies_at_no_distance_from_itself(name: str, crops: list[tuple[str, int, int, int, int]]) -> None:
    kind = registry.fingerprint_type(name)
    pictures = [photo(of)[top : top + tall, left : left + wide] for of, left, top, wide, tall in crops]
    vectors, quality = kind.extract(pictures)
    again, _ = kind.extract([picture.copy() for picture in pictures])
    assert distances(kind, vectors, again) == pytest.approx(np.zeros(len(pictures)), abs=2e-3)
    assert ((quality >= 0) & (quality <= 1)).all()


@pytest.mark.parametrize(
    ("mild", "strong", "worst"),
    [
        (jpeg(85), jpeg(25), jpeg(3)),
        (blur(0.7), blur(4), blur(25)),
    ],
    ids=["jpeg", "blur"],
)
def test_a_milder_edit_lies_nearer(
    kind: FingerprintType, photos: dict[str, np.ndarray], mild: Edit, strong: Edit, worst: Edit
) -> None:
    pictures = list(photos.values())
    originals, _ = kind.extract(pictures)
    near, further, far = (
        distances(kind, kind.extract([edit(picture) for picture in pictures])[0], originals).mean()
        for edit in (mild, strong, worst)
    )
    assert near <= further + 0.01 and further <= far + 0.01, (near, further, far)
    assert near < 0.1 and near < far


def test_an_edited_picture_lies_nearer_than_any_other(kind: FingerprintType, photos: dict[str, np.ndarray]) -> None:
    pictures = list(photos.values())
    originals, _ = kind.extract(pictures)
    edited, _ = kind.extract([jpeg(40)(picture) for picture in pictures])
    for n in range(len(pictures)):
        to_all = distances(kind, np.repeat(edited[n : n + 1], len(pictures), axis=0), originals)
        assert to_all.argmin() == n
        assert to_all[n] < 0.25 < np.delete(to_all, n).min()


@pytest.mark.parametrize("name", ["sscd_distilled", "sscd"])
def test_scores_do_not_depend_on_who_asks(photos: dict[str, np.ndarray], name: str) -> None:
    kind = registry.fingerprint_type(name)
    pictures = list(photos.values())
    rows = kind.extract(pictures)[0].astype(np.float32)
    backwards = kind.extract(pictures[::-1])[0][::-1].astype(np.float32)
    scores = rows @ rows.T
    assert scores == pytest.approx(scores.T, abs=1e-5)
    assert rows @ backwards.T == pytest.approx(scores, abs=1e-5)
    assert np.diag(scores) == pytest.approx(np.ones(len(pictures)), abs=2e-3)
    assert (scores[~np.eye(len(pictures), dtype=bool)] < 0.5).all()


@pytest.mark.parametrize(
    "turn",
    TURNS,
    ids=[f"{90 * turns} degrees{', flipped' if flipped else ''}" for turns, flipped in TURNS],
)
def test_a_form_of_a_turned_picture_is_the_original_hash(photos: dict[str, np.ndarray], turn: tuple[int, bool]) -> None:
    pdq = Pdq()
    for name, picture in photos.items():
        original = pdq.extract([picture])[0][0]
        forms = pdq.dihedral_hashes(turned(picture, turn))
        assert forms.shape == (8, 32) and forms.dtype == np.uint8
        nearest = int(np.bitwise_count(forms ^ original).sum(axis=1).min())
        assert nearest <= MAX_PDQ_MATCH_DISTANCE, (name, nearest)


def test_the_first_form_is_the_hash_and_the_forms_differ(photos: dict[str, np.ndarray]) -> None:
    pdq = Pdq()
    for name, picture in photos.items():
        forms = pdq.dihedral_hashes(picture)
        assert forms[0].tobytes() == pdq.extract([picture])[0][0].tobytes(), name
        apart = [int(np.bitwise_count(forms[a] ^ forms[b]).sum()) for a in range(8) for b in range(a)]
        assert min(apart) > MAX_PDQ_MATCH_DISTANCE, name


@pytest.mark.parametrize("shape", [(1, 1), (300, 300), (40, 900)])
def test_a_plain_picture_has_no_forms(shape: tuple[int, int]) -> None:
    assert Pdq().dihedral_hashes(np.full((*shape, 3), 120, np.uint8)).shape == (0, 32)
