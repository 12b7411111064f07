"""A file opened by what its bytes are."""

from pathlib import Path

from mediafp.errors import CorruptMedia, UnreadableMedia
from mediafp.ingest.pictures import read_picture
from mediafp.ingest.probe import HEAD, is_text, kind_of
from mediafp.ingest.video import read_video
from mediafp.ingest.walk import shown
from mediafp.media import Media

MEDIA_SUFFIXES = frozenset(
    ".jpg .jpeg .png .webp .gif .avif .heic .heif .bmp .tif .tiff .mp4 .m4v .mov .mkv .webm .avi .flv .ts .mpg .mpeg"
    " .wmv .asf .mp3 .m4a .aac .wav .flac .ogg .opus".split()
)


def open_media(path: Path, *, full_decode: bool = False) -> Media | None:
    """The opened picture or video; None where the file is not media at all. Raises MediaError."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise UnreadableMedia(f"{shown(path)} cannot be read: {error.strerror}") from error
    kind = kind_of(head)
    if kind == "image":
        return read_picture(path)
    if kind == "video":
        return read_video(path, full_decode=full_decode)
    if path.suffix.lower() not in MEDIA_SUFFIXES:
        return None
    if not head:
        raise CorruptMedia(f"{shown(path)} is empty; get it again from its source")
    if is_text(head):
        return None
    raise CorruptMedia(f"{shown(path)} is named like media, and its bytes are of no known kind; get it again")
