"""Assets that are compared with each other: the rows, tracks and thumbnails of each, loaded on demand."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from mediafp.fingerprints.insets import INSETS
from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.rectangles import RECTANGLES
from mediafp.fingerprints.reduced_image import REDUCED_IMAGE
from mediafp.fingerprints.reference_crops import REFERENCE_CROPS
from mediafp.fingerprints.registry import RERANKING_TYPE, SEARCH_TYPE, frame_type
from mediafp.matching.candidates import Vectors, background_level
from mediafp.matching.local_features import LocalFeatures
from mediafp.types import model_files
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.bounded_cache import BoundedCache
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Asset, FrameTrack, Kind, Pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSizes:
    """Sizes of the caches of the assets that are compared.

    Attributes:
        row_bytes: Bytes of fingerprints.
        track_bytes: Bytes of frame tracks.
        features: Images whose local features are kept, about 260 kB each with the thumbnail.
    """

    row_bytes: int
    track_bytes: int
    features: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredRows:
    """An asset with the rows that it is matched by."""

    asset: Asset
    embeddings: Fingerprint
    pdq: Fingerprint
    crops: Fingerprint | None
    rectangles: Fingerprint | None
    reduced: Fingerprint | None
    insets: Fingerprint | None

    @classmethod
    def of(cls, asset: Asset, fingerprints: Iterable[Fingerprint]) -> "StoredRows":
        """Return an asset with those of its fingerprints that it is matched by; embeddings and PDQ hashes are among them."""
        by_type = {one.type: one for one in fingerprints}
        return cls(
            asset=asset,
            embeddings=by_type[SEARCH_TYPE],
            pdq=by_type[Pdq.name],
            crops=by_type.get(REFERENCE_CROPS),
            rectangles=by_type.get(RECTANGLES),
            reduced=by_type.get(REDUCED_IMAGE),
            insets=by_type.get(INSETS),
        )

    @property
    def fingerprints(self) -> tuple[Fingerprint, ...]:
        """All that are there."""
        every = (self.embeddings, self.pdq, self.crops, self.rectangles, self.reduced, self.insets)
        return tuple(one for one in every if one)

    @property
    def bytes(self) -> int:
        """Bytes that the arrays take."""
        return sum(
            array.nbytes
            for fingerprint in self.fingerprints
            for array in (fingerprint.spans, fingerprint.vectors, fingerprint.quality)
        )


@cache
def _load_backgrounds() -> tuple[Vectors, Vectors]:
    """Return the embeddings of the background set by both models, once: in its sandbox, a worker could not load them."""
    with np.load(model_files.model_path("background")) as background:
        return background[SEARCH_TYPE], background[RERANKING_TYPE]


class ComparedAssets(ABC):
    """Assets that are compared with each other, loaded on demand. Implements `PairReferences`.

    Several threads may use one object. A subclass states where an asset comes from.
    """

    def __init__(self, sizes: CacheSizes) -> None:
        self.background, self._full_background = _load_backgrounds()
        self._rows = BoundedCache(self._load_rows, lambda rows: rows.bytes, sizes.row_bytes)
        self._tracks = BoundedCache(
            self._load_track, lambda track: track.pixels.nbytes if track else 0, sizes.track_bytes
        )
        self._features = lru_cache(maxsize=sizes.features)(self._load_features)

    @abstractmethod
    def _load_rows(self, sha256: str) -> StoredRows:
        """Return an asset with its rows; an exception that it raises is that of every method that needs them."""

    @abstractmethod
    def _load_track(self, sha256: str) -> FrameTrack | None:
        """Return the frame track of a video; None if there is none."""

    @abstractmethod
    def thumbnail(self, sha256: str, row: int) -> Pixels | None:
        """Return the thumbnail of one row, or None if there is none or it is damaged."""

    def find_asset(self, sha256: str) -> Asset | None:
        """Return an asset, or None if it cannot be used."""
        return self.rows(sha256).asset

    def rows(self, sha256: str) -> StoredRows:
        """Return an asset with the rows that it is matched by."""
        return self._rows.get(sha256)

    def kind(self, sha256: str) -> Kind:
        """Return the kind of an asset."""
        return self.rows(sha256).asset.kind

    @abstractmethod
    def uris(self, sha256: str) -> tuple[str, ...]:
        """Return the paths of an asset's sightings."""

    def embed_with_full_model(self, images: list[Pixels]) -> tuple[Vectors, Float32Array]:
        """Return embeddings (N, 512) by the full model, and the background level (N,) of each."""
        vectors: Vectors = frame_type(RERANKING_TYPE).extract(images)[0]  # type: ignore[assignment]
        return vectors, background_level(vectors, self._full_background)

    def crop_rows(self, sha256: str) -> Fingerprint | None:
        """Return the reference crops of an asset, or None if the store has none of it."""
        return self.rows(sha256).crops

    def rectangle_rows(self, sha256: str) -> Fingerprint | None:
        """Return the rectangles of an asset, or None if the store has none of it."""
        return self.rows(sha256).rectangles

    def reduced_rows(self, sha256: str) -> Fingerprint | None:
        """Return the row of an image at reduced size, or None if the store has none of it."""
        return self.rows(sha256).reduced

    def insets(self, sha256: str) -> Fingerprint | None:
        """Return the rows of the insets in the frames of a video; None if the store has none of it."""
        found = self.rows(sha256).insets
        return found if found and len(found.vectors) else None

    def embedding_rows(self, sha256: str) -> Fingerprint:
        """Return the embeddings of an asset, with their quality and time spans."""
        return self.rows(sha256).embeddings

    def embeddings(self, sha256: str) -> Vectors:
        """Return the embeddings (N, 512) of an asset, of unit length."""
        return self.embedding_rows(sha256).vectors  # type: ignore[return-value]

    def quality(self, sha256: str) -> Float32Array:
        """Return the quality (N,) of the rows of an asset, 0..1; that of flat images is low."""
        return self.embedding_rows(sha256).quality

    def spans(self, sha256: str) -> Float64Array:
        """Return the time spans (N, 2) of the rows of an asset, in seconds."""
        return self.embedding_rows(sha256).spans

    def pdq(self, sha256: str) -> npt.NDArray[np.uint8]:
        """Return the PDQ hashes (N, 32) of an asset."""
        return self.rows(sha256).pdq.vectors  # type: ignore[return-value]

    def track(self, sha256: str) -> FrameTrack | None:
        """Return the frame track of a video; None if the store has none of it, or a damaged one."""
        return self._tracks.get(sha256)

    def local_features(self, sha256: str, row: int) -> LocalFeatures | None:
        """Return the local features of one row's thumbnail, or None if there is no thumbnail."""
        return self._features(sha256, row)

    def _load_features(self, sha256: str, row: int) -> LocalFeatures | None:
        asset = self.rows(sha256).asset
        thumbnail = self.thumbnail(sha256, row)
        return None if thumbnail is None else LocalFeatures(thumbnail, asset.row_size(row))
