"""The content of a store in the form that the report pages read."""

from functools import lru_cache, partial

from mediafp.case.stored_images import report_damage
from mediafp.ingest.thumbnails import encode_anew
from mediafp.store import Store
from mediafp.text.speech.misreadings import find_hints, load_misreadings
from mediafp.types.errors import CorruptMedia
from mediafp.types.media import Asset, Thumbnail
from mediafp.types.runs import FileAnalysis
from mediafp.types.transcripts import SpeechHint, Transcript

TRANSCRIPT_CACHE_SIZE = 64
"""Transcripts kept in memory while a page is written. Chosen, not measured."""
THUMBNAIL_CACHE_SIZE = 256
"""Thumbnails kept in memory while a page is written, some 50 kB each as stored and as encoded anew: the times at which a match
shows a video often have the same stored frame. Chosen, not measured."""


class StoredEvidence:
    """Assets, sightings, thumbnails and transcripts of a store, and optionally of one query. Implements `EvidenceSource`."""

    def __init__(self, store: Store, query: FileAnalysis | None = None) -> None:
        self._store, self._query = store, query
        self._misreadings = load_misreadings()
        self.sightings = store.sightings
        # The section of a match on a page reads the transcript once for each matching segment.
        self.transcript = lru_cache(TRANSCRIPT_CACHE_SIZE)(self._load_transcript)
        self._encode_anew = lru_cache(THUMBNAIL_CACHE_SIZE)(encode_anew)

    def asset(self, sha256: str) -> Asset:
        """Return one asset."""
        query = self._query_with(sha256)
        return query.asset if query else self._store.asset(sha256)

    def thumbnail(self, sha256: str, seconds: float | None = None) -> bytes | None:
        """Return a JPEG of the stored frame nearest to a time (None: the first), or None if there is none.

        It is encoded anew: the stored one came from a worker, and a page gives it to the browser of whoever opens it.
        """
        query = self._query_with(sha256)
        if query is None:
            jpeg = self._store.thumbnail(sha256, seconds)
        else:
            nearest = min(query.thumbnails, key=partial(_distance, seconds or 0.0), default=None)
            jpeg = nearest.jpeg if nearest else None
        try:
            return None if jpeg is None else self._encode_anew(jpeg)
        except CorruptMedia as error:
            if query is None:
                report_damage(self._store, sha256, error)
            return None

    def _query_with(self, sha256: str) -> FileAnalysis | None:
        return self._query if self._query and self._query.asset.sha256 == sha256 else None

    def _load_transcript(self, sha256: str) -> tuple[Transcript, tuple[SpeechHint, ...]] | None:
        """Return an asset's best transcript and its speech hints, or None."""
        transcript = self._store.find_transcript(sha256)
        if transcript is None:
            return None
        return transcript, tuple(find_hints(transcript, self._misreadings, self._store.captions(sha256)))


def _distance(seconds: float, thumbnail: Thumbnail) -> float:
    return abs(thumbnail.seconds - seconds)
