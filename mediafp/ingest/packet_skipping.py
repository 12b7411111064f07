"""Decision which packets of a video need not be decoded if no other frame depends on them."""

import bisect
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from av.video.frame import VideoFrame
from av.video.stream import VideoStream

if TYPE_CHECKING:
    from av.packet import Packet

MAX_SKIPPED_SECONDS: Final = 0.1
"""Seconds of a frame's display up to which it may be skipped: one that is shown for longer may be all that a recording of a
screen has of a page. Chosen, not measured."""
MAX_LATE_SECONDS: Final = 0.13
"""Seconds by which a shot may start late because its first frames are skipped; a stream that exceeds them, with long runs of
such frames, is decoded in full from there. Four frames at 25 a second, less the first. Chosen, not measured."""
_KNOWN_TIMES: Final = 64
"""Presentation times kept on either side of a packet: decoders reorder up to 16 frames."""


def can_skip(stream: VideoStream) -> bool:
    """Return True if the decoder of a stream decides on each packet anew; that of AV1 keeps the setting of the first one."""
    return stream.codec_context.codec.canonical_name != "av1"


class PacketSkipping:
    """Setting of a decoder that lets it skip frames that no other depends on, packet by packet.

    A packet is decoded when the next one is known, since that may say how long its frame is shown.
    """

    def __init__(self, stream: VideoStream, *, is_allowed: bool) -> None:
        self._context = stream.codec_context
        self._seconds = float(stream.time_base) if stream.time_base else 0.0
        self._is_allowed = is_allowed and self._seconds > 0
        self._is_skipping = False
        self._times: list[int] = []
        self._order: deque[int] = deque()
        self._last: int | None = None

    def prepare(self, packet: "Packet[Any]", following: "Packet[Any] | None") -> None:
        """Set the decoder for a packet, given the one after it."""
        if not self._is_allowed:
            return
        if not self._times:
            self._learn(packet.pts)
        self._learn(following.pts if following else None)
        skips = packet.pts is not None and self._is_brief(packet.pts)
        if skips != self._is_skipping:
            self._is_skipping = skips
            self._context.skip_frame = "NONREF" if skips else "DEFAULT"

    def check(self, frame: VideoFrame) -> None:
        """Stop skipping once too many frames in a row are missing before a decoded one."""
        if not self._is_allowed or frame.pts is None:
            return
        if self._last is not None and self._last < frame.pts:
            first = bisect.bisect_right(self._times, self._last)
            missing = self._times[first] if first < len(self._times) else frame.pts
            if (frame.pts - missing) * self._seconds > MAX_LATE_SECONDS:
                self._is_allowed = self._is_skipping = False
                self._context.skip_frame = "DEFAULT"
        self._last = frame.pts

    def _is_brief(self, time: int) -> bool:
        """Return True if the next known frame replaces this one within MAX_SKIPPED_SECONDS."""
        after = bisect.bisect_right(self._times, time)
        return after < len(self._times) and (self._times[after] - time) * self._seconds <= MAX_SKIPPED_SECONDS

    def _learn(self, time: int | None) -> None:
        if time is None:
            return
        position = bisect.bisect_left(self._times, time)
        if position < len(self._times) and self._times[position] == time:
            return
        self._times.insert(position, time)
        self._order.append(time)
        if len(self._order) > _KNOWN_TIMES:
            self._times.remove(self._order.popleft())
