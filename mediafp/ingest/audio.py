"""Audio of one stream: mono, at the sample rate of speech models, on the clock of the frames."""

from typing import Any, Final

import av
import av.container
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from mediafp.ingest.channel_comparison import ChannelComparison
from mediafp.ingest.container import (
    MAX_CLOCK_STEP_BACK_SECONDS,
    MAX_CONSECUTIVE_ERRORS,
    TRUNCATION_TOLERANCE_SECONDS,
    presentation_start,
    stream_start,
)
from mediafp.ingest.downmix import SampleLayout, downmix, to_channels
from mediafp.ingest.limits import MAX_AUDIO_SECONDS
from mediafp.ingest.mono_samples import MonoSamples
from mediafp.types.media import AUDIO_SAMPLE_RATE, MAX_SPEECH_CHANNELS, MAX_TRACK_NUMBER, Audio

GAP_SECONDS: Final = 0.1
"""Gap between time stamps, seconds, above which it is filled with silence. Chosen, not measured."""
SAMPLE_RATES: Final = range(2_000, 768_001)
"""Sample rates, hertz, that are accepted: one far below states hours in a few kilobytes, one far above is damage.
Chosen, not measured."""
CONTAINERS_WITHOUT_TIMESTAMPS: Final = frozenset(("aac", "mp3"))
"""Containers without time stamps. FFmpeg counts them at the first frame's rate, wrong after a change of rate, and
guesses the duration from the first bit rates if no header states it (26 s for 6 s of AAC)."""
GUESSED_BYTES_SHARE: Final = 0.98
"""Share of the bytes implied by stated duration and bit rate from which on the duration counts as guessed from the bytes;
tags are the rest. Chosen, not measured."""
PACKED_CHANNELS: Final = 8
"""Channels in planes of their own from which on they are packed into one plane first: PyAV 19.0.2 reads beyond the end
of so many planes."""
MIX_BLOCK_VALUES: Final = 1 << 17
"""Samples over all channels that are mixed at once: 1.4 s of stereo at 48 kHz, one frame of hundreds of channels.
Chosen, not measured."""
BATCH_PACKETS: Final = 256
"""Packets of the audio of a video that are decoded at once, 5.5 s of AAC: one by one between frames they cost 1.9 times as
much as 64 at once, and 256 cost a twentieth less, measured with six channels and 720p H.264."""
_DECODE_ERRORS: Final = (av.error.FFmpegError, ValueError, OSError)


class AudioDecoder:
    """Decoder that collects the samples of one audio stream, packet by packet.

    It adds faults to `warnings` and raises none of them. The channels are mixed, and compared meanwhile, unless they are kept
    apart.

    Args:
        stream: The audio stream.
        warnings: Receives a line for each fault.
        origin: Presentation time 0, in seconds of the stream's clock.
        stated_end: Presentation second at which the audio ends by the file's statement; None if it states none.
        has_timestamps: True if time stamps are the file's own.
        track: Number of the stream among the audio of its file, from 0.
        keeps_channels: True to keep two channels apart, in place of their mix.
    """

    def __init__(
        self,
        stream: AudioStream,
        warnings: list[str],
        *,
        origin: float,
        stated_end: float | None,
        has_timestamps: bool = True,
        track: int = 0,
        keeps_channels: bool = False,
    ) -> None:
        self.stream = stream
        self.track = track
        self.finished = False
        """True once further packets are ignored."""
        self.warnings = warnings
        """Faults so far."""
        self._origin = origin
        self._stated_end = stated_end
        self._has_timestamps = has_timestamps
        self._start: float | None = None
        self._next_time = 0.0  # presentation second of the next decoded sample
        self._shift = 0.0
        self._queue: list[Packet[Any]] = []
        self._form: tuple[int, str, str] | None = None
        self._layout: SampleLayout | None = None
        self._unmixed = av.AudioFifo()
        self._packer: tuple[tuple[str, str, int], av.AudioResampler] | None = None
        self._keeps_channels = keeps_channels
        self._lanes = [MonoSamples(MAX_AUDIO_SECONDS) for _ in range(MAX_SPEECH_CHANNELS if keeps_channels else 1)]
        self._comparison = ChannelComparison()
        self._errors = self._consecutive_errors = 0
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"

    @property
    def seconds(self) -> float:
        """Duration of the samples so far."""
        return self._lanes[0].count / AUDIO_SAMPLE_RATE

    def queue_packet(self, packet: "Packet[Any]") -> None:
        """Take a packet, to be decoded with BATCH_PACKETS of them, or with those before it if it is the empty one."""
        self._queue.append(packet)
        if len(self._queue) == BATCH_PACKETS or not packet.size:
            self.decode_queue()

    def decode_queue(self) -> None:
        """Decode the packets that were taken and not decoded yet."""
        queue, self._queue = self._queue, []
        for packet in queue:
            self.decode_packet(packet)

    def decode_packet(self, packet: "Packet[Any]") -> None:
        """Decode a packet; an empty one makes the decoder return the frames that it still has.

        A packet that cannot be decoded or mixed is counted and skipped.
        """
        if self.finished:
            return
        try:
            for frame in packet.decode():
                if isinstance(frame, AudioFrame):
                    for packed_frame in self._pack_channels(frame):
                        self._add_frame(packed_frame)
            self._consecutive_errors = 0
        except EOFError:
            # An empty packet within the stream ended the decoder, which must start again.
            self.stream.codec_context.flush_buffers()
        except MemoryError:
            self.stop("skipped the rest of the audio: it does not fit in memory")
        except _DECODE_ERRORS:
            self._errors, self._consecutive_errors = self._errors + 1, self._consecutive_errors + 1
            if self._consecutive_errors > MAX_CONSECUTIVE_ERRORS:
                self.stop("skipped the rest of the audio: too many damaged packets")

    def finish(self) -> list[Audio]:
        """Return the audio, once, and complete the warnings; nothing if no sample could be decoded."""
        self.decode_queue()
        lanes: list[npt.NDArray[np.int16] | None] = []
        try:
            self._flush()
            lanes += [lane.join() for lane in self._lanes]
        except MemoryError:
            lanes.clear()
            self.stop("skipped the audio: it does not fit in memory")
        except _DECODE_ERRORS:
            self._errors += 1
        if self._errors:
            self.warnings.append(f"skipped {self._errors} audio packets: they are damaged")
        found = [samples for samples in lanes if samples is not None]
        if not found or self._start is None:
            if self._errors or self._stated_end:
                self.warnings.append("skipped the audio: none of it could be decoded, the file is damaged or truncated")
            return []
        end = self._start + len(found[0]) / AUDIO_SAMPLE_RATE
        if not self.finished and self._stated_end is not None and self._stated_end - end > TRUNCATION_TOLERANCE_SECONDS:
            self.warnings.append(
                f"the audio ends at {end:.1f} s of {self._stated_end:.1f} s: the file may be truncated"
            )
        return [
            Audio(
                samples=samples,
                start=round(self._start, 6),
                track=self.track,
                channel=channel if self._keeps_channels else None,
            )
            for channel, samples in enumerate(found)
        ]

    def channels_differ(self) -> bool:
        """Return True if the track has two channels, and they differ in what is said."""
        return self._comparison.differ()

    def stop(self, warning: str) -> None:
        """Ignore further packets, and add the reason to the warnings."""
        if not self.finished:
            self.warnings.append(warning)
        self.finished = True

    def _pack_channels(self, frame: AudioFrame) -> list[AudioFrame]:
        """Return the frame, its channels in one plane if they are many."""
        if frame.layout.nb_channels < PACKED_CHANNELS or not frame.format.is_planar:
            return [frame]
        layout = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._packer is None or self._packer[0] != layout:
            packer = av.AudioResampler(
                format=frame.format.packed.name, layout=frame.layout, rate=frame.sample_rate, threads=1
            )
            self._packer = (layout, packer)
        return self._packer[1].resample(frame)

    def _add_frame(self, frame: AudioFrame) -> None:
        """Put a decoded frame at its time stamp, or behind the frame before."""
        if not frame.samples:
            return
        if frame.sample_rate not in SAMPLE_RATES:
            raise ValueError(f"a sample rate of {frame.sample_rate} Hz is not supported")
        form = frame.sample_rate, frame.format.name, frame.layout.name
        if form != self._form:
            self._flush()
            channels = tuple(channel.name for channel in frame.layout.channels)
            self._form = form
            self._layout = SampleLayout(frame.sample_rate, frame.format.name, frame.format.is_planar, channels)
        if (time := frame.time) is not None and (self._has_timestamps or self._start is None):
            self._move_to(time - self._origin)
        elif self._start is None:
            self._move_to((stream_start(self.stream) or 0.0) - self._origin)
        if self.finished:
            return
        # The time stamp is in `_next_time`; the queue rejects those that it does not expect.
        frame.pts = None
        self._unmixed.write(frame)
        self._next_time += frame.samples / frame.sample_rate
        if self._unmixed.samples * frame.layout.nb_channels >= MIX_BLOCK_VALUES:
            self._mix()

    def _move_to(self, time: float) -> None:
        """Leave silence up to a presentation time after a gap; if time runs back, count on from the last frame."""
        if self._start is None:
            self._start = self._next_time = time
        time += self._shift
        if self._next_time - time > MAX_CLOCK_STEP_BACK_SECONDS:
            self._shift += self._next_time - time
        elif time - self._next_time > GAP_SECONDS:
            self._flush()
            position = round((time - self._start) * AUDIO_SAMPLE_RATE)
            if position >= MAX_AUDIO_SECONDS * AUDIO_SAMPLE_RATE:
                self._stop_at_limit()
                return
            self._next_time = time
            for lane in self._lanes:
                lane.move_to(position)

    def _mix(self) -> None:
        """Mix and resample the decoded frames that are not mixed yet."""
        # A new queue for each block: the next frame may have another format.
        unmixed, self._unmixed = self._unmixed.read(), av.AudioFifo()
        if unmixed is None or self._layout is None:
            return
        rate, channels = self._layout.rate, to_channels(unmixed.to_ndarray(), self._layout)
        if self._keeps_channels and len(channels) == len(self._lanes):
            blocks = [np.ascontiguousarray(channel) for channel in channels]
        else:
            self._comparison.add(channels, rate)
            blocks = [downmix(channels, self._layout.channels)] * len(self._lanes)
        for lane, block in zip(self._lanes, blocks, strict=True):
            lane.add(block, rate)
        self._check_limit()

    def _flush(self) -> None:
        """Mix what is not mixed yet, and end the resamplers, so that the next frame starts new ones."""
        self._mix()
        for lane in self._lanes:
            lane.flush()
        self._check_limit()

    def _check_limit(self) -> None:
        if self._lanes[0].is_full:
            self._stop_at_limit()

    def _stop_at_limit(self) -> None:
        self.stop(f"skipped the audio after {MAX_AUDIO_SECONDS} s: the limit of one file was reached")


def open_audio_decoder(
    container: av.container.InputContainer, stream: AudioStream, warnings: list[str], *, keeps_channels: bool = False
) -> AudioDecoder:
    """Return a decoder of an audio stream, on the clock that players show."""
    origin = presentation_start(container) or 0.0
    start = (stream_start(stream) or 0.0) - origin
    duration = _stated_duration(stream, container)
    return AudioDecoder(
        stream,
        warnings,
        origin=origin,
        stated_end=None if duration is None else start + duration,
        has_timestamps=container.format.name not in CONTAINERS_WITHOUT_TIMESTAMPS,
        track=min(container.streams.audio.index(stream), MAX_TRACK_NUMBER),
        keeps_channels=keeps_channels,
    )


def _stated_duration(stream: AudioStream, container: av.container.InputContainer) -> float | None:
    """Return the seconds of audio that the file states; None if it states none, or FFmpeg guessed them."""
    if stream.duration and stream.time_base:
        duration = float(stream.duration * stream.time_base)
    elif container.duration and len(container.streams) == 1:
        duration = container.duration / av.time_base
    else:
        return None
    # A guess accounts for the bytes that the file has; a duration written before a cut, for more.
    guessed_bytes = GUESSED_BYTES_SHARE * duration * (stream.codec_context.bit_rate or 0) / 8
    is_guess = container.format.name in CONTAINERS_WITHOUT_TIMESTAMPS and (container.size or 0) >= guessed_bytes
    return duration if duration > 0 and not is_guess else None
