"""Pixels of decoded video frames: upright RGB with square pixels."""

from typing import Final

import av.error
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from mediafp.ingest.container import library_message
from mediafp.ingest.limits import FRAME_SIDE, MAX_FRAME_PIXELS
from mediafp.types.errors import CorruptMedia, TooLargeMedia
from mediafp.types.media import Pixels
from mediafp.types.scaled_images import scaled_size

MAX_PIXEL_ASPECT: Final = 4.0
"""Ratio of a pixel's sides beyond which, either way, it counts as damage and the pixel as square. Chosen, not
measured."""
_MATRIX_ENTRIES: Final = 9

type DisplayMatrix = tuple[int, int, int, int]
"""Entries (a, b, c, d) of a display matrix: x' = a x + c y, y' = b x + d y."""


def frame_pixels(frame: VideoFrame, stream: VideoStream, side: int = FRAME_SIDE) -> Pixels:
    """Return a frame as upright RGB with square pixels, its longer side at most `side`; read-only.

    Raises:
        TooLargeMedia: The frame has more than `MAX_FRAME_PIXELS`.
        CorruptMedia: The frame cannot be converted to RGB.
    """
    if frame.width * frame.height > MAX_FRAME_PIXELS:
        raise TooLargeMedia(
            f"a frame of {frame.width} x {frame.height} pixels is over the limit of {MAX_FRAME_PIXELS}; "
            "shrink the video first"
        )
    width, height = _square_pixel_size(frame, stream)
    width, height = scaled_size(width, height, min(1.0, side / max(width, height)))
    try:
        scaled = frame.reformat(
            width=width,
            height=height,
            format="rgb24",
            interpolation=Interpolation.AREA,
            threads=1,
        )
        pixels = np.asarray(scaled.to_ndarray(), np.uint8)
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise CorruptMedia(
            f"a frame cannot be converted to RGB ({library_message(error)}); fetch it again from its source"
        ) from error
    upright = np.ascontiguousarray(turn_upright(pixels, display_matrix(frame)))
    upright.flags.writeable = False
    return upright


def upright_size(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Return width and height of a frame as displayed: square pixels, rotated."""
    width, height = _square_pixel_size(frame, stream)
    a, b, _, _ = display_matrix(frame)
    return (height, width) if abs(b) > abs(a) else (width, height)


def _square_pixel_size(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Return width and height of a frame with square pixels, before its rotation."""
    aspect = stream.sample_aspect_ratio
    ratio = aspect.numerator / aspect.denominator if aspect and aspect.denominator else 1.0
    if not 1 / MAX_PIXEL_ASPECT <= ratio <= MAX_PIXEL_ASPECT:
        ratio = 1.0
    return max(1, round(frame.width * ratio)), frame.height


def display_matrix(frame: VideoFrame) -> DisplayMatrix:
    """Return the display matrix of a frame; the identity if it has none."""
    side_data = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return 1, 0, 0, 1
    entries = np.frombuffer(bytes(side_data), np.int32)
    if entries.size < _MATRIX_ENTRIES:
        return 1, 0, 0, 1
    return int(entries[0]), int(entries[1]), int(entries[3]), int(entries[4])


def turn_upright(pixels: Pixels, matrix: DisplayMatrix) -> Pixels:
    """Return the pixels of a frame rotated and mirrored by its display matrix, to the nearest quarter turn.

    Args:
        pixels: Colours (height, width, 3) or grey levels (height, width).
        matrix: The display matrix.
    """
    a, b, c, d = matrix
    if abs(b) > abs(a):
        pixels = pixels.swapaxes(0, 1)
        x_sign, y_sign = c, b
    else:
        x_sign, y_sign = a, d
    if x_sign < 0:
        pixels = pixels[:, ::-1]
    if y_sign < 0:
        pixels = pixels[::-1]
    return pixels
