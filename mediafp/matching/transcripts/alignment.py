"""Two scripts side by side: the stretches in which both say the same, by local alignment.

Smith and Waterman, 1981. All words are the rows of a "words" fingerprint as numbers.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import TimeSpan

WordCodes = npt.NDArray[np.uint32]
"""One number a word, equal where the words sound the same, and equal in bytes where syllables do in part."""
MATCH_SCORE, MISMATCH_SCORE, GAP_SCORE = 20, -10, -10
"""Scores of an alignment: a third of the words must agree, and chance alignments stay short."""
INITIAL, MEDIAL, NUCLEUS, CODA = 12, 3, 12, 3
"""What equal parts of two syllables add to MISS, medial and coda only with the nucleus; all of them make a MATCH. What
Whisper mishears it mishears in part: of scripts of 12 words and more under other voices, by the best false pair, equal
syllables alone find .87, and parts .96."""
SYLLABLES = np.uint32(1 << 31)
"""Words below it are syllables."""
AGREES = MATCH_SCORE / 2
"""Score from which two words are said to agree."""
MAX_CELLS = 1 << 20
"""Cells of one alignment: two scripts of 1000 words, 4 minutes each, as a whole; longer ones box by box."""
BOX = 1024
"""Words of a side of a box, around the place where most pairs of words agree."""
BIN = 64
"""Words, and diagonals, among which agreeing pairs are counted to place a box."""
MIN_SCORE = 60
"""Score of a stretch that is kept: three words in a row."""
MAX_STRETCHES = 64
MAX_JOIN_GAP_WORDS = 8
"""Words on both sides that may lie between two parts of one stretch."""
MIN_COPY_WORDS = 12
"""Words of one stretch that must agree before it can be called a copy; greetings and thanks are shorter."""
SIDE_SHARE = 0.2
"""A further stretch must have this share of the best one's words, or as many as a copy needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedPassage:
    """A stretch in which query and reference say the same, seconds; `speed` is reference seconds per query second.

    `rows` are the (query row, reference row) pairs that agree, at least one, in order, and `equal` of them agree wholly;
    `words` is how many words it is long (of the longer side), `score` the share of them that agrees, those alike in part
    taken in part. `evidence` counts the same where they follow one another in a new way, doubtful ones in part: a chant
    says little. `net` is the evidence less what the words between cost.
    """

    query: TimeSpan
    reference: TimeSpan
    speed: float
    words: int
    score: float
    evidence: float
    net_evidence: float
    exact_words: int
    rows: tuple[tuple[int, int], ...]


def encode_words(fingerprint: Fingerprint) -> WordCodes:
    """The rows of a "words" fingerprint as numbers."""
    return np.ascontiguousarray(fingerprint.vectors, np.uint8).view("<u4").ravel().astype(np.uint32)


def encode_bigrams(words: WordCodes) -> npt.NDArray[np.uint64]:
    """Neighbouring words as one well-mixed number each."""
    mixed = (words[:-1].astype(np.uint64) << np.uint64(32)) | words[1:]
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    return mixed ^ (mixed >> np.uint64(29))


def align_transcripts(query: Fingerprint, reference: Fingerprint) -> list[AlignedPassage]:
    """The stretches that both say, best first; every word of the query is used once."""
    here, there = encode_words(query), encode_words(reference)
    free = np.ones(len(here), bool)
    paths: list[npt.NDArray[np.int64]] = []
    best = 0
    while len(paths) < MAX_STRETCHES:
        (top, bottom), (left, right) = _box(here, there, free)
        gains = np.where(
            free[top:bottom, None], word_similarity(here[top:bottom, None], there[None, left:right]), MISMATCH_SCORE
        )
        score, path = _local(gains)
        if score < max(MIN_SCORE, min(SIDE_SHARE * best, MATCH_SCORE * MIN_COPY_WORDS)):
            break
        best = max(best, score)
        path += (top, left)
        free[path[0, 0] : path[-1, 0] + 1] = False
        paths.append(path)
    # What is alike in a small part throughout (a laugh and a chant) agrees in nothing.
    stretches = [s for s in (_stretch(path, query, reference) for path in _joined(paths)) if s.rows]
    stretches.sort(key=lambda s: (-s.net_evidence, s.query))
    least = min(SIDE_SHARE * stretches[0].net_evidence, MIN_COPY_WORDS) if stretches else 0
    return [s for s in stretches if s.net_evidence >= least]


def _box(here: WordCodes, there: WordCodes, free: npt.NDArray[np.bool_]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The rows and the columns to align: all, or where both are long those around most agreeing pairs of words."""
    if len(here) * len(there) <= MAX_CELLS:
        return (0, len(here)), (0, len(there))
    mine, theirs = encode_bigrams(here), encode_bigrams(there)
    open_rows = np.flatnonzero(free[:-1] & free[1:])
    order = np.argsort(theirs, kind="stable")
    first = np.searchsorted(theirs[order], mine[open_rows], "left")
    counts = np.searchsorted(theirs[order], mine[open_rows], "right") - first
    # A pair of words that is everywhere tells no place.
    counts[counts > BIN] = 0
    rows = np.repeat(open_rows, counts)
    if not len(rows):
        return (0, 0), (0, 0)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    columns = order[np.repeat(first, counts) + within]
    diagonals = (columns - rows + len(here)) // BIN
    width = (len(here) + len(there)) // BIN + 1
    cells, votes = np.unique(rows // BIN * width + diagonals, return_counts=True)
    inside = rows // BIN * width + diagonals == cells[votes.argmax()]
    return _around(int(np.median(rows[inside])), len(here)), _around(int(np.median(columns[inside])), len(there))


def _around(place: int, length: int) -> tuple[int, int]:
    return max(0, place - BOX // 2), min(length, place + BOX // 2)


def word_similarity(here: WordCodes, there: WordCodes) -> npt.NDArray[np.int16]:
    """The score of each pair of words, in the shape that both broadcast to: MISS to MATCH."""
    other = here ^ there
    initial, medial, nucleus, coda = ((other & np.uint32(0xFF << shift)) == 0 for shift in (0, 8, 16, 24))
    alike = MISMATCH_SCORE + INITIAL * initial.astype(np.int16) + nucleus * (NUCLEUS + MEDIAL * medial + CODA * coda)
    made: npt.NDArray[np.int16] = np.where(
        (here | there) < SYLLABLES, alike, np.where(other == 0, MATCH_SCORE, MISMATCH_SCORE)
    )
    return made.astype(np.int16)


def best_scores(query: WordCodes, references: WordCodes, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The score (R,) of the best local alignment with each of some references (R, L) of so many words each."""
    width = references.shape[1]
    beyond = np.arange(width) >= lengths[:, None]
    ramp = (-GAP_SCORE * np.arange(1, width + 1)).astype(np.int16)
    table = np.zeros((len(references), width + 1), np.int16)
    best = np.zeros(len(references), np.int16)
    for word in query:
        gain = np.where(beyond, np.int16(MISMATCH_SCORE), word_similarity(word, references))
        table[:, 1:] = _next_row(table, gain, ramp)
        np.maximum(best, table.max(axis=1, initial=0), out=best)
    return best.astype(np.int64)


def _next_row[T: np.signedinteger[Any]](
    row: npt.NDArray[T], gain: npt.NDArray[T], ramp: npt.NDArray[T]
) -> npt.NDArray[T]:
    """The scores (..., L) of alignments that end at each cell of a row, from those (..., 1 + L) of the row before."""
    best = np.maximum(row[..., :-1] + gain, row[..., 1:] + row.dtype.type(GAP_SCORE))
    np.maximum(best, 0, out=best)
    # Skipping k columns costs k: the running maximum of what each cell would be worth at the row's end.
    made: npt.NDArray[T] = np.maximum.accumulate(best + ramp, axis=-1) - ramp
    return made


def _local(likely: npt.NDArray[np.int16]) -> tuple[int, npt.NDArray[np.int64]]:
    """The best local alignment by a table of scores: its own score, and the cells (K, 2) of its path that gain."""
    if likely.shape[0] > likely.shape[1]:
        score, turned = _local(likely.T)
        return score, turned[:, ::-1].copy()
    gains = likely.astype(np.int32)
    table = np.zeros((gains.shape[0] + 1, gains.shape[1] + 1), np.int32)
    ramp = -GAP_SCORE * np.arange(1, gains.shape[1] + 1, dtype=np.int32)
    for row, gain in enumerate(gains):
        table[row + 1, 1:] = _next_row(table[row], gain, ramp)
    at = int(table.argmax())
    row, column = divmod(at, table.shape[1])
    score = int(table[row, column])
    path: list[tuple[int, int]] = []
    while table[row, column] > 0:
        value = table[row, column]
        if value == table[row - 1, column - 1] + gains[row - 1, column - 1]:
            row, column = row - 1, column - 1
            if gains[row, column] > 0:
                path.append((row, column))
        elif value == table[row - 1, column] + GAP_SCORE:
            row -= 1
        else:
            column -= 1
    return score, np.array(path[::-1], np.int64).reshape(-1, 2)


def _joined(paths: list[npt.NDArray[np.int64]]) -> list[npt.NDArray[np.int64]]:
    """The paths in the query's order, those that go on from one another as one: a long script comes in boxes."""
    whole: list[npt.NDArray[np.int64]] = []
    for path in sorted(paths, key=lambda p: int(p[0, 0])):
        if (
            whole
            and 0 < path[0, 0] - whole[-1][-1, 0] <= MAX_JOIN_GAP_WORDS
            and 0 < path[0, 1] - whole[-1][-1, 1] <= MAX_JOIN_GAP_WORDS
        ):
            whole[-1] = np.concatenate((whole[-1], path))
        else:
            whole.append(path)
    return whole


def _stretch(path: npt.NDArray[np.int64], query: Fingerprint, reference: Fingerprint) -> AlignedPassage:
    (row, column), (last_row, last_column) = path[0], path[-1]
    times = [
        (float(side.spans[first, 0]), float(side.spans[last, 1]))
        for side, first, last in ((query, row, last_row), (reference, column, last_column))
    ]
    seconds = [end - start for start, end in times]
    words = int(max(last_row - row, last_column - column)) + 1
    said = query.vectors[path[:, 0]]
    likely = word_similarity(encode_words(query)[path[:, 0]], encode_words(reference)[path[:, 1]])
    shares = likely / MATCH_SCORE
    quality = shares * np.minimum(query.quality[path[:, 0]], reference.quality[path[:, 1]])
    # A word counts where it follows the one before it for the first time.
    _, first = np.unique(np.hstack((said[1:], said[:-1])), axis=0, return_index=True)
    evidence = float(quality[0] + quality[1:][first].sum())
    between = float((np.diff(path, axis=0).max(axis=1, initial=1) - 1).sum())
    return AlignedPassage(
        query=times[0],
        reference=times[1],
        speed=seconds[1] / seconds[0] if min(seconds) > 0 else 1.0,
        words=words,
        score=float(shares.sum()) / words,
        evidence=evidence,
        net_evidence=evidence + GAP_SCORE / MATCH_SCORE * between,
        exact_words=int(np.sum(likely == MATCH_SCORE)),
        rows=tuple((int(a), int(b)) for a, b in path[likely >= AGREES]),
    )
