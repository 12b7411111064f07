"""The promise of a pair depends on the two assets alone."""

import numpy as np
import pytest
from fake_references import add_noise, random_embeddings, random_hashes

from mediafp.matching.promise import CROP, RECTANGLE, REDUCED, WHOLE, AssetRows, pair_promise
from mediafp.types.media import Kind


def asset_rows(name: str, vectors: np.ndarray, kind: Kind, parts: tuple[int, ...], seed: int) -> AssetRows:
    rng = np.random.default_rng(seed)
    whole = len(vectors) - len(parts)
    return AssetRows(
        sha256=name * 64,
        kind=kind,
        vectors=vectors,
        shows=np.array([WHOLE] * whole + list(parts), np.uint8),
        levels=rng.uniform(-0.02, 0.05, len(vectors)).astype(np.float32),
        quality=rng.uniform(0.5, 1, len(vectors)).astype(np.float32),
        pdq=random_hashes(whole, seed % 3),
    )


def random_pair(seed: int) -> tuple[AssetRows, AssetRows]:
    """Return two assets of random kinds, of which some rows are alike."""
    rng = np.random.default_rng(seed)
    sides = []
    base = random_embeddings(12, seed)
    for name in "ab":
        kind: Kind = "image" if rng.random() < 0.5 else "video"
        rows = rng.permutation(12)[: rng.integers(1, 12)]
        parts = (
            tuple(sorted(rng.choice((CROP, RECTANGLE, REDUCED), rng.integers(0, len(rows))))) if kind == "image" else ()
        )
        vectors = add_noise(base[rows], float(rng.choice((0.1, 0.4, 0.9))), seed + ord(name))
        sides.append(asset_rows(name, vectors, kind, parts, seed + ord(name)))
    return sides[0], sides[1]


def test_promise_is_symmetric_and_names_the_rows_of_each_asset() -> None:
    found = 0
    for seed in range(200):
        a, b = random_pair(seed)
        forth, back = pair_promise(a, b), pair_promise(b, a)
        if forth is None or back is None:
            assert forth is back
            continue
        found += 1
        assert forth.value == back.value
        assert forth.rows == back.rows[::-1]
        assert forth.rows[0] < len(a.vectors) and forth.rows[1] < len(b.vectors)
    assert 50 < found < 190


@pytest.mark.parametrize(
    ("shows", "is_candidate"),
    [
        ((REDUCED, WHOLE), True),
        ((REDUCED, CROP), True),
        ((REDUCED, RECTANGLE), False),
        ((REDUCED, REDUCED), False),
        ((RECTANGLE, CROP), True),
        ((CROP, CROP), False),
    ],
)
def test_rows_are_compared_by_what_they_show(shows: tuple[int, int], is_candidate: bool) -> None:
    same = random_embeddings(1, 8)
    sides = []
    for name, row in zip("ab", shows, strict=True):
        parts = () if row == WHOLE else (row,)
        vectors = np.concatenate((random_embeddings(1, ord(name)), same)) if parts else same
        sides.append(asset_rows(name, vectors, "video", parts, ord(name)))
    found = pair_promise(*sides)
    assert (found is not None) == is_candidate
    if found:
        assert found.rows == tuple(len(side.vectors) - 1 for side in sides)
