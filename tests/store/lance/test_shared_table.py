"""Rows of a table on Lance that nodes search, a shard each: the same results, whatever the nodes do."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from object_store import ENVIRONMENT, skip_without_lance

from mediafp.store import IndexPosition
from mediafp.store.index_location import index_files
from mediafp.store.lance import shared_table, table
from mediafp.store.lance.shard_messages import (
    OpenShard,
    SearchShard,
    ShardAnswer,
    decode_answer,
    decode_request,
    encode,
)
from mediafp.store.lance.shards import KEPT_SHARDS, TableShards
from mediafp.store.row_index import index as row_index
from mediafp.store.row_index import snapshot
from mediafp.store.row_index.index import RowIndex
from mediafp.store.row_index.rows import RowLayout
from mediafp.types.errors import WorkerLost
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.node_services import ServiceNode

COSINE = RowLayout(metric="cosine", columns=64)
HAMMING = RowLayout(metric="hamming", columns=8)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save every addition, have Lance index it, and divide it into many pieces."""
    skip_without_lance()
    for module, constant, value in (
        (row_index, "SAVE_ROWS", 1),
        (table, "SEGMENT_ROWS", 1),
        (table, "PARTITION_ROWS", 20),
        (table, "FILE_ROWS", 30),
        (shared_table, "MIN_SHARED_ROWS", 1),
        (shared_table, "SHARD_ROWS", 1),
        (shared_table, "PIECE_ROWS", 9),
    ):
        monkeypatch.setattr(module, constant, value)


def vectors_of(layout: RowLayout, count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if layout is HAMMING:
        # Many rows at one distance.
        return rng.integers(0, 4, (count, layout.columns), np.uint8)
    rows = rng.normal(size=(count, layout.columns))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def fingerprints(vectors: np.ndarray, first: int = 0) -> list[Fingerprint]:
    return [
        Fingerprint(
            sha256=f"{first + n:064x}",
            type="t",
            version="1",
            spans=np.zeros((1, 2)),
            vectors=vectors[n : n + 1],
            quality=np.ones(1, np.float32),
        )
        for n in range(len(vectors))
    ]


def position(entry: int) -> IndexPosition:
    return IndexPosition(entry=entry, hash=f"{entry:064x}", skipped=0)


def built(folder: Path, layout: RowLayout, vectors: np.ndarray) -> RowIndex:
    (folder / "rows").mkdir(parents=True, exist_ok=True)
    files = index_files(folder / "case", str(folder / "rows"), "t", "1", layout)
    RowIndex(layout, files).build(lambda: fingerprints(vectors), lambda: position(5))
    return RowIndex(layout, files)


class Node:
    """A node in this process, whose answers a test may change."""

    def __init__(self, change: Callable[[ShardAnswer], ShardAnswer] = lambda answer: answer) -> None:
        self.service, self.change, self.requests = TableShards(), change, 0

    def ask(self, request: bytes) -> bytes:
        self.requests += 1
        answer = decode_answer(self.service.answer(request))
        return encode(answer if isinstance(decode_request(request), OpenShard) else self.change(answer))


def nodes_of(*nodes: Node) -> list[ServiceNode]:
    return [ServiceNode(name=f"n{number}", ask=node.ask) for number, node in enumerate(nodes)]


def hits(index: RowIndex, queries: np.ndarray) -> list[Any]:
    found = index.search(queries, 7, depth=20)
    near = [index.range_searches(queries, 9)] if index.metric == "hamming" else []
    return [one.of_query(n) for one in (found, *near) for n in range(len(queries))]


@pytest.mark.parametrize("layout", [COSINE, HAMMING], ids=["cosine", "hamming"])
def test_nodes_find_what_one_process_finds(tmp_path: Path, layout: RowLayout) -> None:
    vectors, queries = vectors_of(layout, 200), vectors_of(layout, 12, seed=1)
    index = built(tmp_path, layout, vectors)
    nodes = [Node() for _ in range(3)]
    # Rows come and go before and after they are saved.
    for step in range(3):
        index.share(())
        expected = hits(index, queries)
        index.share(nodes_of(*nodes))
        asked = [node.requests for node in nodes]
        assert hits(index, queries) == expected
        assert all(node.requests > before for node, before in zip(nodes, asked, strict=True))
        index.remove([f"{n:064x}" for n in range(step, 200, 17)])
        assert index.search(queries, 7).score.shape == (12, 7)
        index.add(fingerprints(vectors_of(layout, 40, seed=step + 2), first=1000 * (step + 1)))
        assert index.advance(position(6 + step))
    kept = [list(node.service._shards.values()) for node in nodes]
    assert all(len(shards) == 1 and len(shards[0]) <= KEPT_SHARDS for shards in kept)
    together = hits(index, queries)
    index.share(())
    assert hits(index, queries) == together


def test_nodes_search_all_rows_where_one_machine_searches_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, queries = vectors_of(COSINE, 200), vectors_of(COSINE, 12, seed=1)
    index = built(tmp_path, COSINE, vectors)
    expected = hits(index, queries)
    monkeypatch.setattr(table, "SCANNED_ROWS", 20)
    assert index.compared_share == 0.1
    index.share(nodes_of(Node(), Node()))
    assert index.compared_share == 1 and hits(index, queries) == expected


def lost(answer: ShardAnswer) -> ShardAnswer:
    raise WorkerLost("crash", "its process ended")


def numbers(answer: ShardAnswer) -> np.ndarray:
    return np.frombuffer(answer.numbers, "<i8").copy()


def with_numbers(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[ShardAnswer], ShardAnswer]:
    def changed(answer: ShardAnswer) -> ShardAnswer:
        return ShardAnswer(
            counts=answer.counts, distances=answer.distances, numbers=change(numbers(answer)).astype("<i8").tobytes()
        )

    return changed


FAILURES: dict[str, tuple[Callable[[ShardAnswer], ShardAnswer], str]] = {
    "lost": (lost, "its process ended"),
    "an error": (lambda answer: ShardAnswer(error="no space"), "no space"),
    "huge": (lambda answer: ShardAnswer(counts=[1 << 63]), "too large"),
    "odd": (lambda answer: ShardAnswer(counts=answer.counts, distances=b"x", numbers=answer.numbers), "buffer size"),
    "nothing": (lambda answer: ShardAnswer(), "numbers of rows that do not fit"),
    "fewer rows": (
        lambda answer: ShardAnswer(counts=[0] * len(answer.counts)),
        "another number of rows than was asked for",
    ),
    "distances": (
        lambda answer: ShardAnswer(
            counts=answer.counts,
            distances=(np.frombuffer(answer.distances, "<i4") + 600).astype("<i4").tobytes(),
            numbers=answer.numbers,
        ),
        "distances or numbers that no row has",
    ),
    "negative": (with_numbers(lambda values: -values - 1), "distances or numbers that no row has"),
    "twice": (with_numbers(np.zeros_like), "a row twice"),
}


@pytest.mark.parametrize("what", FAILURES)
def test_shard_of_a_node_that_fails_goes_to_another_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    change, reason = FAILURES[what]
    index = built(tmp_path, COSINE, vectors_of(COSINE, 200))
    queries = vectors_of(COSINE, 12, seed=1)
    expected = hits(index, queries)
    good = Node()
    index.share(nodes_of(Node(change), good))
    assert hits(index, queries) == expected and good.requests
    assert caplog.text.count("node n0 does not search the index, the other nodes do") == 1 and reason in caplog.text
    index.share(nodes_of(Node(change), Node(change)))
    assert hits(index, queries) == expected
    assert "node n1 does not search the index, this machine does" in caplog.text or (
        "node n0 does not search the index, this machine does" in caplog.text
    )


@pytest.mark.parametrize("others", ["removed rows", "rows of no asset", "rows of the other node"])
def test_rows_that_a_taken_over_node_makes_up_are_dropped(tmp_path: Path, others: str) -> None:
    index = built(tmp_path, COSINE, vectors_of(COSINE, 200))
    queries = vectors_of(COSINE, 12, seed=1)
    index.remove([f"{n:064x}" for n in range(150, 200)])

    def change(answer: ShardAnswer) -> ShardAnswer:
        first = {"removed rows": 150, "rows of no asset": 10_000, "rows of the other node": 0}[others]
        made_up = np.concatenate([first + np.arange(count) for count in answer.counts])
        return with_numbers(lambda values: made_up)(answer)

    index.share(nodes_of(Node(change), Node()))
    found = index.search(queries, 7, depth=20)
    rows = {int(found.assets[n], 16) for n in found.asset.ravel()}
    assert rows <= set(range(150)) and found.asset.shape == (12, 7)


@pytest.mark.parametrize("kept", [0, 1, 5])
@pytest.mark.parametrize("layout", [COSINE, HAMMING], ids=["cosine", "hamming"])
def test_taken_over_node_that_hides_tied_rows_replaces_no_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: RowLayout, kept: int
) -> None:
    # Rows at the distance of the last neighbour are searched again with every query row.
    monkeypatch.setattr(snapshot, "TIED_ROWS", 0)
    index = built(tmp_path, layout, vectors_of(layout, 200))
    queries = vectors_of(layout, 12, seed=1)
    expected = index.search(queries, 7, depth=7)
    service, hidden = TableShards(), []

    def hide(request: bytes) -> bytes:
        message, answer = decode_request(request), decode_answer(service.answer(request))
        if not isinstance(message, SearchShard) or message.count:
            return encode(answer)
        hidden.append(message)
        return encode(
            ShardAnswer(counts=[kept], distances=answer.distances[: 4 * kept], numbers=answer.numbers[: 8 * kept])
        )

    index.share([ServiceNode(name="n0", ask=hide)])
    found = index.search(queries, 7, depth=7)
    assert len(hidden) == len(queries) and all(len(set(rows)) == 7 for rows in found.asset.tolist())
    if layout is HAMMING:
        assert found.score.tolist() == expected.score.tolist()


def test_node_that_reads_a_table_searches_others_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service, begun, read = TableShards(), threading.Event(), threading.Event()
    indexes = [built(tmp_path / name, COSINE, vectors_of(COSINE, 60)) for name in ("a", "b")]
    queries = vectors_of(COSINE, 3, seed=1)
    expected = hits(indexes[0], queries)
    for index in indexes:
        index.share([ServiceNode(name="n0", ask=service.answer)])
    assert hits(indexes[0], queries) == expected
    read_pieces = table.Table.read_pieces

    def read_slowly(*arguments: Any) -> Any:
        begun.set()
        assert read.wait(60)
        return read_pieces(*arguments)

    monkeypatch.setattr(table.Table, "read_pieces", read_slowly)
    with ThreadPoolExecutor(2) as threads:
        try:
            slow = threads.submit(hits, indexes[1], queries)
            assert begun.wait(60)
            assert threads.submit(hits, indexes[0], queries).result(30) == expected and not slow.done()
        finally:
            read.set()
        assert slow.result(60) == expected


def test_node_that_cannot_read_the_rows_states_why_without_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    index = built(tmp_path / "a", COSINE, vectors_of(COSINE, 200))
    queries = vectors_of(COSINE, 3, seed=1)
    expected = hits(index, queries)
    service = TableShards()

    def without_folder(request: bytes) -> bytes:
        message = decode_request(request)
        assert isinstance(message, OpenShard) and not any(value.encode() in request for value in ENVIRONMENT.values())
        elsewhere = OpenShard(
            name=message.name,
            uri=f"{tmp_path}/none",
            version=message.version,
            metric=message.metric,
            columns=message.columns,
            pieces=message.pieces,
        )
        return service.answer(encode(elsewhere))

    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    index.share([ServiceNode(name="n0", ask=without_folder)])
    assert hits(index, queries) == expected
    assert "node n0 does not search the index, this machine does: its rows are not at" in caplog.text
    # Another table at the same path, such as that of a copy, has other rows.
    other = built(tmp_path / "b", COSINE, vectors_of(COSINE, 90))
    caplog.clear()

    def other_rows(request: bytes) -> bytes:
        answer = decode_answer(service.answer(request))
        return encode(ShardAnswer(rows=answer.rows - 1))

    other.share([ServiceNode(name="n0", ask=other_rows)])
    assert hits(other, queries) and "rows of the index in place of" in caplog.text
