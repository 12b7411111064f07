"""Embeddings of insets in the frames of a video: footage in a corner of another video resembles it only there."""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from mediafp.fingerprints.embedded_parts import EmbeddedParts
from mediafp.types.arrays import Float64Array
from mediafp.types.fingerprints import TimedRows
from mediafp.types.geometry import Box
from mediafp.types.insets import find_insets
from mediafp.types.media import Pixels
from mediafp.types.rectangles import DUPLICATE_IOU, MAX_CLEAR_RECTANGLES, box_iou

INSETS: Final = "sscd_distilled_insets"
"""Name of the type."""
MIN_INSET_FRAMES: Final = 12
"""Frames whose insets may be embedded however short a video is. Chosen, not measured."""
MAX_FRAME_SHARE: Final = 0.25
"""Share of the kept frames of a longer video whose insets are embedded, evenly chosen: an inset takes the time of a frame.
Chosen, not measured."""
MAX_INSET_FRAMES: Final = 1_500
"""Largest number of frames whose insets are embedded, those of a video of more than 100 minutes. Chosen, not measured."""
MIN_TRACK_FRAMES: Final = 2
"""Frames of one inset that are embedded at least, of many a quarter. Chosen, not measured."""
BATCH_INSETS: Final = 16
"""Insets that are embedded at once. Chosen, not measured."""
COMPARED_SIDE: Final = 8
"""Side, in pixels, to which an inset is shrunk to see whether it shows something new. Chosen, not measured."""
MAX_EQUAL_LEVELS: Final = 10
"""Grey levels by which a pixel of it may differ if it does not, as a window in a room. Chosen, not measured."""


class Insets(EmbeddedParts):
    """Embeddings of the insets in the kept frames of a video, at most two of a frame, with the span of the frame."""

    name = INSETS
    consumes: Literal["frame_thumbnails"] = "frame_thumbnails"
    """As an inset is placed in the thumbnails, in which others may be clearer than in the frames."""
    max_rows = MAX_CLEAR_RECTANGLES * MAX_INSET_FRAMES

    def extract(self, frames: Sequence[Pixels], spans: Float64Array) -> TimedRows:
        """Return the rows of the insets in kept frames with these spans (N, 2), in order of time."""
        insets = find_insets(frames)
        parts, owners = [self._embedder.extract([])], []
        shown: dict[int, Pixels] = {}
        crops: list[Pixels] = []
        for number, tracks in _choose_frames(insets, len(frames)):
            pixels = frames[number]
            found = [pixels[top:bottom, left:right] for left, top, right, bottom in insets[number]]
            small = {track: _shrink(crop) for track, crop in zip(tracks, found, strict=True)}
            if all(track in shown and _is_equal(shown[track], one) for track, one in small.items()):
                continue
            shown |= small
            owners += [number] * len(found)
            crops += found
            if len(crops) >= BATCH_INSETS:
                parts.append(self._embedder.extract(crops))
                crops = []
        parts.append(self._embedder.extract(crops))
        vectors, quality = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
        return TimedRows(np.asarray(spans, np.float64).reshape(-1, 2)[owners], vectors, quality)


def _choose_frames(insets: Sequence[Sequence[Box]], count: int) -> list[tuple[int, list[int]]]:
    """Return the frames whose insets are embedded, each with the number of the track of every inset in it.

    A track is an inset through the frames that have it; of each, a few frames are chosen, evenly.
    """
    boxes: list[Box] = []
    tracks: list[list[int]] = []
    of_frame: dict[int, list[int]] = {}
    for number, found in enumerate(insets):
        for box in found:
            track = next((n for n, one in enumerate(boxes) if box_iou(one, box) >= DUPLICATE_IOU), len(boxes))
            if track == len(boxes):
                boxes.append(box)
                tracks.append([])
            tracks[track].append(number)
            of_frame.setdefault(number, []).append(track)
    wanted = {number for track in tracks for number in _evenly(track, max(MIN_TRACK_FRAMES, len(track) // 4))}
    most = min(MAX_INSET_FRAMES, max(MIN_INSET_FRAMES, int(MAX_FRAME_SHARE * count)))
    return [(number, of_frame[number]) for number in _evenly(sorted(wanted), most)]


def _evenly(numbers: Sequence[int], count: int) -> list[int]:
    """Return at most `count` of some numbers, evenly chosen, the first and the last one included."""
    places = np.linspace(0, len(numbers) - 1, min(count, len(numbers))).round().astype(int)
    return [numbers[place] for place in places.tolist()]


def _shrink(crop: Pixels) -> Pixels:
    import cv2

    return np.asarray(cv2.resize(crop, (COMPARED_SIDE, COMPARED_SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _is_equal(before: Pixels, after: Pixels) -> bool:
    """Return True if two small insets differ by no more than noise."""
    return bool(np.abs(before.astype(np.int16) - after).max() <= MAX_EQUAL_LEVELS)
