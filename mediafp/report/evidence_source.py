"""The interface through which pages get their evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mediafp.types.matches import Segment
from mediafp.types.media import Asset
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.transcripts import SpeechHint, Transcript
from mediafp.types.video_text import VideoTextLine


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFrame:
    """A frame of a video for a page."""

    jpeg: bytes
    """It was encoded by mediafp itself: a page contains it as it is."""
    seconds: float
    """Time of the frame: the one that was asked for, or that of the nearest frame kept in the store."""
    is_exact: bool
    """True if it is the frame that the original shows at the time that was asked for."""


class EvidenceSource(Protocol):
    """Assets, sightings, thumbnails, transcripts and texts on screen by SHA-256."""

    def asset(self, sha256: str) -> Asset:
        """Return one asset."""
        ...

    def sightings(self, sha256: str) -> list[Sighting]:
        """Return where and when the asset was seen: dated sightings first, oldest first."""
        ...

    def clues(self, sha256: str) -> list[Clue]:
        """Return the statements of an asset's files about their source."""
        ...

    def warnings(self, sha256: str) -> Sequence[str]:
        """Return what was not read of an asset's file, or is wrong with it, one sentence each."""
        ...

    def thumbnail(self, sha256: str, seconds: float | None = None, page: int = 0) -> bytes | None:
        """Return the JPEG of the stored frame nearest to a time (None: the first), or None if there is none.

        Of an image it is that of the page with row `page`.

        mediafp encoded it itself: a page contains it as it is.
        """
        ...

    def frames(
        self, sha256: str, times: Sequence[float], *, from_original: bool = False
    ) -> Sequence[EvidenceFrame | None]:
        """Return the frame of a video at each of some times, None where there is none.

        Args:
            sha256: The video.
            times: Presentation times, seconds.
            from_original: Decode the original if it is at hand; else the nearest kept frames are returned.
        """
        ...

    def least_alike(self, query_sha256: str, reference_sha256: str, segment: Segment) -> tuple[float, float] | None:
        """Return the times, in query and reference, at which a segment of their frames is least alike; None if unknown."""
        ...

    def transcript(self, sha256: str) -> tuple[Transcript, tuple[SpeechHint, ...]] | None:
        """Return the best transcript and its speech hints, or None if the asset was not transcribed or has no audio."""
        ...

    def video_text(self, sha256: str) -> tuple[VideoTextLine, ...] | None:
        """Return the text on screen of a video by its start, or None if it was not read."""
        ...
