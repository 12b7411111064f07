"""The frames that a video shows at given times, found by seeking."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

import av.container
import av.error
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mediafp.ingest.container import (
    demux_packets,
    discard_others,
    has_decoder,
    open_container,
    presentation_start,
    video_stream,
)
from mediafp.ingest.cpu_budget import BudgetCheck, unlimited
from mediafp.ingest.files import OpenFile
from mediafp.ingest.frame_pixels import frame_pixels
from mediafp.ingest.limits import MAX_FRAME_PIXELS
from mediafp.ingest.shown_frames import GRID_TOLERANCE_SECONDS
from mediafp.types.media import Pixels

SEEK_MARGINS: Final = (0.0, 12.0)
"""Seconds before a time from which decoding starts, tried one after the other, and then the start of the file. Seeking in a
transport stream may end at a frame that no decoder can start with, up to a key frame interval late: x264's is 10 s."""
READ_ON_SECONDS: Final = 3.0
"""Seconds up to the next time within which frames are decoded in sequence, without seeking. Chosen, not measured."""


def read_frames_at(
    file: OpenFile, times: Sequence[float], within_budget: BudgetCheck = unlimited
) -> list[Pixels | None]:
    """Return the frame that a video shows at each of some times, as `frame_pixels` returns it.

    Before the first frame that is the first one, and after the last frame the last one.

    Args:
        file: The open video.
        times: Presentation times, seconds.
        within_budget: Check that ends decoding early.

    Returns:
        One for each time; None where no frame can be decoded.

    Raises:
        CorruptMedia, UnsupportedMedia, TooLargeMedia, UnreadableMedia: The file cannot be decoded.
    """
    found: dict[float, Pixels | None] = {}
    with file.reader() as reader, closing(open_container(reader, file.name)) as container:
        stream = video_stream(container)
        if stream is None or not has_decoder(stream):
            return [None] * len(times)
        stream.thread_count = 1
        stream.codec_context.thread_type = "NONE"
        stream.codec_context.options = {**stream.codec_context.options, "max_pixels": str(MAX_FRAME_PIXELS)}
        discard_others(container, [stream])
        seeker = _FrameSeeker(container, stream, within_budget)
        for time in sorted(set(times)):
            frame = seeker.find_frame(time)
            found[time] = None if frame is None else frame_pixels(frame, stream)
    return [found[time] for time in times]


class _FrameSeeker:
    """A video that is decoded around rising times."""

    def __init__(self, container: av.container.InputContainer, stream: VideoStream, within_budget: BudgetCheck) -> None:
        self._container, self._stream, self._within_budget = container, stream, within_budget
        self._time_base = float(stream.time_base) if stream.time_base else None
        self._origin = presentation_start(container)
        self._use_decoding_times = container.format.name == "avi"
        self._frames: Iterator[tuple[float, VideoFrame]] = iter(())
        self._shown: tuple[float, VideoFrame] | None = None
        self._next: tuple[float, VideoFrame] | None = None
        self._decoded = 0.0
        """Seconds of the video that were decoded."""

    def find_frame(self, time: float) -> VideoFrame | None:
        """Return the frame shown at a time; None if none can be decoded. Times must not fall."""
        if self._shown is None or self._next is None or time - self._shown[0] > READ_ON_SECONDS:
            self._start_before(time)
        while self._next is not None and self._next[0] <= time + GRID_TOLERANCE_SECONDS:
            self._shown, self._next = self._next, next(self._frames, None)
        return self._shown[1] if self._shown else None

    def _start_before(self, time: float) -> None:
        """Decode anew from a frame at or before a time: the next frame is the first one."""
        for margin in SEEK_MARGINS:
            if self._seek(time - margin):
                first = next(self._frames, None)
                if first is not None and first[0] <= time + GRID_TOLERANCE_SECONDS:
                    self._shown, self._next = first, next(self._frames, None)
                    return
        if self._seek(None):
            self._shown = next(self._frames, None)
            self._next = next(self._frames, None)

    def _seek(self, time: float | None) -> bool:
        """Go to a key frame before a time, or to the start of the file; return False if that fails."""
        if time is not None and (time <= 0 or self._time_base is None or self._origin is None):
            return False
        try:
            if time is None or self._time_base is None or self._origin is None:
                self._container.seek(0, backward=True, any_frame=False)
            else:
                self._container.seek(int((time + self._origin) / self._time_base), stream=self._stream)
        except (av.error.FFmpegError, ValueError, OSError):
            return False
        self._frames = self._decode()
        return True

    def _decode(self) -> Iterator[tuple[float, VideoFrame]]:
        """Yield the frames from the present position on, with their times."""
        previous: float | None = None
        for packet in demux_packets(self._container, [self._stream], []):
            try:
                frames = packet.decode()
            except EOFError:
                return
            except (av.error.FFmpegError, ValueError, OSError):
                continue
            for frame in frames:
                if not isinstance(frame, VideoFrame) or frame.is_corrupt:
                    continue
                stamp = frame.dts if self._use_decoding_times or frame.pts is None else frame.pts
                if stamp is None or self._time_base is None:
                    continue
                time = stamp * self._time_base - (self._origin or 0.0)
                self._decoded += 0.0 if previous is None else time - previous
                previous = time
                if not self._within_budget(self._decoded):
                    return
                yield time, frame
