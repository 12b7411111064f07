"""Media out of a file, whichever kind it is."""

import codecs
from pathlib import PurePath

from mediafp.errors import CorruptMedia, UnsupportedMedia
from mediafp.ingest.archives import is_archive
from mediafp.ingest.budget import BudgetCheck, unlimited
from mediafp.ingest.pictures import read_image
from mediafp.ingest.probe import OpenFile, kind_from_signature, py
from mediafp.ingest.video import read_video
from mediafp.media import DecodedMedia, Kind

_OTHER_ARCHIVES = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b\x08")


def open_media(
    file: OpenFile, *, full_decode: bool = False, audio: bool = False, within_budget: BudgetCheck = unlimited
) -> DecodedMedia | None:
    """The file's media, or None where it is no media at all (text, a sidecar, a document).

    `full_decode` decodes every frame of a video, at twice the cost, for exact frames near cuts; `sound` its sound too.
    Raises `UnreadableMedia`, `CorruptMedia`, `UnsupportedMedia` or `TooLargeMedia`, here or while
    the frames are iterated.
    """
    kind = detect_kind(file)
    if kind == "image":
        return read_image(file, within_budget=within_budget)
    if kind == "video":
        return read_video(file, full_decode=full_decode, audio=audio, within_budget=within_budget)
    return None


def detect_kind(file: OpenFile) -> Kind | None:
    """What a file is by its first bytes; None where it is no media at all.

    Raises `CorruptMedia` where its name promises media and its bytes are none, `UnsupportedMedia` for an archive, which
    may hold media, and `UnreadableMedia` where there is no reading them.
    """
    head = file.read_head()
    suffix = PurePath(file.name).suffix
    promised = suffix.lower() in py
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
