"""Common part of the fingerprint types of parts of an image: rows of the embedder that computes whole frames."""

from mediafp.types.fingerprint_types import FrameFingerprintType
from mediafp.types.fingerprints import Metric


class EmbeddedParts:
    """Base of a fingerprint type whose rows are embeddings of parts of an image, comparable with those of whole frames."""

    parts_version = "1"
    """Version of the choice of parts."""

    def __init__(self, embedder: FrameFingerprintType) -> None:
        self._embedder = embedder
        self.metric: Metric = embedder.metric
        self.columns = embedder.columns

    @property
    def version(self) -> str:
        """Version of the choice of parts and of the embedder."""
        return f"{self.parts_version}-{self._embedder.version}"
