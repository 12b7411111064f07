"""The frame track of a video: small grey frames at short even steps, taken from the frames that are decoded anyway."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from mediafp.ingest.shown_frames import grid_numbers
from mediafp.types.errors import CorruptMedia
from mediafp.types.media import MAX_TRACK_ROWS, TRACK_SIDE, FrameTrack, GreyPixels, Pixels

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from mediafp.ingest.frame_pixels import DisplayMatrix

TRACK_INTERVAL_SECONDS: Final = 0.2
"""Seconds between the frames of a frame track: the ends of a segment are wanted to half a second. Chosen, not measured."""
MAX_EQUAL_DIFFERENCE: Final = 3
"""Greatest difference of a pixel's grey levels between two frames that are equal but for compression noise. Chosen, not
measured."""
SAMPLES_PER_PIXEL: Final = 4
"""Luma samples along each side of a pixel of the track, which are averaged. Chosen, not measured."""
_LUMA_FORMATS: Final = frozenset(("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"))
"""Pixel formats whose first plane is luma of 8 bits."""


class GreyFrameSampler[DecodedFrame]:
    """Sampler that collects the frame track of one video from its decoded frames."""

    def __init__(self, to_grey: Callable[[DecodedFrame], GreyPixels]) -> None:
        """Take the function that returns the grey levels (TRACK_SIDE, TRACK_SIDE) of a frame."""
        self._to_grey = to_grey
        self._interval = TRACK_INTERVAL_SECONDS
        self._starts: list[float] = []
        self._pixels: list[GreyPixels] = []

    def add(self, frame: DecodedFrame, start: float, end: float) -> GreyPixels | None:
        """Take the next frame, given its start and that of the next one; return its grey levels if it is sampled.

        The frames that are shown at times of the even grid are sampled, and the first one wherever it starts.

        Raises:
            CorruptMedia: The frame cannot be converted.
        """
        numbers = grid_numbers(start, end, self._interval)
        if not numbers and self._starts:
            return None
        pixels = self._to_grey(frame)
        if not self._pixels or not _are_equal(pixels, self._pixels[-1]):
            self._starts.append(numbers[0] * self._interval if self._starts else start)
            self._pixels.append(pixels)
        if len(self._starts) == MAX_TRACK_ROWS:
            self._starts, self._pixels = self._starts[::2], self._pixels[::2]
            self._interval *= 2
        return pixels

    def finish(self, end: float) -> FrameTrack | None:
        """Return the track of a video that ends at this presentation second; None if it has no frame."""
        if not self._starts:
            return None
        starts = np.array(self._starts)
        ends = np.append(starts[1:], max(end, self._starts[-1]))
        return FrameTrack(spans=np.stack((starts, ends), axis=1), pixels=np.stack(self._pixels))


class UprightGrey:
    """Function from the frames of one video to their grey levels, upright by the display matrix of the first frame.

    Reading the matrix takes as long as the samples.
    """

    def __init__(self) -> None:
        self._matrix: DisplayMatrix | None = None

    def __call__(self, frame: "VideoFrame") -> GreyPixels:
        """Return the grey levels (TRACK_SIDE, TRACK_SIDE). Raises CorruptMedia if the frame cannot be converted."""
        from mediafp.ingest.frame_pixels import display_matrix

        if self._matrix is None:
            self._matrix = display_matrix(frame)
        return grey_pixels(frame, self._matrix)


def grey_pixels(frame: "VideoFrame", matrix: "DisplayMatrix") -> GreyPixels:
    """Return the grey levels (TRACK_SIDE, TRACK_SIDE) of a frame, upright by a display matrix.

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
            luma, width, height, row_bytes = np.frombuffer(plane, np.uint8), frame.width, frame.height, plane.line_size
        else:
            scaled = frame.reformat(width=side, height=side, format="gray", interpolation=Interpolation.AREA, threads=1)
            luma, width, height, row_bytes = np.asarray(scaled.to_ndarray(), np.uint8).ravel(), side, side, side
        samples = luma[_sample_positions(width, height, row_bytes)]
    except (av.error.FFmpegError, ValueError, OSError, IndexError) as error:
        raise CorruptMedia(
            "a frame cannot be converted to grey levels; fetch the file again from its source"
        ) from error
    count = SAMPLES_PER_PIXEL**2
    means = (samples.sum(axis=0, dtype=np.uint16) + count // 2) // count
    return np.ascontiguousarray(turn_upright(means.astype(np.uint8).reshape(TRACK_SIDE, TRACK_SIDE), matrix))


@lru_cache(maxsize=4)
def _sample_positions(width: int, height: int, row_bytes: int) -> npt.NDArray[np.intp]:
    """Return where the samples (SAMPLES_PER_PIXEL², pixels) of each pixel of the track are in a plane."""
    side = TRACK_SIDE * SAMPLES_PER_PIXEL
    rows, columns = (((np.arange(side) + 0.5) * size / side).astype(np.intp) for size in (height, width))
    positions = (rows[:, None] * row_bytes + columns).reshape(TRACK_SIDE, SAMPLES_PER_PIXEL, TRACK_SIDE, -1)
    return np.ascontiguousarray(positions.transpose(1, 3, 0, 2).reshape(SAMPLES_PER_PIXEL**2, -1))


def shrink_to_grey(pixels: Pixels) -> GreyPixels:
    """Return the grey levels (TRACK_SIDE, TRACK_SIDE) of an RGB image."""
    import cv2

    small = cv2.resize(pixels, (TRACK_SIDE, TRACK_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _are_equal(a: GreyPixels, b: GreyPixels) -> bool:
    return int(np.abs(a.astype(np.int16) - b).max()) <= MAX_EQUAL_DIFFERENCE
