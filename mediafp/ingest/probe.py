"""What a file is, told by its first bytes: a name may lie, and a hostile one does."""

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from mediafp.errors import UnreadableMedia
from mediafp.media import Kind

SNIFF_BYTES: Final = 4096
"""Bytes read to tell a file: five packets of a transport stream, two frames of most MP3s."""

IMAGE_SUFFIXES: Final = frozenset(
    (
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".apng",
        ".webp",
        ".gif",
        ".avif",
        ".heic",
        ".heif",
        ".bmp",
        ".tif",
        ".tiff",
        ".jxl",
    )
)
VIDEO_SUFFIXES: Final = frozenset(
    (
        ".mp4",
        ".m4v",
        ".mov",
        ".qt",
        ".3gp",
        ".3g2",
        ".mkv",
        ".webm",
        ".avi",
        ".flv",
        ".ts",
        ".m2ts",
        ".mts",
        ".mpg",
        ".mpeg",
        ".vob",
        ".ogv",
        ".ogg",
        ".oga",
        ".opus",
        ".wmv",
        ".asf",
        ".wma",
        ".wav",
        ".flac",
        ".mp3",
        ".m4a",
        ".aac",
        ".aif",
        ".aiff",
        ".amr",
        ".h264",
        ".264",
        ".h265",
        ".hevc",
    )
)
MEDIA_SUFFIXES: Final = IMAGE_SUFFIXES | VIDEO_SUFFIXES
"""Names that promise media. They only decide how a file of unknown bytes is reported."""

_PICTURE_STARTS: Final = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
    b"\x00\x00\x00\x0cJXL ",
    b"\xff\x0a",
)
_FOOTAGE_STARTS: Final = (
    b"\x1aE\xdf\xa3",  # EBML: Matroska, WebM
    b"FLV\x01",
    b"OggS",
    b"fLaC",
    b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel",  # ASF header GUID
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG-1/2 video
    b"#!AMR",
    b".RMF",
    b"DKIF",
)
_STILL_BRANDS: Final = frozenset(
    (
        b"avif",
        b"avis",
        b"heic",
        b"heix",
        b"hevc",
        b"hevx",
        b"heim",
        b"heis",
        b"hevm",
        b"hevs",
        b"mif1",
        b"mif2",
        b"msf1",
    )
)
_QUICKTIME_ATOMS: Final = frozenset((b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))
_BMP_HEADERS: Final = frozenset((12, 40, 52, 56, 64, 108, 124))
_PACKET_LENGTHS: Final = ((0, 188), (4, 192), (0, 204))
_LAYER_2_KBIT: Final = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_LAYER_3_KBIT: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_LOW_RATE_KBIT: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def kind_of(head: bytes) -> Kind | None:
    """`image`, `video` (sound too) or None for what is not media, from a file's first bytes.

    `head` should hold `SNIFF_BYTES` bytes where the file has them; fewer tell less.
    """
    if head.startswith(_PICTURE_STARTS):
        return "image"
    if head.startswith(_FOOTAGE_STARTS):
        return "video"
    if head[4:8] in _QUICKTIME_ATOMS:
        return "image" if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS else "video"
    if head[:4] in (b"RIFF", b"RF64"):
        form = head[8:12]
        return "image" if form == b"WEBP" else "video" if form in (b"AVI ", b"WAVE") else None
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "video"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "image"
    if _is_transport_stream(head) or _is_annex_b(head) or _is_mpeg_sound(head):
        return "video"
    return None


def read_head(file: BinaryIO) -> bytes:
    """The first `SNIFF_BYTES` bytes of an opened file, which is left at its start."""
    try:
        file.seek(0)
        head = file.read(SNIFF_BYTES)
        file.seek(0)
    except OSError as exc:
        raise UnreadableMedia(f"the file cannot be read: {exc.strerror}; check the disk it lies on") from exc
    return head


def open_file(path: Path) -> BinaryIO:
    """A binary reader of a regular file; raises `UnreadableMedia` for anything else.

    The reader is made from a descriptor, so that no library sees a name and takes it for a
    protocol, an option or a format.
    """
    shown = repr(path.name)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableMedia(f"{shown} is not a regular file; name a file that can be read twice")
        # Without O_NONBLOCK a pipe put in the file's place after stat() would hold the worker.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError as exc:
        raise UnreadableMedia(f"{shown} does not exist; check the path") from exc
    except PermissionError as exc:
        raise UnreadableMedia(f"{shown} may not be read; allow this user to read it") from exc
    except (OSError, ValueError) as exc:
        raise UnreadableMedia(f"{shown} cannot be opened: {exc}; check the path") from exc
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise UnreadableMedia(f"{shown} is not a regular file; name a file that can be read twice")
    return file


def _is_transport_stream(head: bytes) -> bool:
    """Whether every packet that `head` holds starts with the sync byte, and there are two at least."""
    for first, length in _PACKET_LENGTHS:
        starts = head[first::length]
        if len(starts) >= 2 and starts == b"G" * len(starts):
            return True
    return False


def _is_annex_b(head: bytes) -> bool:
    """Whether `head` opens a raw H.264 or H.265 stream: start code, then a parameter set, note (SEI) or delimiter."""
    if head.startswith(b"\x00\x00\x00\x01"):
        unit = head[4:6]
    elif head.startswith(b"\x00\x00\x01"):
        unit = head[3:5]
    else:
        return False
    if len(unit) < 2:
        return False
    h264 = unit[0] & 0x80 == 0 and unit[0] & 0x1F in (6, 7, 9)
    h265 = unit[0] >> 1 in (32, 33, 35) and unit[0] & 0x81 == 0 and unit[1] == 1
    return h264 or h265


def _is_mpeg_sound(head: bytes) -> bool:
    """Whether `head` is an ID3 tag, an MP2/MP3 frame or an AAC (ADTS) frame followed by another."""
    if head.startswith(b"ID3") and len(head) >= 10 and max(head[6:10]) < 0x80:
        return True
    length = _sound_frame_bytes(head[:6])
    if length == 0:
        return False
    following = head[length : length + 6]
    return length >= len(head) or len(following) < 6 or _sound_frame_bytes(following) > 0


def _sound_frame_bytes(header: bytes) -> int:
    """The length of the MPEG sound frame that starts with `header`, 0 where none does."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    if layer == 0 and header[1] & 0xF6 == 0xF0:
        rate = header[2] >> 2 & 0xF
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        return length if rate < 13 and length >= 7 else 0
    bitrate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    # Layer 1 is left out: its header is also the byte order mark of UTF-16 text.
    if version == 1 or layer not in (1, 2) or bitrate in (0, 15) or rate == 3:
        return 0
    hertz = (44100, 48000, 32000)[rate] // {3: 1, 2: 2, 0: 4}[version]
    if version == 3:
        kilobits, samples = (_LAYER_3_KBIT if layer == 1 else _LAYER_2_KBIT)[bitrate], 144
    else:
        kilobits, samples = _LOW_RATE_KBIT[bitrate], 72 if layer == 1 else 144
    return samples * kilobits * 1000 // hertz + padding
