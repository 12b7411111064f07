"""Kind of a file, detected from its content: its name may be wrong, and a hostile one is."""

import codecs
from pathlib import PurePath
from typing import Final

from mediafp.ingest.archives.members import has_archive_suffix, is_archive
from mediafp.ingest.archives.unread import find_part_reason, find_unread_reason
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import MAX_IMAGE_BYTES, MAX_VIDEO_BYTES
from mediafp.types.errors import CorruptMedia, TooLargeMedia, UnsupportedMedia
from mediafp.types.media import MEDIA_SUFFIXES, Kind

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_IMAGE_SIGNATURES: Final = (
    b"\xff\xd8\xff",  # JPEG
    _PNG_SIGNATURE,
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",  # TIFF
    b"MM\x00*",
    b"II+\x00",  # BigTIFF
    b"MM\x00+",
    b"\x00\x00\x00\x0cJXL ",
    b"\xff\x0a",  # JPEG XL without a container
    b"\x00\x00\x00\x0cjP  ",  # JPEG 2000
    b"\xff\x4f\xff\x51",  # JPEG 2000 without a container
)
_VIDEO_SIGNATURES: Final = (
    b"\x1aE\xdf\xa3",  # EBML: Matroska, WebM
    b"FLV\x01",
    b"OggS",
    b"fLaC",
    b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel",  # ASF header GUID
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG-1/2 video
    b"#!AMR",
    b".RMF",
    b"DKIF",  # IVF
)
"""Signatures of video and audio files."""
_IMAGE_BRANDS: Final = frozenset(
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
"""Brands of ISO media files that contain images (AVIF, HEIF)."""
_BRAND_SUFFIXES: Final = {b"avif": ".avif", b"avis": ".avif", b"qt  ": ".mov", b"M4A ": ".m4a"}
"""Suffixes of brands of ISO media files; others are `.heic` or `.mp4`."""
_SUFFIXES: Final = (
    (b"\xff\xd8\xff", ".jpg"),
    (_PNG_SIGNATURE, ".png"),
    (b"GIF8", ".gif"),
    (b"II", ".tif"),
    (b"MM\x00", ".tif"),
    (b"\x00\x00\x00\x0cJXL ", ".jxl"),
    (b"\xff\x0a", ".jxl"),
    (b"\x00\x00\x00\x0cjP  ", ".jp2"),
    (b"\xff\x4f\xff\x51", ".j2k"),
    (b"BM", ".bmp"),
    (b"\x1aE\xdf\xa3", ".mkv"),
    (b"FLV\x01", ".flv"),
    (b"OggS", ".ogg"),
    (b"fLaC", ".flac"),
    (b"0&\xb2u", ".wmv"),
    (b"\x00\x00\x01\xba", ".mpg"),
    (b"\x00\x00\x01\xb3", ".mpg"),
    (b"#!AMR", ".amr"),
    (b".RMF", ".rm"),
    (b"FORM", ".aiff"),
)
"""Suffixes of signatures."""
_QUICKTIME_ATOMS: Final = frozenset((b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))
_BMP_HEADER_BYTES: Final = frozenset((12, 40, 52, 56, 64, 108, 124))
"""Sizes of the header behind the signature "BM", one for each version of the format."""
_TRANSPORT_PACKETS: Final = ((0, 188), (4, 192), (0, 204))
"""Offset of the first packet and packet length of transport streams: plain, with time stamps (M2TS), with parity."""
_LAYER_2_KBIT: Final = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_LAYER_3_KBIT: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_LOW_RATE_KBIT: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
"""Bit rates of MPEG-2 and 2.5 audio, layers 2 and 3; the two tables above are those of MPEG-1. Source: ISO 11172-3,
13818-3."""
_TEXT_CONTROL_BYTES: Final = frozenset(b"\t\n\r\f\x1b\x08")


def detect_kind(file: OpenFile) -> Kind | None:
    """Return the kind of a file by its signature, or None if it is not media.

    An animation has the signature of an image: only its analysis, which decodes it, returns that it is a video.

    Raises:
        CorruptMedia: The name is that of a media file or an archive, but the content is not.
        UnsupportedMedia: The file is an archive, or a part of a split file, which may contain media.
        TooLargeMedia: The file has more bytes than one of its kind may have.
        UnreadableMedia: Reading fails.
    """
    head = file.read_head()
    suffix = PurePath(file.name).suffix
    is_named_media = suffix.lower() in MEDIA_SUFFIXES
    is_named_archive = has_archive_suffix(file.name)
    if not head:
        if is_named_media or is_named_archive:
            raise CorruptMedia(f"cannot decode {file.name!r}: the file is empty; fetch it again from its source")
        return None
    if (reason := find_part_reason(file.name)) and not _is_text(head):
        raise UnsupportedMedia(f"cannot decode {file.name!r}: {reason}")
    kind = kind_from_signature(head)
    if kind is not None:
        check_size(file.name, file.bytes, kind)
        return kind
    if is_archive(file.name, head):
        raise UnsupportedMedia(
            f"cannot decode {file.name!r}: it is an archive, which only ingest reads; unpack it first"
        )
    if _is_text(head):
        return None
    if reason := find_unread_reason(file.name, head):
        raise UnsupportedMedia(f"cannot decode {file.name!r}: {reason}")
    if is_named_media or is_named_archive:
        known = "image, video or audio format" if is_named_media else "archive format"
        raise CorruptMedia(
            f"cannot decode {file.name!r}: its suffix is {suffix!r}, but its content is of no known {known};"
            " fetch it again from its source"
        )
    return None


def check_size(name: str, size: int, kind: Kind) -> None:
    """Raise TooLargeMedia for more bytes than a file of this kind may have: it is neither hashed nor copied."""
    limit, action = (
        (MAX_IMAGE_BYTES, "shrink it first") if kind == "image" else (MAX_VIDEO_BYTES, "cut or re-encode it first")
    )
    if size > limit:
        raise TooLargeMedia(f"cannot decode {name!r}: {size} bytes are over the limit of {limit}; {action}")


def kind_from_signature(head: bytes) -> Kind | None:
    """Return the kind of a file from its first bytes: `image`, `video` (audio too), or None if it is not media.

    Args:
        head: The first `files.HEAD_BYTES` bytes; with fewer, some audio and video formats are not detected.
    """
    if head.startswith(_IMAGE_SIGNATURES):
        return "image"
    if head.startswith(_VIDEO_SIGNATURES):
        return "video"
    if head[4:8] in _QUICKTIME_ATOMS:
        return "image" if head[4:8] == b"ftyp" and head[8:12] in _IMAGE_BRANDS else "video"
    if head[:4] in (b"RIFF", b"RF64"):
        form_type = head[8:12]
        return "image" if form_type == b"WEBP" else "video" if form_type in (b"AVI ", b"WAVE") else None
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "video"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_BYTES:
        return "image"
    if _is_transport_stream(head) or _is_annex_b(head) or _is_mpeg_audio(head):
        return "video"
    return None


def media_suffix(head: bytes) -> str:
    """Return a suffix for a media file by its first bytes, such as `.jpg`; `.mpg` if its format has no usual one.

    Nothing is decoded by it: it is for people, and for their programs.
    """
    if head[4:8] == b"ftyp":
        return _BRAND_SUFFIXES.get(head[8:12], ".heic" if head[8:12] in _IMAGE_BRANDS else ".mp4")
    if head[:4] in (b"RIFF", b"RF64"):
        return {b"WEBP": ".webp", b"AVI ": ".avi", b"WAVE": ".wav"}.get(head[8:12], ".mpg")
    found = next((suffix for start, suffix in _SUFFIXES if head.startswith(start)), "")
    if found:
        return found
    if head[4:8] in _QUICKTIME_ATOMS:
        return ".mov"
    return ".ts" if _is_transport_stream(head) else ".mp3" if _is_mpeg_audio(head) else ".mpg"


def possible_kinds(kind: Kind, head: bytes) -> tuple[Kind, ...]:
    """Return the kinds that the analysis of a file may find, given its kind by its signature, and its first bytes."""
    if kind == "image" and (
        head.startswith((_PNG_SIGNATURE, b"GIF8"))
        or head[8:12] == b"WEBP"
        or (head[4:8] == b"ftyp" and head[8:12] in _IMAGE_BRANDS)
    ):
        return ("image", "video")
    return (kind,)


def _is_text(head: bytes) -> bool:
    """Return True if a file's first bytes are text: UTF-16 with a byte order mark, or UTF-8 without control bytes."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    if any(byte < 0x20 and byte not in _TEXT_CONTROL_BYTES for byte in head):
        return False
    try:
        # An incremental decoder accepts a character that the end of `head` cuts.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _is_transport_stream(head: bytes) -> bool:
    """Return True if `head` has at least two packets of a transport stream, and each starts with the sync byte."""
    for offset, length in _TRANSPORT_PACKETS:
        sync_bytes = head[offset::length]
        if len(sync_bytes) >= 2 and sync_bytes == b"G" * len(sync_bytes):
            return True
    return False


def _is_annex_b(head: bytes) -> bool:
    """Return True if `head` starts a raw H.264 or H.265 stream: a start code, then a parameter set, SEI or delimiter."""
    if head.startswith(b"\x00\x00\x00\x01"):
        unit = head[4:6]
    elif head.startswith(b"\x00\x00\x01"):
        unit = head[3:5]
    else:
        return False
    if len(unit) < 2:
        return False
    is_h264 = unit[0] & 0x80 == 0 and unit[0] & 0x1F in (6, 7, 9)
    is_h265 = unit[0] >> 1 in (32, 33, 35) and unit[0] & 0x81 == 0 and unit[1] == 1
    return is_h264 or is_h265


def _is_mpeg_audio(head: bytes) -> bool:
    """Return True if `head` is an ID3 tag, or an MP2, MP3 or AAC (ADTS) frame that another one follows."""
    if head.startswith(b"ID3") and len(head) >= 10 and max(head[6:10]) < 0x80:
        return True
    length = _audio_frame_bytes(head[:6])
    if length == 0:
        return False
    following = head[length : length + 6]
    return length >= len(head) or len(following) < 6 or _audio_frame_bytes(following) > 0


def _audio_frame_bytes(header: bytes) -> int:
    """Return the length of the MPEG audio frame that starts with a header of 6 bytes; 0 if it is none."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    if layer == 0 and header[1] & 0xF6 == 0xF0:
        rate = header[2] >> 2 & 0xF
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        return length if rate < 13 and length >= 7 else 0
    bitrate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    # Layer 1 is not accepted: its header is also the byte order mark of UTF-16 text.
    if version == 1 or layer not in (1, 2) or bitrate in (0, 15) or rate == 3:
        return 0
    hertz = (44100, 48000, 32000)[rate] // {3: 1, 2: 2, 0: 4}[version]
    if version == 3:
        kilobits, samples = (_LAYER_3_KBIT if layer == 1 else _LAYER_2_KBIT)[bitrate], 144
    else:
        kilobits, samples = _LOW_RATE_KBIT[bitrate], 72 if layer == 1 else 144
    return samples * kilobits * 1000 // hertz + padding
