"""Media containers, opened so that they cannot open anything else, and the steps common to video and audio."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import av
import av.container
import av.error
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from mediafp.ingest.limits import ALLOWED_DECODERS, ALLOWED_DEMUXERS
from mediafp.types.errors import CorruptMedia, MediaError, TooLargeMedia, UnsupportedMedia

DEMUX_BLOCK_BYTES: Final = 1 << 18
"""Bytes that the demuxer reads at once; PyAV's default of 32 KiB makes eight times the calls."""
TRUNCATION_TOLERANCE_SECONDS: Final = 2.0
"""Seconds by which video or audio may end before the stated end; beyond that a warning says that the file may be
truncated. Chosen, not measured."""
MAX_CLOCK_STEP_BACK_SECONDS: Final = 0.5
"""Seconds by which time stamps may run back because frames are misordered or overlap; a larger step is a new clock, as
in joined broadcasts. Chosen, not measured."""
MAX_CONSECUTIVE_ERRORS: Final = 2_000
"""Damaged packets in a row after which the rest of a stream is skipped. Chosen, not measured."""
_ALLOWED_DECODERS: Final = frozenset(ALLOWED_DECODERS.split(","))


def open_container(file: BinaryIO, name: str) -> av.container.InputContainer:
    """Return the container in an open file: one of `ALLOWED_DEMUXERS`, which cannot open other files or addresses.

    Args:
        file: Binary reader.
        name: Name of the file, for messages.

    Raises:
        CorruptMedia: The file is damaged.
        TooLargeMedia: Opening it needs too much memory.
    """
    try:
        return av.open(
            file,
            "r",
            container_options={
                "format_whitelist": ALLOWED_DEMUXERS,
                "codec_whitelist": ALLOWED_DECODERS,
                "protocol_whitelist": "none",
            },
            buffer_size=DEMUX_BLOCK_BYTES,
            io_open=_refuse_to_open,
        )
    except MemoryError as error:
        raise TooLargeMedia(
            f"cannot open {name!r}: it does not fit in memory; convert it to another format first"
        ) from error
    except (av.error.FFmpegError, ValueError, OSError, EOFError) as error:
        raise CorruptMedia(
            f"cannot open {name!r} as video or audio: it is damaged or truncated ({library_message(error)}); "
            "fetch it again from its source"
        ) from error


def video_stream(container: av.container.InputContainer) -> VideoStream | None:
    """Return the first video stream, cover images not counted; None if there is none."""
    still = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & still]
    return streams[0] if streams else None


def audio_stream(container: av.container.InputContainer) -> AudioStream | None:
    """Return the audio stream that a player plays, the default one, else the first that has a decoder; None if none has."""
    streams = [stream for stream in container.streams.audio if has_decoder(stream)]
    default = (stream for stream in streams if stream.disposition & Disposition.default)
    return next(default, streams[0] if streams else None)


def presentation_start(container: av.container.InputContainer) -> float | None:
    """Return the second of the container's time stamps that players show as 0; None if it states no start.

    It is the start of the stream that starts first, of the video and the audio that are played: the other one starts later
    on the common clock. Edit lists are accounted for: what they hide is before the start of its stream.
    """
    starts = [
        start
        for stream in (video_stream(container), audio_stream(container))
        if (start := stream_start(stream)) is not None
    ]
    return min(starts, default=None)


def stream_start(stream: VideoStream | AudioStream | None) -> float | None:
    """Return the first second of a stream in time stamps of its container; None if it is unknown, or there is no stream."""
    if stream is None or stream.start_time is None or not stream.time_base:
        return None
    return float(stream.start_time * stream.time_base)


def has_decoder(stream: VideoStream | AudioStream) -> bool:
    """Return True if one of `ALLOWED_DECODERS` decodes the stream."""
    return stream.codec_context is not None and stream.codec_context.codec.name in _ALLOWED_DECODERS


def discard_others(container: av.container.InputContainer, streams: list[VideoStream | AudioStream]) -> None:
    """Make the demuxer skip all streams except these."""
    indexes = {stream.index for stream in streams}
    for other in container.streams:
        if other.index not in indexes:
            other.discard = Discard.all


def demux_packets(
    container: av.container.InputContainer, streams: list[VideoStream | AudioStream], warnings: list[str]
) -> Iterator["Packet[Any]"]:
    """Yield the packets of the streams in their order in the file.

    The last packet of each stream is empty: it makes the decoder return the frames that it still has. If reading fails,
    the packets end and `warnings` receives the reason.
    """
    packets = container.demux(streams)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, ValueError, OSError, EOFError) as error:
            warnings.append(f"skipped the rest of the file: it is damaged or truncated ({library_message(error)})")
            return
        yield packet


def no_stream_error(container: av.container.InputContainer, name: str) -> MediaError:
    """Return the error of a container without a stream that can be decoded."""
    if container.streams.audio:
        return UnsupportedMedia(
            f"cannot decode {name!r}: there is no decoder for its audio; convert it to MP3 or FLAC first"
        )
    return CorruptMedia(f"cannot decode {name!r}: it has neither video nor audio; fetch it again from its source")


def library_message(error: BaseException) -> str:
    """Return the message of a library's exception, in lower case and without a full stop."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).lower().rstrip(".")


def _refuse_to_open(url: str, flags: object, options: object) -> object:
    """Raise PermissionError: FFmpeg calls this for every file or address that a container refers to."""
    raise PermissionError("a media file may not open other files")
