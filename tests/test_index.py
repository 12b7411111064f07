"""The index against brute force over all of its rows."""

import numpy as np
import pytest

from mediafp.fingerprints.registry import fingerprint_type
from mediafp.store.faiss_index import RERANK_DEPTH, FaissIndex
from mediafp.types.fingerprints import Fingerprint, Metric

ROUNDING = 0.01
"""By which a score of int8 codes may miss the true cosine: four deviations of 512 rounded products."""


def fingerprint(name: str, vectors: np.ndarray) -> Fingerprint:
    count = len(vectors)
    return Fingerprint(
        sha256=name, type="t", version="1", spans=np.zeros((count, 2)), vectors=vectors, quality=np.ones(count, np.float32)
    )  # fmt: skip


def index_of(vectors: np.ndarray, metric: Metric, counts: list[int] | None = None) -> FaissIndex:
    """An index whose assets a0, a1, ... own the rows in order, one each unless `counts` says otherwise."""
    ends = np.cumsum(counts or [1] * len(vectors))
    assert ends[-1] == len(vectors)
    parts = np.split(vectors, ends[:-1])
    return FaissIndex(
        [fingerprint(f"a{n}", part) for n, part in enumerate(parts)], metric=metric, width=vectors.shape[1]
    )


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


@pytest.fixture(scope="module")
def around_photos(photos: dict[str, np.ndarray]) -> np.ndarray:
    """480 unit vectors around the embeddings of the photographs: near copies, far copies and strangers."""
    centres = fingerprint_type("sscd_distilled").extract(list(photos.values()))[0].astype(np.float64)
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(480, 512)) / np.sqrt(512)
    return unit(np.repeat(centres, 60, axis=0) + noise * rng.uniform(0.1, 3, (480, 1)))


@pytest.fixture(scope="module")
def hashes() -> np.ndarray:
    """400 hashes of 256 bits, half of them few bits away from another, some of them equal."""
    rng = np.random.default_rng(2)
    first = rng.integers(0, 256, (200, 32), dtype=np.uint8)
    flips = np.packbits(rng.random((200, 256)) < rng.uniform(0, 0.2, (200, 1)), axis=1)
    flips[:20] = 0
    return np.concatenate((first, first ^ flips))


def test_an_index_that_does_not_keep_its_fingerprints_finds_the_same(around_photos: np.ndarray) -> None:
    whole = index_of(around_photos, "cosine")
    light = FaissIndex(list(whole.fingerprints.values()), metric="cosine", width=512, kept=False)
    assert light.fingerprints == {} and light.assets == whole.assets
    for one, other in zip(light.search(around_photos[:5], 10), whole.search(around_photos[:5], 10), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("count", [1, 10, 50])
def test_the_nearest_embeddings_are_all_found(around_photos: np.ndarray, count: int) -> None:
    index = index_of(around_photos, "cosine")
    assert len(index) == len(around_photos) > RERANK_DEPTH
    queries = around_photos[::7]
    rows, scores = index.search(queries, count)
    true = queries.astype(np.float32) @ around_photos.astype(np.float32).T
    assert rows.shape == scores.shape == (len(queries), count)
    assert rows.dtype == np.int64 and scores.dtype == np.float32
    assert np.take_along_axis(true, rows, 1) == pytest.approx(scores, abs=ROUNDING)
    assert (np.diff(scores, axis=1) <= 0).all()
    for n in range(len(queries)):
        assert len(set(rows[n].tolist())) == count
        least = np.sort(true[n])[-count]
        surely = set(np.flatnonzero(true[n] > least + 2 * ROUNDING).tolist())
        assert surely <= set(rows[n].tolist())
        assert (true[n, rows[n]] >= least - 2 * ROUNDING).all()
    if count == 1:
        assert (rows[:, 0] == np.arange(len(around_photos))[::7]).all(), "each row finds itself"


def test_many_queries_get_what_each_gets_alone(around_photos: np.ndarray) -> None:
    index = index_of(around_photos, "cosine")
    together = index.search(around_photos[:100], 5)
    for n in (0, 50, 99):
        rows, scores = index.search(around_photos[n : n + 1], 5)
        assert (rows[0] == together[0][n]).all() and (scores[0] == together[1][n]).all()


@pytest.mark.parametrize("count", [1, 30])
def test_the_nearest_hashes_are_exact(hashes: np.ndarray, count: int) -> None:
    index = index_of(hashes, "hamming")
    queries = hashes[::9]
    rows, distances = index.search(queries, count)
    true = np.bitwise_count(queries[:, None] ^ hashes[None]).sum(axis=2)
    assert (distances == np.sort(true, axis=1)[:, :count]).all()
    assert (np.take_along_axis(true, rows, 1) == distances).all()
    assert all(len(set(found.tolist())) == count for found in rows)


@pytest.mark.parametrize("distance", [0, 1, 17, 31, 256])
@pytest.mark.parametrize("asked", [1, 40])
def test_within_is_what_brute_force_gives(hashes: np.ndarray, distance: int, asked: int) -> None:
    queries = hashes[-asked:]
    true = np.bitwise_count(queries[:, None] ^ hashes[None]).sum(axis=2)
    found = index_of(hashes, "hamming").range_search(queries, distance)
    assert found.tolist() == np.flatnonzero((true <= distance).any(axis=0)).tolist()
    assert len(found) >= asked


def test_within_includes_the_distance_itself() -> None:
    rows = np.zeros((3, 32), np.uint8)
    rows[1, 0], rows[2, 0] = 0b111, 0b1111
    index = index_of(rows, "hamming")
    assert index.range_search(rows[:1], 3).tolist() == [0, 1]
    assert index.range_search(rows[:1], 2).tolist() == [0]


def test_embeddings_have_no_distance_in_bits(around_photos: np.ndarray) -> None:
    with pytest.raises(ValueError, match="cosine"):
        index_of(around_photos[:3], "cosine").range_search(np.zeros((1, 64), np.uint8), 3)


@pytest.mark.parametrize(("metric", "width", "dtype"), [("cosine", 512, np.float16), ("hamming", 32, np.uint8)])
def test_an_empty_index_finds_nothing(metric: Metric, width: int, dtype: type[np.generic]) -> None:
    for fingerprints in ([], [fingerprint("flat video", np.empty((0, width), dtype))]):
        index = FaissIndex(fingerprints, metric=metric, width=width)
        rows, scores = index.search(np.ones((3, width), dtype), 10)
        assert len(index) == 0 and rows.shape == scores.shape == (3, 0)
        if metric == "hamming":
            assert index.range_search(np.ones((3, width), np.uint8), 256).tolist() == []


@pytest.mark.parametrize("metric", ["cosine", "hamming"])
def test_no_query_finds_nothing_and_a_small_index_gives_all_it_has(
    metric: Metric, around_photos: np.ndarray, hashes: np.ndarray
) -> None:
    vectors = around_photos[:5] if metric == "cosine" else hashes[:5]
    index = index_of(vectors, metric)
    assert index.search(vectors[:0], 3)[0].shape == (0, 0)
    rows, scores = index.search(vectors[:2], 50)
    assert rows.shape == scores.shape == (2, 5)
    assert sorted(rows[0].tolist()) == sorted(rows[1].tolist()) == list(range(5))


def test_every_row_knows_its_owner_and_its_place(around_photos: np.ndarray) -> None:
    counts = [1, 0, 7, 1, 30, 0, 1]
    vectors = around_photos[: sum(counts)]
    index = index_of(vectors, "cosine", counts)
    assert index.assets == [f"a{n}" for n in range(7)]
    expected = [(n, row) for n, count in enumerate(counts) for row in range(count)]
    assert list(zip(index.owner.tolist(), index.row.tolist(), strict=True)) == expected
    best = index.search(vectors, 1)[0][:, 0]
    for n, number in enumerate(best):
        owner = index.assets[index.owner[number]]
        kept = index.fingerprints[owner].vectors[index.row[number]]
        assert kept.tobytes() == vectors[n].tobytes()
