"""Scores of the best local alignments of one transcript with many others at once, without their paths.

The others lie beside one another in memory, one column each, so that each step of the recurrence is one operation on all of
them (inter-sequence vectorisation, Rognes 2011). The scores are those of `align_locally`.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mediafp.matching.transcripts.word_codes import (
    CODA,
    GAP_SCORE,
    INITIAL,
    MATCH_SCORE,
    MEDIAL,
    MISMATCH_SCORE,
    NUCLEUS,
    WordCodes,
)

WordPlanes = npt.NDArray[np.uint8]
"""Words of R transcripts, (4, L, R): the initials, medials, nuclei and codas of their first, second, … words."""
PADDING = 127
"""Byte of a word that does not exist; it equals no part of a syllable and no last byte of the hash of a word."""
CHUNK_CELLS = 400_000
"""Words of the transcripts that are scored at once: of 50,000 to 400,000, the fastest for transcripts of a minute, and no slower
for those of 32 words."""
MAX_QUERY_SHARE = 8
"""Words of a query, for each word of a transcript, from which fewer transcripts are scored at once, as the scores of all
diagonals are kept meanwhile. Chosen, not measured."""
MIN_LOOPED_COLUMNS = 128
"""Transcripts from which a loop over their words is faster than `numpy.maximum.accumulate`."""


def to_word_planes(transcripts: Sequence[WordCodes], width: int) -> WordPlanes:
    """Return the words of transcripts of at most `width` words, padded at the end."""
    words = np.full((len(transcripts), width), int.from_bytes(bytes([PADDING] * 4)), "<u4")
    for row, codes in zip(words, transcripts, strict=True):
        row[: len(codes)] = codes
    return np.ascontiguousarray(_to_parts(words).transpose(2, 1, 0))


def best_scores(query: WordCodes, planes: WordPlanes) -> npt.NDArray[np.int64]:
    """Return the scores (R,) of the best local alignments of a query with R transcripts.

    Two hashes of words are equal here if 29 of their 31 bits are.
    """
    _, width, count = planes.shape
    step = max(1, CHUNK_CELLS // max(1, width, len(query) // MAX_QUERY_SHARE))
    scores = np.zeros(count, np.int64)
    for start in range(0, count, step):
        scores[start : start + step] = _score_chunk(_to_parts(query), planes[:, :, start : start + step])
    return scores


def _to_parts(words: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """Return the bytes (…, 4) of words; initial and nucleus of a hash equal those of no syllable."""
    parts = np.ascontiguousarray(words, "<u4").view(np.uint8).reshape(*words.shape, 4).copy()
    hash_bit = parts[..., 3] & 0x80
    parts[..., 0] |= hash_bit
    parts[..., 2] |= hash_bit
    return parts


def _score_chunk(query: npt.NDArray[np.uint8], planes: WordPlanes) -> npt.NDArray[np.int64]:
    """Return the scores (R,) of a query's parts (N, 4) with R transcripts.

    A cell (n, l) of the table holds its score plus the cost of n + l gaps. A gap then costs nothing, an alignment that starts
    there has the cost of n + l gaps, and words that agree add their score plus the cost of two gaps.
    """
    planes = np.ascontiguousarray(planes)
    _, width, count = planes.shape
    length = len(query)
    largest = -GAP_SCORE * (length + width) + MATCH_SCORE * (min(length, width) + 1)
    dtype = np.int16 if largest <= np.iinfo(np.int16).max else np.int32
    starts = -GAP_SCORE * np.arange(length + width + 1, dtype=dtype)[:, None]
    row, next_row = np.empty((2, width + 1, count), dtype)
    row[:] = starts[: width + 1]
    best = np.zeros((length + width + 1, count), dtype)
    gains = np.empty((width, count), dtype)
    similarity = np.empty((width, count), np.uint8)
    is_equal = np.empty((width, count), bool)
    shift = dtype(MISMATCH_SCORE - 2 * GAP_SCORE)
    for n, word in enumerate(query, 1):
        _compare_word(word, planes, similarity, is_equal)
        np.add(similarity, shift, out=gains, casting="unsafe", dtype=dtype)
        next_row[0] = starts[n]
        cells = next_row[1:]
        np.add(row[:-1], gains, out=cells)
        np.maximum(cells, row[1:], out=cells)
        np.maximum(cells, starts[n + 1 : n + 1 + width], out=cells)
        if count < MIN_LOOPED_COLUMNS:
            np.maximum.accumulate(cells, axis=0, out=cells)
        else:
            for left, cell in pairwise(cells):
                np.maximum(cell, left, out=cell)
        diagonals = best[n : n + width + 1]
        np.maximum(diagonals, next_row, out=diagonals)
        row, next_row = next_row, row
    best -= starts
    scores: npt.NDArray[np.int64] = best.max(axis=0, initial=0).astype(np.int64)
    return scores


def _compare_word(
    word: npt.NDArray[np.uint8],
    planes: WordPlanes,
    similarity: npt.NDArray[np.uint8],
    is_equal: npt.NDArray[np.bool_],
) -> None:
    """Write the similarity of a word with all words of the planes, less `MISMATCH_SCORE`; `is_equal` is overwritten."""
    equal = is_equal.view(np.uint8)
    initial, medial, nucleus, coda = planes
    if word[3] & 0x80:
        np.equal(coda, word[3], out=is_equal)
        np.copyto(similarity, equal)
        for plane, part in ((initial, word[0]), (medial, word[1]), (nucleus, word[2])):
            np.equal(plane, part, out=is_equal)
            similarity &= equal
        similarity *= np.uint8(MATCH_SCORE - MISMATCH_SCORE)
        return
    np.equal(coda, word[3], out=is_equal)
    np.multiply(equal, np.uint8(CODA), out=similarity)
    np.equal(medial, word[1], out=is_equal)
    equal *= np.uint8(MEDIAL)
    similarity += equal
    similarity += np.uint8(NUCLEUS)
    np.equal(nucleus, word[2], out=is_equal)
    similarity *= equal
    np.equal(initial, word[0], out=is_equal)
    equal *= np.uint8(INITIAL)
    similarity += equal
