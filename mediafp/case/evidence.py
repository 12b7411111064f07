"""The content of a store in the form that the report pages read."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, lru_cache, partial

from mediafp.case.least_alike import find_least_alike
from mediafp.case.stored_images import report_damage
from mediafp.case.thumbnail_decoder import ThumbnailDecoder
from mediafp.report.evidence_source import EvidenceFrame
from mediafp.store import Store
from mediafp.text.speech.misreadings import find_hints, load_misreadings
from mediafp.types.errors import CorruptMedia
from mediafp.types.media import Asset, Thumbnail
from mediafp.types.runs import FileAnalysis
from mediafp.types.transcripts import SpeechHint, Transcript

TRANSCRIPT_CACHE_SIZE = 64
"""Transcripts kept in memory while a page is written. Chosen, not measured."""
FRAME_CACHE_SIZE = 64
"""Requests for frames of an original whose frames are kept in memory, up to a dozen of 20 kB each: a page that turns out too
large for one file, or has clips, is written again. Chosen, not measured."""
_packaged_misreadings = cache(load_misreadings)
"""Function that returns the packaged list of misreadings: a page may read from a hundred objects of `StoredEvidence`."""
FrameReader = Callable[[str, Sequence[float]], Sequence[bytes | None]]
"""Function that returns the frames that the original of an asset shows at some times, as thumbnails; None where there is none,
and everywhere if no original is at hand."""


class StoredEvidence:
    """Assets of a store, and optionally of one query, with all that pages show of them. Implements `EvidenceSource`."""

    def __init__(
        self,
        store: Store,
        thumbnails: ThumbnailDecoder,
        query: FileAnalysis | None = None,
        *,
        read_frames: FrameReader | None = None,
    ) -> None:
        """Use the content of a store.

        Args:
            store: The store.
            thumbnails: Decodes thumbnails.
            query: The analysis of a query that the store does not contain.
            read_frames: Reads frames from originals; None to show kept frames alone.
        """
        self._store, self._thumbnails, self._query = store, thumbnails, query
        self._read_frames = lru_cache(FRAME_CACHE_SIZE)(read_frames) if read_frames else None
        self._misreadings = _packaged_misreadings()
        self.sightings = store.sightings
        self.clues = store.clues
        self.least_alike = partial(find_least_alike, store)
        self.video_text = store.video_text
        # The section of a match on a page reads the transcript once for each matching segment.
        self.transcript = lru_cache(TRANSCRIPT_CACHE_SIZE)(self._load_transcript)

    def asset(self, sha256: str) -> Asset:
        """Return one asset."""
        query = self._query_with(sha256)
        return query.asset if query else self._store.asset(sha256)

    def warnings(self, sha256: str) -> Sequence[str]:
        """Return the warnings of an asset's analysis."""
        query = self._query_with(sha256)
        return query.warnings if query else self._store.warnings(sha256)

    def thumbnail(self, sha256: str, seconds: float | None = None, page: int = 0) -> bytes | None:
        """Return a JPEG of the stored frame nearest to a time (None: the first), or None if there is none.

        Of an image it is that of the page with row `page`.

        It is encoded anew: the stored one came from a worker, and a page gives it to the browser of whoever opens it. A worker
        that reads no file decodes it, so that no file changes what pages show of others.
        """
        if page:
            jpeg = self._page_thumbnail(sha256, page)
        else:
            kept = self._find_kept(sha256, seconds or 0.0)
            jpeg = kept.jpeg if kept else None
        return None if jpeg is None else self._encode(sha256, jpeg)

    def frames(
        self, sha256: str, times: Sequence[float], *, from_original: bool = False
    ) -> Sequence[EvidenceFrame | None]:
        """Return the frame of a video at each of some times, None where there is none."""
        times = tuple(times)
        read: Sequence[bytes | None] = [None] * len(times)
        if from_original and self._read_frames and times:
            read = self._read_frames(sha256, times)
        return [self._frame(sha256, time, jpeg) for time, jpeg in zip(times, read, strict=True)]

    def _frame(self, sha256: str, time: float, read: bytes | None) -> EvidenceFrame | None:
        """Return the frame that was read from the original, or else the nearest kept one."""
        if read is not None:
            # A frame that cannot be decoded says nothing about the store.
            with suppress(CorruptMedia):
                return EvidenceFrame(jpeg=self._thumbnails.encode_anew(read), seconds=time, is_exact=True)
        kept = self._find_kept(sha256, time)
        jpeg = self._encode(sha256, kept.jpeg) if kept else None
        return EvidenceFrame(jpeg=jpeg, seconds=kept.seconds, is_exact=False) if kept and jpeg else None

    def _find_kept(self, sha256: str, seconds: float) -> Thumbnail | None:
        """Return the kept thumbnail of the frame that is shown at a time."""
        query = self._query_with(sha256)
        if query is None:
            return self._store.find_thumbnail(sha256, seconds)
        return min(query.thumbnails, key=partial(_distance, seconds), default=None)

    def _encode(self, sha256: str, jpeg: bytes) -> bytes | None:
        """Return a JPEG of a worker encoded anew; None, and a report of the damage, if it cannot be decoded."""
        try:
            return self._thumbnails.encode_anew(jpeg)
        except CorruptMedia as error:
            if self._query_with(sha256) is None:
                report_damage(self._store, sha256, error)
            return None

    def _page_thumbnail(self, sha256: str, page: int) -> bytes | None:
        query = self._query_with(sha256)
        if query is None:
            return self._store.row_thumbnail(sha256, page)
        return next((thumbnail.jpeg for thumbnail in query.thumbnails if thumbnail.position == page), None)

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
