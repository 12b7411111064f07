"""Shards of tables on a node: their bits are read once, and searched in memory."""

import threading
from collections import OrderedDict
from itertools import pairwise
from typing import Final

import numpy as np

from mediafp.store.lance.shard_messages import OpenShard, SearchShard, ShardAnswer, decode_request, encode
from mediafp.store.lance.table import Table
from mediafp.store.row_index.nearest import Bits, Numbers, nearest, within
from mediafp.store.row_index.rows import RowLayout
from mediafp.types.errors import MediafpError

KEPT_SHARDS: Final = 2
"""Shards of one table that a node keeps: that of its newest version, and that which threads may still search. Chosen, not
measured."""


class TableShards:
    """The shards of one node, from several tables. Implements `NodeService`."""

    def __init__(self) -> None:
        """Create a service without shards."""
        self._lock = threading.Lock()
        """Held while the shards change, never while a table is read."""
        self._reading: dict[str, threading.Lock] = {}
        """A lock for each table, by its address, held while a shard of it is read."""
        self._shards: dict[str, OrderedDict[str, tuple[Numbers, Bits]]] = {}
        """Numbers and bits of the rows of each shard, by the address of its table and by its name."""

    def answer(self, request: bytes) -> bytes:
        """Open or search a shard."""
        message = decode_request(request)
        try:
            return encode(self._open(message) if isinstance(message, OpenShard) else self._search(message))
        except (MediafpError, OSError, ValueError) as error:
            return encode(ShardAnswer(error=str(error) or type(error).__name__))

    def _open(self, shard: OpenShard) -> ShardAnswer:
        with self._lock:
            reading = self._reading.setdefault(shard.uri, threading.Lock())
        # One after the other: threads of the driver open the same shard at once.
        with reading:
            with self._lock:
                known = self._shards.setdefault(shard.uri, OrderedDict())
                rows = known.get(shard.name)
            if rows is None:
                table = Table.open(shard.uri, RowLayout(metric=shard.metric, columns=shard.columns), shard.version)
                rows = table.read_pieces(shard.pieces)
                with self._lock:
                    known[shard.name] = rows
                    while len(known) > KEPT_SHARDS:
                        known.popitem(last=False)
            return ShardAnswer(rows=len(rows[0]))

    def _search(self, search: SearchShard) -> ShardAnswer:
        with self._lock:
            shard = next((known[search.name] for known in self._shards.values() if search.name in known), None)
        if shard is None:
            return ShardAnswer(error="it does not keep this shard any more")
        numbers, bits = shard
        queries = np.frombuffer(search.queries, np.uint8).reshape(-1, bits.shape[1])
        if search.count:
            distances, rows = nearest(queries, bits, min(search.count, len(bits)), None)
            counts = [distances.shape[1]] * len(queries)
        else:
            ends, distances, rows = within(queries, bits, search.distance, None)
            counts = [end - start for start, end in pairwise([0, *ends.tolist()])]
        return ShardAnswer(
            counts=counts,
            distances=distances.astype("<i4").tobytes(),
            numbers=numbers[rows.ravel()].astype("<i8").tobytes(),
        )
