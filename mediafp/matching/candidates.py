"""Candidates: the references whose rows lie nearest to a query's, after score normalisation."""

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from mediafp.types.neighbours import Neighbours

Vectors = npt.NDArray[np.float16]
BACKGROUND_NEIGHBOURS = 3
"""Score normalisation subtracts the mean of these best similarities to unrelated pictures (SSCD, section 5.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A reference worth a closer look. Scores: cosine, raw and less the query's background level.

    `row` is the reference's row, `view` the query's, that score best; `votes` the query rows that hit it. `clear` is
    the score of the best of the query's first rows, of which one is likely the copy and nothing else.
    """

    sha256: str
    score: float
    similarity: float
    distinct_score: float
    query_row: int
    row: int
    votes: int = 1


def background_level(vectors: Vectors, background: Vectors) -> npt.NDArray[np.float32]:
    """How alike each row (N,) is to unrelated pictures: the mean of its best cosines to the bank."""
    similarity = vectors.astype(np.float32) @ background.astype(np.float32).T
    best = np.partition(similarity, -BACKGROUND_NEIGHBOURS, axis=1)[:, -BACKGROUND_NEIGHBOURS:]
    return np.asarray(best.mean(axis=1), np.float32)


def rank_candidates(
    neighbours: Neighbours,
    levels: npt.NDArray[np.float32],
    *,
    vote_at: float,
    clear: int = 1,
    exclude: str | None = None,
) -> list[Candidate]:
    """Candidates by falling normalised score, one an asset, from the neighbours of a query's Q rows and their levels (Q,).

    A query row votes for an asset where it scores at least `vote_at`; the first `clear` rows are the clear ones.
    `without` names the query itself.
    """
    best: dict[int, tuple[float, float, int, int]] = {}
    clearest: dict[int, float] = {}
    voters: dict[int, set[int]] = {}
    hits = zip(neighbours.asset.tolist(), neighbours.row.tolist(), neighbours.score.tolist(), strict=True)
    for view, (near, rows, similarity) in enumerate(hits):
        for owner, row, raw in zip(near, rows, similarity, strict=True):
            score = raw - float(levels[view])
            if view < clear:
                clearest[owner] = max(clearest.get(owner, -1.0), score)
            if score >= vote_at:
                voters.setdefault(owner, set()).add(view)
            if owner not in best or score > best[owner][0]:
                best[owner] = (score, raw, view, row)
    found = [
        Candidate(
            sha256=neighbours.assets[owner],
            score=score,
            similarity=raw,
            distinct_score=clearest.get(owner, -1.0),
            query_row=view,
            row=row,
            votes=len(voters.get(owner, ())),
        )
        for owner, (score, raw, view, row) in best.items()
        if neighbours.assets[owner] != exclude
    ]
    return sorted(found, key=lambda c: (-c.score, c.sha256))


def shortlist(candidates: list[Candidate], crops: dict[str, float], count: int) -> list[Candidate]:
    """The best by any view, by a clear view, and by a crop of the reference, in turn: each is strong where others are weak.

    `crops` are the likenesses of the query's clear views to the candidates' crops. Development set, 2,980 pictures, 22
    edits, true reference among 14: without crops and rectangles .885, with rectangles .904, with nine crops too .995; one
    ranking by the best of all pairs of a view and a crop .952.
    """
    by_clear = sorted(candidates, key=lambda c: (-c.distinct_score, c.sha256))
    by_crop = sorted((c for c in candidates if c.sha256 in crops), key=lambda c: (-crops[c.sha256], c.sha256))
    chosen: dict[str, Candidate] = {}
    for turn in zip_longest(candidates, by_clear, by_crop):
        for candidate in turn:
            if candidate and len(chosen) < count:
                chosen.setdefault(candidate.sha256, candidate)
    return list(chosen.values())


def min_hamming_distance(query: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8]) -> int:
    """The least Hamming distance, bits, of any query row (F, B) to any reference row (R, B); all bits where empty."""
    if not len(query) or not len(reference):
        return int(query.shape[-1]) * 8
    return int(np.bitwise_count(query[:, None] ^ reference[None]).sum(axis=2).min())
