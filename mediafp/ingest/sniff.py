"""What a file is, told by its first bytes: a name may lie, and a hostile one does."""

import codecs
from pathlib import PurePath
from typing import Final

from mediafp.ingest.archives.members import is_archive
from mediafp.ingest.files import OpenFile
from mediafp.types.errors import CorruptMedia, UnsupportedMedia
from mediafp.types.media import MEDIA_SUFFIXES, Kind

_OTHER_ARCHIVES = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b\x08")


def detect_kind(file: OpenFile) -> Kind | None:
    """What a file is by its first bytes; None where it is no media at all.

    Raises `CorruptMedia` where its name promises media and its bytes are none, `UnsupportedMedia` for an archive, which
    may hold media, and `UnreadableMedia` where there is no reading them.
    """
    head = file.read_head()
    suffix = PurePath(file.name).suffix
    promised = suffix.lower() in MEDIA_SUFFIXES
    if not head:
        if promised:
            raise CorruptMedia(f"the file is empty: {file.name!r}; fetch it again from its source")
        return None
    kind = kind_from_signature(head)
    if kind is None and promised and not _is_text(head):
        raise CorruptMedia(
            f"{file.name!r} is named {suffix!r}, but its bytes are of no known picture, video or sound; "
            "fetch it again from its source"
        )
    if kind is None and is_archive(file.name, head):
        raise UnsupportedMedia(f"{file.name!r} is an archive, which ingest alone looks into; unpack it first")
    if kind is None and head.startswith(_OTHER_ARCHIVES):
        raise UnsupportedMedia(f"{file.name!r} is an archive of a kind that is not opened; unpack it first")
    return kind


def _is_text(head: bytes) -> bool:
    """Whether a file's first bytes are text: UTF-16 with its mark, or UTF-8 without control bytes."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    if any(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in head):
        return False
    try:
        # An incremental decoder forgives a character that the end of `head` cuts.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


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
