"""What the evidence page asks of a store."""

from typing import Protocol

from mediafp.types.media import Asset, Sighting
from mediafp.types.transcripts import SpeechHint, Transcript


class EvidenceSource(Protocol):
    """Assets, sightings, thumbnails and transcripts by SHA-256."""

    def asset(self, sha256: str) -> Asset:
        """One asset."""
        ...

    def sightings(self, sha256: str) -> list[Sighting]:
        """Where and when it was seen."""
        ...

    def thumbnail(self, sha256: str, seconds: float | None = None) -> bytes | None:
        """The kept JPEG nearest to a time (None: the first)."""
        ...

    def transcript(self, sha256: str) -> tuple[Transcript, tuple[SpeechHint, ...]] | None:
        """Its best transcript with the slips of synthetic voices in it; None where nobody listened, or it has no sound."""
        ...
