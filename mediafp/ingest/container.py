"""A media file opened so that it can open nothing else."""

from pathlib import Path
from typing import BinaryIO, Final

import av
import av.container
import av.error

from mediafp.errors import CorruptMedia, TooLargeMedia
from mediafp.settings import DEMUXERS

READ_BYTES: Final = 1 << 18
"""Bytes that the demuxer asks Python for at once; PyAV's 32 KiB makes eight times the calls."""


def open_container(file: BinaryIO, path: Path) -> av.container.InputContainer:
    """The container behind an open file, one of `DEMUXERS`, unable to open anything else."""
    try:
        return av.open(
            file,
            "r",
            container_options={"format_whitelist": DEMUXERS, "protocol_whitelist": "none"},
            buffer_size=READ_BYTES,
            io_open=_refuse,
        )
    except MemoryError as exc:
        raise TooLargeMedia(f"{path.name!r} does not fit in memory while it is opened") from exc
    except (av.error.FFmpegError, ValueError, OSError, EOFError) as exc:
        raise CorruptMedia(
            f"{path.name!r} cannot be opened as video or sound ({reason(exc)}): it is damaged or cut short; "
            "fetch it again from its source"
        ) from exc


def reason(exc: BaseException) -> str:
    """What the library said, in a few words."""
    text = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    return str(text).lower().rstrip(".")


def _refuse(url: str, flags: object, options: object) -> object:
    """Nothing, ever: a container may not make us open another file or address."""
    raise PermissionError("a media file may not open other files")
