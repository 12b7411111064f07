"""What the evidence page asks of a store."""

from typing import Protocol

from mediafp.media import Asset, Sighting


class EvidenceSource(Protocol):
    """Assets, sightings and thumbnails by SHA-256."""

    def asset(self, sha256: str) -> Asset:
        """One asset."""
        ...

    def sightings(self, sha256: str) -> list[Sighting]:
        """Where and when it was seen."""
        ...

    def thumbnail(self, sha256: str, seconds: float | None = None) -> bytes | None:
        """The kept JPEG nearest to a time (None: the first)."""
        ...
