"""The scores of the embeddings of two videos as an agreement of their frames, for videos without tiny frames."""

from dataclasses import dataclass

import numpy as np

from mediafp.matching.videos.agreement import IntArray
from mediafp.matching.videos.lines import Scale
from mediafp.types.arrays import Float32Array

FULL_SCORE = 0.6
"""Score of two rows that agree fully. Chosen, not measured."""
NEUTRAL_SCORE = 0.1
"""Score of two rows that is neither for nor against a copy. Chosen, not measured."""
ROW_SCALE = Scale(tolerance=FULL_SCORE - NEUTRAL_SCORE)
"""Scale of gains of rows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowScores:
    """Scores (N, M) of rows. Implements `FrameValues`."""

    scores: Float32Array

    def matrix(self) -> Float32Array:
        """Return all values (N, M)."""
        return np.asarray(np.clip(self.scores + (1 - FULL_SCORE), 0, 1), np.float32)

    def pairs(self, query: IntArray, reference: IntArray) -> Float32Array:
        """Return the values of pairs of frames (K,)."""
        return np.asarray(np.clip(self.scores[query, reference] + (1 - FULL_SCORE), 0, 1), np.float32)

    def changes(self) -> tuple[Float32Array, Float32Array]:
        """Return zeros: rows are too far apart to say how much frames change."""
        return np.zeros(len(self.scores) - 1, np.float32), np.zeros(self.scores.shape[1] - 1, np.float32)

    def swapped(self) -> "RowScores":
        """Return the scores with the reference as the query."""
        return RowScores(scores=self.scores.T)
