"""Messages about a pair that is compared in another process.

The process has no store: it asks for the parts of the two assets that it needs, and keeps some of them for later pairs. Its
questions and its result are checked as those of a worker that an attacker took over.
"""

from typing import Annotated, Literal

import msgspec

from mediafp.types.contents import MAX_ASSET_ROWS

Sha256 = Annotated[str, msgspec.Meta(min_length=64, max_length=64)]
AssetPart = Literal["rows", "track", "thumbnail"]


class PairTask(msgspec.Struct, frozen=True, kw_only=True):
    """Two stored assets to compare by what they show, with their promise."""

    a: str
    b: str
    promise: float
    rows: tuple[int, int]
    """Rows of `a` and of `b` that the promise comes from."""
    state: int
    """Number of the state of the store: what a process has kept of assets of another state is void."""


class AssetRequest(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A part of an asset that the comparison of a pair needs."""

    sha256: Sha256
    part: AssetPart
    row: Annotated[int, msgspec.Meta(ge=0, lt=max(MAX_ASSET_ROWS.values()))] = 0
    """Row of a thumbnail."""


class AssetAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an asset that was asked for; None if there is none."""

    data: bytes | None


class PairResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The match of a pair."""

    query: Sha256
    """Asset that is the query of the match."""
    match: bytes = b""
    """The match as JSON; empty if it is improbable."""
    damaged: Annotated[list[Sha256], msgspec.Meta(max_length=2)] = []
    """Assets of which a thumbnail cannot be decoded."""
    cpu: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """CPU seconds that the process has used so far."""
