"""Word codes: the words of a transcript as numbers, and the similarity of two words by their sound."""

import numpy as np
import numpy.typing as npt

from mediafp.types.fingerprints import Fingerprint

WordCodes = npt.NDArray[np.uint32]
"""One number for each word. Words that sound the same have equal numbers; syllables that sound partly the same share bytes:
initial, medial, nucleus and coda, from the lowest byte to the highest."""
MATCH_SCORE, MISMATCH_SCORE, GAP_SCORE = 20, -10, -10
"""Scores of an alignment of words. A third of the words must agree, so that chance alignments stay short. Chosen, not
measured."""
INITIAL, MEDIAL, NUCLEUS, CODA = 12, 3, 12, 3
"""Points that equal parts of two syllables add to `MISMATCH_SCORE`, medial and coda only if the nuclei are equal; all four give
`MATCH_SCORE`. Whisper mishears syllables in part: of transcripts of 12 words and more under other voices, ranked above the best
false pair, equal syllables alone find .87, equal parts .96."""
SYLLABLE_LIMIT = np.uint32(1 << 31)
"""Codes below it are syllables, the others hashes of words."""


def encode_words(fingerprint: Fingerprint) -> WordCodes:
    """Return the word codes (N,) of a transcript fingerprint of N rows."""
    return np.ascontiguousarray(fingerprint.vectors, np.uint8).view("<u4").ravel().astype(np.uint32)


def encode_bigrams(words: WordCodes) -> npt.NDArray[np.uint64]:
    """Return one well-mixed number (N - 1,) for each pair of neighbouring words (xorshift-multiply)."""
    mixed = (words[:-1].astype(np.uint64) << np.uint64(32)) | words[1:]
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    return mixed ^ (mixed >> np.uint64(29))


def word_similarity(query: WordCodes, reference: WordCodes) -> npt.NDArray[np.int16]:
    """Return the alignment score of each pair of words, in the shape that both arguments broadcast to.

    Syllables score between `MISMATCH_SCORE` and `MATCH_SCORE`, other words one of the two.
    """
    difference = query ^ reference
    initial, medial, nucleus, coda = ((difference & np.uint32(0xFF << shift)) == 0 for shift in (0, 8, 16, 24))
    syllables = (
        MISMATCH_SCORE + INITIAL * initial.astype(np.int16) + nucleus * (NUCLEUS + MEDIAL * medial + CODA * coda)
    )
    scores: npt.NDArray[np.int16] = np.where(
        (query | reference) < SYLLABLE_LIMIT, syllables, np.where(difference == 0, MATCH_SCORE, MISMATCH_SCORE)
    )
    return scores.astype(np.int16)
