"""The sound of a file: mono, at the rate that speech models take, on the clock of the pictures."""

from contextlib import closing
from typing import Any, Final

import av
import av.container
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from mediafp.ingest.container import (
    MAX_CLOCK_STEP_BACK_SECONDS,
    MAX_CONSECUTIVE_ERRORS,
    TRUNCATION_TOLERANCE_SECONDS,
    demux_packets,
    discard_others,
    has_decoder,
    no_stream_error,
    open_container,
    video_stream,
)
from mediafp.ingest.cpu_budget import CPU_LIMIT_MESSAGE, BudgetCheck, unlimited
from mediafp.ingest.downmix import BLOCK_VALUES, MANY_PLANES, _Form, _mono
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import MAX_AUDIO_SECONDS
from mediafp.ingest.sniff import kind_from_signature
from mediafp.types.errors import NotMedia
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio

GAP_SECONDS: Final = 0.1
"""Time stamps that leave out more than this leave out sound, which is silence then."""
SAMPLE_RATES: Final = range(2_000, 768_001)
"""Sample rates that are taken; one far below states hours in a few kilobytes, one far above is damage."""
CONTAINERS_WITHOUT_TIMESTAMPS: Final = frozenset(("aac", "mp3"))
"""Containers without time stamps: those given are counted at the first frame's rate, and wrong once that changes. The
length, where no header states it, is guessed from the first bit rates (26 s for 6 s of AAC)."""
GUESS_FITS: Final = 0.98
"""Share of the stated bytes that a file has where its length was guessed from them: all but tags."""
_FAULTS: Final = (av.error.FFmpegError, ValueError, OSError)


class AudioDecoder:
    """Collects one stream's sound, packet by packet.

    `origin` is presentation time 0 in seconds of the stream's clock; `stated` the presentation second at which the
    file says that the sound ends, None where it does not tell; `timed` whether time stamps are the file's own. What
    went wrong is added to `warnings`, never raised.
    """

    def __init__(
        self, stream: AudioStream, warnings: list[str], *, origin: float, stated: float | None, timed: bool = True
    ) -> None:
        self.stream = stream
        self.finished = False
        """Whether nothing more is taken."""
        self._warnings = warnings
        self._origin = origin
        self._stated = stated
        self._timed = timed
        self._start: float | None = None
        self._next = 0.0  # the presentation second at which the next sample is heard
        self._shift = 0.0
        self._form: _Form | None = None
        self._waiting: list[npt.NDArray[Any]] = []  # decoded, not yet mixed
        self._values = 0
        self._resampler: av.AudioResampler | None = None
        self._packer: tuple[tuple[str, str, int], av.AudioResampler] | None = None
        self._blocks: list[tuple[int, npt.NDArray[np.int16]]] = []  # the samples, each with its place
        self._count = 0
        self._faults = self._in_a_row = 0
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"

    @property
    def seconds(self) -> float:
        """Seconds of sound that were made so far."""
        return self._count / AUDIO_SAMPLE_RATE

    def decode_packet(self, packet: "Packet[Any]") -> None:
        """Nothing; decodes a packet. The empty one gives out what the decoder holds; a broken one is counted and left.

        Frames that cannot be mixed count as broken packets.
        """
        if self.finished:
            return
        try:
            for frame in packet.decode():
                if isinstance(frame, AudioFrame):
                    for one in self._packed(frame):
                        self._add(one)
            self._in_a_row = 0
        except EOFError:
            # An empty packet within the stream ended the decoder, which must start anew.
            self.stream.codec_context.flush_buffers()
        except MemoryError:
            self.stop("the rest of the sound does not fit in memory and was left out")
        except _FAULTS:
            self._faults, self._in_a_row = self._faults + 1, self._in_a_row + 1
            if self._in_a_row > MAX_CONSECUTIVE_ERRORS:
                self.stop("the rest of the sound was given up: too much of it is broken")

    def finish(self) -> Audio | None:
        """All that was heard, once; None where nothing could be decoded. Completes the warnings."""
        samples = None
        try:
            self._drain()
            if self._blocks:
                samples = np.zeros(self._count, np.int16)
                # Each block is freed once it is copied: four hours are in memory once, not twice.
                while self._blocks:
                    place, block = self._blocks.pop()
                    samples[place : place + len(block)] = block
        except MemoryError:
            samples = None
            self.stop("the sound does not fit in memory and was left out")
        except _FAULTS:
            self._faults += 1
        if self._faults:
            self._warnings.append(f"{self._faults} broken sound packets were skipped")
        if samples is None or self._start is None:
            if self._faults or self._stated:
                self._warnings.append("no sound could be decoded: the file is damaged or cut short")
            return None
        samples.flags.writeable = False
        end = self._start + len(samples) / AUDIO_SAMPLE_RATE
        if not self.finished and self._stated is not None and self._stated - end > TRUNCATION_TOLERANCE_SECONDS:
            self._warnings.append(f"the sound ends at {end:.1f} s of {self._stated:.1f} s: the file may be cut short")
        return Audio(samples=samples, start=round(self._start, 6))

    def _packed(self, frame: AudioFrame) -> list[AudioFrame]:
        """The frame, its channels in one plane where there are many."""
        if not frame.format.is_planar or len(frame.layout.channels) < MANY_PLANES:
            return [frame]
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._packer is None or self._packer[0] != form:
            packer = av.AudioResampler(format=frame.format.packed.name, layout=frame.layout, rate=frame.sample_rate)
            self._packer = (form, packer)
        return self._packer[1].resample(frame)

    def _add(self, frame: AudioFrame) -> None:
        """Nothing; puts a decoded frame where its time stamp says, or behind the one before."""
        if not frame.samples:
            return
        if frame.sample_rate not in SAMPLE_RATES:
            raise ValueError(f"sound at {frame.sample_rate} Hz is not read")
        channels = tuple(channel.name for channel in frame.layout.channels)
        form = _Form(frame.sample_rate, frame.format.name, frame.format.is_planar, channels)
        if form != self._form:
            self._drain()
            self._form = form
        if frame.pts is not None and frame.time_base and (self._timed or self._start is None):
            self._keep_time(float(frame.pts * frame.time_base) - self._origin)
        elif self._start is None:
            self._keep_time(_starts_at(self.stream) - self._origin)
        if self.finished:
            return
        values = frame.to_ndarray()
        self._waiting.append(values)
        self._values += values.size
        self._next += frame.samples / frame.sample_rate
        if self._values >= BLOCK_VALUES:
            self._mix()

    def _keep_time(self, time: float) -> None:
        """Nothing; leaves silence up to this moment where there is a gap, and counts on where time runs back."""
        if self._start is None:
            self._start = self._next = time
        time += self._shift
        if self._next - time > MAX_CLOCK_STEP_BACK_SECONDS:
            self._shift += self._next - time
        elif time - self._next > GAP_SECONDS:
            self._drain()
            place = round((time - self._start) * AUDIO_SAMPLE_RATE)
            if place >= MAX_AUDIO_SECONDS * AUDIO_SAMPLE_RATE:
                self.stop(f"only the first {MAX_AUDIO_SECONDS} s of the sound were read")
                return
            self._count, self._next = max(self._count, place), time

    def _mix(self) -> None:
        """Nothing; makes samples of the frames that wait."""
        if not self._waiting or self._form is None:
            return
        waiting, self._waiting, self._values = self._waiting, [], 0
        mono = AudioFrame.from_ndarray(_mono(np.concatenate(waiting, axis=1), self._form)[None], "flt", "mono")
        mono.sample_rate = self._form.rate
        if self._resampler is None:
            self._resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_SAMPLE_RATE)
        self._put(self._resampler.resample(mono))

    def _drain(self) -> None:
        """Nothing; makes samples of all that waits and of what the resampler holds, which starts anew."""
        self._mix()
        resampler, self._resampler = self._resampler, None
        if resampler is not None:
            self._put(resampler.resample(None))

    def _put(self, made: list[AudioFrame]) -> None:
        """Nothing; keeps samples, up to the limit."""
        for frame in made:
            samples = frame.to_ndarray()[0].astype(np.int16, copy=False)
            room = MAX_AUDIO_SECONDS * AUDIO_SAMPLE_RATE - self._count
            if len(samples) > room:
                self.stop(f"only the first {MAX_AUDIO_SECONDS} s of the sound were read")
                samples = samples[:room].copy()
            if len(samples):
                self._blocks.append((self._count, samples))
                self._count += len(samples)

    def stop(self, warning: str) -> None:
        """Nothing; takes no more, and says why."""
        if not self.finished:
            self._warnings.append(warning)
        self.finished = True


def select_audio_stream(container: av.container.InputContainer, warnings: list[str]) -> AudioDecoder | None:
    """The track of the stream that a player would play: the default one, else the first that has a decoder.

    Its time 0 is the start of the moving pictures, and its own start where there are none.
    """
    streams = [stream for stream in container.streams.audio if has_decoder(stream)]
    if not streams:
        if container.streams.audio:
            warnings.append("no decoder for its sound: it was left out")
        return None
    stream = next((one for one in streams if one.disposition & Disposition.default), streams[0])
    images = video_stream(container)
    origin = _starts_at(stream if images is None else images)
    length = _length(stream, container)
    stated = None if length is None else _starts_at(stream) - origin + length
    timed = container.format.name not in CONTAINERS_WITHOUT_TIMESTAMPS
    return AudioDecoder(stream, warnings, origin=origin, stated=stated, timed=timed)


def decode_audio(
    container: av.container.InputContainer,
    track: AudioDecoder,
    warnings: list[str],
    within_budget: BudgetCheck = unlimited,
) -> Audio | None:
    """The whole sound of a track, all other streams left unread."""
    discard_others(container, [track.stream])
    for packet in demux_packets(container, [track.stream], warnings):
        track.decode_packet(packet)
        if track.finished:
            break
        if not within_budget(track.seconds):
            track.stop(f"only the first {track.seconds:.0f} s of the sound were read: {CPU_LIMIT_MESSAGE}")
            break
    return track.finish()


def read_audio(file: OpenFile, *, within_budget: BudgetCheck = unlimited) -> tuple[Audio | None, list[str]]:
    """The sound alone, and warnings; None where the file has none (a picture, a silent video).

    Its clock is that of the pictures: `start` is above 0 where the sound sets in later, below where it sets in earlier.
    Raises `UnsupportedMedia` for what is no media, and as `read_video` does for damaged files.
    """
    warnings: list[str] = []
    head = file.read_head()
    kind = kind_from_signature(head)
    if kind == "image":
        return None, warnings
    if head and kind is None:
        raise NotMedia(f"{file.name!r} is of no known picture, video or sound; name a media file")
    with file.reader() as reader, closing(open_container(reader, file.name)) as container:
        track = select_audio_stream(container, warnings)
        if track is None:
            if video_stream(container) is None:
                raise no_stream_error(container, file.name)
            return None, warnings
        return decode_audio(container, track, warnings, within_budget), warnings


def _starts_at(stream: AudioStream | VideoStream) -> float:
    """Where a stream's clock begins, in seconds."""
    return float(stream.start_time * stream.time_base) if stream.start_time and stream.time_base else 0.0


def _length(stream: AudioStream, container: av.container.InputContainer) -> float | None:
    """Seconds of sound that the file states, None where it states none of its own."""
    if stream.duration and stream.time_base:
        length = float(stream.duration * stream.time_base)
    elif container.duration and len(container.streams) == 1:
        length = container.duration / av.time_base
    else:
        return None
    # A guess accounts for the bytes there are; a length written when the file was whole, for more.
    needed = GUESS_FITS * length * (stream.codec_context.bit_rate or 0) / 8
    guessed = container.format.name in CONTAINERS_WITHOUT_TIMESTAMPS and (container.size or 0) >= needed
    return length if length > 0 and not guessed else None
