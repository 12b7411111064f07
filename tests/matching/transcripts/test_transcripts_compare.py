"""Matches of transcripts: the same words with errors, in part and in any spelling; other words do not match."""

import numpy as np
import pytest
from transcript_samples import (
    FREE,
    FREE_MISHEARD,
    NIGHT,
    NIGHT_MISHEARD,
    POLICY,
    POLICY_MISHEARD,
    THANKS,
    matches_of,
    misheard,
    random_words,
    text_fingerprint,
    word_fingerprint,
)

from mediafp.matching import verdicts
from mediafp.matching.transcripts.alignment import MIN_COPY_WORDS, align_transcripts
from mediafp.matching.transcripts.compare import MAX_SHORT_PROBABILITY, compare_pair, compare_transcripts
from mediafp.matching.transcripts.index import TranscriptIndex


@pytest.mark.parametrize(
    ("text", "recognised", "language"),
    [
        (NIGHT, NIGHT_MISHEARD, "zh"),
        (POLICY, POLICY_MISHEARD, "yue"),
        (FREE, FREE_MISHEARD, "en"),
        (NIGHT, NIGHT, "zh"),
    ],
)
def test_same_words_are_a_copy(text: str, recognised: str, language: str) -> None:
    (match,) = matches_of(text_fingerprint("q", recognised, language), text_fingerprint("r", text, language))
    assert (match.relation, match.verdict, match.uris, match.placement) == ("same_script", "copy", ("r.mp4",), None)
    assert match.probability >= verdicts.MIN_COPY_PROBABILITY and min(match.coverage) > 0.8
    (segment,) = match.segments
    assert (segment.channel, segment.mirrored) == ("script", False)
    assert segment.query == pytest.approx((1, 11), abs=1) and segment.reference == pytest.approx((1, 11), abs=1)


@pytest.mark.parametrize(
    ("query", "reference"),
    [(NIGHT, POLICY), (POLICY_MISHEARD, NIGHT_MISHEARD), (FREE, THANKS), (FREE, NIGHT)],
)
def test_other_words_are_improbable(query: str, reference: str) -> None:
    matches = matches_of(text_fingerprint("q", query), text_fingerprint("r", reference))
    assert max((match.probability for match in matches), default=0.0) < 0.5


def test_match_of_a_part_has_coverage_and_reasons() -> None:
    words = random_words(120, 1)
    query = word_fingerprint("q", np.concatenate((random_words(60, 2), words[40:100])))
    reference = word_fingerprint("r", words)
    (match,) = matches_of(query, reference)
    assert match.coverage == pytest.approx((0.5, 0.5), abs=0.05)
    assert match.why == (
        f"{len(align_transcripts(query, reference)[0].rows)} of 60 words in a row agree (by sound, without tones)",
        "15 s of the query and 15 s of the reference have the same words",
        "the voices were not compared",
    )


@pytest.mark.parametrize("words", [4, 6, MIN_COPY_WORDS - 1])
def test_common_phrase_is_never_a_copy(words: int) -> None:
    phrase = random_words(words, 3)
    query = word_fingerprint("q", np.concatenate((random_words(50, 1), phrase)))
    for reference in (phrase, np.concatenate((random_words(50, 2), phrase))):
        matches = matches_of(query, word_fingerprint("r", reference))
        assert len(matches) == 1
        assert matches[0].probability <= MAX_SHORT_PROBABILITY and matches[0].verdict != "copy"


def test_thanks_at_the_end_are_no_copy() -> None:
    (match,) = matches_of(text_fingerprint("q", f"{FREE}. {THANKS}", "en"), text_fingerprint("r", THANKS, "en"))
    assert match.verdict != "copy"
    assert "fewer than 12 words count, which may be a common phrase" in match.why


def test_credits_that_whisper_invents_are_no_evidence() -> None:
    text = "请不吝点赞订阅转发打赏支持明镜与点点栏目"
    (match,) = matches_of(text_fingerprint("q", text, flags=("credit_phrase",)), text_fingerprint("r", text))
    assert match.probability < 0.5


def test_numbers_agree_in_any_spelling() -> None:
    query = "现在是2025年12点55分，星期5，明天是周6，不用上班，太棒啦"
    reference = "现在是二零二五年十二点五十五分，星期五，明天是周六，不用上班，太棒啦"
    (match,) = matches_of(text_fingerprint("q", query), text_fingerprint("r", reference))
    assert match.verdict == "copy" and match.segments[0].score == 1.0
    assert any("digits, repeated words and flagged segments count less" in reason for reason in match.why)


def test_matches_are_ordered_by_probability_and_exclude_the_query() -> None:
    words = random_words(60, 1)
    references = [
        word_fingerprint("a", words),
        word_fingerprint("b", misheard(words, 0.5, 1)),
        word_fingerprint("c", misheard(words, 0.2, 1)),
    ]
    matches = matches_of(word_fingerprint("a", words), *references, exclude="a")
    assert [match.sha256 for match in matches] == ["c", "b"]
    assert matches[0].probability >= matches[1].probability


def test_compare_transcripts_returns_features() -> None:
    words = random_words(60, 1)
    (pair,) = compare_transcripts(word_fingerprint("q", words), TranscriptIndex([word_fingerprint("r", words)]))
    assert pair.features.agreement == 1.0 and pair.features.product == pair.features.words > 4


def test_words_that_agree_only_in_a_small_part_are_no_match() -> None:
    assert matches_of(text_fingerprint("q", "哈" * 10), text_fingerprint("r", "啦" * 10)) == []


def test_reasons_separate_exact_words_from_partly_agreeing_ones() -> None:
    query, reference = "心本真分山班看民林很兰安", "星崩争风商帮康明零横狼昂"
    (match,) = matches_of(text_fingerprint("q", query), text_fingerprint("r", reference))
    assert match.why[0] == "0 of 12 words in a row agree (by sound, without tones), and 12 more in part"
    assert not any("digits" in reason for reason in match.why)


def test_pair_is_the_same_whichever_is_the_query() -> None:
    words = random_words(60, 1)
    a, b = word_fingerprint("a", misheard(words, 0.3, 1)), word_fingerprint("b", words, word_seconds=0.3)
    forwards, backwards = compare_pair(a, b), compare_pair(b, a)
    assert forwards and backwards and forwards.features == backwards.features
    assert (forwards.sha256, backwards.sha256) == ("b", "a")
    assert [passage.swap() for passage in forwards.passages] == list(backwards.passages)
    there, back = matches_of(a, b)[0], matches_of(b, a)[0]
    assert (there.probability, there.verdict, there.coverage) == (back.probability, back.verdict, back.coverage[::-1])
    assert [(s.query, s.reference) for s in there.segments] == [(s.reference, s.query) for s in back.segments]
    assert compare_pair(a, word_fingerprint("c", random_words(10, 3))) is None
