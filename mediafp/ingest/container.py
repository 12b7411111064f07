"""A media file opened so that it can open nothing else, and what is common to its pictures and its sound."""

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
"""Bytes that the demuxer asks Python for at once; PyAV's 32 KiB makes eight times the calls."""
TRUNCATION_TOLERANCE_SECONDS: Final = 2.0
"""Pictures or sound that end this much before their own stated end: the file was cut short, and we say so."""
MAX_CLOCK_STEP_BACK_SECONDS: Final = 0.5
"""A step back in time above this is a new clock (joined broadcasts); below it, misordered or overlapping frames."""
_DECODERS: Final = frozenset(ALLOWED_DECODERS.split(","))
MAX_CONSECUTIVE_ERRORS: Final = 2_000
"""Broken packets in a row after which the rest of a stream is given up."""


def open_container(file: BinaryIO, name: str) -> av.container.InputContainer:
    """The container behind an open file, one of `DEMUXERS`, unable to open anything else."""
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
            io_open=_refuse,
        )
    except MemoryError as exc:
        raise TooLargeMedia(f"{name!r} does not fit in memory while it is opened") from exc
    except (av.error.FFmpegError, ValueError, OSError, EOFError) as exc:
        raise CorruptMedia(
            f"{name!r} cannot be opened as video or sound ({library_message(exc)}): it is damaged or cut short; "
            "fetch it again from its source"
        ) from exc


def video_stream(container: av.container.InputContainer) -> VideoStream | None:
    """The first moving picture stream; None where there are none but cover pictures."""
    still = Disposition.attached_pic | Disposition.timed_thumbnails
    moving = [stream for stream in container.streams.video if not stream.disposition & still]
    return moving[0] if moving else None


def has_decoder(stream: VideoStream | AudioStream) -> bool:
    """Whether there is a decoder for the stream, one of `DECODERS`."""
    return stream.codec_context is not None and stream.codec_context.codec.name in _DECODERS


def discard_others(container: av.container.InputContainer, kept: list[VideoStream | AudioStream]) -> None:
    """Nothing; makes the demuxer pass over all other streams."""
    indexes = {stream.index for stream in kept}
    for other in container.streams:
        if other.index not in indexes:
            other.discard = Discard.all


def demux_packets(
    container: av.container.InputContainer, streams: list[VideoStream | AudioStream], warnings: list[str]
) -> Iterator["Packet[Any]"]:
    """The streams' packets, last of each the empty one that makes the decoder give out what it holds."""
    source = container.demux(streams)
    while True:
        try:
            packet = next(source)
        except StopIteration:
            return
        except (av.error.FFmpegError, ValueError, OSError, EOFError) as exc:
            warnings.append(f"reading stopped early ({library_message(exc)}): the file is damaged or cut short")
            return
        yield packet


def no_stream_error(container: av.container.InputContainer, name: str) -> MediaError:
    """The error of a container without a stream that can be decoded."""
    if container.streams.audio:
        return UnsupportedMedia(f"{name!r}: no decoder for its sound; convert it to MP3 or FLAC first")
    return CorruptMedia(f"{name!r} holds neither pictures nor sound; fetch it again from its source")


def library_message(exc: BaseException) -> str:
    """What the library said, in a few words."""
    text = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    return str(text).lower().rstrip(".")


def _refuse(url: str, flags: object, options: object) -> object:
    """Nothing, ever: a container may not make us open another file or address."""
    raise PermissionError("a media file may not open other files")
