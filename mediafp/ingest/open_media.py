"""Media out of a file, whichever kind it is."""

from mediafp.ingest.cpu_budget import BudgetCheck, unlimited
from mediafp.ingest.files import OpenFile
from mediafp.ingest.images import read_image
from mediafp.ingest.sniff import detect_kind
from mediafp.ingest.video import read_video
from mediafp.types.media import DecodedMedia


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
