"""Relations between assets as columns: 58 bytes per edge, so that a million edges fit in memory."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import batched, count
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from mediafp.matching.graphs import BoolArray, Graph, IntArray
from mediafp.types.arrays import Float64Array
from mediafp.types.matches import Relation
from mediafp.types.media import Kind

type EdgeRow = tuple[str, str, Relation, float, float, float]
"""One edge: SHA-256 of `a` and of `b`, relation, probability, coverage of `a` and of `b`."""
RELATIONS: tuple[Relation, ...] = get_args(Relation)
"""Every relation; the columns hold its place here."""
ROWS_PER_BATCH = 50_000
"""Edges that are held as Python objects while they are read. Chosen, not measured."""
MIN_COVERAGE = 0.65
"""Mean coverage of the two assets below which an edge has no weight (a shared intro, half of a video, one photograph of
four). On the sets of `RESOLUTION`, .3 gives F .994 on each standard one, but .007 less on each hard one.
"""
NOT_ONE_CUT: tuple[Relation, ...] = ("same_script", "shares_footage")
"""Relations of videos that are not one cut, whatever they share."""
MIN_CERTAIN_WEIGHT = 0.8
"""Weight of a single edge from which two assets are near-certain duplicates: both their probability and their mean coverage
are at least as high. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EdgeColumns:
    """Edges of assets of one kind each, sorted by pair, then by relation; an asset is a place in `names`."""

    names: list[str]
    """SHA-256 of every asset that has an edge or was asked for, sorted."""
    low: IntArray
    """Asset of the smaller SHA-256."""
    high: IntArray
    swapped: BoolArray
    """True for edges whose `a` is the higher asset."""
    relations: npt.NDArray[np.uint8]
    probabilities: Float64Array
    low_coverage: Float64Array
    high_coverage: Float64Array
    weights: Float64Array
    """Probability times mean coverage, or 0 for an edge that does not indicate a near-duplicate."""


def read_edge_rows(
    rows: Iterable[EdgeRow],
    kinds: Mapping[str, Kind],
    audio_files: Collection[str] = (),
    more_names: Iterable[str] = (),
) -> EdgeColumns:
    """Return the edges between assets of equal kind; the result does not depend on their order or direction.

    Args:
        rows: The edges.
        kinds: Kind of every asset, by SHA-256.
        audio_files: Videos without frames.
        more_names: Assets that are among the names though they may have no edge.
    """
    names, (a, b, relations, probabilities, a_coverage, b_coverage) = _load_columns(rows, more_names)
    has_no_frames = np.array([name in audio_files for name in names], bool)
    is_video = np.array([kinds[name] == "video" for name in names], bool)
    swapped = a > b
    columns = [
        np.minimum(a, b),
        np.maximum(a, b),
        relations,
        probabilities,
        np.where(swapped, b_coverage, a_coverage),
        np.where(swapped, a_coverage, b_coverage),
        swapped,
    ]
    sorted_rows = np.lexsort(columns[::-1])
    sorted_rows = sorted_rows[is_video[columns[0][sorted_rows]] == is_video[columns[1][sorted_rows]]]
    low, high, relations, probabilities, low_coverage, high_coverage, swapped = (
        column[sorted_rows] for column in columns
    )
    return EdgeColumns(
        names=names,
        low=low,
        high=high,
        swapped=swapped,
        relations=relations,
        probabilities=probabilities,
        low_coverage=low_coverage,
        high_coverage=high_coverage,
        weights=_edge_weights(
            relations,
            probabilities,
            (low_coverage + high_coverage) / 2,
            is_of_audio_files=has_no_frames[low] & has_no_frames[high],
        ),
    )


def _load_columns(rows: Iterable[EdgeRow], more_names: Iterable[str]) -> tuple[list[str], list[npt.NDArray[Any]]]:
    """Return the sorted names, and the columns of edges in the order of the fields of a row; assets are places in the names."""
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    for name in more_names:
        numbers[name]
    codes = {relation: code for code, relation in enumerate(RELATIONS)}
    batches: list[list[npt.NDArray[np.generic]]] = []
    for batch in batched(rows, ROWS_PER_BATCH):
        a_names, b_names, relation, *figures = zip(*batch, strict=True)
        batches.append(
            [
                np.fromiter(map(numbers.__getitem__, a_names), np.int64, len(batch)),
                np.fromiter(map(numbers.__getitem__, b_names), np.int64, len(batch)),
                np.fromiter(map(codes.__getitem__, relation), np.uint8, len(batch)),
                *(np.array(column, np.float64) for column in figures),
            ]
        )
    if not batches:
        batches.append([np.zeros(0, dtype) for dtype in (np.int64, np.int64, np.uint8, *(np.float64,) * 3)])
    a, b, *others = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    names = list(numbers)
    order = sorted(range(len(names)), key=names.__getitem__)
    places = np.empty(len(names), np.int64)
    places[order] = np.arange(len(names))
    return [names[number] for number in order], [places[a], places[b], *others]


def _edge_weights(
    relations: npt.NDArray[np.uint8],
    probabilities: Float64Array,
    mean_coverage: Float64Array,
    *,
    is_of_audio_files: BoolArray,
) -> Float64Array:
    """Return the weight of each edge: probability times mean coverage, or 0 if it does not indicate a near-duplicate.

    Two videos that share a clip, or a collage and its photographs, have a mean coverage below MIN_COVERAGE and weigh 0. So do
    some relations at any coverage: the same words, and the same stock pictures, are not the same video. Neither is the same
    sound, such as a song, but for two audio files.
    """
    is_only_heard = (relations == RELATIONS.index("same_voice")) & ~is_of_audio_files
    is_other_cut = np.isin(relations, [RELATIONS.index(one) for one in NOT_ONE_CUT])
    has_weight = (mean_coverage >= MIN_COVERAGE) & ~is_other_cut & ~is_only_heard
    weights: Float64Array = np.where(has_weight, probabilities * mean_coverage, 0.0)
    return weights


def pair_graph(columns: EdgeColumns) -> Graph:
    """Return the graph of the assets, in which the weights of all edges of a pair add up."""
    rows = np.flatnonzero(columns.weights > 0)
    low, high, weights = columns.low[rows], columns.high[rows], columns.weights[rows]
    firsts = np.flatnonzero((np.diff(low, prepend=-1) != 0) | (np.diff(high, prepend=-1) != 0))
    if not len(firsts):
        return Graph(nodes=len(columns.names), a=low, b=high, weights=weights, certain=weights > 0)
    return Graph(
        nodes=len(columns.names),
        a=low[firsts],
        b=high[firsts],
        weights=np.add.reduceat(weights, firsts),
        certain=np.maximum.reduceat(weights, firsts) >= MIN_CERTAIN_WEIGHT,
    )
