"""Which of two videos is compared as the query: always the one with fewer rows, so that a pair has one result."""

import numpy as np
import numpy.typing as npt

from mediafp.matching.candidates import Vectors
from mediafp.matching.local_features import LocalFeatures
from mediafp.matching.references import PairReferences
from mediafp.matching.videos.frames import VideoQuery
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Asset, FrameTrack, Kind, Pixels


class QueryAsReference:
    """A query in the role of the only reference, beside a background. Implements `PairReferences`."""

    def __init__(self, query: VideoQuery, references: PairReferences) -> None:
        """Take the query, and the references whose background and full model are used."""
        self._query, self._references = query, references
        self.background = references.background

    def embed_with_full_model(self, images: list[Pixels]) -> tuple[Vectors, Float32Array]:
        """Return the unit vectors (N, 512) of images under the full SSCD, and their background levels (N,)."""
        return self._references.embed_with_full_model(images)

    def kind(self, sha256: str) -> Kind:
        """Return `video`."""
        return "video"

    def uris(self, sha256: str) -> tuple[str, ...]:
        """Return nothing: a query has no sightings."""
        return ()

    def embeddings(self, sha256: str) -> Vectors:
        """Return the embeddings (N, 512) of the query."""
        return self._query.embeddings

    def quality(self, sha256: str) -> Float32Array:
        """Return the quality (N,) of its rows."""
        return self._query.quality

    def spans(self, sha256: str) -> Float64Array:
        """Return the time spans (N, 2) of its rows."""
        return self._query.spans

    def pdq(self, sha256: str) -> npt.NDArray[np.uint8]:
        """Return the PDQ hashes (N, 32) of its rows."""
        return self._query.pdq

    def insets(self, sha256: str) -> Fingerprint | None:
        """Return the rows of its insets."""
        return self._query.insets

    def track(self, sha256: str) -> FrameTrack | None:
        """Return its frame track."""
        return self._query.track

    def local_features(self, sha256: str, row: int) -> LocalFeatures | None:
        """Return the local features of one of its rows."""
        return self._query.local_features(row)


def is_first(rows: int, sha256: str, other_rows: int, other_sha256: str) -> bool:
    """Return True if a video is the query of a pair: it has fewer rows, or as many and the smaller SHA-256."""
    return (rows, sha256) < (other_rows, other_sha256)


def reference_as_query(sha256: str, references: PairReferences) -> VideoQuery:
    """Return a reference in the role of the query."""
    return VideoQuery(
        sha256=sha256,
        embeddings=references.embeddings(sha256),
        quality=references.quality(sha256),
        pdq=references.pdq(sha256),
        spans=references.spans(sha256),
        track=references.track(sha256),
        local_features=lambda row: references.local_features(sha256, row),
        insets=references.insets(sha256),
    )


def as_asset(query: VideoQuery) -> Asset:
    """Return a video with its size alone, which the position of one in another needs; without size if it has no thumbnail."""
    rows = range(len(query.embeddings))
    size = next((found.size for row in rows if (found := query.local_features(row))), (0, 0))
    return Asset(
        sha256=query.sha256, kind="video", bytes=0, properties={"width": size[0] or None, "height": size[1] or None}
    )
