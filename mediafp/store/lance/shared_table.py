"""A table whose rows several nodes keep in memory and search, a shard each."""

import hashlib
import logging
import threading
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from mediafp.store.lance.shard_messages import OpenShard, Piece, SearchShard, ShardAnswer, decode_answer, encode
from mediafp.store.lance.table import Table
from mediafp.store.row_index.nearest import Bits
from mediafp.store.row_index.rows import RowLayout
from mediafp.store.row_index.snapshot import Found
from mediafp.types.errors import WorkerLost
from mediafp.types.node_services import ServiceNode

MIN_SHARED_ROWS: Final = 1 << 16
"""Indexed rows of a table from which on nodes search it: of 100,000 rows, a query row costs this machine 6.8 ms of CPU time with
Lance, and 0.7 ms if a node searches them (scripts/bench/search_share.py)."""
SHARD_ROWS: Final = 1 << 20
"""Rows of a shard from which on there is a further one, if there is a node for it: each costs the driver a request. Chosen, not
measured."""
PIECE_ROWS: Final = 1 << 17
"""Rows that are read at once and go to one shard. Chosen, not measured."""

_logger = logging.getLogger(__name__)


class SearchedTable(Protocol):
    """The indexed rows of a table, as they are searched: by Lance on this machine, or by nodes."""

    @property
    def indexed_rows(self) -> int: ...  # noqa: D102
    @property
    def compared_share(self) -> float: ...  # noqa: D102

    def nearest(self, queries: Bits, count: int, *, is_exact: bool) -> Sequence[Found]:
        """Return the nearest rows, as `Table` does."""
        ...

    def within(self, queries: Bits, distance: int) -> Sequence[Found]:
        """Return the rows at most a distance away, as `Table` does."""
        ...


class SharedTable:
    """A table that nodes search. Implements `SearchedTable`; several threads may use it.

    The nodes compare query rows with all rows. If none of them can, Lance does on this machine. A node that was taken over
    can hide rows or propose others, nothing else: their codes and their assets are those of the index itself.
    """

    def __init__(self, table: Table, layout: RowLayout, nodes: Sequence[ServiceNode]) -> None:
        """Take a table, its columns, and the nodes."""
        self._table, self._layout = table, layout
        self.given_nodes = nodes
        """The nodes that were given, also those that do not search any more."""
        self._nodes = list(nodes)
        self._lock = threading.Lock()
        self._shards: list[tuple[ServiceNode, str, int]] | None = None
        """The node, the name and the number of rows of each shard; None as long as none was opened."""
        self.indexed_rows = table.indexed_rows
        """Number of the rows."""
        self.compared_share = 1.0
        """Share of the rows that a search compares."""

    def nearest(self, queries: Bits, count: int, *, is_exact: bool) -> Sequence[Found]:
        """Return the nearest rows of each query row, of all rows whatever `is_exact` says."""
        if count and len(queries) and (shards := self._search(queries, count, 0)) is not None:
            joined = [_join(found) for found in zip(*shards, strict=True)]
            # Fewer only if one node returned rows of another one.
            if all(len(numbers) >= min(count, self.indexed_rows) for _, numbers in joined):
                return [(distances[:count], numbers[:count]) for distances, numbers in joined]
        return self._table.nearest(queries, count, is_exact=True)

    def within(self, queries: Bits, distance: int) -> Sequence[Found]:
        """Return the rows at most a distance from each query row."""
        if len(queries) and (shards := self._search(queries, 0, distance)) is not None:
            return [_join(found) for found in zip(*shards, strict=True)]
        return self._table.within(queries, distance)

    def _search(self, queries: Bits, count: int, distance: int) -> list[list[Found]] | None:
        """Return what each shard has found of each query row; None if there is no node for them."""
        while shards := self._open_shards():
            found: list[list[Found]] = []
            for node, name, rows in shards:
                request = SearchShard(name=name, queries=queries.tobytes(), count=min(count, rows), distance=distance)
                try:
                    answer = _ask(node, request)
                    found.append(self._check(answer, len(queries), request, rows))
                except (WorkerLost, ValueError, OverflowError) as error:
                    self._drop(node, error)
                    break
            else:
                return found
        return None

    def _open_shards(self) -> list[tuple[ServiceNode, str, int]]:
        """Return the shards, opened on as many nodes as they need; none if there is no node for them."""
        with self._lock:
            while self._shards is None:
                self._shards = self._try_to_open()
            return self._shards

    def _try_to_open(self) -> list[tuple[ServiceNode, str, int]] | None:
        """Return the opened shards, or None if a node failed and is not used any more; the lock is held."""
        shards: list[tuple[ServiceNode, str, int]] = []
        pieces = self._table.pieces(PIECE_ROWS)
        number = min(len(self._nodes), -(-self.indexed_rows // SHARD_ROWS))
        for n in range(number):
            # Those of several tables do not all lie on the first nodes.
            node = self._nodes[(n + len(self._table.uri)) % len(self._nodes)]
            shard = self._shard_of(pieces[n::number])
            rows = sum(rows for _, _, rows in shard.pieces)
            if not rows:
                continue
            try:
                answer = _ask(node, shard)
                if answer.rows != rows:
                    raise ValueError(f"it has {answer.rows} rows of the index in place of {rows}")
            except (WorkerLost, ValueError) as error:
                self._remove(node, error)
                return None
            shards.append((node, shard.name, rows))
        return shards

    def _shard_of(self, pieces: list[Piece]) -> OpenShard:
        values = (self._table.uri, self._table.version, pieces)
        return OpenShard(
            name=hashlib.sha256(repr(values).encode()).hexdigest(),
            uri=self._table.uri,
            version=self._table.version,
            metric=self._layout.metric,
            columns=self._layout.columns,
            pieces=pieces,
        )

    def _drop(self, node: ServiceNode, error: Exception) -> None:
        """Search on the other nodes from now on."""
        with self._lock:
            self._remove(node, error)
            self._shards = None

    def _remove(self, node: ServiceNode, error: Exception) -> None:
        if node in self._nodes:
            self._nodes.remove(node)
            others = "the other nodes do" if self._nodes else "this machine does"
            _logger.warning("node %s does not search the index, %s: %s", node.name, others, error)

    def _check(self, answer: ShardAnswer, queries: int, request: SearchShard, rows: int) -> list[Found]:
        """Return what a node has found of each query row. Raises ValueError for what no search finds."""
        distances, numbers = np.frombuffer(answer.distances, "<i4"), np.frombuffer(answer.numbers, "<i8")
        counts = np.array(answer.counts, np.int64)
        if len(counts) != queries or (counts < 0).any() or not counts.sum() == len(distances) == len(numbers):
            raise ValueError("it returned invalid data: numbers of rows that do not fit")
        limit = 8 * self._layout.bit_bytes if request.count else request.distance
        if (counts != request.count if request.count else counts > rows).any():
            raise ValueError("it returned invalid data: another number of rows than was asked for")
        if ((distances < 0) | (distances > limit)).any() or (numbers < 0).any():
            raise ValueError("it returned invalid data: distances or numbers that no row has")
        ends = counts.cumsum()[:-1]
        found = list(zip(np.split(distances, ends), np.split(numbers, ends), strict=True))
        if any(len(np.unique(some)) < len(some) for _, some in found):
            raise ValueError("it returned invalid data: a row twice")
        return found


def _ask(node: ServiceNode, request: OpenShard | SearchShard) -> ShardAnswer:
    """Return the answer of a node. Raises WorkerLost, and ValueError for bytes that are none, or if it has failed."""
    answer = decode_answer(node.ask(encode(request)))
    if answer.error:
        raise ValueError(answer.error)
    return answer


def _join(found: Sequence[Found]) -> Found:
    """Return what one query row has found in all shards, nearest first."""
    distances = np.concatenate([some for some, _ in found])
    numbers, first = np.unique(np.concatenate([some for _, some in found]), return_index=True)
    distances = distances[first]
    order = np.argsort(distances, kind="stable")
    return distances[order], numbers[order]
