"""Scripts held in memory and searched: MinHash of their pairs of words, and short ones by their alignment.

MinHash in bytes: Li and König, b-bit minwise hashing, 2010.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from mediafp.matching.transcripts.alignment import MIN_SCORE, WordCodes, best_scores, encode_bigrams, encode_words
from mediafp.types.fingerprints import Fingerprint

PASSAGE_WORDS, HOP_WORDS = 40, 20
"""Words of a passage, and from one passage's start to the next: ten seconds of speech, every place in two of them."""
SIGNATURE_BYTES = 128
"""One-byte minima of a passage's signature."""
CHUNK = 1 << 15
"""Passages that are counted at once: their counts and one row of minima stay in the processor's cache."""
MIN_EQUAL = 3
"""Equal minima from which two passages are worth a look; of unrelated ones 0.5 are equal, three in 1.4 % of pairs."""
CHANCE = 2
"""Equal minima of a passage that count for nothing when candidates are ranked."""
ALIGNED = 400
"""Candidates that are aligned, 2 to 4 ms each for scripts of a minute."""
SHORT_ALIGNED = 100
"""The same of scripts no longer than a passage for a query that is none longer: misheard ones share too few pairs, and
all are tried, 0.02 ms each."""
SHORT_CHUNK = 1000
"""Short scripts that are scored at once, in the processor's cache."""


class TranscriptIndex:
    """Scripts held in memory, 128 bytes a passage and 28 a word, 160 more where it is short, searched by brute force.

    A million passages, 1300 hours of speech, are counted in 25 to 45 ms a passage of the query; a short query is aligned
    with 1000 short scripts in 7 ms a 15 words.
    """

    def __init__(self, fingerprints: Iterable[Fingerprint]) -> None:
        self.fingerprints = {f.sha256: f for f in fingerprints}
        self.assets = list(self.fingerprints)
        words = [encode_words(f) for f in self.fingerprints.values()]
        made = [signatures(w) for w in words]
        self._owner = np.repeat(np.arange(len(made)), [len(rows) for rows in made])
        # A row a minimum: equal bytes of many passages are counted along memory.
        self._minima = np.ascontiguousarray(np.concatenate([*made, np.zeros((0, SIGNATURE_BYTES), np.uint8)]).T)
        self._short = np.array([n for n, w in enumerate(words) if 1 < len(w) <= PASSAGE_WORDS], np.int64)
        self._short_words = np.zeros((len(self._short), PASSAGE_WORDS), np.uint32)
        self._short_lengths = np.array([len(words[n]) for n in self._short], np.int64)
        for row, n in zip(self._short_words, self._short, strict=True):
            row[: len(words[n])] = words[n]

    def search(self, query: Fingerprint, *, count: int = ALIGNED, exclude: str | None = None) -> list[str]:
        """The references of the query's version that may share most words with it.

        First `count` at most by their pairs of words, best first, then of a short query SHORT_ALIGNED at most of the other
        short ones, best first.
        """
        words = encode_words(query)
        usable = np.array([self._usable(sha256, query, exclude) for sha256 in self.assets], bool)
        scores = np.where(usable, self._shared(words), 0)
        chosen = _top(scores, count)
        short = np.zeros(len(self.assets), np.int64)
        if 1 < len(words) <= PASSAGE_WORDS:
            for first in range(0, len(self._short), SHORT_CHUNK):
                part = slice(first, first + SHORT_CHUNK)
                short[self._short[part]] = best_scores(words, self._short_words[part], self._short_lengths[part])
        short[~usable | (short < MIN_SCORE)] = 0
        short[chosen] = 0
        return [self.assets[n] for n in (*chosen, *_top(short, SHORT_ALIGNED))]

    def _shared(self, words: WordCodes) -> npt.NDArray[np.int64]:
        """Equal minima over chance of each reference, a passage of the query with its best one."""
        scores = np.zeros(len(self.assets), np.int64)
        for signature in signatures(words):
            best = np.full(len(self.assets), CHANCE, np.int64)
            for first in range(0, self._minima.shape[1], CHUNK):
                equal = _equal(self._minima[:, first : first + CHUNK], signature)
                near = np.flatnonzero(equal >= MIN_EQUAL)
                np.maximum.at(best, self._owner[first + near], equal[near])
            scores += best - CHANCE
        return scores

    def _usable(self, sha256: str, query: Fingerprint, exclude: str | None) -> bool:
        return sha256 != exclude and self.fingerprints[sha256].version == query.version


def _top(scores: npt.NDArray[np.int64], count: int) -> list[int]:
    """The places of the highest scores over 0, best first, `count` at most."""
    order = np.argsort(-scores, kind="stable")[:count]
    return [int(n) for n in order if scores[n] > 0]


def _equal(minima: npt.NDArray[np.uint8], signature: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """How many of a signature's minima each passage shares."""
    equal = np.zeros(minima.shape[1], np.uint8)
    for row, minimum in zip(minima, signature, strict=True):
        equal += row == minimum
    return equal


def signatures(words: WordCodes) -> npt.NDArray[np.uint8]:
    """The minima (P, 128) of the passages' pairs of words; none where there is no pair."""
    pairs = encode_bigrams(words)
    if not len(pairs):
        return np.zeros((0, SIGNATURE_BYTES), np.uint8)
    size = min(len(words), PASSAGE_WORDS)
    starts = np.array([*range(0, len(words) - size, HOP_WORDS), len(words) - size])
    made = np.empty((len(starts), SIGNATURE_BYTES), np.uint8)
    for first in range(0, len(starts), 256):
        inside = pairs[starts[first : first + 256, None] + np.arange(size - 1)]
        hashed = (inside[:, :, None] * _FACTORS + _ADDENDS) >> np.uint64(32)
        made[first : first + 256] = hashed.min(axis=1) & np.uint64(0xFF)
    return made


def _multipliers() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Multiply-shift: odd factors and addends, the same in every run."""
    numbers = np.random.default_rng(2010).integers(0, 1 << 64, (2, SIGNATURE_BYTES), np.uint64)
    return numbers[0] | np.uint64(1), numbers[1]


_FACTORS, _ADDENDS = _multipliers()
