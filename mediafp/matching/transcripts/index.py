"""Index of transcripts in memory: MinHash signatures of their bigrams, and local alignment for short transcripts.

Signatures keep one byte of each minimum (Li and König 2010, b-bit minwise hashing).
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from mediafp.matching.transcripts.alignment import MIN_SCORE, best_scores
from mediafp.matching.transcripts.word_codes import WordCodes, encode_bigrams, encode_words
from mediafp.types.fingerprints import Fingerprint

PASSAGE_WORDS, HOP_WORDS = 40, 20
"""Words of a passage, and words from the start of one passage to the next: ten seconds of speech, each word in two passages."""
SIGNATURE_BYTES = 128
"""Minima of a passage's signature, one byte each. Chosen, not measured."""
CHUNK_PASSAGES = 1 << 15
"""Passages compared at once: their counts and one row of minima fit into the processor's cache."""
MIN_EQUAL_MINIMA = 3
"""Equal minima from which two passages are compared; unrelated passages have 0.5 on average, and three in 1.4 % of pairs."""
CHANCE_MINIMA = 2
"""Equal minima of a passage that do not count when candidates are ranked. Chosen, not measured."""
MAX_CANDIDATES = 400
"""Candidates that are aligned, at 2 to 4 ms each for transcripts of a minute."""
MAX_SHORT_CANDIDATES = 100
"""Further candidates of at most one passage that are aligned with a query of at most one passage. Misheard short transcripts
share too few bigrams for MinHash, so all short ones are scored, at 0.02 ms each."""
CHUNK_SHORT_TRANSCRIPTS = 1000
"""Short transcripts that are scored at once, in the processor's cache."""


class TranscriptIndex:
    """Transcript fingerprints in memory, searched exhaustively.

    A passage takes 128 bytes, a word 28, a short transcript 160 more. A million passages, 1300 hours of speech, are compared in
    25 to 45 ms for each passage of the query; a short query is aligned with 1000 short transcripts in 7 ms for every 15 words.

    Attributes:
        fingerprints: Transcript fingerprint of each asset, by its SHA-256.
        assets: SHA-256 of each asset, in order.
    """

    def __init__(self, fingerprints: Iterable[Fingerprint]) -> None:
        self.fingerprints = {fingerprint.sha256: fingerprint for fingerprint in fingerprints}
        self.assets = list(self.fingerprints)
        words = [encode_words(fingerprint) for fingerprint in self.fingerprints.values()]
        passages = [signatures(codes) for codes in words]
        self._passage_owner = np.repeat(np.arange(len(passages)), [len(rows) for rows in passages])
        # One row for each minimum, so that equal bytes of many passages are counted along memory.
        self._minima = np.ascontiguousarray(np.concatenate([*passages, np.zeros((0, SIGNATURE_BYTES), np.uint8)]).T)
        self._short = np.array([n for n, codes in enumerate(words) if 1 < len(codes) <= PASSAGE_WORDS], np.int64)
        self._short_words = np.zeros((len(self._short), PASSAGE_WORDS), np.uint32)
        self._short_lengths = np.array([len(words[n]) for n in self._short], np.int64)
        for row, n in zip(self._short_words, self._short, strict=True):
            row[: len(words[n])] = words[n]

    def search(self, query: Fingerprint, *, count: int = MAX_CANDIDATES, exclude: str | None = None) -> list[str]:
        """Return the candidates for a query: the assets of its fingerprint version that may share most words with it.

        Args:
            query: Transcript fingerprint.
            count: Largest number of candidates by shared bigrams; they come first, best first. For a short query, at most
                `MAX_SHORT_CANDIDATES` of the other short transcripts follow, best first.
            exclude: SHA-256 of an asset to skip, such as the query itself.
        """
        words = encode_words(query)
        usable = np.array([self._is_usable(sha256, query, exclude) for sha256 in self.assets], bool)
        scores = np.where(usable, self._count_shared_minima(words), 0)
        chosen = _highest(scores, count)
        short_scores = np.zeros(len(self.assets), np.int64)
        if 1 < len(words) <= PASSAGE_WORDS:
            for start in range(0, len(self._short), CHUNK_SHORT_TRANSCRIPTS):
                chunk = slice(start, start + CHUNK_SHORT_TRANSCRIPTS)
                short_scores[self._short[chunk]] = best_scores(
                    words, self._short_words[chunk], self._short_lengths[chunk]
                )
        short_scores[~usable | (short_scores < MIN_SCORE)] = 0
        short_scores[chosen] = 0
        return [self.assets[n] for n in (*chosen, *_highest(short_scores, MAX_SHORT_CANDIDATES))]

    def _count_shared_minima(self, words: WordCodes) -> npt.NDArray[np.int64]:
        """Return the equal minima above chance (A,) of each asset: each passage of the query with the asset's best one."""
        scores = np.zeros(len(self.assets), np.int64)
        for signature in signatures(words):
            best = np.full(len(self.assets), CHANCE_MINIMA, np.int64)
            for start in range(0, self._minima.shape[1], CHUNK_PASSAGES):
                equal = _count_equal(self._minima[:, start : start + CHUNK_PASSAGES], signature)
                near = np.flatnonzero(equal >= MIN_EQUAL_MINIMA)
                np.maximum.at(best, self._passage_owner[start + near], equal[near])
            scores += best - CHANCE_MINIMA
        return scores

    def _is_usable(self, sha256: str, query: Fingerprint, exclude: str | None) -> bool:
        """Return True for an asset of the query's fingerprint version that is not excluded."""
        return sha256 != exclude and self.fingerprints[sha256].version == query.version


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


def _highest(scores: npt.NDArray[np.int64], count: int) -> list[int]:
    """Return the indexes of the highest scores above 0, best first."""
    order = np.argsort(-scores, kind="stable")[:count]
    return [int(n) for n in order if scores[n] > 0]


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


_FACTORS, _ADDENDS = _hash_parameters()
