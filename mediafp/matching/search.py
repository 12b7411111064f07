"""Candidates: the references whose rows lie nearest to a query's, after score normalisation."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.media import Pixels

Vectors = npt.NDArray[np.float16]
BACKGROUND_NEIGHBOURS = 3
"""Score normalisation subtracts the mean of these best similarities to unrelated pictures (SSCD, section 5.3)."""
HALF_STEPS = (0.0, 0.25, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A reference worth a closer look. Scores: cosine, raw and less the query's background level.

    `row` is the reference's row, `view` the query's, that score best; `votes` the query rows that hit it.
    """

    sha256: str
    score: float
    raw: float
    full: float
    view: int
    row: int
    votes: int = 1


def half_views(picture: Pixels) -> list[Pixels]:
    """The picture and its 3 x 3 overlapping half crops, which find a picture inside a screenshot."""
    height, width = picture.shape[:2]
    views = [picture]
    for top in HALF_STEPS:
        for left in HALF_STEPS:
            y, x = int(top * height), int(left * width)
            views.append(picture[y : y + max(1, height // 2), x : x + max(1, width // 2)])
    return views


def background_level(vectors: Vectors, background: Vectors) -> npt.NDArray[np.float32]:
    """How alike each row (N,) is to unrelated pictures: the mean of its best cosines to the bank."""
    likeness = vectors.astype(np.float32) @ background.astype(np.float32).T
    best = np.partition(likeness, -BACKGROUND_NEIGHBOURS, axis=1)[:, -BACKGROUND_NEIGHBOURS:]
    return np.asarray(best.mean(axis=1), np.float32)


def rank(
    rows: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    levels: npt.NDArray[np.float32],
    owners: npt.NDArray[np.int64],
    assets: list[str],
    row_of: npt.NDArray[np.int64],
    *,
    vote_at: float,
    without: str | None = None,
) -> list[Candidate]:
    """Candidates by falling normalised score, one an asset, from the hits (Q, K) of a query's Q rows.

    A query row votes for an asset where it scores at least `vote_at`. `without` names the query itself.
    """
    best: dict[int, tuple[float, float, int, int]] = {}
    full: dict[int, float] = {}
    voters: dict[int, set[int]] = {}
    for view, (near, likeness) in enumerate(zip(rows, scores, strict=True)):
        for index, raw in zip(near.tolist(), likeness.tolist(), strict=True):
            owner, score = int(owners[index]), raw - float(levels[view])
            if view == 0:
                full[owner] = max(full.get(owner, -1.0), score)
            if score >= vote_at:
                voters.setdefault(owner, set()).add(view)
            if owner not in best or score > best[owner][0]:
                best[owner] = (score, raw, view, int(row_of[index]))
    found = [
        Candidate(
            sha256=assets[owner],
            score=score,
            raw=raw,
            full=full.get(owner, -1.0),
            view=view,
            row=row,
            votes=len(voters.get(owner, ())),
        )
        for owner, (score, raw, view, row) in best.items()
        if assets[owner] != without
    ]
    return sorted(found, key=lambda c: (-c.score, c.sha256))


def shortlist(candidates: list[Candidate], count: int) -> list[Candidate]:
    """The best by any view and the best by the whole picture, half each: either alone misses some edits.

    Development set, hard edits, true reference among 10: whole .877, views .957, each weak where the other is strong.
    """
    by_full = sorted(candidates, key=lambda c: (-c.full, c.sha256))
    chosen: dict[str, Candidate] = {}
    for pair in zip(candidates, by_full, strict=True):
        for candidate in pair:
            if len(chosen) < count:
                chosen.setdefault(candidate.sha256, candidate)
    return list(chosen.values())


def distances(query: npt.NDArray[np.uint8], references: Mapping[str, npt.NDArray[np.uint8]]) -> dict[str, int]:
    """The least Hamming distance of any query form (F, B) to any row (R, B) of each reference."""
    return {
        sha256: int(np.bitwise_count(query[:, None] ^ rows[None]).sum(axis=2).min())
        for sha256, rows in references.items()
        if len(rows)
    }
