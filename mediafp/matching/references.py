"""What matching asks of a collection of references."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from mediafp.matching.candidates import Vectors
from mediafp.matching.images.local_features import LocalFeatures
from mediafp.types.media import Kind, Pixels
from mediafp.types.neighbours import Neighbours


class References(Protocol):
    """The references that a query is held against; arrays are those of `Fingerprint`."""

    background: Vectors

    def search(self, queries: Vectors, count: int) -> Neighbours:
        """Return the nearest embedding rows of each query row (Q, 512), with their cosine similarities."""
        ...

    def search_crops(self, queries: Vectors, count: int) -> list[dict[str, float]]:
        """Of each query row the assets whose crops are among the nearest, and the cosine of the nearest of each."""
        ...

    def search_hashes(self, hashes: npt.NDArray[np.uint8], distance: int) -> set[tuple[str, int]]:
        """The assets and rows whose PDQ hash lies within so many bits of one of these (N, 32)."""
        ...

    def embed_with_full_model(self, images: list[Pixels]) -> tuple[Vectors, npt.NDArray[np.float32]]:
        """Unit vectors (N, 512) of the full model, and the likeness (N,) of each to unrelated pictures."""
        ...

    def kind(self, sha256: str) -> Kind:
        """Picture or video."""
        ...

    def uris(self, sha256: str) -> tuple[str, ...]:
        """Where it was seen."""
        ...

    def embeddings(self, sha256: str) -> Vectors:
        """Unit vectors (N, 512)."""
        ...

    def quality(self, sha256: str) -> npt.NDArray[np.float32]:
        """How far from plain the rows' pictures are (N,), 0..1."""
        ...

    def spans(self, sha256: str) -> npt.NDArray[np.float64]:
        """Seconds (N, 2) of the rows."""
        ...

    def pdq(self, sha256: str) -> npt.NDArray[np.uint8]:
        """PDQ rows (N, 32)."""
        ...

    def local_features(self, sha256: str, row: int) -> LocalFeatures | None:
        """One row's picture made ready for placement; None where no thumbnail is kept."""
        ...
