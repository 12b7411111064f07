"""Scores of many local alignments at once: those of single alignments."""

import numpy as np
import pytest
from transcript_samples import NIGHT, POLICY, misheard, random_words, text_fingerprint

from mediafp.matching.transcripts import local_scores
from mediafp.matching.transcripts.alignment import align_locally
from mediafp.matching.transcripts.local_scores import MIN_LOOPED_COLUMNS, best_scores, to_word_planes
from mediafp.matching.transcripts.word_codes import WordCodes, encode_words, word_similarity


def single_scores(query: WordCodes, references: list[WordCodes]) -> list[int]:
    """Return the scores of one alignment after the other."""
    return [align_locally(word_similarity(query[:, None], reference[None, :]))[0] for reference in references]


def mixed_words(count: int, rng: np.random.Generator) -> WordCodes:
    """Return shuffled syllables and a few other words."""
    return encode_words(text_fingerprint("m", " ".join(rng.permutation([*NIGHT, *POLICY, "five", "six"])[:count])))


@pytest.mark.parametrize("count", [1, 20, MIN_LOOPED_COLUMNS + 5])
def test_scores_equal_those_of_single_alignments(count: int) -> None:
    rng = np.random.default_rng(count)
    query = mixed_words(30, rng)
    references = [mixed_words(int(rng.integers(2, 25)), rng) for _ in range(count)]
    assert best_scores(query, to_word_planes(references, 40)).tolist() == single_scores(query, references)


def test_scores_do_not_depend_on_the_direction_or_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    transcripts = [mixed_words(int(rng.integers(2, 25)), rng) for _ in range(12)]
    planes = to_word_planes(transcripts, 25)
    scores = np.stack([best_scores(words, planes) for words in transcripts])
    assert (scores == scores.T).all()
    monkeypatch.setattr(local_scores, "CHUNK_CELLS", 100)
    assert (np.stack([best_scores(words, planes) for words in transcripts]) == scores).all()


def test_scores_of_long_transcripts_do_not_overflow() -> None:
    words = random_words(1400, 1)
    references = [words, misheard(words, 0.3, 1)]
    planes = to_word_planes(references, max(map(len, references)))
    assert best_scores(words, planes).tolist() == single_scores(words, references)


def test_hashed_words_never_agree_with_syllables_or_padding() -> None:
    rng = np.random.default_rng(3)
    hashes = rng.integers(1 << 31, 1 << 32, 500, np.uint32)
    hashes[0], hashes[1] = 0xFFFFFFFF, 0x80808080
    syllables = np.unique(encode_words(text_fingerprint("s", NIGHT + POLICY)))
    assert (best_scores(hashes, to_word_planes([syllables], len(syllables) + 9)) == 0).all()
    assert (best_scores(syllables, to_word_planes([hashes], len(hashes) + 9)) == 0).all()
