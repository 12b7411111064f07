"""The frame track of a video: small grey frames at short even steps, taken from the frames that are decoded anyway."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from mediafp.types.errors import CorruptMedia
from mediafp.types.media import MAX_TRACK_ROWS, TRACK_SIDE, FrameTrack, Pixels

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

TRACK_INTERVAL_SECONDS: Final = 0.2
"""Seconds between the frames of a frame track: the ends of a segment are wanted to half a second. Chosen, not measured."""
MAX_EQUAL_DIFFERENCE: Final = 3
"""Greatest difference of a pixel's grey levels between two frames that are equal but for compression noise. Chosen, not
measured."""
SAMPLES_PER_PIXEL: Final = 4
"""Luma samples along each side of a pixel of the track, which are averaged. Chosen, not measured."""
_LUMA_FORMATS: Final = frozenset(("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"))
"""Pixel formats whose first plane is luma of 8 bits."""

type GreyPixels = npt.NDArray[np.uint8]


class GreyFrameSampler[DecodedFrame]:
    """Sampler that collects the frame track of one video from its decoded frames."""

    def __init__(self, to_grey: Callable[[DecodedFrame], GreyPixels]) -> None:
        """Take the function that returns the grey levels (TRACK_SIDE, TRACK_SIDE) of a frame."""
        self._to_grey = to_grey
        self._interval = TRACK_INTERVAL_SECONDS
        self._next = 0.0  # next time on the grid
        self._shown: DecodedFrame | None = None
        self._starts: list[float] = []
        self._pixels: list[GreyPixels] = []

    def add(self, frame: DecodedFrame, time: float) -> None:
        """Take the next decoded frame, which is shown from this presentation second on.

        Raises:
            CorruptMedia: A frame cannot be converted.
        """
        if self._shown is None:
            self._next = max(0.0, time)
        else:
            self._sample_shown(time)
        self._shown = frame

    def finish(self, end: float) -> FrameTrack | None:
        """Return the track of a video that ends at this presentation second; None if it has no frame."""
        if self._shown is None:
            return None
        self._sample_shown(max(end, self._next + self._interval / 2))
        self._shown = None
        starts = np.array(self._starts)
        ends = np.append(starts[1:], max(end, self._starts[-1]))
        return FrameTrack(spans=np.stack((starts, ends), axis=1), pixels=np.stack(self._pixels))

    def _sample_shown(self, until: float) -> None:
        """Keep the shown frame if a time on the grid before `until` falls to it."""
        if self._next >= until or self._shown is None:
            return
        pixels = self._to_grey(self._shown)
        if not self._pixels or not _are_equal(pixels, self._pixels[-1]):
            self._starts.append(self._next)
            self._pixels.append(pixels)
        self._next += max(1, math.ceil((until - self._next) / self._interval)) * self._interval
        if len(self._starts) == MAX_TRACK_ROWS:
            self._starts, self._pixels = self._starts[::2], self._pixels[::2]
            self._interval *= 2


def grey_pixels(frame: "VideoFrame") -> GreyPixels:
    """Return the grey levels (TRACK_SIDE, TRACK_SIDE) of a frame, upright.

    Raises:
        CorruptMedia: The frame cannot be converted.
    """
    # A worker for images does without PyAV.
    import av.error
    from av.video.reformatter import Interpolation

    from mediafp.ingest.frame_pixels import turn_upright

    side = TRACK_SIDE * SAMPLES_PER_PIXEL
    try:
        if frame.format.name in _LUMA_FORMATS:
            plane = frame.planes[0]
            luma = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
            rows, columns = (
                ((np.arange(side) + 0.5) * size / side).astype(np.int64) for size in (frame.height, frame.width)
            )
            samples = luma[np.ix_(rows, columns)]
        else:
            scaled = frame.reformat(width=side, height=side, format="gray", interpolation=Interpolation.AREA, threads=1)
            samples = np.asarray(scaled.to_ndarray(), np.uint8)
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise CorruptMedia(
            "a frame cannot be converted to grey levels; fetch the file again from its source"
        ) from error
    blocks = samples.reshape(TRACK_SIDE, SAMPLES_PER_PIXEL, TRACK_SIDE, SAMPLES_PER_PIXEL)
    means = blocks.mean(axis=(1, 3), dtype=np.float32)
    return np.ascontiguousarray(turn_upright(np.rint(means).astype(np.uint8), frame))


def shrink_to_grey(pixels: Pixels) -> GreyPixels:
    """Return the grey levels (TRACK_SIDE, TRACK_SIDE) of an RGB image."""
    import cv2

    small = cv2.resize(pixels, (TRACK_SIDE, TRACK_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _are_equal(a: GreyPixels, b: GreyPixels) -> bool:
    return int(np.abs(a.astype(np.int16) - b).max()) <= MAX_EQUAL_DIFFERENCE
