"""Sampled frames of a video, decoded on one thread while they are iterated."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import av
import av.container
import av.error
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mediafp.ingest.audio_tracks import AudioTracks, DecodedTracks, decode_audio_tracks, select_audio_tracks
from mediafp.ingest.container import (
    MAX_CONSECUTIVE_ERRORS,
    TRUNCATION_TOLERANCE_SECONDS,
    demux_packets,
    discard_others,
    has_decoder,
    no_stream_error,
    open_container,
    presentation_start,
    stream_start,
    video_stream,
)
from mediafp.ingest.container_boxes import box_clues
from mediafp.ingest.cpu_budget import CPU_LIMIT_MESSAGE, BudgetCheck, unlimited
from mediafp.ingest.files import OpenFile
from mediafp.ingest.frame_clock import FrameClock
from mediafp.ingest.frame_pixels import upright_size
from mediafp.ingest.frame_sampler import FrameSampler
from mediafp.ingest.limits import FRAME_INTERVAL_SECONDS, MAX_FRAME_PIXELS, MAX_FRAMES
from mediafp.ingest.packet_skipping import PacketSkipping, can_skip
from mediafp.ingest.video_clues import video_clues
from mediafp.types.contents import MAX_SECONDS
from mediafp.types.errors import CorruptMedia, MediaError, TooLargeMedia, UnsupportedMedia
from mediafp.types.media import Audio, DecodedMedia, Frame, FrameTrack
from mediafp.types.sightings import Clue

MAX_FRAME_RATE: Final = 480
"""Frames per second above which a stated rate is a time base instead (AVI states 600). Chosen, not measured."""
DEFAULT_FRAME_SECONDS: Final = 0.04
"""Seconds between frames if the file states no rate: 25 frames per second."""
_NO_TIMESTAMPS_FLAG: Final = 0x0080
"""Flag of FFmpeg's input formats without time stamps (AVFMT_NOTIMESTAMPS)."""
_NEW_CLOCKS_FLAG: Final = 0x0200
"""Flag of FFmpeg's input formats whose time stamps may start anew (AVFMT_TS_DISCONT)."""

type Properties = dict[str, str | int | float | bool | None]


@dataclass(slots=True, kw_only=True)
class DecodeReport:
    """Properties, warnings and audio of one decode, which fills them.

    It is separate from `DecodedMedia`, to avoid a reference cycle that would keep the file open.
    """

    properties: Properties = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    audio_tracks: list[Audio] = field(default_factory=list)
    further_audio_tracks: list[Audio] = field(default_factory=list)
    differing_tracks: list[int] = field(default_factory=list)
    frame_tracks: list[FrameTrack] = field(default_factory=list)
    clues: list[Clue] = field(default_factory=list)

    def add_audio(self, tracks: DecodedTracks) -> None:
        """Take over the audio tracks."""
        for audio in tracks.audio:
            (self.audio_tracks if audio.track == tracks.played else self.further_audio_tracks).append(audio)
        self.differing_tracks += tracks.differing


def read_video(
    file: OpenFile,
    *,
    full_decode: bool = False,
    interval: float = FRAME_INTERVAL_SECONDS,
    audio: bool = False,
    detail: bool = False,
    within_budget: BudgetCheck = unlimited,
) -> DecodedMedia:
    """Return the sampled frames of a video, its properties and warnings.

    A sample is the frame that is shown at a multiple of `interval`, by presentation time, or one of a brief shot between
    two of them; its span ends with the next sample. Pixels are upright, square and at most `FRAME_SIDE` long. A file with
    audio alone has no frames.

    Args:
        file: The open video or audio file.
        full_decode: Decode every frame. Otherwise frames that no other frame depends on are not decoded, and the loop
            filter is off, which halves the cost; a sample may then be a few frames late.
        interval: Seconds between samples.
        audio: Decode the audio tracks too; they are in `audio_tracks` and `further_audio_tracks` once the frames are
            exhausted.
        detail: Return each sampled frame at DETAIL_SIDE too, in which its text can be read.
        within_budget: Check that ends decoding early.

    Raises:
        CorruptMedia, UnsupportedMedia, TooLargeMedia, UnreadableMedia: The file cannot be decoded. Also raised while
            the frames are iterated.
    """
    if not interval > 0:
        raise ValueError("the interval must be above 0 seconds")
    report = DecodeReport()
    samples = _decode(
        file, report, within_budget, full_decode=full_decode, interval=interval, audio=audio, detail=detail
    )
    # The first frame is decoded now: its side data contain the rotation that `width` and `height` need, and a generator
    # that was started closes the file even if it is never exhausted.
    first = next(samples, None)
    frames = iter(()) if first is None else itertools.chain((first,), samples)
    return DecodedMedia(
        kind="video",
        properties=report.properties,
        frames=frames,
        warnings=report.warnings,
        audio_tracks=report.audio_tracks,
        further_audio_tracks=report.further_audio_tracks,
        differing_tracks=report.differing_tracks,
        frame_tracks=report.frame_tracks,
        clues=report.clues,
    )


def _decode(
    file: OpenFile,
    report: DecodeReport,
    within_budget: BudgetCheck,
    *,
    full_decode: bool,
    interval: float,
    audio: bool,
    detail: bool,
) -> Iterator[Frame]:
    """Yield the sampled frames with their spans, and fill the report."""
    with file.reader() as reader:
        report.clues.extend(box_clues(reader))
    with file.reader() as reader, closing(open_container(reader, file.name)) as container:
        report.clues.extend(video_clues(container))
        stream = video_stream(container)
        duration = None if container.duration is None else container.duration / av.time_base
        has_audio = any(has_decoder(audio_stream) for audio_stream in container.streams.audio)
        report.properties.update(
            format=_format_name(container), duration=_duration_or_none(duration), has_sound=has_audio
        )
        audio_tracks = select_audio_tracks(container, report.warnings) if audio else None
        if stream is None:
            _describe_audio(container, report, file.name)
            if audio_tracks:
                report.add_audio(decode_audio_tracks(container, audio_tracks, report.warnings, within_budget))
            return
        has_frames = False
        try:
            _configure_decoder(stream, full_decode=full_decode)
            discard_others(container, [stream, *(audio_tracks.streams if audio_tracks else ())])
            report.properties.update(_stream_properties(stream, presentation_start(container)))
            # The times of a raw stream are counted frame by frame, so none of its frames may be skipped.
            is_raw = bool(container.format.flags & _NO_TIMESTAMPS_FLAG)
            skips = not full_decode and not is_raw and can_skip(stream)
            for frame in _sample_frames(
                container,
                stream,
                audio_tracks,
                report,
                interval=interval,
                skips=skips,
                within_budget=within_budget,
                detail=detail,
            ):
                has_frames = True
                yield frame
        except MediaError as error:
            raise type(error)(f"cannot decode {file.name!r}: {error}") from error
        except MemoryError as error:
            raise TooLargeMedia(
                f"cannot decode {file.name!r}: a frame does not fit in memory; shrink the video first"
            ) from error
        if not has_frames:
            if not has_audio:
                raise CorruptMedia(
                    f"cannot decode {file.name!r}: no frame can be decoded; fetch it again from its source"
                )
            report.warnings.append("skipped the video: no frame can be decoded")
        if audio_tracks:
            report.add_audio(audio_tracks.finish())


def _configure_decoder(stream: VideoStream, *, full_decode: bool) -> None:
    """Set the decoder to one thread, and turn off the work that sampling does not need."""
    context = stream.codec_context
    if not has_decoder(stream):
        raise UnsupportedMedia("there is no decoder for its video; convert it to H.264 first")
    if context.width * context.height > MAX_FRAME_PIXELS:
        raise TooLargeMedia(
            f"{context.width} x {context.height} pixels are over the limit of {MAX_FRAME_PIXELS}; shrink it first"
        )
    stream.thread_count = 1
    context.thread_type = "NONE"
    options = {"max_pixels": str(MAX_FRAME_PIXELS)}
    if not full_decode:
        options["skip_loop_filter"] = "all"
    context.options = {**context.options, **options}


def _stream_properties(stream: VideoStream, origin: float | None) -> Properties:
    """Return codec, coded size and mean frame rate of a stream, and if it states one its end, `duration` from time 0."""
    context = stream.codec_context
    frame_seconds = _mean_frame_seconds(stream)
    properties: Properties = {
        "codec": context.codec.canonical_name,
        "width": context.width,
        "height": context.height,
        "fps": round(1 / frame_seconds, 3) if frame_seconds else None,
    }
    if stream.duration is not None and stream.duration > 0 and stream.time_base:
        late = (stream_start(stream) or origin or 0.0) - (origin or 0.0)
        properties["duration"] = _duration_or_none(late + float(stream.duration * stream.time_base))
    return properties


def _describe_audio(container: av.container.InputContainer, report: DecodeReport, name: str) -> None:
    """Fill the properties of a file with audio alone; raise a MediaError if it has no audio either."""
    if not report.properties["has_sound"]:
        raise no_stream_error(container, name)
    audio = next(stream for stream in container.streams.audio if has_decoder(stream))
    report.properties.update(codec=audio.codec_context.codec.canonical_name, width=None, height=None, fps=None)
    report.warnings.append("no frames: the file contains audio alone")


def _sample_frames(
    container: av.container.InputContainer,
    stream: VideoStream,
    audio_tracks: AudioTracks | None,
    report: DecodeReport,
    *,
    interval: float,
    skips: bool,
    within_budget: BudgetCheck,
    detail: bool,
) -> Iterator[Frame]:
    """Yield the frames that are shown at the sample points; each span ends with the next sample or with the stream."""
    frame_seconds = _mean_frame_seconds(stream) or DEFAULT_FRAME_SECONDS
    time_base = stream.time_base
    # AVI stores one time a packet, in decoding order, which PyAV returns as presentation times.
    use_decoding_times = container.format.name == "avi"
    clock = FrameClock(
        time_base=float(time_base) if time_base else None,
        origin=None if use_decoding_times else presentation_start(container),
        use_decoding_times=use_decoding_times,
        frame_seconds=frame_seconds,
        is_broadcast=bool(container.format.flags & _NEW_CLOCKS_FLAG),
        warnings=report.warnings,
    )
    sampler = FrameSampler(stream=stream, interval=interval, detail=detail)
    shown: VideoFrame | None = None
    start, end, damaged = 0.0, 0.0, 0
    for frame in _iter_frames(container, stream, audio_tracks, report, skips=skips):
        time = clock.frame_time(frame)
        if shown is None:
            report.properties["width"], report.properties["height"] = upright_size(frame, stream)
        else:
            yield from sampler.add(shown, start, time)
        shown, start = frame, time
        damaged += frame.is_corrupt
        is_over_budget = not within_budget(time)
        if sampler.samples and (is_over_budget or sampler.samples >= MAX_FRAMES):
            reason = CPU_LIMIT_MESSAGE if is_over_budget else f"the limit of {MAX_FRAMES} sampled frames was reached"
            report.warnings.append(f"skipped the video after {time:.0f} s: {reason}")
            end = time
            if audio_tracks:
                audio_tracks.stop()
            break
    else:
        if shown is not None:
            end = min(start + _frame_duration(shown, frame_seconds), MAX_SECONDS)
            yield from sampler.add(shown, start, end)
        end = _check_end(report, end)
    if damaged:
        report.warnings.append("1 frame is partly damaged" if damaged == 1 else f"{damaged} frames are partly damaged")
    if track := sampler.track.finish(end):
        report.frame_tracks.append(track)
    yield from sampler.finish(end)


def _check_end(report: DecodeReport, end: float) -> float:
    """Return the end of the video, given the end of its last frame; correct the duration, warn of truncation."""
    stated = report.properties.get("duration")
    if not isinstance(stated, float):
        report.properties["duration"] = _duration_or_none(end)
        return end
    if end - stated > TRUNCATION_TOLERANCE_SECONDS:
        report.properties["duration"] = _duration_or_none(end)
    if stated - end > TRUNCATION_TOLERANCE_SECONDS:
        report.warnings.append(f"the video ends at {end:.1f} s of {stated:.1f} s: the file may be truncated")
        return end
    return max(stated, end)


def _iter_frames(
    container: av.container.InputContainer,
    stream: VideoStream,
    audio_tracks: AudioTracks | None,
    report: DecodeReport,
    *,
    skips: bool,
) -> Iterator[VideoFrame]:
    """Yield every decoded frame in presentation order, and pass audio packets to their decoder.

    Damaged packets are counted and skipped.
    """
    errors, consecutive_errors, finished = 0, 0, False
    skipping = PacketSkipping(stream, is_allowed=skips)
    streams: list[VideoStream | AudioStream] = [stream, *(audio_tracks.streams if audio_tracks else ())]
    try:
        for packet, following in _with_following(
            demux_packets(container, streams, report.warnings), stream, audio_tracks
        ):
            if finished:
                # The rest of the video is skipped, or it is at its end; the audio continues.
                if audio_tracks is None:
                    break
                continue
            skipping.prepare(packet, following)
            try:
                frames = packet.decode()
                consecutive_errors = 0
            except av.error.DecoderNotFoundError as error:
                raise UnsupportedMedia("there is no decoder for its video; convert it to H.264 first") from error
            except EOFError:
                finished = True
                continue
            except (av.error.FFmpegError, ValueError, OSError):
                errors, consecutive_errors = errors + 1, consecutive_errors + 1
                finished = consecutive_errors > MAX_CONSECUTIVE_ERRORS
                continue
            for frame in frames:
                if isinstance(frame, VideoFrame):
                    skipping.check(frame)
                    yield frame
    finally:
        if errors:
            report.warnings.append(f"skipped {errors} video packets: they are damaged")


def _with_following(
    packets: Iterator["Packet[Any]"], stream: VideoStream, audio_tracks: AudioTracks | None
) -> Iterator[tuple["Packet[Any]", "Packet[Any] | None"]]:
    """Yield each packet of the video with the one after it, and pass those of the audio to their decoder."""
    held: Packet[Any] | None = None
    for packet in packets:
        if audio_tracks and packet.stream.index != stream.index:
            audio_tracks.queue_packet(packet)
        else:
            if held is not None:
                yield held, packet
            held = packet
    if held is not None:
        yield held, None


def _frame_duration(frame: VideoFrame, mean_frame_seconds: float) -> float:
    """Return the seconds that a frame is displayed: as the file states, else the mean."""
    if frame.duration and frame.time_base:
        return float(frame.duration * frame.time_base)
    return mean_frame_seconds


def _mean_frame_seconds(stream: VideoStream) -> float | None:
    """Return the mean seconds between frames; None if the file states no plausible rate."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= MAX_FRAME_RATE:
            return float(1 / rate)
    return None


def _format_name(container: av.container.InputContainer) -> str:
    """Return the shortest usual name of a container."""
    names = container.format.name.split(",")
    return "mp4" if "mp4" in names else names[0]


def _duration_or_none(seconds: float | None) -> float | None:
    """Return a duration rounded to microseconds; None if it is not a number above 0 and up to MAX_SECONDS."""
    return round(seconds, 6) if seconds is not None and 0 < seconds <= MAX_SECONDS else None
