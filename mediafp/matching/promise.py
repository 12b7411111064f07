"""Promise of a pair: a symmetric score of two assets that decides whether they are compared closely.

It depends on the two assets alone, and not on what else a store contains or on which of them came first, so that the same
assets have the same matches in whatever order they are ingested.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mediafp.matching.candidates import NO_SCORE, Vectors, min_hamming_distance
from mediafp.matching.images.scoring import MAX_PDQ_MATCH_DISTANCE
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.kept_matches import PROMISING
from mediafp.types.media import Kind

WHOLE, CROP, RECTANGLE, REDUCED = 0, 1, 2, 3
"""Content of a row: a whole image or frame, a half-size crop, a rectangle in an image or a frame, or a reduced image."""
POSSIBLE_SCORES: Final = (0.11, 0.15, 0.17, 0.15)
"""Score of two whole images, of a crop and a whole image, of a rectangle and a whole image or a crop, and of a reduced image and
a whole image or a crop, from which a pair is a candidate at all.

Of 580 unrelated images (development set), an image has .03 candidates by each of the four. Of the true pairs of the standard
edits all are candidates, of the hard ones .98 of crops to 15 %, .98 of screenshots with an image on 15 % of them, and .92 of
mirrored crops in screenshots.
"""
PROMISING_SCORES: Final = (0.2, 0.2, 0.25, 0.21)
"""The same scores from which a pair is compared even if many others are more promising. Of 580 unrelated images an image has
.005 candidates by each of the three."""
MIN_PROMISE: Final = 0.5
"""Promise from which a pair is a candidate."""
EQUAL_HASHES: Final = 4.0
"""Promise of two images with matching PDQ hashes, at a distance of 0 bits; it falls to half of it at the largest distance.
Chosen, not measured."""
NEAR_FRAME_SCORE: Final = 0.12
"""Score from which two frames of videos count for the promise of the videos. Chosen, not measured."""
MIN_FRAME_PAIRS: Final = 2
"""Distinct pairs of such frames that make two videos candidates, whatever the best score is. Chosen, not measured."""
MAX_SCORED_PAIRS: Final = 2_000 * 2_000
"""Pairs of rows that are scored; of longer videos only each second, third … row is. Chosen, not measured."""
DIGITS: Final = 4
"""Decimal places of a promise: products of vectors differ in the last digits between processors."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AssetRows:
    """All rows by which an asset is compared with others.

    Attributes:
        sha256: SHA-256 of the asset.
        kind: Its kind.
        vectors: Embeddings (N, 512): of the whole image or of the frames, then of crops, of rectangles or insets, and of the
            reduced image.
        shows: What each row shows (N,): WHOLE, CROP, RECTANGLE or REDUCED, in this order.
        levels: Background levels (N,).
        quality: Quality (N,), low for flat images.
        pdq: PDQ hashes (W, 32) of the whole image or of the frames.
    """

    sha256: str
    kind: Kind
    vectors: Vectors
    shows: npt.NDArray[np.uint8]
    levels: Float32Array
    quality: Float32Array
    pdq: npt.NDArray[np.uint8]

    @property
    def whole_count(self) -> int:
        """Number of rows of the whole image or of frames, which are the first ones."""
        return int((self.shows == WHOLE).sum())

    def rows_of_page(self, page: int) -> npt.NDArray[np.intp]:
        """Return the numbers of the rows that show a page of an image, or a part of it: of the first page alone."""
        parts = np.flatnonzero(self.shows != WHOLE) if page == 0 else np.empty(0, np.intp)
        return np.concatenate((np.array([page], np.intp), parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Promise of a pair, and the rows of the best score: of the asset with the smaller SHA-256, and of the other."""

    value: float
    rows: tuple[int, int]


def pair_promise(a: AssetRows, b: AssetRows) -> Promise | None:
    """Return the promise of a pair, or None if it is no candidate. The order of the arguments decides only that of `rows`."""
    if a.sha256 > b.sha256:
        promise = pair_promise(b, a)
        return promise and Promise(value=promise.value, rows=promise.rows[::-1])
    if not len(a.vectors) or not len(b.vectors):
        return None
    step = _step(len(a.vectors) * len(b.vectors))
    scores = _row_scores(a, b, step)
    promises = _scale(scores, _thresholds(a, b, step))
    best = np.unravel_index(int(promises.argmax()), promises.shape)
    value = float(promises[best])
    rows = (int(best[0]) * step, int(best[1]) * step)
    if a.kind == b.kind == "video":
        counts = (-(-rows.whole_count // step) for rows in (a, b))
        value = max(value, _video_promise(scores[: next(counts), : next(counts)]))
    elif a.kind == b.kind == "image" and (distance := min_hamming_distance(a.pdq, b.pdq)) <= MAX_PDQ_MATCH_DISTANCE:
        value = max(value, EQUAL_HASHES * (1 - distance / MAX_PDQ_MATCH_DISTANCE / 2))
    return Promise(value=round(value, DIGITS), rows=rows) if value >= MIN_PROMISE else None


def _step(pairs: int) -> int:
    """Return the step in which rows are scored: 1 unless there are too many pairs."""
    return 1 if pairs <= MAX_SCORED_PAIRS else int(np.ceil(np.sqrt(pairs / MAX_SCORED_PAIRS)))


def _row_scores(a: AssetRows, b: AssetRows, step: int) -> Float64Array:
    """Return the scores (N, M) of the rows: cosine less the higher background level, flat rows weighted by their quality."""
    cosines = a.vectors[::step].astype(np.float32) @ b.vectors[::step].astype(np.float32).T
    levels = np.maximum(a.levels[::step, None], b.levels[None, ::step])
    return np.asarray((cosines - levels) * np.minimum(a.quality[::step, None], b.quality[None, ::step]), np.float64)


def _thresholds(a: AssetRows, b: AssetRows, step: int) -> npt.NDArray[np.uint8]:
    """Return which threshold (N, M) holds for each pair of rows; 255 for two parts that are not compared."""
    shows_a, shows_b = a.shows[::step, None], b.shows[None, ::step]
    larger = np.maximum(shows_a, shows_b)
    # Two crops of equal size share too little of most copies, and two rectangles are often two tiles of one page. A rectangle
    # is already as small as a reduced image is made.
    are_parts = (shows_a == shows_b) & (larger > WHOLE) | (np.minimum(shows_a, shows_b) == RECTANGLE) & (
        larger == REDUCED
    )
    return np.where(are_parts, 255, larger).astype(np.uint8)


def _scale(scores: Float64Array, thresholds: npt.NDArray[np.uint8]) -> Float64Array:
    """Return scores on the scale of a promise: MIN_PROMISE at the possible score, PROMISING at the promising one."""
    promises = np.full(scores.shape, NO_SCORE)
    for shows in (WHOLE, CROP, RECTANGLE, REDUCED):
        low, high = POSSIBLE_SCORES[shows], PROMISING_SCORES[shows]
        scaled = MIN_PROMISE + (scores - low) * ((PROMISING - MIN_PROMISE) / (high - low))
        promises = np.where(thresholds == shows, scaled, promises)
    return promises


def _video_promise(scores: Float64Array) -> float:
    """Return the promise of two videos by the number of frames that resemble a frame of the other one."""
    near = scores >= NEAR_FRAME_SCORE
    pairs = int(min(near.any(axis=1).sum(), near.any(axis=0).sum()))
    if pairs < MIN_FRAME_PAIRS:
        return NO_SCORE
    return MIN_PROMISE + (PROMISING - MIN_PROMISE) * float(np.log2(pairs)) / 2
