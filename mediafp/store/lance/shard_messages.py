"""Messages about a shard of a table, which a node reads and searches."""

import msgspec

from mediafp.types.fingerprints import Metric

Piece = tuple[int, int, int]
"""Number of a fragment of a table, its first row of the piece, counted without removed ones, and the number of rows."""


class OpenShard(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Rows of one version of a table, which a node is to keep in memory."""

    name: str
    """Name of the shard, by which it is searched."""
    uri: str
    """Address of the table; the credentials for it are those of the node."""
    version: int
    metric: Metric
    columns: int
    pieces: list[Piece]


class SearchShard(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Query rows that are compared with all rows of a shard."""

    name: str
    queries: bytes
    """Bits of the query rows, one after the other."""
    count: int
    """Nearest rows that are wanted of each query row; 0 for all within the distance."""
    distance: int = 0
    """Largest distance in bits."""


class ShardAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of a node: the rows that were found, those of one query row after those of another."""

    error: str = ""
    """Reason why there is no answer."""
    rows: int = 0
    """Number of rows of a shard that was opened."""
    counts: list[int] = []
    """Rows that each query row has found."""
    distances: bytes = b""
    """Their distances, int32, little-endian."""
    numbers: bytes = b""
    """Their numbers in the index, int64, little-endian."""


_encode = msgspec.msgpack.encode
_decoder = msgspec.msgpack.Decoder(ShardAnswer)
_request_decoder = msgspec.msgpack.Decoder(OpenShard | SearchShard)


def encode(message: OpenShard | SearchShard | ShardAnswer) -> bytes:
    """Return a message as bytes."""
    return _encode(message)


def decode_request(data: bytes) -> OpenShard | SearchShard:
    """Return a request to a node."""
    request: OpenShard | SearchShard = _request_decoder.decode(data)
    return request


def decode_answer(data: bytes) -> ShardAnswer:
    """Return the answer of a node. Raises ValueError for bytes that are none."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"it returned invalid data ({error})") from error
