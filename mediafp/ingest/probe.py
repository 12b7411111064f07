"""What a file is, told by its first bytes: a name may lie, and a hostile one does."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final, Self

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
py: Final = IMAGE_SUFFIXES | VIDEO_SUFFIXES
"""Names that promise media. They only decide how a file of unknown bytes is reported."""

_IMAGE_STARTS: Final = (
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


def kind_from_signature(head: bytes) -> Kind | None:
    """`image`, `video` (sound too) or None for what is not media, from a file's first bytes.

    `head` should hold `SNIFF_BYTES` bytes where the file has them; fewer tell less.
    """
    if head.startswith(_IMAGE_STARTS):
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
    if _is_transport_stream(head) or _is_annex_b(head) or _is_mpeg_audio(head):
        return "video"
    return None


class OpenFile:
    """A regular file open for reading, and the name that it is shown by.

    Libraries get its descriptor and never a name, which they could take for a protocol, an option or a format.
    Use it as a context manager; forgotten, it closes by itself.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self.descriptor = descriptor
        status = os.fstat(descriptor)
        self.bytes = status.st_size
        self.stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        """Changes when the file does."""

    def reader(self) -> BinaryIO:
        """A binary reader at the file's start, closed by the caller. All readers share one place: one at a time."""
        try:
            file = os.fdopen(os.dup(self.descriptor), "rb")
        except OSError as exc:
            raise UnreadableMedia(f"{self.name!r} cannot be opened once more: {exc.strerror}") from exc
        file.seek(0)
        return file

    def read_head(self) -> bytes:
        """The first `SNIFF_BYTES` bytes."""
        with self.reader() as file:
            return read_head(file)

    def has_changed(self) -> bool:
        """Whether the file was written to since it was opened."""
        status = os.fstat(self.descriptor)
        return (status.st_size, status.st_mtime_ns) != self.stamp[2:]

    def close(self) -> None:
        """Closes the file; the readers it gave stay open."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "descriptor", -1) >= 0:
            self.close()


def read_head(file: BinaryIO) -> bytes:
    """The first `SNIFF_BYTES` bytes of a reader, which is left at its start."""
    try:
        file.seek(0)
        head = file.read(SNIFF_BYTES)
        file.seek(0)
    except OSError as exc:
        raise UnreadableMedia(f"the file cannot be read: {exc.strerror}; check the disk it lies on") from exc
    return head


def open_file(path: Path, root: Path | None = None) -> OpenFile:
    """A regular file, opened; raises `UnreadableMedia` for anything else.

    Below `root`, the folder that it was found in, no link is followed, whatever is put there meanwhile; a link that
    leads to another place below `root` is looked up first. Without one, the user named the file, and links hold.
    """
    shown = repr(path.name)
    try:
        # Without O_NONBLOCK a pipe in the file's place would hold us.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
        descriptor = os.open(path, flags) if root is None else _open_below(path, root, flags)
    except FileNotFoundError as exc:
        raise UnreadableMedia(f"{shown} does not exist; check the path") from exc
    except PermissionError as exc:
        raise UnreadableMedia(f"{shown} may not be read; allow this user to read it") from exc
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise UnreadableMedia(f"{shown} cannot be opened: {reason}; check the path") from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableMedia(f"{shown} is not a regular file; name a file that can be read twice")
    return OpenFile(path.name, descriptor)


def _open_below(path: Path, root: Path, flags: int) -> int:
    """A descriptor of what lies at `path`, reached from `root` folder by folder, through no link."""
    inside = os.path.realpath(root)
    folders = Path(os.path.relpath(os.path.realpath(path), inside)).parts
    if os.pardir in folders:
        raise PermissionError(errno.EPERM, "it leads out of its folder")
    at = os.open(inside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders[:-1]:
            below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        return os.open(folders[-1], flags | os.O_NOFOLLOW, dir_fd=at)
    finally:
        os.close(at)


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


def _is_mpeg_audio(head: bytes) -> bool:
    """Whether `head` is an ID3 tag, an MP2/MP3 frame or an AAC (ADTS) frame followed by another."""
    if head.startswith(b"ID3") and len(head) >= 10 and max(head[6:10]) < 0x80:
        return True
    length = _audio_frame_bytes(head[:6])
    if length == 0:
        return False
    following = head[length : length + 6]
    return length >= len(head) or len(following) < 6 or _audio_frame_bytes(following) > 0


def _audio_frame_bytes(header: bytes) -> int:
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
