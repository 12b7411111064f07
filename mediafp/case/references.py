"""The references of an open store: its fingerprints in memory, its thumbnails on demand."""

import logging
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mediafp.case.checked_fingerprints import load_fingerprints
from mediafp.case.stored_images import load_row_thumbnail
from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.reference_crops import REFERENCE_CROPS
from mediafp.fingerprints.registry import RERANKING_TYPE, SEARCH_TYPE, declaration, fingerprint_type, frame_type
from mediafp.fingerprints.transcript import TYPE_NAME as TRANSCRIPT_TYPE
from mediafp.fingerprints.transcript import TYPE_VERSION as TRANSCRIPT_VERSION
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.matching.candidates import Vectors, background_level
from mediafp.matching.local_features import LocalFeatures
from mediafp.matching.transcripts.index import TranscriptIndex
from mediafp.store import Store, build_index
from mediafp.types import model_files
from mediafp.types.custody import LogKind
from mediafp.types.errors import StoreError
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Asset, Audio, Kind, Pixels
from mediafp.types.neighbours import Neighbours
from mediafp.types.runs import FileAnalysis
from mediafp.types.transcripts import TranscribedAudio

_logger = logging.getLogger(__name__)
FEATURE_CACHE_SIZE = 1000
"""Images whose local features are kept in memory, about 260 kB each with the thumbnail."""


class StoredReferences:
    """References of an open store: indexes in memory, thumbnails loaded on demand. Implements `References`.

    Several threads may use one object. `update` adds what was ingested meanwhile.
    """

    def __init__(self, store: Store) -> None:
        """Load the fingerprints of a store and index them.

        Raises:
            StoreError: Fingerprints are of another model version.
        """
        self._store = store
        self._lock = threading.RLock()
        search_type, hash_type, crops_type = map(fingerprint_type, (SEARCH_TYPE, Pdq.name, REFERENCE_CROPS))
        outdated = store.versions(SEARCH_TYPE) - {search_type.version}
        if outdated:
            raise StoreError(
                f"cannot match: the store contains fingerprints of another model version ({', '.join(sorted(outdated))}),"
                " and versions are not comparable; ingest its files into a new store"
            )
        self._versions = {indexed.name: indexed.version for indexed in (search_type, hash_type, crops_type)}
        self._assets: dict[str, Asset] = {}
        self._embeddings: dict[str, Fingerprint] = {}
        self._pdq: dict[str, Fingerprint] = {}
        self._crop_rows: dict[str, Fingerprint] = {}
        self._index = build_index((), metric=search_type.metric, columns=search_type.columns)
        self._crops = build_index((), metric=crops_type.metric, columns=crops_type.columns)
        self._hashes = build_index((), metric=hash_type.metric, columns=hash_type.columns)
        # Read the log position first: assets added meanwhile are added again by `update`.
        self._log_end = store.last_log_entry()[0]
        self._add(store.assets())
        with np.load(model_files.model_path("background")) as background:
            self.background: Vectors = background[SEARCH_TYPE]
            self._full_background: Vectors = background[RERANKING_TYPE]
        self._features = lru_cache(maxsize=FEATURE_CACHE_SIZE)(self._load_features)
        self._transcripts: TranscriptIndex | None = None
        _logger.info("indexed %d assets: %d rows, %d of crops", len(self._assets), len(self._index), len(self._crops))

    def update(self) -> bool:
        """Add what was ingested since the last call, by this process or another.

        Returns:
            False if an asset was analysed anew. This object is outdated then, and must be replaced.
        """
        with self._lock:
            log_end = self._store.last_log_entry()[0]
            if log_end == self._log_end:
                return True
            if self._is_logged("refreshed"):
                return False
            logged = (entry.details["sha256"] for entry in self._store.iter_log("added", after=self._log_end))
            wanted = {sha256 for sha256 in logged if sha256 not in self._assets}
            new = [asset for asset in self._store.assets() if asset.sha256 in wanted] if wanted else []
            if new:
                self._add(new, {asset.sha256 for asset in new})
                _logger.info("added %d assets to the index of %d", len(new), len(self._assets) - len(new))
            if self._is_logged("transcribed") or any(asset.kind == "video" for asset in new):
                self._transcripts = None
            self._log_end = log_end
            return True

    def _is_logged(self, what: LogKind) -> bool:
        return any(True for _ in self._store.iter_log(what, after=self._log_end))

    def _add(self, assets: list[Asset], only: set[str] | None = None) -> None:
        """Add assets with their fingerprints: those in `only`, or None if they are the whole store."""
        by_sha256 = {asset.sha256: asset for asset in assets}

        def load(type_name: str) -> dict[str, Fingerprint]:
            # An asset that was added after the list of assets was read waits for the next update.
            stored = self._store.fingerprints(type_name, self._versions[type_name], only)
            return load_fingerprints(self._store, declaration(type_name), by_sha256, stored)

        embeddings, pdq, crops = load(SEARCH_TYPE), load(Pdq.name), load(REFERENCE_CROPS)
        for sha256 in list(by_sha256):
            if sha256 not in embeddings or sha256 not in pdq:
                self._store.on_damage(sha256, "a fingerprint of it is missing or damaged")
            elif len(embeddings[sha256].vectors) != len(pdq[sha256].vectors):
                self._store.on_damage(sha256, "its fingerprints have different numbers of rows")
            else:
                continue
            for by_asset in (by_sha256, embeddings, pdq, crops):
                by_asset.pop(sha256, None)
        # Set before the indexes: another thread may look up an asset as soon as an index returns it.
        self._assets |= by_sha256
        self._embeddings |= embeddings
        self._pdq |= pdq
        self._crop_rows |= crops
        self._index.add(embeddings.values())
        self._hashes.add(pdq.values())
        self._crops.add(crops.values())

    def search(self, queries: Vectors, count: int) -> Neighbours:
        """Return the nearest embedding rows of each query row (Q, 512), with their cosine similarities."""
        return self._index.search(queries, count)

    def search_crops(self, queries: Vectors, count: int) -> list[dict[str, float]]:
        """Return, for each query row, the best cosine similarity of each asset among its nearest crops."""
        neighbours = self._crops.search(queries, count)
        # Reversed, so that the best row of an asset overwrites the others.
        return [
            {hit.sha256: hit.score for hit in reversed(neighbours.of_query(number))}
            for number in range(len(neighbours))
        ]

    def search_crop_rows(self, queries: Vectors, count: int) -> Neighbours:
        """Return the nearest rows of reference crops of each query row (Q, 512), with their cosine similarities."""
        return self._crops.search(queries, count)

    def crop_rows(self, sha256: str) -> Fingerprint | None:
        """Return the reference crops of an asset, or None if the store has none of it."""
        return self._crop_rows.get(sha256)

    def search_hashes(self, hashes: npt.NDArray[np.uint8], distance: int) -> set[tuple[str, int]]:
        """Return the assets and rows whose PDQ hash is at most `distance` bits from one of these (N, 32)."""
        return {(hit.sha256, hit.row) for hit in self._hashes.range_search(hashes, distance)}

    def embed_with_full_model(self, images: list[Pixels]) -> tuple[Vectors, npt.NDArray[np.float32]]:
        """Return embeddings (N, 512) by the full model, and the background level (N,) of each."""
        vectors: Vectors = frame_type(RERANKING_TYPE).extract(images)[0]  # type: ignore[assignment]
        return vectors, background_level(vectors, self._full_background)

    def find_asset(self, sha256: str) -> Asset | None:
        """Return an asset, or None if the store did not contain it at the last update."""
        return self._assets.get(sha256)

    def assets(self) -> list[Asset]:
        """Return every asset, as of the last update."""
        return list(self._assets.values())

    def kind(self, sha256: str) -> Kind:
        """Return the kind of an asset."""
        return self._assets[sha256].kind

    def uris(self, sha256: str) -> tuple[str, ...]:
        """Return the paths of an asset's sightings."""
        return self._store.uris(sha256)

    def embedding_rows(self, sha256: str) -> Fingerprint:
        """Return the embeddings of an asset, with their quality and time spans."""
        return self._embeddings[sha256]

    def embeddings(self, sha256: str) -> Vectors:
        """Return the embeddings (N, 512) of an asset, of unit length."""
        return self._embeddings[sha256].vectors  # type: ignore[return-value]

    def quality(self, sha256: str) -> npt.NDArray[np.float32]:
        """Return the quality (N,) of the rows of an asset, 0..1; that of flat images is low."""
        return self._embeddings[sha256].quality

    def spans(self, sha256: str) -> npt.NDArray[np.float64]:
        """Return the time spans (N, 2) of the rows of an asset, in seconds."""
        return self._embeddings[sha256].spans

    def pdq(self, sha256: str) -> npt.NDArray[np.uint8]:
        """Return the PDQ hashes (N, 32) of an asset."""
        return self._pdq[sha256].vectors  # type: ignore[return-value]

    def local_features(self, sha256: str, row: int) -> LocalFeatures | None:
        """Return the local features of one row's thumbnail, or None if there is no thumbnail."""
        return self._features(sha256, row)

    @property
    def transcripts(self) -> TranscriptIndex:
        """Index of all transcripts; a fingerprint of an older version is computed anew from its transcript."""
        with self._lock:
            if self._transcripts is None:
                self._transcripts = TranscriptIndex(self._transcript_fingerprints())
            return self._transcripts

    def transcript_fingerprint(
        self, analysis: FileAnalysis, transcribe: Callable[[Audio], TranscribedAudio]
    ) -> Fingerprint | None:
        """Return the transcript fingerprint of a file with audio, transcribed only if the store has no transcript."""
        stored = self.transcripts.fingerprints.get(analysis.asset.sha256)
        if stored or analysis.audio is None:
            return stored
        transcript = self._store.best_transcript(analysis.audio.sha256)
        if transcript:
            return fingerprint_transcript(analysis.asset.sha256, transcript)
        return transcribe(analysis.audio).fingerprint

    def _transcript_fingerprints(self) -> Iterator[Fingerprint]:
        stored = self._store.transcript_fingerprints()
        for fingerprint in load_fingerprints(self._store, declaration(TRANSCRIPT_TYPE), self._assets, stored).values():
            if fingerprint.version == TRANSCRIPT_VERSION:
                yield fingerprint
            elif transcript := self._store.find_transcript(fingerprint.sha256):
                yield fingerprint_transcript(fingerprint.sha256, transcript)

    def _load_features(self, sha256: str, row: int) -> LocalFeatures | None:
        thumbnail = load_row_thumbnail(self._store, sha256, row)
        return None if thumbnail is None else LocalFeatures(thumbnail, self._assets[sha256].size)
