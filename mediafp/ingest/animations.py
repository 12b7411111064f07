"""Animated images as videos: their frames as they are shown, on the clock of their delays."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from PIL import Image

from mediafp.ingest.cpu_budget import CPU_LIMIT_MESSAGE, BudgetCheck
from mediafp.ingest.files import OpenFile
from mediafp.ingest.grey_frames import GreyFrameSampler, shrink_to_grey
from mediafp.ingest.image_files import error_reason, exif_orientation, open_image, pillow_step
from mediafp.ingest.image_pixels import render
from mediafp.ingest.limits import ANIMATION_PIXELS, FRAME_INTERVAL_SECONDS, MAX_ANIMATION_FRAMES
from mediafp.types.errors import CorruptMedia, TooLargeMedia
from mediafp.types.media import DecodedMedia, Frame, FrameTrack
from mediafp.types.pages import Ground

ANIMATED_FORMATS: Final = frozenset(("GIF", "WEBP", "PNG", "AVIF"))
"""Formats whose further images are later moments; in the others they are pages or depth maps."""
DEFAULT_DELAY: Final = 0.1
"""Seconds that a frame without a usable delay is displayed, as in browsers."""
MIN_DELAY: Final = 0.011
"""Delay, seconds, below which browsers display a frame for `DEFAULT_DELAY`."""
MAX_DELAY: Final = 86_400
"""Delay, seconds, from which it is not usable: a day. Chosen, not measured."""
FIRST_FRAMES: Final = 16
"""First frames that are all sampled, however short they are: an animation may last less than a sampling interval. Chosen, not
measured."""
FINE_SECONDS: Final = 10.0
"""Seconds from the start in which an animation is sampled every `FINE_INTERVAL_SECONDS`, later as a video is: most are
shorter, and each of their pictures counts. Chosen: 50 samples cost .2 CPU seconds."""
FINE_INTERVAL_SECONDS: Final = 0.2
"""Seconds between those samples: each frame that is displayed so long is one."""
EARNED_FRAME_SECONDS: Final = 0.1
"""Seconds of media that one frame earns CPU time for at most, whatever its delay: a file states days for nothing. Chosen, not
measured."""
TIME_TOLERANCE_SECONDS: Final = 1e-6
"""Error of sums of delays. Chosen, not measured."""
CODECS: Final = {"PNG": "apng", "AVIF": "av1"}
"""Codec of an animation by Pillow's name of its format, where the two differ."""

type Properties = dict[str, str | int | float | bool | None]


def read_animation(
    file: OpenFile, properties: Properties, warnings: list[str], within_budget: BudgetCheck
) -> DecodedMedia:
    """Return an animation as a video without audio, or as an image if all its frames are equal.

    The frames are composited as they are displayed, one run of the loop, each with the span from its first moment to that
    of the next sample. A sample is the frame displayed at each point of an even grid; equal samples are one.

    Args:
        file: The open file, an animation of several frames.
        properties: Its `format`, `width` and `height`; completed while the frames are iterated.
        warnings: Receives what was not read.
        within_budget: Check that ends decoding early.
    """
    as_video: Properties = {}
    frame_tracks: list[FrameTrack] = []
    samples = _iter_samples(file, as_video, frame_tracks, warnings, within_budget)
    first = next(samples)
    second = next(samples, None)
    if second is None:
        frames: Iterator[Frame] = iter((replace(first, start=0.0, end=0.0),))
        return DecodedMedia(kind="image", properties=properties, frames=frames, warnings=warnings)
    as_video.update(properties | {"has_sound": False})
    frames = itertools.chain((first, second), samples)
    return DecodedMedia(kind="video", properties=as_video, frames=frames, warnings=warnings, frame_tracks=frame_tracks)


def _iter_samples(
    file: OpenFile,
    properties: Properties,
    frame_tracks: list[FrameTrack],
    warnings: list[str],
    within_budget: BudgetCheck,
) -> Iterator[Frame]:
    """Yield the sampled frames of an animation, at least one; fill in what a still image lacks: properties, frame track."""
    with file.reader() as reader:
        with pillow_step(file.name, warnings):
            image = open_image(reader, file.bytes)
            orientation = exif_orientation(image, warnings)
            # The first image of an animated PNG may be one for programs that show no animations.
            skipped = int(getattr(image, "default_image", False))
            total: int = getattr(image, "n_frames", 1) - skipped
            affordable = max(1, min(MAX_ANIMATION_FRAMES, ANIMATION_PIXELS // (image.width * image.height)))
        properties["codec"] = CODECS.get(image.format or "", (image.format or "").lower())
        count = min(total, affordable)
        if count < total:
            warnings.append(
                f"skipped the frames after the first {count} of {total}: "
                f"the limit is {MAX_ANIMATION_FRAMES} frames, {ANIMATION_PIXELS} pixels in all"
            )
        grey_frames = GreyFrameSampler(shrink_to_grey)
        time, earned, point, last = 0.0, 0.0, 0.0, None
        ground: Ground | None = None
        for index in range(count):
            if index and not within_budget(earned):
                warnings.append(f"skipped the frames after the first {index} of {total}: {CPU_LIMIT_MESSAGE}")
                count = index
                break
            try:
                with pillow_step(file.name, warnings):
                    image.seek(skipped + index)
                    rendering = render(image, orientation, ground=ground)[0]
                    # All frames on one ground, that of the first one with transparent pixels.
                    pixels, ground = rendering.pixels, ground or rendering.ground
                    end = time + _frame_delay(image)
            except (CorruptMedia, TooLargeMedia) as error:
                if index == 0:
                    raise
                warnings.append(f"skipped the frames after the first {index} of {total}: {error_reason(error)}")
                count = index
                break
            grey_frames.add(pixels, time, end)
            if index < FIRST_FRAMES or point < end - TIME_TOLERANCE_SECONDS:
                point = _next_point(end)
                if last is None or not np.array_equal(pixels, last.pixels):
                    if last is not None:
                        yield replace(last, end=time)
                    last = Frame(pixels=pixels, start=time, end=time, held_seconds=end - time)
            earned += min(end - time, EARNED_FRAME_SECONDS)
            time = end
        properties.update(duration=round(time, 6), fps=round(count / time, 3))
        if track := grey_frames.finish(time):
            frame_tracks.append(track)
        if last is not None:
            yield replace(last, end=time)


def _next_point(seconds: float) -> float:
    """Return the first point of the grid at or after a time."""
    is_fine = seconds < FINE_SECONDS - TIME_TOLERANCE_SECONDS
    interval = FINE_INTERVAL_SECONDS if is_fine else FRAME_INTERVAL_SECONDS
    return math.ceil((seconds - TIME_TOLERANCE_SECONDS) / interval) * interval


def _frame_delay(image: Image.Image) -> float:
    """Return the seconds that the current frame is displayed."""
    milliseconds = image.info.get("duration", 0)
    seconds = milliseconds / 1000 if isinstance(milliseconds, int | float) else 0.0
    return seconds if MIN_DELAY <= seconds < MAX_DELAY else DEFAULT_DELAY
