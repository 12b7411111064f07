"""Candidates: the references whose rows lie nearest to a query's, after score normalisation."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.matching.place import Box
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


def half_boxes(width: int, height: int) -> list[Box]:
    """The whole picture and its 3 x 3 overlapping half crops."""
    across, down = max(1, width // 2), max(1, height // 2)
    corners = [(int(left * width), int(top * height)) for top in HALF_STEPS for left in HALF_STEPS]
    return [(0, 0, width, height), *((x, y, x + across, y + down) for x, y in corners)]


def half_views(picture: Pixels) -> list[Pixels]:
    """The picture's `half_boxes`, which find a picture inside a screenshot."""
    boxes = half_boxes(picture.shape[1], picture.shape[0])
    return [picture[top:bottom, left:right] for left, top, right, bottom in boxes]


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


def distance_between(query: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8]) -> int:
    """The least Hamming distance, bits, of any query row (F, B) to any reference row (R, B); all bits where empty."""
    if not len(query) or not len(reference):
        return int(query.shape[-1]) * 8
    return int(np.bitwise_count(query[:, None] ^ reference[None]).sum(axis=2).min())
