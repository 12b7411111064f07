"""Sampled frames of a video, decoded on one thread while they are asked for."""

import itertools
import math
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from typing import Final

import av
import av.container
import av.error
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from mediafp.ingest.audio import AudioDecoder, decode_audio, select_audio_stream
from mediafp.ingest.container import (
    MAX_CONSECUTIVE_ERRORS,
    TRUNCATION_TOLERANCE_SECONDS,
    demux_packets,
    discard_others,
    has_decoder,
    library_message,
    no_stream_error,
    open_container,
    video_stream,
)
from mediafp.ingest.cpu_budget import CPU_LIMIT_MESSAGE, BudgetCheck, unlimited
from mediafp.ingest.files import OpenFile
from mediafp.ingest.frame_clock import TIME_SLACK, DecodeReport, FrameClock
from mediafp.ingest.limits import FRAME_INTERVAL_SECONDS, FRAME_SIDE, MAX_FRAME_PIXELS, MAX_FRAMES
from mediafp.types.errors import CorruptMedia, MediaError, TooLargeMedia, UnsupportedMedia
from mediafp.types.media import DecodedMedia, Frame, Pixels

ASPECT_LIMIT: Final = 4.0
"""Pixel aspect ratios beyond this, either way, are damage and are taken as square."""
RATE_LIMIT: Final = 480
"""Frames a second above which a stated rate is a time base in disguise (AVI states 600)."""
_NO_TIMESTAMPS: Final = 0x0080
_MATRIX_ENTRIES: Final = 9


def read_video(
    file: OpenFile,
    *,
    full_decode: bool = False,
    interval: float = FRAME_INTERVAL_SECONDS,
    audio: bool = False,
    within_budget: BudgetCheck = unlimited,
) -> DecodedMedia:
    """The video's frames, about one every `every` seconds, and what the decoder said of it.

    A frame is the first one decoded at or after each multiple of `every`, by presentation time from
    the start of the stream; its span runs to the next sampled frame. Pixels are upright, square
    and at most `FRAME_SIDE` long. Unless `full_decode`, frames that no other frame needs are left
    undecoded and the loop filter is off: half the cost, and a sample may lie a few frames later.
    A file with sound alone has no frames and the warning `no pictures`. With `sound` the sound track is decoded on the
    way, for `sound` of the media, which is there once the frames are exhausted.
    Raises `CorruptMedia`, `UnsupportedMedia`, `TooLargeMedia`, `UnreadableMedia`.
    """
    if not interval > 0:
        raise ValueError("every must be above 0 seconds")
    report = DecodeReport()
    sampled = _sampled(file, report, within_budget, full_decode=full_decode, every=interval, audio=audio)
    # The first frame is decoded here: its side data hold the rotation that `width` and `height`
    # need, and a generator once started closes the file even if it is never finished.
    first = next(sampled, None)
    frames = iter(()) if first is None else itertools.chain((first,), sampled)
    return DecodedMedia(
        kind="video", properties=report.properties, frames=frames, warnings=report.warnings, audio_tracks=report.heard
    )


def _sampled(
    file: OpenFile, report: DecodeReport, within_budget: BudgetCheck, *, full_decode: bool, every: float, audio: bool
) -> Iterator[Frame]:
    """The sampled frames with their spans; fills the properties and warnings of `report`."""
    with file.reader() as reader, closing(open_container(reader, file.name)) as container:
        stream = video_stream(container)
        duration = None if container.duration is None else container.duration / av.time_base
        has_sound = any(has_decoder(one) for one in container.streams.audio)
        report.properties.update(format=_format_name(container), duration=_seconds(duration), has_sound=has_sound)
        track = select_audio_stream(container, report.warnings) if audio else None
        if stream is None:
            _describe_audio(container, report, file.name)
            if track and (whole := decode_audio(container, track, report.warnings, within_budget)):
                report.heard.append(whole)
            return
        found = False
        try:
            _prepare(stream, container, full_decode=full_decode)
            discard_others(container, [stream, track.stream] if track else [stream])
            report.properties.update(_describe(stream))
            for frame in _sample_frames(container, stream, track, report, every, within_budget):
                found = True
                yield frame
        except MediaError as exc:
            raise type(exc)(f"{file.name!r}: {exc}") from exc
        except MemoryError as exc:
            raise TooLargeMedia(f"{file.name!r}: a frame does not fit in memory; shrink the video first") from exc
        if not found:
            if not has_sound:
                raise CorruptMedia(f"{file.name!r} holds no frame that can be decoded; fetch it again from its source")
            report.warnings.append("no pictures: no frame could be decoded")
        if track and (whole := track.finish()):
            report.heard.append(whole)


def _prepare(stream: VideoStream, container: av.container.InputContainer, *, full_decode: bool) -> None:
    """Nothing; sets the decoder to one thread and leaves out the work that sampling does not need."""
    context = stream.codec_context
    if not has_decoder(stream):
        raise UnsupportedMedia("no decoder for its pictures; convert it to H.264 first")
    if context.width * context.height > MAX_FRAME_PIXELS:
        raise TooLargeMedia(
            f"{context.width} x {context.height} pixels are over the limit of {MAX_FRAME_PIXELS}; shrink it first"
        )
    stream.thread_count = 1
    context.thread_type = "NONE"
    options = {"max_pixels": str(MAX_FRAME_PIXELS)}
    # A raw stream has no times of its own: they are counted frame by frame, so none may be left out.
    if not full_decode and not container.format.flags & _NO_TIMESTAMPS:
        context.skip_frame = "NONREF"
        options["skip_loop_filter"] = "all"
    context.options = {**context.options, **options}


def _describe(stream: VideoStream) -> dict[str, str | int | float | bool | None]:
    """The stream's codec, coded size and mean frame rate; its own duration where it states one."""
    context = stream.codec_context
    told: dict[str, str | int | float | bool | None] = {
        "codec": context.codec.canonical_name,
        "width": context.width,
        "height": context.height,
        "fps": round(1 / frame_seconds, 3) if (frame_seconds := _frame_step(stream)) else None,
    }
    if stream.duration is not None and stream.duration > 0 and stream.time_base:
        told["duration"] = _seconds(float(stream.duration * stream.time_base))
    return told


def _describe_audio(container: av.container.InputContainer, report: DecodeReport, name: str) -> None:
    """Nothing; fills in a file of sound alone, or raises a `MediaError` where there is none either."""
    if not report.properties["has_sound"]:
        raise no_stream_error(container, name)
    audio = next(one for one in container.streams.audio if has_decoder(one))
    report.properties.update(codec=audio.codec_context.codec.canonical_name, width=None, height=None, fps=None)
    report.warnings.append("no pictures")


def _sample_frames(
    container: av.container.InputContainer,
    stream: VideoStream,
    track: AudioDecoder | None,
    report: DecodeReport,
    every: float,
    within_budget: BudgetCheck,
) -> Iterator[Frame]:
    """The frames at the sample points, each with its span: up to the next, or to the end of the stream."""
    frame_seconds = _frame_step(stream) or 0.04
    base = stream.time_base
    # AVI stores one time a packet, in decoding order, which PyAV hands on as presentation times.
    by_order = container.format.name == "avi"
    clock = FrameClock(
        base=Fraction(base.numerator, base.denominator) if base else None,
        origin=None if by_order else stream.start_time,
        by_order=by_order,
        frame_seconds=frame_seconds,
        warnings=report.warnings,
    )
    due, chosen, spoiled, last, end = 0.0, 0, 0, None, 0.0
    for frame in _decoded(container, stream, track, report):
        time = clock.read(frame)
        end = max(end, time + _length(frame, frame_seconds))
        spent = not within_budget(time)
        if frame.is_corrupt:
            spoiled += 1
        # A patched-up frame is waited out for one interval, and taken where nothing better came.
        early = time < due - TIME_SLACK or (frame.is_corrupt and time < due + every)
        if early and not spent:
            continue
        if chosen and (spent or chosen == MAX_FRAMES):
            why = CPU_LIMIT_MESSAGE if spent else f"the limit is {MAX_FRAMES} sampled frames"
            report.warnings.append(f"only the first {time:.0f} s were read: {why}")
            if track:
                # That it ends before the file does is no fault of it.
                track.finished = True
            break
        due = (math.floor((time + TIME_SLACK) / every) + 1) * every
        if last is not None:
            yield _until(last, time)
        pixels = _pixels(frame, stream)
        if not chosen:
            report.properties["width"], report.properties["height"] = _upright(frame, stream)
        chosen += 1
        last = Frame(pixels=pixels, start=time, end=time)
    else:
        end = _ending(report, end)
    if spoiled:
        report.warnings.append(f"{spoiled} frames were damaged in part")
    if last is not None:
        yield _until(last, max(end, last.start))


def _ending(report: DecodeReport, end: float) -> float:
    """The end of the pictures, given the end of the last one decoded; warns of a file cut short."""
    stated = report.properties.get("duration")
    if not isinstance(stated, float):
        report.properties["duration"] = _seconds(end)
        return end
    if end - stated > TRUNCATION_TOLERANCE_SECONDS:
        report.properties["duration"] = _seconds(end)
    if stated - end > TRUNCATION_TOLERANCE_SECONDS:
        report.warnings.append(f"the pictures end at {end:.1f} s of {stated:.1f} s: the file may be cut short")
        return end
    return max(stated, end)


def _decoded(
    container: av.container.InputContainer, stream: VideoStream, track: AudioDecoder | None, report: DecodeReport
) -> Iterator[VideoFrame]:
    """Every frame that the decoder gives out, in presentation order; broken packets are counted and left.

    Packets of sound on the way are given to the track.
    """
    faults, in_a_row, over = 0, 0, False
    try:
        for packet in demux_packets(container, [stream, track.stream] if track else [stream], report.warnings):
            if track and packet.stream.index == track.stream.index:
                track.decode_packet(packet)
                continue
            if over:
                # The pictures are given up, or at their end; the sound goes on.
                if track is None:
                    break
                continue
            try:
                frames = packet.decode()
                in_a_row = 0
            except av.error.DecoderNotFoundError as exc:
                raise UnsupportedMedia("no decoder for its pictures; convert it to H.264 first") from exc
            except EOFError:
                over = True
                continue
            except (av.error.FFmpegError, ValueError, OSError):
                faults, in_a_row = faults + 1, in_a_row + 1
                over = in_a_row > MAX_CONSECUTIVE_ERRORS
                continue
            for frame in frames:
                if isinstance(frame, VideoFrame):
                    yield frame
    finally:
        if faults:
            report.warnings.append(f"{faults} broken packets were skipped")


def _until(frame: Frame, end: float) -> Frame:
    """The frame with its span ending at `end`."""
    return Frame(pixels=frame.pixels, start=frame.start, end=end)


def _pixels(frame: VideoFrame, stream: VideoStream) -> Pixels:
    """The frame as upright RGB with square pixels, its long side at most `FRAME_SIDE`; read-only."""
    if frame.width * frame.height > MAX_FRAME_PIXELS:
        raise TooLargeMedia(
            f"a frame of {frame.width} x {frame.height} pixels is over the limit of {MAX_FRAME_PIXELS}; shrink it"
        )
    width, height = _displayed(frame, stream)
    scale = min(1.0, FRAME_SIDE / max(width, height))
    try:
        small = frame.reformat(
            width=max(1, round(width * scale)),
            height=max(1, round(height * scale)),
            format="rgb24",
            interpolation=Interpolation.AREA,
            threads=1,
        )
        pixels = np.asarray(small.to_ndarray(), np.uint8)
    except (av.error.FFmpegError, ValueError, OSError) as exc:
        raise CorruptMedia(f"a frame cannot be turned into RGB ({library_message(exc)})") from exc
    turned = np.ascontiguousarray(_turned(pixels, _matrix(frame)))
    turned.flags.writeable = False
    return turned


def _displayed(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height with square pixels, before the rotation."""
    aspect = stream.sample_aspect_ratio
    ratio = aspect.numerator / aspect.denominator if aspect and aspect.denominator else 1.0
    if not 1 / ASPECT_LIMIT <= ratio <= ASPECT_LIMIT:
        ratio = 1.0
    return max(1, round(frame.width * ratio)), frame.height


def _upright(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height as shown: square pixels, rotated."""
    width, height = _displayed(frame, stream)
    a, b, _, _ = _matrix(frame)
    return (height, width) if abs(b) > abs(a) else (width, height)


def _matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """The display matrix (a, b, c, d): x' = a x + c y, y' = b x + d y; the identity where none is given."""
    found = frame.side_data.get("DISPLAYMATRIX")
    if found is None:
        return 1, 0, 0, 1
    entries = np.frombuffer(bytes(found), np.int32)
    if entries.size < _MATRIX_ENTRIES:
        return 1, 0, 0, 1
    return int(entries[0]), int(entries[1]), int(entries[3]), int(entries[4])


def _turned(pixels: Pixels, matrix: tuple[int, int, int, int]) -> Pixels:
    """The picture turned and mirrored as the display matrix says, to the nearest quarter turn."""
    a, b, c, d = matrix
    if abs(b) > abs(a):
        pixels = pixels.transpose(1, 0, 2)
        across, down = c, b
    else:
        across, down = a, d
    if across < 0:
        pixels = pixels[:, ::-1]
    if down < 0:
        pixels = pixels[::-1]
    return pixels


def _length(frame: VideoFrame, frame_seconds: float) -> float:
    """How long the frame is shown, in seconds, as the file says, else one step of the mean rate."""
    if frame.duration and frame.time_base:
        return float(frame.duration * frame.time_base)
    return frame_seconds


def _frame_step(stream: VideoStream) -> float | None:
    """Mean seconds between frames, None where the file does not tell."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= RATE_LIMIT:
            return float(1 / rate)
    return None


def _format_name(container: av.container.InputContainer) -> str:
    """The container's shortest usual name."""
    names = container.format.name.split(",")
    return "mp4" if "mp4" in names else names[0]


def _seconds(value: float | None) -> float | None:
    """Seconds to the microsecond; None for what is no length of time."""
    return round(value, 6) if value is not None and math.isfinite(value) and value > 0 else None
