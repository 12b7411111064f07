"""Local alignment of two transcripts (Smith and Waterman 1981): the passages in which both contain the same words.

Long transcripts are aligned in boxes around the diagonals on which most word pairs (bigrams) agree.
"""

from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from mediafp.matching.transcripts.word_codes import (
    GAP_SCORE,
    MATCH_SCORE,
    MISMATCH_SCORE,
    WordCodes,
    encode_bigrams,
    encode_words,
    word_similarity,
)
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import TimeSpan

MIN_AGREEING_SCORE = MATCH_SCORE / 2
"""Score from which two words agree. Chosen, not measured."""
MAX_CELLS = 1 << 20
"""Cells of one alignment: two transcripts of 1000 words, 4 minutes each, are aligned as a whole, longer ones in boxes."""
BOX_WORDS = 1024
"""Words of a side of a box. Chosen, not measured."""
BIN_WORDS = 64
"""Words, and diagonals, of one bin in which agreeing bigrams are counted to place a box. A bigram that occurs more often in the
reference is not counted. Chosen, not measured."""
MIN_SCORE = 60
"""Score of an alignment that is kept: three words in a row. Chosen, not measured."""
CHANCE_WORDS_PER_LOG_CELL = 0.5
"""Words that chance adds for each e-fold of the product of two transcripts' lengths (Karlin and Altschul 1990): it grows with
the logarithm of that product. Of transcripts composed of word pairs of Chinese transcripts, one pair in 200 has a passage whose
net evidence is above it, one in 3000 by a word, none of 10,800 by two, at 15, 100 and 300 words."""
MAX_PASSAGES = 64
"""Alignments of two transcripts. Chosen, not measured."""
MAX_JOIN_GAP_WORDS = 8
"""Words on both sides that may separate two parts of one passage. Chosen, not measured."""
MIN_COPY_WORDS = 12
"""Words of one passage that must agree for a copy; greetings and thanks are shorter. Chosen, not measured."""
MIN_RELATIVE_EVIDENCE = 0.2
"""Share of the best passage's words that a further passage needs, unless it has as many as a copy. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedPassage:
    """An interval of the query and one of the reference, in seconds, that contain the same words.

    Attributes:
        query: Interval of the query.
        reference: Interval of the reference.
        words: Length in words, of the longer side.
        score: Share of the words that agree, 0..1; words that agree in part count in part.
        evidence: Number of agreeing words, but each bigram counts once, and words of low quality count in part: a repeated
            chant is little evidence.
        net_evidence: `evidence` less the cost of the words between the agreeing ones.
        exact_words: Number of words that agree wholly.
        rows: Pairs (query row, reference row) of the words that agree, at least one, in order.
    """

    query: TimeSpan
    reference: TimeSpan
    words: int
    score: float
    evidence: float
    net_evidence: float
    exact_words: int
    rows: tuple[tuple[int, int], ...]

    @property
    def speed(self) -> float:
        """Reference seconds per query second."""
        query_seconds, reference_seconds = self.query[1] - self.query[0], self.reference[1] - self.reference[0]
        return reference_seconds / query_seconds if min(query_seconds, reference_seconds) > 0 else 1.0

    def swap(self) -> "AlignedPassage":
        """Return the passage with query and reference exchanged."""
        return replace(
            self, query=self.reference, reference=self.query, rows=tuple((column, row) for row, column in self.rows)
        )


def align_pair(a: Fingerprint, b: Fingerprint) -> list[AlignedPassage]:
    """Return the passages that two transcripts share, best first, with `a` as the query; exchanged, the same are exchanged.

    Each word of the longer transcript belongs to one passage at most, so that every repetition of the shorter one is found.
    Of files with several sounds each sound is aligned with each, as no passage goes from one to another.
    """
    if (len(a.vectors), b.sha256) >= (len(b.vectors), a.sha256):
        return _align_sounds(a, b)
    return [passage.swap() for passage in _align_sounds(b, a)]


def _align_sounds(query: Fingerprint, reference: Fingerprint) -> list[AlignedPassage]:
    """Return the passages that a sound of one transcript shares with one of another, best first."""
    parts = _parts(query), _parts(reference)
    if max(map(len, parts)) == 1:
        return align_transcripts(query, reference)
    return _worth_stating(
        [
            replace(passage, rows=tuple((row + first, column + second) for row, column in passage.rows))
            for first, of_query in parts[0]
            for second, of_reference in parts[1]
            for passage in align_pair(of_query, of_reference)
        ]
    )


def _parts(fingerprint: Fingerprint) -> list[tuple[int, Fingerprint]]:
    """Return the rows of each sound of a transcript, with the number of its first row."""
    if len(fingerprint.sounds) < 2:
        return [(0, fingerprint)]
    edges = [0, *accumulate(sound.rows for sound in fingerprint.sounds)]
    return [
        (
            start,
            replace(
                fingerprint,
                spans=fingerprint.spans[start:end],
                vectors=fingerprint.vectors[start:end],
                quality=fingerprint.quality[start:end],
                sounds=(),
            ),
        )
        for start, end in pairwise(edges)
    ]


def align_transcripts(query: Fingerprint, reference: Fingerprint) -> list[AlignedPassage]:
    """Return the passages that two transcripts share, best first; each word of the query belongs to one at most."""
    query_words, reference_words = encode_words(query), encode_words(reference)
    unused = np.ones(len(query_words), bool)
    paths: list[npt.NDArray[np.int64]] = []
    least: float = MIN_SCORE
    while len(paths) < MAX_PASSAGES and MATCH_SCORE * int(unused.sum()) >= least:
        (top, bottom), (left, right) = _choose_box(query_words, reference_words, unused)
        similarity = np.where(
            unused[top:bottom, None],
            word_similarity(query_words[top:bottom, None], reference_words[None, left:right]),
            MISMATCH_SCORE,
        )
        score, path = align_locally(similarity)
        if score < least:
            break
        least = max(least, min(MIN_RELATIVE_EVIDENCE * score, MATCH_SCORE * MIN_COPY_WORDS))
        path += (top, left)
        unused[path[0, 0] : path[-1, 0] + 1] = False
        paths.append(path)
    passages = [_to_passage(path, query, reference) for path in _join_paths(paths)]
    # Words that agree in a small part throughout (a laugh and a chant) make a path without one agreeing word.
    return _worth_stating([p for p in passages if p.rows])


def _worth_stating(passages: list[AlignedPassage]) -> list[AlignedPassage]:
    """Return passages best first, without those that have little evidence beside the best one."""
    passages = sorted(passages, key=lambda p: (-p.net_evidence, p.query))
    threshold = min(MIN_RELATIVE_EVIDENCE * passages[0].net_evidence, MIN_COPY_WORDS) if passages else 0
    return [p for p in passages if p.net_evidence >= threshold][:MAX_PASSAGES]


def align_locally(similarity: npt.NDArray[np.int16]) -> tuple[int, npt.NDArray[np.int64]]:
    """Return the score of the best local alignment, and the cells (K, 2) of its path that add to the score.

    Args:
        similarity: Alignment scores (N, M) of the words of query and reference.
    """
    if similarity.shape[0] > similarity.shape[1]:
        score, transposed_path = align_locally(similarity.T)
        return score, transposed_path[:, ::-1].copy()
    similarity_32 = np.ascontiguousarray(similarity, np.int32)
    rows, columns = similarity_32.shape
    # Each cell of the table has the cost of all gaps before it added, so that a gap changes nothing.
    costs = -GAP_SCORE * np.add.outer(np.arange(rows + 1, dtype=np.int32), np.arange(columns + 1, dtype=np.int32))
    table = costs.copy()
    for row_above, cells, gains in zip(table, table[1:, 1:], similarity_32 - 2 * GAP_SCORE, strict=False):
        np.maximum(cells, row_above[1:], out=cells)
        np.maximum(cells, row_above[:-1] + gains, out=cells)
        np.maximum.accumulate(cells, out=cells)
    table -= costs
    row, column = divmod(int(table.argmax()), table.shape[1])
    # Views, as single elements of an array are slow to read.
    scores, pair_scores = memoryview(table), memoryview(similarity_32)
    score = int(scores[row, column])
    path: list[tuple[int, int]] = []
    while (value := scores[row, column]) > 0:
        if value == scores[row - 1, column - 1] + pair_scores[row - 1, column - 1]:
            row, column = row - 1, column - 1
            if pair_scores[row, column] > 0:
                path.append((row, column))
        elif value == scores[row - 1, column] + GAP_SCORE:
            row -= 1
        else:
            column -= 1
    return score, np.array(path[::-1], np.int64).reshape(-1, 2)


def _choose_box(
    query: WordCodes, reference: WordCodes, unused: npt.NDArray[np.bool_]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the range of rows and the range of columns to align next; all of them if the transcripts are short."""
    if len(query) * len(reference) <= MAX_CELLS:
        return (0, len(query)), (0, len(reference))
    query_bigrams, reference_bigrams = encode_bigrams(query), encode_bigrams(reference)
    unused_rows = np.flatnonzero(unused[:-1] & unused[1:])
    order = np.argsort(reference_bigrams, kind="stable")
    first = np.searchsorted(reference_bigrams[order], query_bigrams[unused_rows], "left")
    counts = np.searchsorted(reference_bigrams[order], query_bigrams[unused_rows], "right") - first
    # A bigram that occurs everywhere indicates no position.
    counts[counts > BIN_WORDS] = 0
    rows = np.repeat(unused_rows, counts)
    if not len(rows):
        return (0, 0), (0, 0)
    occurrence = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    columns = order[np.repeat(first, counts) + occurrence]
    diagonals = (columns - rows + len(query)) // BIN_WORDS
    bins_per_row = (len(query) + len(reference)) // BIN_WORDS + 1
    bins = rows // BIN_WORDS * bins_per_row + diagonals
    occupied_bins, votes = np.unique(bins, return_counts=True)
    in_best = bins == occupied_bins[votes.argmax()]
    return (
        _range_around(int(np.median(rows[in_best])), len(query)),
        _range_around(int(np.median(columns[in_best])), len(reference)),
    )


def _range_around(position: int, length: int) -> tuple[int, int]:
    """Return a range of `BOX_WORDS` around a position, cut to a length."""
    return max(0, position - BOX_WORDS // 2), min(length, position + BOX_WORDS // 2)


def _join_paths(paths: list[npt.NDArray[np.int64]]) -> list[npt.NDArray[np.int64]]:
    """Return the paths in the query's order, those that continue one another as one: boxes cut long passages."""
    joined: list[npt.NDArray[np.int64]] = []
    for path in sorted(paths, key=lambda p: int(p[0, 0])):
        if (
            joined
            and 0 < path[0, 0] - joined[-1][-1, 0] <= MAX_JOIN_GAP_WORDS
            and 0 < path[0, 1] - joined[-1][-1, 1] <= MAX_JOIN_GAP_WORDS
        ):
            joined[-1] = np.concatenate((joined[-1], path))
        else:
            joined.append(path)
    return joined


def _to_passage(path: npt.NDArray[np.int64], query: Fingerprint, reference: Fingerprint) -> AlignedPassage:
    """Return the passage of a path of cells (K, 2); its `rows` are empty if no two words agree."""
    (first_row, first_column), (last_row, last_column) = path[0], path[-1]
    query_span, reference_span = (
        (float(fingerprint.spans[first, 0]), float(fingerprint.spans[last, 1]))
        for fingerprint, first, last in ((query, first_row, last_row), (reference, first_column, last_column))
    )
    words = int(max(last_row - first_row, last_column - first_column)) + 1
    query_words, reference_words = encode_words(query)[path[:, 0]], encode_words(reference)[path[:, 1]]
    similarity = word_similarity(query_words, reference_words)
    shares = similarity / MATCH_SCORE
    quality = shares * np.minimum(query.quality[path[:, 0]], reference.quality[path[:, 1]])
    # A word counts as evidence only if it follows its predecessor for the first time.
    _, first_uses = np.unique(encode_bigrams(query_words), return_index=True)
    evidence = float(quality[0] + quality[1:][first_uses].sum())
    words_between = float((np.diff(path, axis=0).max(axis=1, initial=1) - 1).sum())
    return AlignedPassage(
        query=query_span,
        reference=reference_span,
        words=words,
        score=float(shares.sum()) / words,
        evidence=evidence,
        net_evidence=evidence + GAP_SCORE / MATCH_SCORE * words_between,
        exact_words=int(np.sum(similarity == MATCH_SCORE)),
        rows=tuple((int(row), int(column)) for row, column in path[similarity >= MIN_AGREEING_SCORE]),
    )
