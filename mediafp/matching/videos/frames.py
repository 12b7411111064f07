"""Compare video frames, with frames of another video or with an image, with the image comparison."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.matching import calibration
from mediafp.matching.candidates import Vectors, min_hamming_distance
from mediafp.matching.images import scoring
from mediafp.matching.images.placement import place_image
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.images.region_similarity import compute_region_similarity
from mediafp.matching.local_features import LocalFeatures
from mediafp.matching.references import PairReferences
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.geometry import Box
from mediafp.types.media import FrameTrack


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoQuery:
    """A video to match, N rows.

    Attributes:
        sha256: SHA-256 of the file.
        embeddings: Embeddings (N, 512), unit vectors.
        quality: Quality (N,) of the embeddings, 0..1, low for flat frames.
        pdq: PDQ hashes (N, 32).
        spans: Time spans (N, 2) in seconds.
        track: Frame track; None if there is none.
        local_features: Function from a row to the local features of its frame, or None without a thumbnail.
        insets: Rows of the insets in its frames; None if there are none.
        part: Left, top, right and bottom of the part of the frame that the rows show, in sides of the frame; None for all.
    """

    sha256: str
    embeddings: Vectors
    quality: Float32Array
    pdq: npt.NDArray[np.uint8]
    spans: Float64Array
    track: FrameTrack | None
    local_features: Callable[[int], LocalFeatures | None]
    insets: Fingerprint | None = None
    part: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameComparison:
    """Two frames, or a frame and an image, compared by embeddings, keypoints and hashes.

    Attributes:
        fit: Placement of the query's frame in the reference, verified or not; None without one.
        distance: Hamming distance of the PDQ hashes in bits.
        score: Score of the embeddings.
        features: Features of the pair.
        probability: Calibrated probability of these features.
    """

    fit: PlacementFit | None
    distance: int
    score: float
    features: calibration.FramePairFeatures
    probability: float


def compare_frames(
    rows: tuple[int, int], score: float, query: VideoQuery, sha256: str, references: PairReferences
) -> FrameComparison:
    """Return the comparison of a query row and a reference row.

    Two checks of still images are skipped, as their thresholds were measured on still images alone: the dense comparison, and
    `different_inset`.

    Args:
        rows: Query row and reference row.
        score: Score of the two rows.
        query: Video to match.
        sha256: SHA-256 of the reference.
        references: References to compare with.
    """
    query_row, reference_row = rows
    query_frame, reference_frame = query.local_features(query_row), references.local_features(sha256, reference_row)
    fit, region_similarity = None, 0.0
    if (
        query_frame
        and reference_frame
        and (fit := place_image(query_frame, reference_frame, _crop(query_frame, query.part)))
    ):
        region_similarity = compute_region_similarity(
            query_frame, reference_frame, fit, references.embed_with_full_model
        )
    distance = min_hamming_distance(
        query.pdq[query_row : query_row + 1], references.pdq(sha256)[reference_row : reference_row + 1]
    )
    score *= min(float(query.quality[query_row]), float(references.quality(sha256)[reference_row]))
    features = scoring.frame_features(score, distance, fit, region_similarity)
    return FrameComparison(
        fit=fit, distance=distance, score=score, features=features, probability=calibration.probability(features)
    )


def _crop(frame: LocalFeatures, part: tuple[float, float, float, float] | None) -> Box | None:
    """Return a part of a frame in pixels of its image."""
    if part is None:
        return None
    height, width = frame.image.shape[:2]
    return round(part[0] * width), round(part[1] * height), round(part[2] * width), round(part[3] * height)
