"""The sound of a file: mono, at the rate that speech models take, on the clock of the pictures."""

from contextlib import closing
from pathlib import Path
from typing import Any, Final

import av
import av.container
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Discard, Disposition

from mediafp.errors import CorruptMedia, UnsupportedMedia
from mediafp.ingest.container import open_container, reason
from mediafp.ingest.probe import kind_of, open_file, read_head
from mediafp.media import SOUND_RATE, Sound
from mediafp.settings import MAX_SOUND_SECONDS

GAP_SECONDS: Final = 0.1
"""Time stamps that leave out more than this leave out sound, which is silence then."""
CUT_SHORT_SECONDS: Final = 2.0
"""Sound that ends this much before its own stated end: the file was cut short, and we say so."""
CANCELLED: Final = 0.1
"""Loudness of the mix against that of the channels below which they cancel each other out, and one is taken."""
FAULTS_LIMIT: Final = 2_000
"""Broken packets in a row after which the rest of the sound is given up."""


class SoundTrack:
    """Collects one stream's sound, packet by packet; `origin` is the presentation time 0 in seconds of the stream's clock."""

    def __init__(self, stream: AudioStream, origin: float, warnings: list[str]) -> None:
        self.stream = stream
        self._origin = origin
        self._warnings = warnings
        self._blocks: list[npt.NDArray[np.int16]] = []
        self._count = 0
        self._start: float | None = None
        self._resampler: av.AudioResampler | None = None
        self._form: object = None
        self._faults = self._in_a_row = 0
        self._over = False
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"

    @property
    def over(self) -> bool:
        """Whether nothing more is taken."""
        return self._over

    def take(self, packet: "Packet[Any]") -> None:
        """Decodes a packet; the empty one gives out what the decoder holds. A broken one is counted and left."""
        if self._over:
            return
        try:
            frames = packet.decode()
            self._in_a_row = 0
        except (av.error.FFmpegError, ValueError, OSError, EOFError):
            self._faults, self._in_a_row = self._faults + 1, self._in_a_row + 1
            self._over = self._in_a_row > FAULTS_LIMIT
            return
        for frame in frames:
            if isinstance(frame, AudioFrame):
                self._add(frame)

    def sound(self) -> Sound | None:
        """All that was heard; None where nothing could be decoded. Adds its warnings."""
        if self._resampler:
            self._put(self._resampled(None))
        if self._faults:
            self._warnings.append(f"{self._faults} broken sound packets were skipped")
        if not self._blocks or self._start is None:
            return None
        samples = np.concatenate(self._blocks)
        self._blocks.clear()
        samples.flags.writeable = False
        self._tell_end(self._start + len(samples) / SOUND_RATE)
        return Sound(samples=samples, start=round(self._start, 6))

    def _add(self, frame: AudioFrame) -> None:
        form = frame.format.name, frame.layout.name, frame.sample_rate
        if form != self._form:
            if self._resampler:
                self._put(self._resampled(None))
            layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
            self._form, self._resampler = form, av.AudioResampler(format="fltp", layout=layout, rate=SOUND_RATE)
        if frame.pts is not None and frame.time_base:
            self._keep_time(float(frame.pts * frame.time_base) - self._origin)
        frame.pts = None
        self._put(self._resampled(frame))

    def _keep_time(self, time: float) -> None:
        """Fills a gap before this moment with silence. Sound before the pictures begin keeps its own start."""
        if self._start is None:
            self._start = time
        gap = time - self._start - self._count / SOUND_RATE
        if gap > GAP_SECONDS:
            room = MAX_SOUND_SECONDS * SOUND_RATE - self._count
            self._put(np.zeros(min(room, round(gap * SOUND_RATE)), np.int16))

    def _resampled(self, frame: AudioFrame | None) -> npt.NDArray[np.int16]:
        assert self._resampler is not None, "a form is known before a frame is resampled"
        try:
            made = [f.to_ndarray() for f in self._resampler.resample(frame)]
        except (av.error.FFmpegError, ValueError, OSError):
            self._faults += 1
            return np.empty(0, np.int16)
        return _mixed(np.concatenate(made, axis=1)) if made else np.empty(0, np.int16)

    def _put(self, samples: npt.NDArray[np.int16]) -> None:
        if self._start is None:
            self._start = 0.0
        room = MAX_SOUND_SECONDS * SOUND_RATE - self._count
        if len(samples) > room:
            samples = samples[:room]
            if not self._over:
                self._warnings.append(f"only the first {MAX_SOUND_SECONDS} s of the sound were read")
            self._over = True
        if len(samples):
            self._blocks.append(samples)
            self._count += len(samples)

    def _tell_end(self, end: float) -> None:
        stream = self.stream
        if self._over or not stream.duration or not stream.time_base:
            return
        stated = float(stream.duration * stream.time_base)
        if stated - end > CUT_SHORT_SECONDS:
            self._warnings.append(f"the sound ends at {end:.1f} s of {stated:.1f} s: the file may be cut short")


def _mixed(channels: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    """Channels (C, N) float as one (N,); the first alone where they cancel each other out (a fault, or an evasion)."""
    channels = np.nan_to_num(channels, nan=0.0, posinf=0.0, neginf=0.0)
    mix = channels.mean(axis=0)
    if len(channels) > 1 and np.mean(mix**2) < CANCELLED**2 * np.mean(channels**2):
        mix = channels[0]
    return (np.clip(mix, -1, 1) * 32767).astype(np.int16)


def sound_stream(container: av.container.InputContainer) -> AudioStream | None:
    """The stream that a player would play: the default one, else the first that can be decoded."""
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    return next((s for s in streams if s.disposition & Disposition.default), streams[0] if streams else None)


def starts_at(stream: Any) -> float:
    """Where a stream's clock begins, in seconds."""
    return float(stream.start_time * stream.time_base) if stream.start_time and stream.time_base else 0.0


def read_sound(path: Path) -> tuple[Sound | None, list[str]]:
    """The sound alone, and warnings; None where the file has none. Raises MediaError.

    Its clock is that of the pictures: `start` is above 0 where the sound sets in later, below where it sets in earlier.
    """
    with open_file(path) as file:
        kind = kind_of(read_head(file))
    if kind == "image":
        return None, []
    if kind != "video":
        raise UnsupportedMedia(f"{path.name!r} is no picture, video or sound file; name one")
    warnings: list[str] = []
    with open_file(path) as file, closing(open_container(file, path)) as container:
        stream = sound_stream(container)
        if stream is None:
            if not container.streams.video:
                raise CorruptMedia(f"{path.name!r} holds neither pictures nor sound; fetch it again from its source")
            return None, warnings
        still = Disposition.attached_pic | Disposition.timed_thumbnails
        moving = [s for s in container.streams.video if not s.disposition & still]
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        track = SoundTrack(stream, starts_at(moving[0] if moving else stream), warnings)
        packets = container.demux(stream)
        while not track.over:
            try:
                track.take(next(packets))
            except StopIteration:
                break
            except (av.error.FFmpegError, ValueError, OSError, EOFError) as exc:
                warnings.append(f"reading stopped early ({reason(exc)}): the file is damaged or cut short")
                break
        return track.sound(), warnings
