"""Decoded media of a file of any kind."""

from mediafp.ingest.cpu_budget import BudgetCheck, unlimited
from mediafp.ingest.files import OpenFile
from mediafp.ingest.sniff import detect_kind
from mediafp.types.media import DecodedMedia


def open_media(
    file: OpenFile,
    *,
    full_decode: bool = False,
    audio: bool = False,
    detail: bool = False,
    within_budget: BudgetCheck = unlimited,
) -> DecodedMedia | None:
    """Return the decoded media of a file, or None if it is not media (a text, a sidecar, a document).

    The decoder libraries are imported with the first file that needs them.

    Args:
        file: The open file.
        full_decode: Decode every frame of a video, for exact frames near cuts, at twice the cost.
        audio: Decode the audio track of a video too.
        detail: Return the frames of a video at a size at which their text can be read too.
        within_budget: Check that ends decoding early.

    Raises:
        UnreadableMedia, CorruptMedia, UnsupportedMedia, TooLargeMedia: The file cannot be decoded. Also raised while
            the frames are iterated.
    """
    kind = detect_kind(file)
    if kind == "image":
        from mediafp.ingest.images import read_image

        return read_image(file, within_budget=within_budget)
    if kind == "video":
        from mediafp.ingest.video import read_video

        return read_video(file, full_decode=full_decode, audio=audio, detail=detail, within_budget=within_budget)
    return None
