"""Videos that a partition leaves alone although they are whole copies of another one."""

from typing import Final

import numpy as np

from mediafp.matching.edge_columns import RELATIONS, EdgeColumns
from mediafp.matching.graphs import IntArray

MIN_WHOLE_COVERAGE: Final = 0.95
"""Share of each of two videos that the other shows from which they are whole copies. Chosen, not measured."""
MIN_WHOLE_PROBABILITY: Final = 0.99
"""Probability from which such a pair is certain. Chosen, not measured."""


def join_lone_copies(labels: IntArray, columns: EdgeColumns) -> IntArray:
    """Return the community of each asset, with each lone video in that of its best whole copy, if it has one.

    An edit of which only the original shows all, such as a slow zoom, has one edge to a community whose other members
    show parts of it; a community needs more than that. Only a single asset is joined, so that no wrong edge joins two
    communities.
    """
    is_lone = np.bincount(labels, minlength=len(labels))[labels] == 1
    is_whole = (
        (columns.relations == RELATIONS.index("same_video"))
        & (columns.weights > 0)
        & (columns.probabilities >= MIN_WHOLE_PROBABILITY)
        & (np.minimum(columns.low_coverage, columns.high_coverage) >= MIN_WHOLE_COVERAGE)
    )
    rows = np.flatnonzero(is_whole & (is_lone[columns.low] != is_lone[columns.high]))
    lone = np.where(is_lone[columns.low[rows]], columns.low[rows], columns.high[rows])
    partner = columns.low[rows] + columns.high[rows] - lone
    # The best edge comes last, and of equal ones that to the asset with the smallest SHA-256.
    order = np.lexsort((-partner, columns.weights[rows]))
    joined = labels.copy()
    joined[lone[order]] = labels[partner[order]]
    return joined
