"""Selection of the frames of a video that get rows: neither flat, nor duplicates of the frame before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mediafp.fingerprints.frame_structure import block_differences, content_quality, differ_by_more
from mediafp.types.arrays import Float32Array
from mediafp.types.fingerprint_types import FrameFingerprintType
from mediafp.types.fingerprints import Vectors
from mediafp.types.media import Frame, TimeSpan

DUPLICATE_FRAME_COSINE: Final = 0.9
"""Cosine of a frame to the last kept one from which it may be a duplicate, which only extends the span of that one (keeps
68 % of the frames of the development videos)."""
MAX_EQUAL_DIFFERENCE: Final = 4.0
"""Greatest difference of a block of two frames, levels of 0..255, up to which they are equal but for compression noise; the
second one is not embedded. Chosen, not measured."""
MIN_PAGE_DIFFERENCE: Final = 6.0
"""Difference of a block, levels of 0..255, from which two still frames may be two pages. Chosen, not measured."""
MIN_PAGE_NOISE_RATIO: Final = 3.0
"""The same as a multiple of the difference of the block within each page, its noise or movement. Chosen, not measured."""
MIN_HELD_SECONDS: Final = 0.5
"""Seconds of display from which a single frame is a page by itself. Chosen, not measured."""
MAX_SPAN_GAP_SECONDS: Final = 1e-3
"""Gap between two spans up to which the second continues the first: rounding of timestamps. Chosen, not measured."""


@dataclass(slots=True, eq=False)
class _Row:
    """A frame with its row, and by how much each of its blocks differs from the frame after it, or from the one before."""

    frame: Frame
    vector: Vectors
    quality: float
    noise: Float32Array | None = None
    change: Float32Array | None = None


class FrameSelector:
    """Selects the frames of one file, batch by batch; all frames of an image (an animation has several) are kept.

    A frame that looks like the last kept one by its embedding is a duplicate, unless both are still and differ in some
    blocks, as two slides with other words do. That a frame is still is known from the next one, so that it may be selected
    with the next batch.

    `spans` are the presentation seconds of the frames kept so far. A later duplicate extends the last one.
    """

    def __init__(self, search_type: FrameFingerprintType, *, is_video: bool) -> None:
        self._search_type = search_type
        self._is_video = is_video
        self._embedded: _Row | None = None
        self._kept: _Row | None = None
        self._page: _Row | None = None  # duplicate by its embedding, another page than the kept frame if it is still
        self.spans: list[TimeSpan] = []

    def select(self, batch: Sequence[Frame]) -> tuple[list[Frame], Vectors, Float32Array]:
        """Return the frames of the next batch that are kept, with their vectors and quality by the search type."""
        if not self._is_video:
            self.spans += [(frame.start, frame.end) for frame in batch]
            return list(batch), *self._search_type.extract([frame.pixels for frame in batch])
        kept = [row for candidate in self._embed(batch) for row in self._select(candidate)]
        if not kept:
            return [], *self._search_type.extract([])
        vectors: Vectors = np.stack([row.vector for row in kept])  # type: ignore[assignment]
        return [row.frame for row in kept], vectors, np.array([row.quality for row in kept], np.float32)

    def _embed(self, batch: Sequence[Frame]) -> list[_Row]:
        """Return the rows of the frames that are not flat; one that equals the last embedded frame shares its vector."""
        rated = [(frame, quality) for frame in batch if (quality := content_quality(frame.pixels)) > 0]
        sources: list[int] = []  # for each frame, the number of its row among the new ones; -1: the last one before
        new: list[Frame] = []
        last = self._embedded.frame if self._embedded else None
        for frame, _ in rated:
            if last is None or differ_by_more(last.pixels, frame.pixels, MAX_EQUAL_DIFFERENCE):
                last = frame
                new.append(frame)
            sources.append(len(new) - 1)
        vectors = self._search_type.extract([frame.pixels for frame in new])[0]
        rows: list[_Row] = []
        for (frame, quality), source in zip(rated, sources, strict=True):
            known = self._embedded.vector if source < 0 and self._embedded else vectors[source]
            rows.append(_Row(frame, known, quality))
        if new:
            self._embedded = _Row(new[-1], vectors[-1], 0.0)
        return rows

    def _select(self, row: _Row) -> Iterator[_Row]:
        """Take the next frame, and yield the one before it and itself as far as they are kept."""
        frame = row.frame
        follows = bool(self.spans) and frame.start - self.spans[-1][1] < MAX_SPAN_GAP_SECONDS
        page, self._page = self._page, None
        if page is not None and follows and self._kept is not None:
            page.noise = block_differences(page.frame.pixels, frame.pixels)
            if _is_page(page.change, self._kept.noise, page.noise):
                self.spans[-1] = (self.spans[-1][0], page.frame.start)
                self.spans.append((page.frame.start, page.frame.end))
                self._kept = page
                yield page
        kept = self._kept
        if kept is not None and follows and _cosine(row.vector, kept.vector) >= DUPLICATE_FRAME_COSINE:
            row.change = block_differences(kept.frame.pixels, frame.pixels)
            is_page = _is_page(row.change, kept.noise)
            if not is_page and kept.noise is None:
                kept.noise = row.change
            if not is_page or frame.held_seconds < MIN_HELD_SECONDS:
                self._page = row if is_page else None
                self.spans[-1] = (self.spans[-1][0], frame.end)
                return
        self._kept = row
        self.spans.append((frame.start, frame.end))
        yield row


def _cosine(a: Vectors, b: Vectors) -> float:
    return float(a.astype(np.float32) @ b.astype(np.float32))


def _is_page(change: Float32Array | None, *noises: Float32Array | None) -> bool:
    """Return True if two frames differ in a block by more than chance and than either differs from those beside it."""
    if change is None:
        return False
    threshold: Float32Array | float = MIN_PAGE_DIFFERENCE
    for noise in noises:
        if noise is not None and noise.shape == change.shape:
            threshold = np.maximum(threshold, MIN_PAGE_NOISE_RATIO * noise)
    return bool((change >= threshold).any())
