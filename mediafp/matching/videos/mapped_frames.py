"""Frames of two videos on one grid, and how far they agree.

The frames of both tracks are sampled on the part of the picture that both show, as the placements of some frames tell. A frame
is then its blocks, each without its mean and contrast, so that a grade or an overlay on some blocks changes little.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.geometry import Homography, box_corners, homography_from_corners, to_pixel_centres, transform_points

GRID_SIDE = 24
"""Cells on each side of the grid on which frames are compared: the side of the tiny frames themselves."""
BLOCK_SIDE = 6
"""Cells on each side of a block, of which a frame has 16. Chosen, not measured."""
NOISE_LEVELS = 1.5
"""Standard deviation in grey levels at which a block counts half: what compression makes of a flat one. Chosen, not measured."""
MEANS_WEIGHT = 3.0
"""Weight of the means of the blocks, compared like a further block. Chosen, not measured."""
MIN_ENERGY = 0.25
"""Energy of a frame, of 19 at most, that agrees with nothing, so that flat frames agree little. Chosen, not measured."""
BEST_FRAMES = 0.2
"""Share of the query's frames by which the agreement of a block is judged. Chosen, not measured."""
AGREEING_BLOCK = 0.8
"""Agreement from which a block of two frames shows the same. Chosen, not measured."""
MIN_SHARED_SIDE = 0.15
"""Share of the reference's width and height that all placed frames must have in common. Chosen, not measured."""
MAX_EXTRAPOLATION = 0.3
"""Share of the time between two placed frames by which a moving map goes on beyond them. Chosen, not measured."""
UPSAMPLING_BLUR = 0.5
"""Standard deviation, in cells of the coarser side, of the blur that makes the finer side as coarse. Chosen, not measured."""
IDENTITY_TOLERANCE = 1e-6
"""Deviation of the entries of a map from the identity, rounding errors, up to which the frames are taken as they are."""
_BLOCKS = GRID_SIDE // BLOCK_SIDE

UNIT_SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)
MAX_PART = 4_096
"""Frames whose blocks are compared at once, 10 MB of each video. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameMap:
    """Position of the query's frame in the reference's, at some times of the query.

    Attributes:
        times: Seconds (K,) of the query, rising.
        quads: Corners (K, 4, 2) of the query's frame in the reference's, which is the unit square.
    """

    times: Float64Array
    quads: Float64Array

    @property
    def is_constant(self) -> bool:
        """True if the position is the same at all times."""
        return len(self.times) == 1

    def quad_at(self, seconds: float) -> Float64Array:
        """Return the corners (4, 2) at a time, on the line through the two placed frames that are nearest to it."""
        if self.is_constant:
            return np.asarray(self.quads[0], np.float64)
        after = int(np.clip(np.searchsorted(self.times, seconds), 1, len(self.times) - 1))
        share = (seconds - self.times[after - 1]) / (self.times[after] - self.times[after - 1])
        share = float(np.clip(share, -MAX_EXTRAPOLATION, 1 + MAX_EXTRAPOLATION))
        return np.asarray(self.quads[after - 1] * (1 - share) + self.quads[after] * share, np.float64)


def shared_box(frame_map: FrameMap) -> tuple[float, float, float, float] | None:
    """Return the upright box of the reference that all placed frames of the query show; None if it is too small."""
    left, top, right, bottom = 0.0, 0.0, 1.0, 1.0
    for quad in frame_map.quads:
        xs, ys = np.sort(quad[:, 0]), np.sort(quad[:, 1])
        left, top = max(left, float(xs[1])), max(top, float(ys[1]))
        right, bottom = min(right, float(xs[2])), min(bottom, float(ys[2]))
    if right - left < MIN_SHARED_SIDE or bottom - top < MIN_SHARED_SIDE:
        return None
    return left, top, right, bottom


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockFrames:
    """Frames as blocks.

    Attributes:
        blocks: Values (N, B, C) of each block without mean and contrast; the norm of a flat one is near 0.
        energy: Squared norm (N, B) of each block, 0..1.
    """

    blocks: Float32Array
    energy: Float32Array

    def take(self, numbers: npt.NDArray[np.int64]) -> "BlockFrames":
        """Return some of the frames."""
        return BlockFrames(blocks=self.blocks[numbers], energy=self.energy[numbers])

    def weighted(self, weights: Float32Array) -> "BlockFrames":
        """Return the frames with blocks of other weights (B,)."""
        return BlockFrames(blocks=self.blocks * np.sqrt(weights)[:, None], energy=self.energy * weights)


def to_blocks(cells: Float32Array) -> BlockFrames:
    """Return frames (N, 24, 24) as blocks, the last of which holds the means of the others."""
    grid = cells.reshape(-1, _BLOCKS, BLOCK_SIDE, _BLOCKS, BLOCK_SIDE).transpose(0, 1, 3, 2, 4)
    blocks = np.ascontiguousarray(grid).reshape(-1, _BLOCKS**2, BLOCK_SIDE**2)
    means = blocks.mean(axis=2, keepdims=True)
    padded = np.zeros((len(blocks), 1, BLOCK_SIDE**2), np.float32)
    padded[:, 0, : _BLOCKS**2] = means[:, :, 0] - means[:, :, 0].mean(axis=1, keepdims=True)
    blocks = np.concatenate((blocks - means, padded), axis=1)
    squares = (blocks**2).sum(axis=2, keepdims=True)
    counts = np.full((1, _BLOCKS**2 + 1, 1), BLOCK_SIDE**2, np.float32)
    counts[0, -1] = _BLOCKS**2
    noise = counts * NOISE_LEVELS**2
    blocks = (blocks / np.sqrt(squares + noise)).astype(np.float32)
    blocks[:, -1] *= np.sqrt(MEANS_WEIGHT)
    return BlockFrames(blocks=blocks, energy=(blocks**2).sum(axis=2))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MappedFrames:
    """The frames of two videos on one grid, under one map of the frames. Implements `FrameValues`.

    Attributes:
        query_cells: Grey values (N, 24, 24) of the query.
        reference_cells: Grey values (M, 24, 24) of the reference.
        query: Its blocks.
        reference: Those of the reference.
    """

    query_cells: Float32Array
    reference_cells: Float32Array
    query: BlockFrames
    reference: BlockFrames

    def matrix(self) -> Float32Array:
        """Return all values (N, M)."""
        total = np.zeros((len(self.query.blocks), len(self.reference.blocks)), np.float32)
        for block in range(self.query.blocks.shape[1]):
            dots = self.query.blocks[:, block] @ self.reference.blocks[:, block].T
            total += np.maximum(dots, 0, out=dots)
        energy = (self.query.energy.sum(axis=1)[:, None] + self.reference.energy.sum(axis=1)[None]) / 2
        return np.asarray(total / (energy + MIN_ENERGY), np.float32)

    def pairs(self, query: npt.NDArray[np.int64], reference: npt.NDArray[np.int64]) -> Float32Array:
        """Return the values of pairs of frames (K,)."""
        return self._of_distinct_pairs(_paired, query, reference)

    def changes(self) -> tuple[Float32Array, Float32Array]:
        """Return how little each frame agrees with the next one of its own video, (N - 1,) and (M - 1,)."""
        return _changes(self.query), _changes(self.reference)

    def swapped(self) -> "MappedFrames":
        """Return the frames with the reference as the query."""
        return MappedFrames(
            query_cells=self.reference_cells,
            reference_cells=self.query_cells,
            query=self.reference,
            reference=self.query,
        )

    def block_agreement(self, query: npt.NDArray[np.int64], reference: npt.NDArray[np.int64]) -> Float32Array:
        """Return the mean agreement (B,) of each block over pairs of frames, of those that are textured in one; else 1."""
        # A long stretch is judged by moments all over it.
        step = -(-len(query) // MAX_PART)
        own, other = self.query.take(query[::step]), self.reference.take(reference[::step])
        dots = np.maximum(np.einsum("nbc,nbc->nb", own.blocks, other.blocks), 0).sum(axis=0)
        energy = (own.energy + other.energy).sum(axis=0) / 2
        return np.asarray((dots + MIN_ENERGY) / (energy + MIN_ENERGY), np.float32)

    def agreeing_share(self, query: npt.NDArray[np.int64], reference: npt.NDArray[np.int64]) -> Float32Array:
        """Return the share (K,) of the textured blocks that agree, for pairs of frames."""
        return self._of_distinct_pairs(_agreeing_share, query, reference)

    def _of_distinct_pairs(
        self,
        compute: Callable[[BlockFrames, BlockFrames], Float32Array],
        query: npt.NDArray[np.int64],
        reference: npt.NDArray[np.int64],
    ) -> Float32Array:
        """Return what a function gives for pairs of frames (K,), computed once for equal pairs and in parts of limited size."""
        keys, places = np.unique(query * len(self.reference.energy) + reference, return_inverse=True)
        own, other = np.divmod(keys, len(self.reference.energy))
        values = [
            compute(self.query.take(own[part : part + MAX_PART]), self.reference.take(other[part : part + MAX_PART]))
            for part in range(0, len(keys), MAX_PART)
        ]
        return np.concatenate(values)[places] if values else np.empty(0, np.float32)

    def best_of_blocks(self) -> Float32Array:
        """Return how well each block (B,) of the best tenth of the query's frames agrees with the best frame of the reference."""
        best = []
        for block in range(self.query.blocks.shape[1]):
            dots = self.query.blocks[:, block] @ self.reference.blocks[:, block].T
            energy = (self.query.energy[:, block, None] + self.reference.energy[None, :, block]) / 2
            values = ((np.maximum(dots, 0) + MIN_ENERGY) / (energy + MIN_ENERGY)).max(axis=1)
            best.append(float(np.quantile(values, 1 - BEST_FRAMES)))
        return np.array(best, np.float32)

    def weighted(self, weights: Float32Array) -> "MappedFrames":
        """Return the frames with blocks of other weights (B,)."""
        return replace(self, query=self.query.weighted(weights), reference=self.reference.weighted(weights))


def _agreeing_share(own: BlockFrames, other: BlockFrames) -> Float32Array:
    energy = (own.energy + other.energy) / 2
    agreeing = np.einsum("nbc,nbc->nb", own.blocks, other.blocks) >= AGREEING_BLOCK * energy
    return np.asarray((energy * agreeing).sum(axis=1) / (energy.sum(axis=1) + MIN_ENERGY), np.float32)


def _paired(own: BlockFrames, other: BlockFrames) -> Float32Array:
    dots = np.einsum("nbc,nbc->nb", own.blocks, other.blocks)
    energy = (own.energy.sum(axis=1) + other.energy.sum(axis=1)) / 2
    return np.asarray(np.maximum(dots, 0).sum(axis=1) / (energy + MIN_ENERGY), np.float32)


def _changes(frames: BlockFrames) -> Float32Array:
    numbers = np.arange(max(0, len(frames.blocks) - 1))
    return np.asarray(1 - _paired(frames.take(numbers), frames.take(numbers + 1)), np.float32)


def map_frames(
    query: npt.NDArray[np.uint8], times: Float64Array, reference: npt.NDArray[np.uint8], frame_map: FrameMap
) -> MappedFrames | None:
    """Return the frames of both on the grid of what they share; None if that is too little.

    Args:
        query: Tiny frames (N, 24, 24) of the query.
        times: Their times (N,) in seconds.
        reference: Tiny frames (M, 24, 24) of the reference.
        frame_map: Position of the query in the reference.
    """
    box = shared_box(frame_map)
    if box is None:
        return None
    side = query.shape[1]
    box_in_cells = box_corners(box) * side
    grid_corners = UNIT_SQUARE * GRID_SIDE
    reference_map = homography_from_corners(box_in_cells, grid_corners)
    to_query = [homography_from_corners(quad, UNIT_SQUARE) for quad in frame_map.quads]
    widths = [
        np.linalg.norm(np.diff(transform_points(h, box_corners(box))[[0, 1, 2]], axis=0), axis=1) for h in to_query
    ]
    query_cells, reference_cells = (
        float(np.mean(widths)) * side,
        float(np.mean([box[2] - box[0], box[3] - box[1]])) * side,
    )
    mapped_reference = _sample(reference, [reference_map] * len(reference))
    if frame_map.is_constant:
        query_maps = [
            homography_from_corners(transform_points(to_query[0], box_corners(box)) * side, grid_corners)
        ] * len(query)
    else:
        query_maps = [
            homography_from_corners(
                transform_points(homography_from_corners(frame_map.quad_at(seconds), UNIT_SQUARE), box_corners(box))
                * side,
                grid_corners,
            )
            for seconds in times.tolist()
        ]
    mapped_query = _sample(query, query_maps)
    own = _blur_to(mapped_query, query_cells, reference_cells)
    other = _blur_to(mapped_reference, reference_cells, query_cells)
    return MappedFrames(query_cells=own, reference_cells=other, query=to_blocks(own), reference=to_blocks(other))


def _sample(frames: npt.NDArray[np.uint8], to_grid: Sequence[Homography]) -> Float32Array:
    """Return frames on the grid, each through its own map."""
    import cv2

    is_one = frames.shape[1:] == (GRID_SIDE, GRID_SIDE) and all(each is to_grid[0] for each in to_grid)
    if is_one and len(frames) and np.allclose(to_grid[0], np.eye(3), rtol=0, atol=IDENTITY_TOLERANCE):
        return _sample_whole(frames)
    double = np.diag((2.0, 2.0, 1.0))
    result = np.empty((len(frames), 2 * GRID_SIDE, 2 * GRID_SIDE), np.float32)
    last, matrix = None, np.eye(3)
    for number, (frame, homography) in enumerate(zip(frames.astype(np.float32), to_grid, strict=True)):
        if homography is not last:
            last, matrix = homography, to_pixel_centres(double @ homography)
        result[number] = cv2.warpPerspective(
            frame,
            matrix,
            (2 * GRID_SIDE, 2 * GRID_SIDE),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    # The mean of four in the order of NumPy's, which takes ten times as long over two axes.
    pairs = result[:, :, ::2] + result[:, :, 1::2]
    return np.asarray((pairs[:, ::2] + pairs[:, 1::2]) / np.float32(4), np.float32)


def _sample_whole(frames: npt.NDArray[np.uint8]) -> Float32Array:
    """Return whole frames on the grid: exactly what the map of a frame to itself gives, at a tenth of its cost."""
    padded = np.pad(frames.astype(np.float32), ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = padded[:, 1:-1] * np.float32(0.75) + (padded[:, :-2] + padded[:, 2:]) * np.float32(0.125)
    return np.asarray(rows[:, :, 1:-1] * np.float32(0.75) + (rows[:, :, :-2] + rows[:, :, 2:]) * np.float32(0.125))


def _blur_to(frames: Float32Array, own_cells: float, other_cells: float) -> Float32Array:
    """Return frames as coarse as the other side's, if that has fewer cells for the same part."""
    if other_cells >= min(own_cells, GRID_SIDE):
        return frames
    import cv2

    own, other = GRID_SIDE / min(own_cells, GRID_SIDE), GRID_SIDE / other_cells
    sigma = UPSAMPLING_BLUR * (other**2 - own**2) ** 0.5
    for number, frame in enumerate(frames):
        frames[number] = cv2.GaussianBlur(frame, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return frames
