"""MinHash signatures of the passages of transcripts, and an index of them that grows.

Signatures keep one byte of each minimum (Li and König 2010, b-bit minwise hashing).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mediafp.matching.transcripts.growing_columns import GrowingColumns
from mediafp.matching.transcripts.word_codes import WordCodes, encode_bigrams

PASSAGE_WORDS, HOP_WORDS = 40, 20
"""Words of a passage, and words from the start of one passage to the next: ten seconds of speech, each word in two passages."""
SIGNATURE_BYTES = 128
"""Minima of a passage's signature, one byte each. Chosen, not measured."""
CHUNK_PASSAGES = 1 << 15
"""Passages compared at once: their counts and one row of minima fit into the processor's cache."""
MIN_EQUAL_MINIMA = 3
"""Equal minima from which two transcripts of one passage are compared; passages of unrelated words have 0.5 on average, and three
in 1.4 % of pairs."""


class PassageIndex:
    """Signatures of passages in memory, 128 bytes each, searched exhaustively.

    A million passages, 1300 hours of speech, are compared in 25 to 45 ms for each passage of the query.

    Attributes:
        longest: Length of the longest transcript, in words.
    """

    def __init__(self) -> None:
        self.longest = 0
        # One row for each minimum, so that equal bytes of many passages are counted along memory.
        self._minima = GrowingColumns((SIGNATURE_BYTES,), np.uint8)
        self._slots = GrowingColumns((), np.int64)
        self._passages = GrowingColumns((), np.int64)

    def add(self, transcripts: Sequence[tuple[int, WordCodes]]) -> None:
        """Add transcripts, each with a number of its own."""
        self.longest = max(self.longest, *(len(words) for _, words in transcripts), 0)
        rows = [signatures(words) for _, words in transcripts]
        counts = [len(passages) for passages in rows]
        self._minima.append(np.concatenate([np.empty((0, SIGNATURE_BYTES), np.uint8), *rows]).T)
        self._slots.append(np.repeat(np.array([slot for slot, _ in transcripts], np.int64), counts))
        # Last, as another thread searches as many passages as have a number.
        self._passages.append(np.repeat(np.array(counts, np.int64), counts))

    def search(self, words: WordCodes) -> list[tuple[int, int]]:
        """Return the numbers of the transcripts that share enough minima with a query, and how many their best passages do."""
        passages = self._passages.columns
        slots, minima = self._slots.columns, self._minima.columns[:, : len(passages)]
        query = signatures(words)
        best: dict[int, int] = {}
        for signature in query:
            for start in range(0, minima.shape[1], CHUNK_PASSAGES):
                equal = _count_equal(minima[:, start : start + CHUNK_PASSAGES], signature)
                near = np.flatnonzero(equal >= MIN_EQUAL_MINIMA)
                near = near[equal[near] >= _least_equal_minima(len(query) * passages[start + near])]
                for slot, shared in zip(slots[start + near].tolist(), equal[near].tolist(), strict=True):
                    best[slot] = max(best.get(slot, 0), shared)
        return list(best.items())


def signatures(words: WordCodes) -> npt.NDArray[np.uint8]:
    """Return the MinHash signatures (P, 128) of the passages of a transcript; no rows for fewer than two words."""
    bigrams = encode_bigrams(words)
    if not len(bigrams):
        return np.zeros((0, SIGNATURE_BYTES), np.uint8)
    size = min(len(words), PASSAGE_WORDS)
    starts = np.array([*range(0, len(words) - size, HOP_WORDS), len(words) - size])
    minima = np.empty((len(starts), SIGNATURE_BYTES), np.uint8)
    for first in range(0, len(starts), 256):
        passages = bigrams[starts[first : first + 256, None] + np.arange(size - 1)]
        hashes = (passages[:, :, None] * _FACTORS + _ADDENDS) >> np.uint64(32)
        minima[first : first + 256] = hashes.min(axis=1) & np.uint64(0xFF)
    return minima


def _least_equal_minima(pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the equal minima that the best of so many pairs of passages needs: one more for each factor of ten."""
    least: npt.NDArray[np.int64] = MIN_EQUAL_MINIMA + np.searchsorted(_POWERS_OF_TEN, pairs, side="right")
    return least


def _count_equal(minima: npt.NDArray[np.uint8], signature: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the number of minima (P,) that each of P passages shares with a signature.

    Args:
        minima: Signatures (128, P) of the passages, one row for each minimum.
        signature: Signature (128,) of one passage of the query.
    """
    equal = np.zeros(minima.shape[1], np.uint8)
    for row, minimum in zip(minima, signature, strict=True):
        equal += row == minimum
    return equal


def _hash_parameters() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return the odd factors and the addends of 128 multiply-shift hash functions, the same in every run."""
    numbers = np.random.default_rng(2010).integers(0, 1 << 64, (2, SIGNATURE_BYTES), np.uint64)
    return numbers[0] | np.uint64(1), numbers[1]


_POWERS_OF_TEN = 10 ** np.arange(1, 19)
_FACTORS, _ADDENDS = _hash_parameters()
