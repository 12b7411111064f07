"""References: what matching needs from assets, and from a collection of them that it searches."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from mediafp.matching.candidates import Vectors
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import FrameTrack, Kind, Pixels
from mediafp.types.neighbours import Neighbours


class PairReferences(Protocol):
    """Assets that are compared with each other; arrays have the shapes of `Fingerprint`."""

    background: Vectors
    """Embeddings (B, 512) of the background set: unrelated images for score normalisation."""

    def embed_with_full_model(self, images: list[Pixels]) -> tuple[Vectors, Float32Array]:
        """Return the unit vectors (N, 512) of images under the full SSCD, and their background levels (N,)."""
        ...

    def kind(self, sha256: str) -> Kind:
        """Return the kind of an asset."""
        ...

    def uris(self, sha256: str) -> tuple[str, ...]:
        """Return the paths and URLs of an asset's sightings."""
        ...

    def embeddings(self, sha256: str) -> Vectors:
        """Return the embeddings (N, 512) of an asset's rows, unit vectors."""
        ...

    def quality(self, sha256: str) -> Float32Array:
        """Return the quality (N,) of an asset's rows, 0..1, low for flat images."""
        ...

    def spans(self, sha256: str) -> Float64Array:
        """Return the time spans (N, 2) of an asset's rows in seconds."""
        ...

    def pdq(self, sha256: str) -> npt.NDArray[np.uint8]:
        """Return the PDQ hashes (N, 32) of an asset's rows."""
        ...

    def insets(self, sha256: str) -> Fingerprint | None:
        """Return the rows of the insets in the frames of a video; None if the store has none of it."""
        ...

    def track(self, sha256: str) -> FrameTrack | None:
        """Return the frame track of a video; None if the store has none of it."""
        ...

    def local_features(self, sha256: str, row: int) -> LocalFeatures | None:
        """Return the local features of one row's image; None if the store has no thumbnail of it."""
        ...


class References(PairReferences, Protocol):
    """Assets that a query is compared with, and that are searched for candidates."""

    def search(self, queries: Vectors, count: int) -> Neighbours:
        """Return the nearest embedding rows of each query row (Q, 512), with their cosine similarities."""
        ...

    def search_crops(self, queries: Vectors, count: int) -> list[dict[str, float]]:
        """Return, for each query row (Q, 512), the assets with one of the nearest reference crops, and its cosine."""
        ...

    def search_rectangles(self, queries: Vectors, count: int) -> list[dict[str, float]]:
        """Return, for each query row (Q, 512), the assets with one of the nearest images in images, and its cosine."""
        ...

    def search_insets(self, queries: Vectors, count: int) -> Neighbours:
        """Return the nearest rows of insets in videos of each query row (Q, 512), with their cosine similarities."""
        ...

    def search_hashes(self, hashes: npt.NDArray[np.uint8], distance: int) -> set[tuple[str, int]]:
        """Return the assets and rows whose PDQ hash is within a Hamming distance, in bits, of any of some hashes (N, 32)."""
        ...

    def search_nearest_hashes(self, hashes: npt.NDArray[np.uint8], count: int) -> Neighbours:
        """Return the rows whose PDQ hashes are nearest to each of some hashes (N, 32), with their Hamming distances in bits."""
        ...
