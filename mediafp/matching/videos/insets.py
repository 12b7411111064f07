"""The inset of one video that shows another one: a view of its frames in which the inset is sought and placed."""

from dataclasses import replace

import numpy as np

from mediafp.matching.candidates import Vectors
from mediafp.matching.local_features import LocalFeatures
from mediafp.matching.promise import POSSIBLE_SCORES, RECTANGLE
from mediafp.matching.videos.frames import VideoQuery
from mediafp.types.arrays import Float32Array
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.geometry import Box
from mediafp.types.insets import InsetFinder
from mediafp.types.media import Pixels
from mediafp.types.rectangles import DUPLICATE_IOU, box_iou

MIN_INSET_SCORE = POSSIBLE_SCORES[RECTANGLE]
"""Score of an inset and a whole frame from which two videos are compared by it."""
MAX_VIEWED_ROWS = 8
"""Rows of one inset by which it is placed, those of the highest scores. Chosen, not measured."""


def view_inset(query: VideoQuery, scores: Float32Array) -> VideoQuery | None:
    """Return a video by the inset that most resembles another video: its rows are those of the inset.

    Args:
        query: The video.
        scores: Scores (K, M) of the rows of its insets and of the frames of the other video.

    Returns:
        The view, with `part` as the position of the inset; None if no inset is similar enough, or its thumbnail is missing.
    """
    insets, best = query.insets, scores.max(axis=1)
    if insets is None or query.track is None or best.max() < MIN_INSET_SCORE:
        return None
    finder = _BoxFinder(query, insets)
    order = np.argsort(-best, kind="stable")[: 2 * MAX_VIEWED_ROWS].tolist()
    part = finder.box(order[0])
    frame = query.local_features(finder.frame_of(order[0]))
    if part is None or frame is None:
        return None
    rows = sorted(row for row in order if (box := finder.box(row)) and box_iou(box, part) >= DUPLICATE_IOU)
    frames = [finder.frame_of(row) for row in rows[:MAX_VIEWED_ROWS]]
    height, width = frame.image.shape[:2]
    vectors: Vectors = insets.vectors[rows[:MAX_VIEWED_ROWS]]  # type: ignore[assignment]
    return replace(
        query,
        embeddings=vectors,
        quality=insets.quality[rows[:MAX_VIEWED_ROWS]],
        # Hashes are of whole frames.
        pdq=query.pdq[:0],
        spans=insets.spans[rows[:MAX_VIEWED_ROWS]],
        local_features=lambda row: query.local_features(frames[row]),
        insets=None,
        part=(part[0] / width, part[1] / height, part[2] / width, part[3] / height),
    )


class _BoxFinder:
    """Finds the box of each row of insets in the thumbnail of its frame again."""

    def __init__(self, query: VideoQuery, insets: Fingerprint) -> None:
        self._frames = np.searchsorted(query.spans[:, 0], insets.spans[:, 0] + 1e-6) - 1
        self._finder = InsetFinder(len(query.spans), lambda number: _pixels(query.local_features(number)))

    def frame_of(self, row: int) -> int:
        """Return the frame that has the inset of a row."""
        return int(self._frames[row])

    def box(self, row: int) -> Box | None:
        """Return the box of the inset of a row, in pixels of the thumbnail of its frame."""
        boxes = self._finder.insets(self.frame_of(row))
        number = row - int(np.searchsorted(self._frames, self.frame_of(row)))
        return boxes[number] if number < len(boxes) else None


def _pixels(frame: LocalFeatures | None) -> Pixels | None:
    return frame.image if frame else None
