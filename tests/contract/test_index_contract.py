"""Contract of `Index`, checked for each implementation against an exact search in NumPy."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fake_references import unit_rows
from ingest_records import untimed_fingerprint
from object_store import BUCKET, ENVIRONMENT, ObjectStore, object_store, skip_without_lance, skip_without_server

from mediafp.fingerprints.registry import fingerprint_type
from mediafp.store import RERANK_DEPTH, Index, IndexPosition
from mediafp.store.index_location import index_files
from mediafp.store.lance import shared_table, table
from mediafp.store.lance.shards import TableShards
from mediafp.store.row_index import index as row_index
from mediafp.store.row_index.index import RowIndex
from mediafp.store.row_index.rows import RowLayout
from mediafp.types.fingerprints import Fingerprint, Metric
from mediafp.types.neighbours import NearRows, Neighbour, Neighbours, RangeSearch
from mediafp.types.node_services import ServiceNode

ROUNDING = 0.01
"""Largest difference of the score of int8 codes from the true cosine: four standard deviations of 512 rounded products."""


class ExactIndex(Index):
    """Reference implementation: compares every query row with every stored row, in float32."""

    def __init__(self, fingerprints: Iterable[Fingerprint], *, metric: Metric, columns: int) -> None:
        self._metric: Metric = metric
        self._columns = columns
        self._fingerprints: dict[str, Fingerprint] = {}
        self.add(fingerprints)

    @property
    def metric(self) -> Metric:
        return self._metric

    @property
    def _assets(self) -> list[str]:
        return sorted(self._fingerprints)

    def __len__(self) -> int:
        return sum(len(fingerprint.vectors) for fingerprint in self._fingerprints.values())

    def __contains__(self, sha256: object) -> bool:
        return sha256 in self._fingerprints

    def add(self, fingerprints: Iterable[Fingerprint]) -> None:
        for fingerprint in fingerprints:
            if fingerprint.sha256 in self:
                raise ValueError(f"the index contains a fingerprint of {fingerprint.sha256}")
            self._fingerprints[fingerprint.sha256] = fingerprint

    def remove(self, sha256s: Iterable[str]) -> None:
        for sha256 in sha256s:
            self._fingerprints.pop(sha256, None)

    def _rows(self) -> np.ndarray:
        counts = [len(self._fingerprints[sha256].vectors) for sha256 in self._assets]
        rows = [(n, row) for n, count in enumerate(counts) for row in range(count)]
        return np.array(rows, np.int32).reshape(-1, 2)

    def _scores(self, queries: np.ndarray) -> np.ndarray:
        none = np.empty((0, self._columns), np.float16 if self.metric == "cosine" else np.uint8)
        vectors = np.concatenate([none, *(self._fingerprints[sha256].vectors for sha256 in self._assets)])
        if self.metric == "cosine":
            return queries.astype(np.float32) @ vectors.astype(np.float32).T
        return np.bitwise_count(queries[:, None] ^ vectors[None]).sum(axis=2).astype(np.float32)

    def search(self, queries: np.ndarray, count: int, *, depth: int = RERANK_DEPTH) -> Neighbours:
        scores = self._scores(queries)
        best = np.argsort(-scores if self.metric == "cosine" else scores, axis=1, kind="stable")[:, :count]
        asset, row = self._rows()[best][:, :, 0], self._rows()[best][:, :, 1]
        return Neighbours(assets=self._assets, asset=asset, row=row, score=np.take_along_axis(scores, best, 1))

    def range_search(self, queries: np.ndarray, distance: int) -> list[Neighbour]:
        self._refuse_embeddings()
        return self._within(self._scores(queries).min(axis=0, initial=np.inf), distance)

    def range_searches(self, queries: np.ndarray, distance: int) -> NearRows:
        self._refuse_embeddings()
        scores = self._scores(queries)
        query, number = np.nonzero(scores <= distance)
        asset, row = self._rows()[number].T
        return NearRows(
            assets=self._assets, query=query, asset=asset, row=row, distance=scores[query, number].astype(int)
        )

    def range_searcher(self, exclude: Collection[str]) -> RangeSearch:
        self._refuse_embeddings()
        kept = [one for name, one in self._fingerprints.items() if name not in exclude]
        return ExactIndex(kept, metric=self._metric, columns=self._columns).range_searches

    def _refuse_embeddings(self) -> None:
        if self.metric != "hamming":
            raise ValueError(f"cannot search rows of metric {self.metric!r} by a distance in bits")

    def _within(self, distances: np.ndarray, distance: int) -> list[Neighbour]:
        rows = self._rows()
        return [
            Neighbour(self._assets[rows[n, 0]], int(rows[n, 1]), float(distances[n]))
            for n in np.flatnonzero(distances <= distance)
        ]


Build = Callable[..., Index]
IMPLEMENTATIONS = ("memory", "files", "exact", "lance", "lance unindexed", "lance shared", "lance s3")


def build_in_memory(fingerprints: Iterable[Fingerprint], *, metric: Metric, columns: int) -> Index:
    index = RowIndex(RowLayout(metric=metric, columns=columns))
    index.add(fingerprints)
    return index


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    """A local S3 server."""
    with object_store() as running:
        yield running


@pytest.fixture(params=IMPLEMENTATIONS)
def build(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """One implementation, as a function of fingerprints, metric and columns."""
    monkeypatch.setattr(row_index, "SAVE_ROWS", 1)
    folders = iter(range(10))
    address: str | None = None
    if request.param.startswith("lance"):
        skip_without_lance()
        # Half of the rows are in partitions of Lance, which are many; or all are searched in memory.
        monkeypatch.setattr(table, "SEGMENT_ROWS", 1 if request.param != "lance unindexed" else 1 << 16)
        monkeypatch.setattr(table, "PARTITION_ROWS", 20)
        address = str(tmp_path / "elsewhere")
        Path(address).mkdir()
    if request.param == "lance shared":
        for constant in ("MIN_SHARED_ROWS", "SHARD_ROWS"):
            monkeypatch.setattr(shared_table, constant, 1)
        monkeypatch.setattr(shared_table, "PIECE_ROWS", 7)
    if request.param == "lance s3":
        skip_without_server()
        server: ObjectStore = request.getfixturevalue("server")
        for variable, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": server.url}.items():
            monkeypatch.setenv(variable, value)
        address = f"s3://{BUCKET}/{tmp_path.name}"

    def build_half_in_files(fingerprints: Iterable[Fingerprint], *, metric: Metric, columns: int) -> Index:
        """Save the first half, open the files again, and keep the other half in memory."""
        layout, saved = RowLayout(metric=metric, columns=columns), list(fingerprints)
        folder, half = tmp_path / str(next(folders)), -(-len(saved) // 2)
        files = index_files(folder, address, "t", "1", layout)
        RowIndex(layout, files).build(lambda: saved[:half], lambda: IndexPosition(entry=1, hash="1" * 64, skipped=0))
        index = RowIndex(layout, files)
        assert not half or (index.position and files.map())
        if request.param == "lance shared":
            # As in processes of two nodes, whose shards have a few rows each.
            index.share([ServiceNode(name=name, ask=TableShards().answer) for name in ("first", "second")])
        index.add(saved[half:])
        return index

    return {"memory": build_in_memory, "exact": ExactIndex}.get(request.param, build_half_in_files)


def name(number: int) -> str:
    """Return the SHA-256 of an asset by its number."""
    return f"{number:064x}"


def fingerprints_of(vectors: np.ndarray, counts: list[int] | None = None) -> list[Fingerprint]:
    """Return fingerprints of assets 0, 1, ... that contain the rows in order, `counts` rows each (by default one)."""
    ends = np.cumsum(counts or [1] * len(vectors))
    assert ends[-1] == len(vectors)
    return [untimed_fingerprint(name(n), part) for n, part in enumerate(np.split(vectors, ends[:-1]))]


def index_of(build: Build, vectors: np.ndarray, metric: Metric, counts: list[int] | None = None) -> Index:
    return build(fingerprints_of(vectors, counts), metric=metric, columns=vectors.shape[1])


def numbers(neighbours: Neighbours) -> np.ndarray:
    """Return the numbers (Q, K) of the rows, where each asset has one row."""
    assert not neighbours.row.any()
    return np.array([[int(neighbours.assets[n], 16) for n in row] for row in neighbours.asset]).reshape(
        neighbours.asset.shape
    )


@pytest.fixture(scope="module")
def around_photos(photos: dict[str, np.ndarray]) -> np.ndarray:
    """480 unit vectors around the embeddings of the photographs: near copies, far copies and unrelated ones."""
    centres = fingerprint_type("sscd_distilled").extract(list(photos.values()))[0].astype(np.float64)
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(480, 512)) / np.sqrt(512)
    return unit_rows(np.repeat(centres, 60, axis=0) + noise * rng.uniform(0.1, 3, (480, 1)))


@pytest.fixture(scope="module")
def hashes() -> np.ndarray:
    """400 hashes of 256 bits, half of them few bits away from another, some of them equal."""
    rng = np.random.default_rng(2)
    first = rng.integers(0, 256, (200, 32), dtype=np.uint8)
    flips = np.packbits(rng.random((200, 256)) < rng.uniform(0, 0.2, (200, 1)), axis=1)
    flips[:20] = 0
    return np.concatenate((first, first ^ flips))


@pytest.mark.parametrize("count", [1, 10, 50])
def test_search_finds_all_nearest_embeddings(build: Build, around_photos: np.ndarray, count: int) -> None:
    index = index_of(build, around_photos, "cosine")
    assert index.metric == "cosine" and len(index) == len(around_photos) > RERANK_DEPTH
    queries = around_photos[::7]
    neighbours = index.search(queries, count)
    rows, scores = numbers(neighbours), neighbours.score
    true = queries.astype(np.float32) @ around_photos.astype(np.float32).T
    assert len(neighbours) == len(queries) and rows.shape == scores.shape == (len(queries), count)
    assert neighbours.asset.dtype == neighbours.row.dtype == np.int32 and scores.dtype == np.float32
    assert np.take_along_axis(true, rows, 1) == pytest.approx(scores, abs=ROUNDING)
    assert (np.diff(scores, axis=1) <= 0).all()
    for n in range(len(queries)):
        assert len(set(rows[n].tolist())) == count
        lowest = np.sort(true[n])[-count]
        certain = set(np.flatnonzero(true[n] > lowest + 2 * ROUNDING).tolist())
        assert certain <= set(rows[n].tolist())
        assert (true[n, rows[n]] >= lowest - 2 * ROUNDING).all()
    if count == 1:
        assert (rows[:, 0] == np.arange(len(around_photos))[::7]).all(), "the nearest row of each row is itself"


def test_search_gives_many_queries_the_results_of_each(build: Build, around_photos: np.ndarray) -> None:
    index = index_of(build, around_photos, "cosine")
    together = index.search(around_photos[:100], 5)
    for n in (0, 50, 99):
        alone = index.search(around_photos[n : n + 1], 5)
        assert [(hit.sha256, hit.row) for hit in alone.of_query(0)] == [
            (hit.sha256, hit.row) for hit in together.of_query(n)
        ]
        assert alone.score[0] == pytest.approx(together.score[n], abs=1e-6)


@pytest.mark.parametrize("count", [1, 30])
def test_search_is_exact_for_hashes(build: Build, hashes: np.ndarray, count: int) -> None:
    queries = hashes[::9]
    neighbours = index_of(build, hashes, "hamming").search(queries, count)
    rows, distances = numbers(neighbours), neighbours.score
    true = np.bitwise_count(queries[:, None] ^ hashes[None]).sum(axis=2)
    assert (distances == np.sort(true, axis=1)[:, :count]).all()
    assert (np.take_along_axis(true, rows, 1) == distances).all()
    assert all(len(set(near.tolist())) == count for near in rows)


@pytest.mark.parametrize("distance", [0, 1, 17, 31, 256])
@pytest.mark.parametrize("query_count", [1, 40])
def test_range_search_equals_the_exact_search(
    build: Build, hashes: np.ndarray, distance: int, query_count: int
) -> None:
    queries, counts = hashes[-query_count:], [3, 0, 1] * 100
    neighbours = index_of(build, hashes, "hamming", counts).range_search(queries, distance)
    assert neighbours == index_of(ExactIndex, hashes, "hamming", counts).range_search(queries, distance)
    assert len(neighbours) >= query_count


def test_range_search_includes_the_distance_itself(build: Build) -> None:
    rows = np.zeros((3, 32), np.uint8)
    rows[1, 0], rows[2, 0] = 0b111, 0b1111
    index = index_of(build, rows, "hamming")
    assert index.range_search(rows[:1], 3) == [Neighbour(name(0), 0, 0), Neighbour(name(1), 0, 3)]
    assert index.range_search(rows[:1], 2) == [Neighbour(name(0), 0, 0)]


def test_range_search_refuses_embeddings(build: Build, around_photos: np.ndarray) -> None:
    with pytest.raises(ValueError, match="cosine"):
        index_of(build, around_photos[:3], "cosine").range_search(np.zeros((1, 64), np.uint8), 3)


@pytest.mark.parametrize(("metric", "columns", "dtype"), [("cosine", 512, np.float16), ("hamming", 32, np.uint8)])
def test_empty_index_returns_no_neighbours(build: Build, metric: Metric, columns: int, dtype: type[np.generic]) -> None:
    for fingerprints in ([], [untimed_fingerprint(name(9), np.empty((0, columns), dtype))]):
        index = build(fingerprints, metric=metric, columns=columns)
        neighbours = index.search(np.ones((3, columns), dtype), 10)
        assert len(index) == 0 and neighbours.asset.shape == neighbours.row.shape == neighbours.score.shape == (3, 0)
        assert len(neighbours) == 3 and neighbours.of_query(0) == []
        assert (name(9) in index) == bool(fingerprints)
        if metric == "hamming":
            assert index.range_search(np.ones((3, columns), np.uint8), 256) == []


@pytest.mark.parametrize("metric", ["cosine", "hamming"])
def test_search_returns_at_most_the_rows_of_the_index(
    build: Build, metric: Metric, around_photos: np.ndarray, hashes: np.ndarray
) -> None:
    vectors = around_photos[:5] if metric == "cosine" else hashes[:5]
    index = index_of(build, vectors, metric)
    assert index.search(vectors[:0], 3).score.shape[0] == 0
    neighbours = index.search(vectors[:2], 50)
    assert neighbours.asset.shape == neighbours.score.shape == (2, 5)
    assert sorted(numbers(neighbours)[0].tolist()) == sorted(numbers(neighbours)[1].tolist()) == list(range(5))


def test_neighbours_name_the_asset_and_its_row(build: Build, around_photos: np.ndarray) -> None:
    counts = [1, 0, 7, 1, 30, 0, 1]
    vectors = around_photos[: sum(counts)]
    fingerprints = fingerprints_of(vectors, counts)
    index = build(fingerprints, metric="cosine", columns=512)
    expected = [(name(n), row) for n, count in enumerate(counts) for row in range(count)]
    neighbours = index.search(vectors, 1)
    best = [neighbours.of_query(n)[0] for n in range(len(vectors))]
    assert [(hit.sha256, hit.row) for hit in best] == expected and len(index) == len(expected)
    by_name = {fingerprint.sha256: fingerprint for fingerprint in fingerprints}
    for n, hit in enumerate(best):
        assert by_name[hit.sha256].vectors[hit.row].tobytes() == vectors[n].tobytes()
    assert all(name(n) in index for n in range(7)) and name(7) not in index


@pytest.mark.parametrize("metric", ["cosine", "hamming"])
@pytest.mark.parametrize("cuts", [[0], [1], [100, 100, 250]])
def test_index_grown_by_add_equals_one_built_at_once(
    build: Build, metric: Metric, cuts: list[int], around_photos: np.ndarray, hashes: np.ndarray
) -> None:
    vectors = around_photos[:400] if metric == "cosine" else hashes
    fingerprints = fingerprints_of(vectors, [2, 0] * 200)
    whole = build(fingerprints, metric=metric, columns=vectors.shape[1])
    grown = build(fingerprints[: cuts[0]], metric=metric, columns=vectors.shape[1])
    for start, end in pairwise([*cuts, len(fingerprints)]):
        grown.search(vectors[:3], 5)
        grown.add(fingerprints[start:end])
    assert len(grown) == len(whole) == 400
    for n in range(0, 400, 37):
        assert grown.search(vectors[n : n + 1], 20).of_query(0) == whole.search(vectors[n : n + 1], 20).of_query(0)
    if metric == "hamming":
        assert grown.range_search(vectors[:40], 31) == whole.range_search(vectors[:40], 31)


def test_add_refuses_a_second_fingerprint_of_an_asset(build: Build, hashes: np.ndarray) -> None:
    index = index_of(build, hashes[:5], "hamming")
    with pytest.raises(ValueError, match=name(2)):
        index.add([untimed_fingerprint(name(2), hashes[7:9])])
    with pytest.raises(ValueError, match=name(77)):
        index_of(build, hashes[:5], "hamming").add(
            [untimed_fingerprint(name(77), hashes[:1]), untimed_fingerprint(name(77), hashes[:1])]
        )
    assert len(index) == 5 and [hit.sha256 for hit in index.range_search(hashes[7:9], 0)] == []


def test_returned_neighbours_stay_valid_while_the_index_grows(build: Build, hashes: np.ndarray) -> None:
    index = index_of(build, hashes[:50], "hamming")
    neighbours = index.search(hashes[:50], 3)
    before = [neighbours.of_query(n) for n in range(len(neighbours))]
    index.add([untimed_fingerprint(name(1000 + n), hashes[n : n + 1]) for n in range(350)])
    assert [neighbours.of_query(n) for n in range(len(neighbours))] == before


@pytest.mark.parametrize("metric", ["cosine", "hamming"])
def test_search_in_several_threads_works_during_add(
    build: Build, metric: Metric, around_photos: np.ndarray, hashes: np.ndarray
) -> None:
    """The nearest row of each of the first rows is itself at any time."""
    if build is ExactIndex:
        pytest.skip("the reference implementation is not thread-safe")
    vectors = around_photos if metric == "cosine" else hashes
    fingerprints = fingerprints_of(vectors)
    index = build(fingerprints[:100], metric=metric, columns=vectors.shape[1])
    wrong: list[object] = []
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            neighbours = index.search(vectors[20:60], 1)
            best = neighbours.score[:, 0]
            if not (best > 1 - 2 * ROUNDING if metric == "cosine" else best == 0).all():
                wrong.append(best)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for fingerprint in fingerprints[100:]:
        index.add([fingerprint])
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == [] and len(index) == len(vectors)


@pytest.mark.parametrize("metric", ["cosine", "hamming"])
def test_results_do_not_depend_on_the_order_of_addition(
    build: Build, metric: Metric, around_photos: np.ndarray, hashes: np.ndarray
) -> None:
    """Of rows at one distance, too many to be found at once, those of the first assets are returned."""
    vectors = (around_photos if metric == "cosine" else hashes)[:200]
    vectors = np.concatenate((np.repeat(vectors[:2], 350, axis=0), vectors))
    fingerprints = fingerprints_of(vectors)
    shuffled = [fingerprints[n] for n in np.random.default_rng(4).permutation(len(fingerprints))]
    whole, other = (build(some, metric=metric, columns=vectors.shape[1]) for some in (fingerprints, shuffled))
    queries = vectors[[0, 400, 700, 703, 850]]
    for count in (1, 60, 300):
        first, second = whole.search(queries, count), other.search(queries, count)
        assert [first.of_query(n) for n in range(5)] == [second.of_query(n) for n in range(5)]
    assert numbers(first)[0].tolist() == list(range(300)) and numbers(first)[1].tolist() == list(range(350, 650))
    if metric == "hamming":
        assert whole.range_search(queries, 40) == other.range_search(queries, 40)


@pytest.mark.parametrize("metric", ["cosine", "hamming"])
def test_removed_assets_are_not_found(
    build: Build, metric: Metric, around_photos: np.ndarray, hashes: np.ndarray
) -> None:
    vectors = around_photos[:300] if metric == "cosine" else hashes[:300]
    index = index_of(build, vectors, metric)
    removed = [name(n) for n in range(0, 300, 3)]
    index.remove([*removed, name(5000)])
    kept = [f for f in fingerprints_of(vectors) if f.sha256 not in removed]
    expected = build(kept, metric=metric, columns=vectors.shape[1])
    assert len(index) == len(expected) == 200 and name(0) not in index and name(1) in index
    for count in (5, 400):
        found, others = index.search(vectors[:20], count), expected.search(vectors[:20], count)
        assert [found.of_query(n) for n in range(20)] == [others.of_query(n) for n in range(20)]
    if metric == "hamming":
        near, others = index.range_searches(vectors[:20], 90), expected.range_searches(vectors[:20], 90)
        assert [near.of_query(n) for n in range(20)] == [others.of_query(n) for n in range(20)]
    index.add([untimed_fingerprint(name(0), vectors[:1])])
    assert name(0) in index and index.search(vectors[:1], 1).of_query(0)[0].sha256 == name(0)
    assert len(index) == 201


def test_range_searches_return_what_each_query_finds(build: Build, hashes: np.ndarray) -> None:
    index = index_of(build, hashes, "hamming", [3, 0, 1] * 100)
    for queries in (hashes[:3], hashes[:50]):
        near = index.range_searches(queries, 40)
        each = [near.of_query(number) for number in range(len(queries))]
        assert each == [index.range_search(query[None], 40) for query in queries]
        assert [len(found) > 0 for found in each] == [True] * len(queries)
        places = list(zip(near.query.tolist(), near.asset.tolist(), near.row.tolist(), strict=True))
        assert places == sorted(places) and sum(map(len, each)) == len(near)
    assert len(index.range_searches(hashes[:0], 40)) == 0


def test_range_searcher_finds_the_rows_of_all_other_assets(build: Build, hashes: np.ndarray) -> None:
    index = index_of(build, hashes, "hamming", [3, 0, 1] * 100)
    index.remove([name(4)])
    for excluded in ([], [name(5000)], [name(n) for n in range(0, 200, 3)], [name(n) for n in range(300)]):
        near, found = index.range_searches(hashes[:30], 60), index.range_searcher(excluded)(hashes[:30], 60)
        expected = [[hit for hit in near.of_query(n) if hit.sha256 not in excluded] for n in range(30)]
        assert [found.of_query(n) for n in range(30)] == expected
    assert [len(index.range_searches(hashes[:30], 60).of_query(n)) > 0 for n in range(30)].count(True) >= 25


def test_greater_depth_finds_all_nearest_rows_of_many(build: Build, around_photos: np.ndarray) -> None:
    index = index_of(build, around_photos, "cosine")
    exact = index_of(ExactIndex, around_photos, "cosine").search(around_photos[:9], 30)
    found = index.search(around_photos[:9], 30, depth=len(around_photos))
    assert found.score == pytest.approx(exact.score, abs=ROUNDING)
    assert len(index.search(around_photos[:1], 470, depth=1).of_query(0)) == 470
