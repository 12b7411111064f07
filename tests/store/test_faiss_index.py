"""Properties of the FAISS index alone: scores of its int8 codes, order of results, and memory."""

import gc
import weakref

import numpy as np
import pytest

from mediafp.store.faiss_index import BATCH_FINGERPRINTS, RERANK_DEPTH, FaissIndex
from mediafp.types.fingerprints import Fingerprint


def fingerprints_of(vectors: np.ndarray, rows: int = 1) -> list[Fingerprint]:
    parts = np.split(vectors, range(rows, len(vectors), rows))
    return [
        Fingerprint(
            sha256=f"a{n}",
            type="t",
            version="1",
            spans=np.zeros((len(part), 2)),
            vectors=part,
            quality=np.ones(len(part), np.float32),
        )
        for n, part in enumerate(parts)
    ]


def embeddings(count: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, 512))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def test_scores_are_the_cosines_of_the_codes() -> None:
    vectors, queries = embeddings(150), embeddings(7, 1)
    assert len(vectors) < RERANK_DEPTH, "every row is re-ranked"
    neighbours = FaissIndex(fingerprints_of(vectors, 2), metric="cosine", columns=512).search(queries, 150)
    codes = np.rint(vectors.astype(np.float32) * 127).astype(np.int8).astype(np.float32)
    for n, query in enumerate(queries.astype(np.float32)):
        rows = 2 * neighbours.asset[n] + neighbours.row[n]
        expected = codes[rows] @ query / 127
        assert neighbours.score[n] == pytest.approx(expected, abs=1e-6)
        assert (np.diff(neighbours.score[n]) <= 0).all()


@pytest.mark.parametrize("count", [RERANK_DEPTH, RERANK_DEPTH + 100])
def test_search_for_many_neighbours_reranks_as_many(count: int) -> None:
    index = FaissIndex(fingerprints_of(embeddings(400)), metric="cosine", columns=512)
    assert index.search(embeddings(2, 1), count).score.shape == (2, count)


def test_rows_of_equal_distance_are_in_the_order_of_their_addition() -> None:
    """FAISS searches in one thread or in several, depending on the number of queries; the results are the same."""
    rows = np.zeros((300, 32), np.uint8)
    rows[1::2] = 1
    index = FaissIndex(fingerprints_of(rows, 3), metric="hamming", columns=32)
    few, many = index.search(rows[:1], 150), index.search(np.repeat(rows[:1], 100, axis=0), 150)
    assert (3 * few.asset[0] + few.row[0]).tolist() == list(range(0, 300, 2))
    assert (many.asset == few.asset).all() and (many.row == few.row).all()


def test_index_contains_more_fingerprints_than_one_batch() -> None:
    rows = np.random.default_rng(0).integers(0, 256, (2 * BATCH_FINGERPRINTS + 5, 32), dtype=np.uint8)
    index = FaissIndex(fingerprints_of(rows), metric="hamming", columns=32)
    assert len(index) == len(rows)
    best = index.search(rows, 1)
    assert [best.assets[n] for n in best.asset[:, 0]] == [f"a{n}" for n in range(len(rows))]


def test_index_keeps_no_reference_to_the_fingerprints() -> None:
    fingerprints = fingerprints_of(embeddings(4))
    vectors = [weakref.ref(fingerprint.vectors) for fingerprint in fingerprints]
    index = FaissIndex(fingerprints, metric="cosine", columns=512)
    del fingerprints
    gc.collect()
    assert [reference() for reference in vectors] == [None] * 4 and len(index) == 4
