"""Local alignment of two transcripts: the same words with errors, in part, repeated, and in long transcripts."""

import numpy as np
import pytest
from transcript_samples import (
    WORD_SECONDS,
    misheard,
    random_words,
    text_fingerprint,
    word_fingerprint,
)

from mediafp.matching.transcripts.alignment import align_pair, align_transcripts
from mediafp.matching.transcripts.word_codes import (
    CODA,
    INITIAL,
    MATCH_SCORE,
    MEDIAL,
    MISMATCH_SCORE,
    NUCLEUS,
    encode_words,
    word_similarity,
)


def test_transcript_aligns_with_itself_as_a_whole() -> None:
    fingerprint = word_fingerprint("a", random_words(200, 1))
    (passage,) = align_transcripts(fingerprint, fingerprint)
    assert passage.query == passage.reference == (0.0, 50.0)
    assert (passage.words, passage.score, passage.speed) == (200, 1.0, 1.0)
    assert passage.rows == tuple((n, n) for n in range(200))


@pytest.mark.parametrize("seed", range(5))
def test_misheard_words_align_as_a_whole(seed: int) -> None:
    words = random_words(120, seed)
    recognised = misheard(words, 0.35, seed)
    best = align_transcripts(word_fingerprint("q", recognised), word_fingerprint("r", words, word_seconds=0.3))[0]
    assert best.score > 0.55
    assert best.query == pytest.approx((0, len(recognised) * WORD_SECONDS), abs=2)
    assert best.reference == pytest.approx((0, 120 * 0.3), abs=2)
    assert best.speed == pytest.approx(1.2, rel=0.1)
    assert len(best.rows) > 60
    assert all(
        a == b for a, b in zip(recognised[[r for r, _ in best.rows]], words[[r for _, r in best.rows]], strict=True)
    )


@pytest.mark.parametrize("seed", range(5))
def test_alignment_of_a_pair_is_symmetric(seed: int) -> None:
    words = random_words(80, seed)
    for other in (misheard(words, 0.3, seed), np.tile(words[10:40], 3), random_words(80, seed), words[:30]):
        a, b = word_fingerprint("a", other, quality=0.7), word_fingerprint("b", words, word_seconds=0.3)
        forwards, backwards = align_pair(a, b), align_pair(b, a)
        assert [passage.swap() for passage in forwards] == backwards
        assert [1 / passage.speed for passage in forwards] == pytest.approx([passage.speed for passage in backwards])


def test_each_repetition_is_a_passage_whichever_is_the_query() -> None:
    words = random_words(40, 1)
    once, thrice = word_fingerprint("a", words), word_fingerprint("b", np.tile(words, 3))
    for passages in (align_pair(once, thrice), align_pair(thrice, once)):
        assert len(passages) == 3
    assert [p.reference for p in sorted(align_pair(once, thrice), key=lambda p: p.reference)] == [
        (0.0, 10.0),
        (10.0, 20.0),
        (20.0, 30.0),
    ]


def test_parts_align_at_their_times() -> None:
    words = random_words(100, 1)
    query = np.concatenate((random_words(30, 2), words[50:80], random_words(30, 3), words[5:35], random_words(20, 4)))
    passages = align_transcripts(word_fingerprint("q", query), word_fingerprint("r", words))
    passages.sort(key=lambda p: p.query)
    assert [p.query for p in passages] == [pytest.approx((7.5, 15), abs=0.8), pytest.approx((22.5, 30), abs=0.8)]
    assert [p.reference for p in passages] == [
        pytest.approx((12.5, 20), abs=0.8),
        pytest.approx((1.25, 8.75), abs=0.8),
    ]


def test_each_word_of_the_query_aligns_once() -> None:
    words = random_words(40, 1)
    passages = align_transcripts(word_fingerprint("q", words), word_fingerprint("r", np.tile(words, 3)))
    rows = [row for passage in passages for row, _ in passage.rows]
    assert len(rows) == len(set(rows)) == 40


def test_unrelated_words_share_little_evidence() -> None:
    for seed in range(10):
        query, reference = random_words(300, seed), random_words(300, seed + 50)
        passages = align_transcripts(word_fingerprint("q", query), word_fingerprint("r", reference))
        assert max((p.evidence for p in passages), default=0.0) < 6


def test_twelve_minutes_align_box_by_box() -> None:
    words = random_words(3000, 1)
    (passage,) = align_transcripts(word_fingerprint("q", misheard(words, 0.3, 1)), word_fingerprint("r", words))
    assert passage.reference == pytest.approx((0, 750), abs=5) and passage.score > 0.6


def test_short_part_of_long_transcripts_is_found() -> None:
    query, reference = random_words(5000, 1), random_words(5000, 2)
    reference[4000:4040] = query[1000:1040]
    best = align_transcripts(word_fingerprint("q", query), word_fingerprint("r", reference))[0]
    assert best.query == pytest.approx((250, 260), abs=1) and best.reference == pytest.approx((1000, 1010), abs=1)


def test_repeated_and_low_quality_words_are_little_evidence() -> None:
    chant = word_fingerprint("a", np.tile(random_words(3, 1), 20))
    assert align_transcripts(chant, chant)[0].evidence <= 4
    words = random_words(40, 1)
    certain, doubtful = word_fingerprint("a", words), word_fingerprint("b", words, quality=0.5)
    evidence = align_transcripts(certain, doubtful)[0].evidence
    assert evidence == align_transcripts(doubtful, certain)[0].evidence
    assert evidence == pytest.approx(align_transcripts(certain, certain)[0].evidence / 2)


def test_syllables_that_agree_in_part_score_in_part() -> None:
    scores = word_similarity(
        encode_words(text_fingerprint("a", "张心有"))[:, None],
        encode_words(text_fingerprint("b", "张江星路five"))[None, :],
    )
    assert scores[0, 0] == MATCH_SCORE and scores[0, 1] == MISMATCH_SCORE + NUCLEUS + CODA
    assert scores[1, 2] == MISMATCH_SCORE + INITIAL + NUCLEUS + MEDIAL
    assert scores[2, 3] == scores[2, 4] == MISMATCH_SCORE
