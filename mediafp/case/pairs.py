"""Two files beside each other: an upload or an asset, and an asset; and the frames that both show."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from mediafp.case.aligned_lines import align_lines
from mediafp.case.decided_matches import as_decided
from mediafp.case.joined_matches import iter_joined, seen_from
from mediafp.case.known_query import identical_match
from mediafp.case.originals import open_original
from mediafp.case.quoted_scripts import quote_matches
from mediafp.case.saved_queries import MIN_SAVED_PROBABILITY, SavedQueries
from mediafp.case.thumbnail_decoder import ThumbnailDecoder
from mediafp.engine.interface import Engine
from mediafp.ingest.files import OpenFile, open_file
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.matching.images.text_evidence import QueryText, add_text_evidence
from mediafp.report.evidence_source import EvidenceFrame
from mediafp.report.names import display_name
from mediafp.store import Store
from mediafp.types.bounded_cache import BoundedCache
from mediafp.types.compared_pairs import ComparedFile, ComparedPair, WordComparison
from mediafp.types.errors import MediaError, StoreError, UnreadableMedia
from mediafp.types.geometry import homography_from_corners, image_corners, polygon_area, to_pixel_centres
from mediafp.types.matches import Match, Point, by_probability
from mediafp.types.media import Asset
from mediafp.types.saved_queries import SavedQuery
from mediafp.types.scaled_images import scaled_size
from mediafp.types.transcripts import Transcript

MAX_OPEN_ORIGINALS: Final = 6
"""Originals that are kept open, each hashed when it is opened: three pairs. Chosen, not measured."""
FRAME_CACHE_BYTES: Final = 32 << 20
"""Bytes of frames of originals in memory: some 1,500 of 20 kB. Chosen, not measured."""
CONCURRENT_READS: Final = 2
"""Frames that are decoded at once, so that players leave workers for other work. Chosen, not measured."""
MAX_WAIT_SECONDS: Final = 15.0
"""Seconds for which a frame waits for others that are being read; then the nearest kept one is shown. Chosen, not measured."""
WORD_CACHE_SIZE: Final = 16
"""Pairs of transcripts whose comparison is kept in memory. Chosen, not measured."""
WARPED_SIDE: Final = 1024
"""Longest side, pixels, of a query that is laid into the frame of its reference: twice that of a thumbnail, so that no detail
of the query is lost where it shows half of the reference."""
MIN_QUAD_AREA: Final = 1.0
"""Area of a quad in square pixels below which nothing is laid into it."""


class Pairs:
    """Pairs of files of a case. Several threads may use one object."""

    def __init__(
        self, store: Store, queries: SavedQueries, open_engine: Callable[[], Engine], thumbnails: ThumbnailDecoder
    ) -> None:
        self._store, self._queries, self._open_engine = store, queries, open_engine
        self._thumbnails = thumbnails
        self._lock = threading.Lock()
        self._originals: OrderedDict[str, _Original] = OrderedDict()
        self._reading = threading.BoundedSemaphore(CONCURRENT_READS)
        self._frames = BoundedCache(self._read_frame, len, FRAME_CACHE_BYTES)
        self._align = lru_cache(WORD_CACHE_SIZE)(align_lines)

    def find(self, query: str, reference: str) -> ComparedPair | None:
        """Return a pair of an upload or an asset, and an asset; None if there is no such file."""
        saved = self._queries.find(query, only=reference)
        sides = self._file(query, saved), self._file(reference, None)
        if sides[0] is None or sides[1] is None:
            return None
        matches: list[Match] = []
        neighbours: dict[str, None] = {}
        if saved and saved.result:
            neighbours = dict.fromkeys(match.sha256 for match in saved.result.matches)
            matches = [m for m in (*saved.result.matches, *saved.result.near_misses) if m.sha256 == reference]
        if not matches and sides[0].in_store and query == reference:
            matches = [identical_match(self._store, sides[0].asset)]
        elif not matches and sides[0].in_store:
            matches, kept_neighbours = self._kept(sides[0].asset, reference)
            neighbours = neighbours if reference in neighbours else kept_neighbours
        matches.sort(key=by_probability)
        has_script = any(segment.channel == "script" for match in matches for segment in match.segments)
        return ComparedPair(
            query=sides[0],
            reference=sides[1],
            matches=tuple(matches),
            words=self._align_words(query, reference, matches) if has_script else None,
            neighbours=tuple(neighbours),
            decision=self._store.find_decision("match", min(query, reference), max(query, reference)),
        )

    def quote(self, pair: ComparedPair) -> ComparedPair:
        """Return a pair whose matches of scripts have the words of their passages, as `match` states them."""
        if pair.words is None:
            return pair
        own = self.transcript(pair.query.asset.sha256)
        return replace(pair, matches=quote_matches(pair.matches, own, self._store))

    def frame(self, sha256: str, seconds: float) -> EvidenceFrame | None:
        """Return the frame that a video shows at a time: that of its original, or else the nearest one that is kept."""
        try:
            jpeg = self._frames.get((sha256, round(seconds, 3)))
        except MediaError:
            return self._queries.evidence(sha256).frames(sha256, [seconds])[0]
        return EvidenceFrame(jpeg=jpeg, seconds=seconds, is_exact=True)

    def lay(
        self, jpeg: bytes, quad: tuple[Point, Point, Point, Point], reference_size: tuple[float, float]
    ) -> bytes | None:
        """Return an image warped into the frame of its reference, as a JPEG of the shape of the reference.

        Args:
            jpeg: The image, encoded by mediafp itself.
            quad: Where its corners fall in the reference.
            reference_size: Width and height of the reference.

        Returns:
            The JPEG, whose pixels outside the quad repeat those at its edges; None if nothing can be laid into the quad.
        """
        import cv2

        image = self._thumbnails.decode_apart(jpeg)
        scale = WARPED_SIDE / max(reference_size)
        size = scaled_size(*reference_size, scale)
        # Each axis by its own factor: the size of the image is rounded, and the browser stretches it to the reference.
        target = np.array(quad) * (size[0] / reference_size[0], size[1] / reference_size[1])
        if polygon_area(target) < MIN_QUAD_AREA:
            return None
        matrix = homography_from_corners(image_corners(image.shape[1], image.shape[0]), target)
        # The caller covers what lies outside; its own edge would be blurred with any other colour.
        warped = cv2.warpPerspective(
            image, to_pixel_centres(matrix), size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return encode_thumbnail(np.asarray(warped, np.uint8), WARPED_SIDE)

    @contextmanager
    def opened(self, sha256: str) -> Iterator[OpenFile | None]:
        """Yield the original of an upload or an asset, open for reading; None if it is not at hand."""
        path = self._queries.content_path(sha256)
        with ExitStack() as stack:
            file = None
            if path:
                file = stack.enter_context(open_file(path))
            elif self._store.assets({sha256}):
                file = stack.enter_context(open_original(self._store, sha256))
            yield file

    def asset(self, sha256: str) -> Asset | None:
        """Return the asset of an upload or of the store; None if there is none."""
        try:
            return self._queries.evidence(sha256).asset(sha256)
        except StoreError as error:
            if not error.concerns_one_file:
                raise
            return None

    def _file(self, sha256: str, saved: SavedQuery | None) -> ComparedFile | None:
        stored = self._store.assets({sha256})
        asset = stored[0] if stored else (saved.asset if saved else None)
        if asset is None:
            return None
        uris = self._store.uris(sha256) if stored else ()
        return ComparedFile(
            asset=asset,
            name=saved.name if saved else display_name(uris[0]) if uris else sha256[:12],
            sightings=tuple(self._store.sightings(sha256)) if stored else (),
            asked_at=saved.asked_at if saved else None,
            in_store=bool(stored),
        )

    def _kept(self, query: Asset, reference: str) -> tuple[list[Match], dict[str, None]]:
        """Return the kept matches of two assets, seen from the query, and all references of the query by probability."""
        kept = list(self._store.kept_matches(query.sha256))
        best: dict[str, float] = {}
        for one in kept:
            other = one.pair[0] if one.pair[1] == query.sha256 else one.pair[1]
            if one.match and one.match.probability >= MIN_SAVED_PROBABILITY:
                best[other] = max(best.get(other, 0.0), one.match.probability)
        text = QueryText.find(self._store.ocr_lines(query.sha256), query)
        joined = iter_joined((one for one in kept if reference in one.pair), self._store)
        found = [
            add_text_evidence(
                seen_from(one, query, self._store), text, lambda match: self._store.ocr_lines(match.sha256)
            )
            for one in joined
        ]
        return as_decided(found, query.sha256, self._store), dict.fromkeys(
            sorted(best, key=lambda sha256: (-best[sha256], sha256))
        )

    def transcript(self, sha256: str) -> Transcript | None:
        """Return the transcript of an asset or of an upload whose speech was compared; None if there is none."""
        return self._store.find_transcript(sha256) or self._queries.transcript(sha256)

    def _align_words(self, query: str, reference: str, matches: Sequence[Match]) -> WordComparison | None:
        transcripts = self.transcript(query), self.transcript(reference)
        if transcripts[0] is None or transcripts[1] is None:
            return None
        return self._align(transcripts[0], transcripts[1], translated=any(match.translated for match in matches))

    def _read_frame(self, key: tuple[str, float]) -> bytes:
        """Return a frame of an original, encoded anew.

        Raises:
            MediaError: The original is not at hand, or shows none.
        """
        sha256, seconds = key
        if not self._reading.acquire(timeout=MAX_WAIT_SECONDS):
            raise UnreadableMedia("too many frames are being read")
        try:
            original = self._original(sha256)
            # One at a time: the readers of a file share its position.
            with original.lock:
                (jpeg,) = self._open_engine().read_frames(original.file, [seconds])
                # It is a frame of the asset only while the file is what it was when it was hashed.
                if jpeg is None or original.file.has_changed():
                    raise UnreadableMedia("it shows no frame at this time")
                return self._thumbnails.encode_anew(jpeg)
        finally:
            self._reading.release()

    def _original(self, sha256: str) -> "_Original":
        """Return an open original, which was hashed when it was opened. Raises UnreadableMedia if it is not at hand."""
        with self._lock:
            original = self._originals.get(sha256)
            if original and not original.file.has_changed():
                self._originals.move_to_end(sha256)
                return original
        stack = ExitStack()
        file = stack.enter_context(self.opened(sha256))
        if file is None:
            raise UnreadableMedia("the original is not at hand")
        original = _Original(file, threading.Lock(), stack)
        with self._lock:
            self._originals[sha256] = original
            while len(self._originals) > MAX_OPEN_ORIGINALS:
                self._originals.popitem(last=False)
        return original


class _Original(NamedTuple):
    """An open original, which is closed when nobody refers to it any more: another thread may still read it."""

    file: OpenFile
    lock: threading.Lock
    opened: ExitStack
