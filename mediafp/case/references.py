"""The references of an open store: its rows in indexes on disk, all else of an asset on demand."""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import override

import numpy as np
import numpy.typing as npt

from mediafp.case.checked_fingerprints import is_undamaged, load_fingerprints
from mediafp.case.row_indexes import TypeIndex
from mediafp.case.sentence_indexes import SentenceIndexes
from mediafp.case.stored_images import load_row_thumbnail
from mediafp.case.thumbnail_decoder import DecodeThumbnail
from mediafp.engine.comparison.references import CacheSizes, ComparedAssets, StoredRows
from mediafp.fingerprints.frame_track import TYPE_NAME as TRACK_TYPE
from mediafp.fingerprints.frame_track import to_track
from mediafp.fingerprints.insets import INSETS
from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.rectangles import RECTANGLES
from mediafp.fingerprints.reduced_image import REDUCED_IMAGE
from mediafp.fingerprints.reference_crops import REFERENCE_CROPS
from mediafp.fingerprints.registry import SEARCH_TYPE, declaration, fingerprint_type
from mediafp.fingerprints.sound_codes import SoundCodes
from mediafp.fingerprints.sound_prints import SoundPrints
from mediafp.fingerprints.transcript import TYPE_NAME as TRANSCRIPT_TYPE
from mediafp.fingerprints.transcript import TYPE_VERSION as TRANSCRIPT_VERSION
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.matching.candidates import Vectors
from mediafp.matching.sounds.side import SoundSides, StoredTracks, sound_sides, stored_tracks
from mediafp.matching.transcripts.index import TranscriptIndex
from mediafp.store import RERANK_DEPTH, Store
from mediafp.types.bounded_cache import BoundedCache
from mediafp.types.custody import LogKind
from mediafp.types.errors import StoreError
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Asset, FrameTrack, Kind, Pixels
from mediafp.types.neighbours import Neighbours, RangeSearch
from mediafp.types.node_services import ServiceNode

_logger = logging.getLogger(__name__)
INDEXED_TYPES = (SEARCH_TYPE, Pdq.name, REFERENCE_CROPS, RECTANGLES, REDUCED_IMAGE, INSETS, SoundCodes.name)
"""Fingerprint types that have an index, in the order in which it is opened."""
CACHE_SIZES = CacheSizes(row_bytes=64 << 20, track_bytes=64 << 20, features=1000)
"""The rows of 25,000 images or of one video of ten hours, and the tracks of six hours of video. Chosen, not measured."""
SOUND_CACHE_BYTES = 128 << 20
"""Bytes of audio tracks that are kept in memory as sides of a comparison: those of four hours."""
TRACK_CACHE_BYTES = 64 << 20
"""Bytes of audio tracks that are kept in memory as a search needs them: those of a hundred hours."""
TRACK_BYTES, BYTES_PER_TRACK_PRINT = 1_000, 9
"""Bytes that such a track takes besides, and for each of its prints: 8, and its part of the place of a code."""
BYTES_PER_PRINT = 600
"""Bytes that a print of such a side takes, with the codes of all variants in which it is searched for."""


class UnusableReferenceError(StoreError):
    """An asset that a search returned cannot be used: it is damaged, was removed, or was indexed with other rows.

    The next search does not return it, or returns it with its rows as they are now.
    """

    def __init__(self, sha256: str) -> None:
        super().__init__(
            f"cannot match {sha256}: it is damaged, or not in the store; see: mediafp verify", kind="damaged"
        )
        self.sha256 = sha256


class StoredReferences(ComparedAssets):
    """References of an open store: indexes on disk, rows and thumbnails loaded on demand. Implements `References`.

    Several threads may use one object. `update` adds what was ingested meanwhile. The indexes only propose candidates: the
    rows of an asset come from the database, and are compared with the indexed ones before they are used. Methods that load
    an asset raise UnusableReferenceError if that fails; `without_unusable` goes on without it.
    """

    def __init__(self, store: Store, decode: DecodeThumbnail) -> None:
        """Open the indexes of a store, and bring them up to date.

        Args:
            store: The store.
            decode: Decodes its thumbnails, and those of queries.

        Raises:
            StoreError: Fingerprints are of another model version.
        """
        self._store, self.decode = store, decode
        self._lock = threading.RLock()
        outdated = store.versions(SEARCH_TYPE) - {fingerprint_type(SEARCH_TYPE).version}
        if outdated:
            raise StoreError(
                f"cannot match: the store contains fingerprints of another model version ({', '.join(sorted(outdated))}),"
                " and versions are not comparable; ingest its files into a new store"
            )
        # Read the log position first: assets added meanwhile are added again by `update`.
        self._log_end = store.last_log_entry()[0]
        self._indexes = tuple(
            TypeIndex(store, declaration(name), fingerprint_type(name).version) for name in INDEXED_TYPES
        )
        self._versions = {index.declaration.name: index.version for index in self._indexes}
        (
            self._embeddings,
            self._hashes,
            self._crops,
            self._rectangles,
            self._reduced,
            self._insets,
            self._sound_codes,
        ) = self._indexes
        super().__init__(CACHE_SIZES)
        self._sounds = BoundedCache(
            self._load_sounds, lambda sides: BYTES_PER_PRINT * sum(map(len, sides)), SOUND_CACHE_BYTES
        )
        self._stored_tracks = BoundedCache(self._load_stored_tracks, _track_bytes, TRACK_CACHE_BYTES)
        self._transcripts: TranscriptIndex | None = None
        self._sentences = SentenceIndexes(store)
        self._report_missing()
        _logger.info("opened the indexes: %s rows", ", ".join(str(count) for count in self.row_counts().values()))

    def _report_missing(self) -> None:
        """Report each asset that no search can return, because it has no fingerprint; damaged ones were reported."""
        if self._embeddings.rows.count_assets() < self._store.count_assets():
            fingerprinted = set(self._store.fingerprinted(SEARCH_TYPE, self._embeddings.version))
            for asset in self._store.assets():
                if asset.sha256 not in fingerprinted:
                    self._store.on_damage(asset.sha256, "a fingerprint of it is missing or damaged")

    def update(self) -> bool:
        """Add what was ingested since the last call, by this process or another.

        Returns:
            False if an asset was analysed anew, or forgotten. This object is outdated then, and must be replaced.
        """
        with self._lock:
            log_end = self._store.last_log_entry()[0]
            if log_end == self._log_end:
                return True
            if self._is_logged("refreshed") or self._is_logged("forgotten"):
                return False
            for index in self._indexes:
                index.update()
            if self._is_logged("transcribed") or self._is_video_added() or self._are_sounds_changed():
                self._transcripts = None
            self._log_end = log_end
            return True

    def _is_logged(self, what: LogKind) -> bool:
        return any(True for _ in self._store.iter_log(what, after=self._log_end))

    def _is_video_added(self) -> bool:
        return any(entry.details.get("kind") == "video" for entry in self._store.iter_log("added", after=self._log_end))

    def _are_sounds_changed(self) -> bool:
        """Return True if it was stored which sounds a file has; their transcripts may be older."""
        entries = self._store.iter_log("rows", after=self._log_end)
        return any(table == "sound" for entry in entries for table, *_ in entry.details["rows"])

    def without_unusable[T](self, compute: Callable[[], T]) -> T:
        """Return what a function computes from these references, without the assets that turn out to be unusable.

        Raises:
            UnusableReferenceError: The function needs one of them whatever the searches return.
        """
        unusable: set[str] = set()
        while True:
            try:
                return compute()
            except UnusableReferenceError as error:
                if error.sha256 in unusable:
                    raise
                unusable.add(error.sha256)

    def row_counts(self) -> dict[str, int]:
        """Return the number of indexed rows of each fingerprint type."""
        return {index.declaration.name: len(index.rows) for index in self._indexes}

    @property
    def shared_rows(self) -> int:
        """Number of rows, of the largest index, that nodes search if it is shared."""
        return max(index.rows.shared_rows for index in self._indexes)

    def share(self, nodes: Sequence[ServiceNode]) -> None:
        """Have nodes search the indexes that they can read, as `StoredIndex.share` does; none for this machine alone."""
        for index in self._indexes:
            index.rows.share(nodes)

    def search_warnings(self) -> tuple[str, ...]:
        """Return a sentence for each index so large that a search compares the nearest of its rows alone."""
        return tuple(
            f"searched {index.rows.compared_share:.0%} of the {len(index.rows):,} rows of {index.declaration.name}, those nearest"
            " by groups: a use may be missing; see docs/scale.md"
            for index in self._indexes
            if index.rows.compared_share < 1
        )

    def search(self, queries: Vectors, count: int) -> Neighbours:
        """Return the nearest embedding rows of each query row (Q, 512), with their cosine similarities."""
        return _search(self._embeddings, queries, count)

    def search_crops(self, queries: Vectors, count: int) -> list[dict[str, float]]:
        """Return, for each query row, the best cosine similarity of each asset among its nearest crops."""
        return _best_of_assets(self.search_crop_rows(queries, count))

    def search_rectangles(self, queries: Vectors, count: int) -> list[dict[str, float]]:
        """Return, for each query row, the best cosine similarity of each asset among its nearest rectangles."""
        return _best_of_assets(self.search_rectangle_rows(queries, count))

    def search_crop_rows(self, queries: Vectors, count: int) -> Neighbours:
        """Return the nearest rows of reference crops of each query row (Q, 512), with their cosine similarities."""
        return _search(self._crops, queries, count)

    def search_rectangle_rows(self, queries: Vectors, count: int) -> Neighbours:
        """Return the nearest rows of rectangles of each query row (Q, 512), with their cosine similarities."""
        return _search(self._rectangles, queries, count)

    def search_reduced_rows(self, queries: Vectors, count: int) -> Neighbours:
        """Return the nearest reduced images of each query row (Q, 512), with their cosine similarities."""
        return _search(self._reduced, queries, count)

    def search_insets(self, queries: Vectors, count: int) -> Neighbours:
        """Return the nearest rows of insets in videos of each query row (Q, 512), with their cosine similarities."""
        return _search(self._insets, queries, count)

    def search_hashes(self, hashes: npt.NDArray[np.uint8], distance: int) -> set[tuple[str, int]]:
        """Return the assets and rows whose PDQ hash is at most `distance` bits from one of these (N, 32)."""
        return {(hit.sha256, hit.row) for hit in self._hashes.rows.range_search(hashes, distance)}

    def search_nearest_hashes(self, hashes: npt.NDArray[np.uint8], count: int) -> Neighbours:
        """Return the rows whose PDQ hashes are nearest to each of these (N, 32), with their Hamming distances in bits."""
        return self._hashes.rows.search(hashes, count)

    def sound_code_search(self, exclude: Collection[str] = ()) -> RangeSearch:
        """Return the search for near sound codes among those of all assets but some."""
        return self._sound_codes.rows.range_searcher(exclude)

    def sounds(self, sha256: str) -> SoundSides:
        """Return the audio tracks of a video as a side of a comparison; () if the store has none, or damaged ones."""
        return self._sounds.get(sha256)

    def stored_tracks(self, sha256: str) -> StoredTracks:
        """Return the audio tracks of a video as a search needs them; () if the store has none, or damaged ones."""
        return self._stored_tracks.get(sha256)

    @override
    def find_asset(self, sha256: str) -> Asset | None:
        """Return an asset, or None if the store does not contain it, or it is damaged."""
        try:
            return self._rows.get(sha256).asset
        except UnusableReferenceError:
            return None

    def assets(self) -> list[Asset]:
        """Return every asset that can be matched."""
        return [asset for asset in self._store.assets() if self.find_asset(asset.sha256)]

    @override
    def kind(self, sha256: str) -> Kind:
        """Return the kind of an asset."""
        return self._store.asset_kind(sha256)

    @override
    def uris(self, sha256: str) -> tuple[str, ...]:
        """Return the paths of an asset's sightings."""
        return self._store.uris(sha256)

    @override
    def thumbnail(self, sha256: str, row: int) -> Pixels | None:
        return load_row_thumbnail(self._store, self.decode, sha256, row)

    @property
    def transcripts(self) -> TranscriptIndex:
        """Index of all transcripts; a fingerprint of an older version is computed anew from its transcript."""
        with self._lock:
            if self._transcripts is None:
                self._transcripts = TranscriptIndex(self._transcript_fingerprints())
            return self._transcripts

    @property
    def sentences(self) -> SentenceIndexes:
        """Indexes over the sentences of all transcripts, for scripts in another language."""
        with self._lock:
            self._sentences.update(self.transcripts.fingerprints)
            return self._sentences

    def _transcript_fingerprints(self) -> Iterator[Fingerprint]:
        stored = self._store.transcript_fingerprints()
        for fingerprint in load_fingerprints(self._store, declaration(TRANSCRIPT_TYPE), stored):
            if fingerprint.version == TRANSCRIPT_VERSION:
                yield fingerprint
            elif transcript := self._store.find_transcript(fingerprint.sha256):
                yield fingerprint_transcript(fingerprint.sha256, transcript)

    @override
    def _load_rows(self, sha256: str) -> StoredRows:
        """Return an asset with its rows from the database, after the indexes were made to agree with them."""
        (asset,) = self._store.assets((sha256,)) or (None,)
        # Of all types at once: a query reads the rows of a hundred assets.
        stored = {one.type: one for one in self._store.asset_fingerprints(sha256, self._versions)} if asset else {}
        found = {index: self._checked(index, asset, stored.get(index.declaration.name)) for index in self._indexes}
        embeddings, pdq = found[self._embeddings], found[self._hashes]
        if asset and embeddings and pdq and len(embeddings.vectors) == len(pdq.vectors):
            if self._agree(sha256, found):
                return StoredRows.of(asset, (one for one in found.values() if one))
        else:
            for index in self._indexes:
                if sha256 in index.rows:
                    index.rows.hide(sha256)
            if embeddings and pdq:
                self._store.on_damage(sha256, "its fingerprints have different numbers of rows")
            elif asset or any(self._store.fingerprint_types(sha256)):
                self._store.on_damage(sha256, "a fingerprint of it is missing or damaged")
        raise UnusableReferenceError(sha256)

    def _checked(self, index: TypeIndex, asset: Asset | None, stored: Fingerprint | None) -> Fingerprint | None:
        """Return a stored fingerprint of an asset, or None if there is none, or it is damaged."""
        is_usable = asset and stored and is_undamaged(self._store, index.declaration, asset, stored)
        return stored if is_usable else None

    @override
    def _load_track(self, sha256: str) -> FrameTrack | None:
        rows = self._load_one(TRACK_TYPE, sha256)
        return to_track(rows) if rows else None

    def _load_one(self, name: str, sha256: str) -> Fingerprint | None:
        """Return the fingerprint of one type of an asset; None if it has none, a damaged one, or one without rows."""
        stored = self._store.fingerprints(name, fingerprint_type(name).version, {sha256})
        found = next(iter(load_fingerprints(self._store, declaration(name), stored)), None)
        return found if found and len(found.vectors) else None

    def _load_sounds(self, sha256: str) -> SoundSides:
        rows = self._load_one(SoundPrints.name, sha256)
        return sound_sides(rows) if rows else ()

    def _load_stored_tracks(self, sha256: str) -> StoredTracks:
        rows = self._load_one(SoundPrints.name, sha256)
        return stored_tracks(rows) if rows else ()

    def _agree(self, sha256: str, found: dict[TypeIndex, Fingerprint | None]) -> bool:
        """Return True if the indexes contain an asset as it is stored; those that do not are corrected."""
        differing = [index for index, stored in found.items() if not index.agrees(sha256, stored)]
        for index in differing:
            index.correct(sha256)
        return not differing


def _track_bytes(tracks: StoredTracks) -> int:
    return TRACK_BYTES + sum(BYTES_PER_TRACK_PRINT * len(track.prints) for track in tracks)


def _best_of_assets(neighbours: Neighbours) -> list[dict[str, float]]:
    """Return the best score of each asset, for each query row."""
    # Reversed, so that the best row of an asset overwrites the others.
    return [
        {hit.sha256: hit.score for hit in reversed(neighbours.of_query(number))} for number in range(len(neighbours))
    ]


def _search(index: TypeIndex, queries: Vectors, count: int) -> Neighbours:
    """Return the nearest rows of an index; sign bits propose at least as many as are wanted."""
    return index.rows.search(queries, count, depth=max(count, RERANK_DEPTH))
