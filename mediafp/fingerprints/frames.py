"""Selection of the frames of a video that get rows: neither flat, nor duplicates of the frame before."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from mediafp.fingerprints.grey_levels import sample_grey_levels
from mediafp.types.arrays import Float32Array
from mediafp.types.fingerprint_types import FrameFingerprintType
from mediafp.types.fingerprints import Vectors
from mediafp.types.media import Frame, Pixels, TimeSpan

DUPLICATE_FRAME_COSINE: Final = 0.9
"""Cosine of a frame to the last kept one from which it is a duplicate, which only extends the span of that one (keeps 68 %
of the frames of the development videos)."""
MIN_FRAME_STD: Final = 12.0
"""Standard deviation of the grey levels (0..255) below which a frame is flat and gets no row. Chosen, not measured."""
MAX_SPAN_GAP_SECONDS: Final = 1e-3
"""Gap between two spans up to which the second continues the first: rounding of timestamps. Chosen, not measured."""


class FrameSelector:
    """Selects the frames of one file, batch by batch; all frames of an image (an animation has several) are kept.

    `spans` are the presentation seconds of the frames kept so far. A later duplicate extends the last one.
    """

    def __init__(self, search_type: FrameFingerprintType, *, is_video: bool) -> None:
        self._search_type = search_type
        self._is_video = is_video
        self._last: Float32Array | None = None
        self.spans: list[TimeSpan] = []

    def select(self, batch: Sequence[Frame]) -> tuple[list[Frame], Vectors, Float32Array]:
        """Return the frames of the next batch that are kept, with their vectors and quality by the search type."""
        candidates = [frame for frame in batch if not self._is_video or grey_std(frame.pixels) >= MIN_FRAME_STD]
        vectors, quality = self._search_type.extract([frame.pixels for frame in candidates])
        kept: list[int] = []
        for n, frame in enumerate(candidates):
            row = vectors[n].astype(np.float32)
            if self._is_video and self._is_duplicate(row, frame.start):
                self.spans[-1] = (self.spans[-1][0], frame.end)
                continue
            self._last = row
            self.spans.append((frame.start, frame.end))
            kept.append(n)
        return [candidates[n] for n in kept], vectors[kept], quality[kept]

    def _is_duplicate(self, row: Float32Array, start: float) -> bool:
        """Return True if a row is that of the last kept frame, and no dropped frame lies between the two."""
        return (
            self._last is not None
            and float(row @ self._last) >= DUPLICATE_FRAME_COSINE
            and start - self.spans[-1][1] < MAX_SPAN_GAP_SECONDS
        )


def grey_std(image: Pixels) -> float:
    """Return the standard deviation of an image's grey levels."""
    return float(sample_grey_levels(image).std())
