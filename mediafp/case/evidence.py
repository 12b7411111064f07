"""The evidence of a store, as the pages need it."""

from functools import lru_cache

from mediafp.store import Store
from mediafp.text.speech.misreadings import find_hints, load_misreadings
from mediafp.types.media import Asset
from mediafp.types.runs import FileAnalysis
from mediafp.types.transcripts import SpeechHint, Transcript

TRANSCRIPT_CACHE_SIZE = 64
"""Transcripts that are kept at hand while a page is written."""


class StoredEvidence:
    """The store as a page sees it (an `EvidenceSource`), and beside it the file that is asked about, where one is."""

    def __init__(self, store: Store, asked: FileAnalysis | None = None) -> None:
        self._store, self._asked = store, asked
        self._tells = load_misreadings()
        self.sightings = store.sightings
        # A card asks for the words of each of its segments.
        self.transcript = lru_cache(TRANSCRIPT_CACHE_SIZE)(self._transcript)

    def asset(self, sha256: str) -> Asset:
        """One asset."""
        asked = self._of(sha256)
        return asked.asset if asked else self._store.asset(sha256)

    def thumbnail(self, sha256: str, seconds: float | None = None) -> bytes | None:
        """The kept JPEG nearest to a time (None: the first)."""
        asked = self._of(sha256)
        if asked is None:
            return self._store.thumbnail(sha256, seconds)
        nearest = min(asked.thumbnails, key=lambda one: abs(one.seconds - (seconds or 0.0)), default=None)
        return nearest.jpeg if nearest else None

    def _of(self, sha256: str) -> FileAnalysis | None:
        return self._asked if self._asked and self._asked.asset.sha256 == sha256 else None

    def _transcript(self, sha256: str) -> tuple[Transcript, tuple[SpeechHint, ...]] | None:
        """An asset's best transcript, and the known slips in it."""
        said = self._store.find_transcript(sha256)
        if said is None:
            return None
        return said, tuple(find_hints(said, self._tells, self._store.captions(sha256)))
