"""The interface through which pages get their evidence."""

from typing import Protocol

from mediafp.types.media import Asset, Sighting
from mediafp.types.transcripts import SpeechHint, Transcript


class EvidenceSource(Protocol):
    """Assets, sightings, thumbnails and transcripts by SHA-256."""

    def asset(self, sha256: str) -> Asset:
        """Return one asset."""
        ...

    def sightings(self, sha256: str) -> list[Sighting]:
        """Return where and when the asset was seen: dated sightings first, oldest first."""
        ...

    def thumbnail(self, sha256: str, seconds: float | None = None) -> bytes | None:
        """Return the JPEG of the stored frame nearest to a time (None: the first), or None if there is none.

        mediafp encoded it itself: a page contains it as it is.
        """
        ...

    def transcript(self, sha256: str) -> tuple[Transcript, tuple[SpeechHint, ...]] | None:
        """Return the best transcript and its speech hints, or None if the asset was not transcribed or has no audio."""
        ...
