"""The comparison of pairs in a process that has no store, and asks for what it needs."""

import time
from collections.abc import Callable
from typing import Final, override

from mediafp.engine.blas import single_threaded_blas
from mediafp.engine.comparison.messages import AssetAnswer, AssetPart, AssetRequest, PairResult, PairTask
from mediafp.engine.comparison.packing import pack_match, unpack_rows, unpack_track
from mediafp.engine.comparison.pair import find_match
from mediafp.engine.comparison.references import CacheSizes, ComparedAssets, StoredRows
from mediafp.engine.comparison.sides import StoredSides
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.matching.promise import Promise
from mediafp.types.errors import CorruptMedia
from mediafp.types.media import FrameTrack, Pixels

CACHE_SIZES: Final = CacheSizes(row_bytes=48 << 20, track_bytes=32 << 20, features=200)
"""The rows of a video of seven hours, the tracks of three hours, and 52 MB of features: a worker may use 1,100 MiB. Chosen, not
measured."""

Ask = Callable[[AssetRequest], AssetAnswer]
"""Function that returns a part of an asset."""


class SentAssets(ComparedAssets):
    """Assets whose parts another process sends when they are needed."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(CACHE_SIZES)
        self._ask = ask
        self.damaged: set[str] = set()
        """Assets with a thumbnail that cannot be decoded."""

    def _get(self, sha256: str, part: AssetPart, row: int = 0) -> bytes | None:
        return self._ask(AssetRequest(sha256=sha256, part=part, row=row)).data

    @override
    def _load_rows(self, sha256: str) -> StoredRows:
        data = self._get(sha256, "rows")
        assert data, "both assets of a pair are there"
        return unpack_rows(sha256, data)

    @override
    def _load_track(self, sha256: str) -> FrameTrack | None:
        data = self._get(sha256, "track")
        return None if data is None else unpack_track(data)

    @override
    def thumbnail(self, sha256: str, row: int) -> Pixels | None:
        jpeg = self._get(sha256, "thumbnail", row)
        try:
            return None if jpeg is None else decode_thumbnail(jpeg)
        except CorruptMedia:
            self.damaged.add(sha256)
            return None

    @override
    def uris(self, sha256: str) -> tuple[str, ...]:
        # They are stored once for each asset, and may change meanwhile.
        return ()


class PairComparer:
    """Comparison of pairs by what they show, one after the other."""

    def __init__(self, ask: Ask) -> None:
        """Take the function that returns the parts of assets."""
        self._ask = ask
        self._state = -1
        self._sides: StoredSides[SentAssets] | None = None

    def compare(self, task: PairTask) -> PairResult:
        """Return the match of a pair."""
        if self._sides is None or self._state != task.state:
            self._sides, self._state = StoredSides(SentAssets(self._ask)), task.state
        damaged = self._sides.references.damaged
        damaged.clear()
        with single_threaded_blas().limit():
            query, match = find_match(task.a, task.b, Promise(value=task.promise, rows=task.rows), self._sides)
        return PairResult(
            query=query,
            match=pack_match(match) if match else b"",
            damaged=sorted(damaged),
            cpu=time.process_time(),
        )
