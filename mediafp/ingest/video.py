"""Frames of a video about once a second, with their presentation times, by PyAV."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mediafp.errors import CorruptMedia, TooLargeMedia, UnsupportedMedia
from mediafp.ingest.walk import shown
from mediafp.media import Frame, Media, Pixels
from mediafp.settings import FRAME_SIDE, MAX_FRAMES, MAX_PIXELS, SAMPLE_SECONDS

MEND = "the file is damaged or cut short; get it again from its source"
MOST_PACKETS_LOST = 1000
"""Undecodable packets after which the rest of a video is given up."""


def read_video(path: Path, *, full_decode: bool = False, every: float = SAMPLE_SECONDS) -> Media:
    """The video's properties and its sampled frames; a file with sound alone has no frames.

    Without `full_decode` frames that no other frame needs are left undecoded, and the loop filter is off: half
    the cost, and at a cut the sampled frame may be a few frames late. Raises MediaError, some while reading.
    """
    name = shown(path)
    file = path.open("rb")
    try:
        container = av.open(file, mode="r")
    except av.error.FFmpegError as error:
        file.close()
        raise CorruptMedia(f"{name} cannot be opened as a video ({error.strerror}): {MEND}") from error
    media = Media(kind="video", properties={}, frames=iter(()))
    try:
        stream = next((s for s in container.streams.video if not _is_cover(s)), None)
        length = container.duration / av.time_base if container.duration else None
        media.properties |= {
            "format": container.format.name,
            "has_sound": bool(container.streams.audio),
            "width": 0,
            "height": 0,
            "duration": length,
        }
        if stream is None:
            _without_pictures(container, media, name)
            container.close()
            file.close()
            return media
        _describe(stream, media, length)
    except BaseException:
        container.close()
        file.close()
        raise
    media.frames = _sample(container, file, stream, media, name, full_decode, every)
    return media


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _without_pictures(container: InputContainer, media: Media, name: str) -> None:
    if not container.streams.audio:
        raise UnsupportedMedia(f"{name} holds neither pictures nor sound that can be read")
    media.warnings.append("no pictures: the file holds sound alone")


def _describe(stream: VideoStream, media: Media, length: float | None) -> None:
    if stream.width * stream.height > MAX_PIXELS:
        raise TooLargeMedia(f"its frames have {stream.width} x {stream.height} pixels, and {MAX_PIXELS} is the limit")
    if stream.duration and stream.time_base:
        length = float(stream.duration * stream.time_base)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    media.properties |= {
        "codec": stream.codec_context.name,
        "width": round(stream.width * aspect),
        "height": stream.height,
        "duration": round(length, 3) if length else None,
        "fps": float(stream.average_rate) if stream.average_rate else None,
    }


def _sample(
    container: InputContainer,
    file: IO[bytes],
    stream: VideoStream,
    media: Media,
    name: str,
    full_decode: bool,
    every: float,
) -> Iterator[Frame]:
    """Frames at or after each multiple of `every`, each lasting until the next one."""
    context = stream.codec_context
    context.thread_count = 1
    context.thread_type = "NONE"
    if not full_decode:
        context.skip_frame = "NONREF"
        context.options = {"skip_loop_filter": "all"}
    clock = _Clock(stream)
    pending: tuple[Pixels, float] | None = None
    end, due, count = 0.0, 0.0, 0
    try:
        for frame in _decoded(container, stream, media):
            now = clock.time(frame)
            end = max(end, now + clock.step)
            if now + 1e-6 < due:
                continue
            picture, turned = _pixels(frame, float(stream.sample_aspect_ratio or 1))
            if pending is None and turned:
                media.properties["width"], media.properties["height"] = (
                    media.properties["height"],
                    media.properties["width"],
                )
            if pending:
                yield Frame(pixels=pending[0], start=pending[1], end=now)
            pending = (picture, now)
            due = (int(now / every) + 1) * every
            count += 1
            if count >= MAX_FRAMES:
                media.warnings.append(f"only the first {now:.0f} s were read")
                break
        if pending is None:
            raise CorruptMedia(f"{name} holds a video stream of which no frame can be decoded: {MEND}")
        told = media.properties["duration"]
        last = max(end, float(told)) if isinstance(told, float) and told - end < 2 * every else end
        if not told:
            media.properties["duration"] = round(end, 3)
        elif isinstance(told, float) and told - end > 2 * every and count < MAX_FRAMES:
            media.warnings.append(f"the pictures end at {end:.1f} s of {told:.1f} s")
        if clock.guessed:
            media.warnings.append("frames without time stamps: times follow from the frame rate")
        yield Frame(pixels=pending[0], start=pending[1], end=last)
    finally:
        container.close()
        file.close()


def _decoded(container: InputContainer, stream: VideoStream, media: Media) -> Iterator[VideoFrame]:
    """Every frame that can be decoded; undecodable packets become one warning."""
    lost = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            yield from packet.decode()
        except av.error.EOFError:
            break
        except av.error.FFmpegError:
            lost += 1
            if lost > MOST_PACKETS_LOST:
                break
    if lost:
        media.warnings.append(f"{lost} packets could not be decoded and were left out")


class _Clock:
    """Presentation seconds of frames, from their own time stamps wherever they have one."""

    def __init__(self, stream: VideoStream) -> None:
        self._base = stream.time_base or Fraction(1, 1000)
        self._zero: float | None = float(stream.start_time * self._base) if stream.start_time else None
        self.step = float(1 / stream.average_rate) if stream.average_rate else 0.04
        self._next = 0.0
        self.guessed = False

    def time(self, frame: VideoFrame) -> float:
        stamp = frame.pts if frame.pts is not None else frame.dts
        if stamp is None:
            self.guessed, now = True, self._next
        else:
            now = float(stamp * (frame.time_base or self._base))
            if self._zero is None:
                self._zero = min(now, 0.0)
            now = max(0.0, now - self._zero)
        self._next = now + self.step
        return now


def _pixels(frame: VideoFrame, aspect: float) -> tuple[Pixels, bool]:
    """RGB with no side over FRAME_SIDE, square pixels, upright; and whether it was turned by a quarter."""
    width, height = frame.width * aspect, float(frame.height)
    scale = min(1.0, FRAME_SIDE / max(width, height))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    small = frame.reformat(width=size[0], height=size[1], format="rgb24", interpolation="AREA")
    picture = small.to_ndarray()
    quarter = round(float(getattr(frame, "rotation", 0)) / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, quarter)), quarter % 2 == 1
