"""Index of transcripts: the candidates depend on the two transcripts alone, and every probable pair is one."""

import itertools

import numpy as np
import pytest
from transcript_samples import (
    NIGHT,
    POLICY,
    matches_of,
    misheard,
    random_words,
    text_fingerprint,
    word_fingerprint,
)

from mediafp.matching import calibration
from mediafp.matching.transcripts.compare import compare_pair, pair_probability
from mediafp.matching.transcripts.index import MIN_EXCESS_WORDS, TranscriptIndex
from mediafp.matching.transcripts.signatures import PASSAGE_WORDS, SIGNATURE_BYTES, signatures
from mediafp.matching.transcripts.word_codes import encode_words
from mediafp.types.fingerprints import Fingerprint

POEM = "鹅鹅鹅，曲项向天歌。白毛浮绿水，红掌拨清波。"
POEM_MISHEARD = "惡惡惡,曲韓韓天歌,白無浮,綠水,紅蔣,貝清波"
PRAISE = "我们的城市最美丽最漂亮最可爱"
PRAISE_MISHEARD = "无门的成是罪没力自照亮醉可来"


def sample_transcripts() -> list[Fingerprint]:
    """Return transcripts of all lengths, some of which have words in common."""
    rng = np.random.default_rng(9)
    text = random_words(2130, 1)
    parts = [text[n : n + length] for n, length in itertools.product((0, 15), (6, 25, 40, 41, 90, 300))]
    parts += [text[:2100], text[100:2130]]
    heard = [misheard(part, float(rng.uniform(0, 0.4)), n) for n, part in enumerate(parts)]
    syllables = list(NIGHT + POLICY)
    mixed = ["".join(rng.permutation(syllables))[:20] + POLICY[n : n + 9] for n in range(4)]
    return [
        *(word_fingerprint(f"{n:02}", words) for n, words in enumerate(heard)),
        *(text_fingerprint(f"m{n}", words) for n, words in enumerate(mixed)),
        *(word_fingerprint(f"r{n}", random_words(30 * (n + 1), 50 + n)) for n in range(4)),
    ]


def all_candidates(index: TranscriptIndex, transcripts: list[Fingerprint]) -> dict[tuple[str, str], float]:
    """Return the excess words of all pairs (query, candidate)."""
    return {
        (query.sha256, sha256): excess
        for query in transcripts
        for sha256, excess in index.search(query, count=None, exclude=query.sha256)
    }


def test_signatures_are_one_a_passage_and_equal_for_equal_words() -> None:
    words = random_words(101, 1)
    assert signatures(words).shape == (5, SIGNATURE_BYTES)
    assert (signatures(words)[0] == signatures(words[:40])[0]).all()
    assert (signatures(words)[-1] == signatures(words[-40:])[0]).all()
    assert not (signatures(words)[0] == signatures(random_words(40, 2))[0]).mean() > 0.1


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_words_are_never_found(count: int) -> None:
    few, many = word_fingerprint("few", random_words(count, 1)), word_fingerprint("many", random_words(100, 1))
    assert signatures(encode_words(few)).shape == (0, SIGNATURE_BYTES)
    assert matches_of(few, many) == matches_of(many, few) == matches_of(few, few) == []


def test_search_of_an_empty_index_returns_nothing() -> None:
    assert TranscriptIndex([]).search(word_fingerprint("a", random_words(50, 1))) == []


def test_search_ranks_the_misheard_transcript_first_among_many() -> None:
    words = random_words(60, 1)
    others = [word_fingerprint(f"other-{n:03}", random_words(60, 100 + n)) for n in range(300)]
    index = TranscriptIndex([*others, word_fingerprint("same", words)])
    for seed in range(5):
        assert index.search(word_fingerprint("query", misheard(words, 0.35, seed)))[0].sha256 == "same"


def test_search_respects_count_and_exclude() -> None:
    words = random_words(60, 1)
    index = TranscriptIndex([word_fingerprint(name, misheard(words, 0.2, n)) for n, name in enumerate("abcd")])
    assert len(index.search(word_fingerprint("a", words), count=2)) == 2
    assert {c.sha256 for c in index.search(word_fingerprint("a", words), exclude="a")} == set("bcd")
    scores = [c.excess_words for c in index.search(word_fingerprint("a", words))]
    assert scores == sorted(scores, reverse=True) and len(scores) == 4


def test_search_never_returns_another_version() -> None:
    words = random_words(60, 1)
    index = TranscriptIndex([word_fingerprint("a", words, version="2")])
    assert index.search(word_fingerprint("query", words)) == []


@pytest.mark.parametrize(("text", "recognised"), [(POEM, POEM_MISHEARD), (PRAISE, PRAISE_MISHEARD)])
def test_short_transcript_with_most_syllables_misheard_is_found_among_many(text: str, recognised: str) -> None:
    rng = np.random.default_rng(5)
    shuffled = ["".join(rng.permutation(list(NIGHT + POLICY)))[:20] for _ in range(200)]
    others = [text_fingerprint(f"other-{n}", other) for n, other in enumerate(shuffled)]
    best = matches_of(text_fingerprint("query", recognised), *others, text_fingerprint("reference", text))[0]
    assert best.sha256 == "reference" and best.probability > 0.5


def test_candidates_depend_on_the_two_transcripts_alone() -> None:
    transcripts = sample_transcripts()
    expected = all_candidates(TranscriptIndex(transcripts), transcripts)
    assert 40 < len(expected) < len(transcripts) ** 2 / 2
    assert expected == {(b, a): excess for (a, b), excess in expected.items()}
    for alone in transcripts[::4]:
        single = all_candidates(TranscriptIndex([alone]), transcripts)
        assert single == {(a, b): excess for (a, b), excess in expected.items() if b == alone.sha256}


@pytest.mark.parametrize("seed", range(2))
def test_index_that_grew_and_shrank_equals_one_of_the_same_transcripts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    transcripts = sample_transcripts()
    expected = [TranscriptIndex(transcripts).search(query, count=9) for query in transcripts]
    index = TranscriptIndex([word_fingerprint(t.sha256, random_words(30, seed)) for t in transcripts[::3]])
    order = [transcripts[n] for n in rng.permutation(len(transcripts))]
    while order:
        size = int(rng.integers(1, 9))
        unwanted = [word_fingerprint(f"x{n}", t.vectors.view("<u4").ravel()) for n, t in enumerate(order[:size])]
        index.add([*order[:size], *unwanted])
        order = order[size:]
        for transcript in unwanted:
            index.remove(transcript.sha256)
            index.remove(transcript.sha256)
    assert [index.search(query, count=9) for query in transcripts] == expected
    assert sorted(index.assets) == sorted(t.sha256 for t in transcripts)
    for transcript in transcripts[1:]:
        index.remove(transcript.sha256)
    assert index.assets == [transcripts[0].sha256]
    assert {c.sha256 for t in transcripts for c in index.search(t)} == {transcripts[0].sha256}


def test_every_pair_of_up_to_a_minute_that_may_be_kept_is_a_candidate() -> None:
    rng = np.random.default_rng(4)
    text = random_words(1200, 4)[rng.random(1200) < 0.9]
    syllables = list(NIGHT + NIGHT + POLICY)
    short = ["".join(rng.permutation(syllables))[: rng.integers(6, PASSAGE_WORDS)] for _ in range(70)]
    transcripts = [
        *(text_fingerprint(f"s{n}", words) for n, words in enumerate(short)),
        *(word_fingerprint(f"w{n}", misheard(text[9 * n : 9 * n + 25], 0.4, n)) for n in range(12)),
        *(word_fingerprint(f"l{n}", misheard(text[9 * n : 9 * n + 200], 0.4, 50 + n)) for n in range(4)),
    ]
    candidates = all_candidates(TranscriptIndex(transcripts), transcripts)
    kept = 0
    for a, b in itertools.combinations(transcripts, 2):
        pair = compare_pair(a, b)
        if pair and pair_probability(pair) >= 0.15:
            kept += 1
            assert (a.sha256, b.sha256) in candidates
    assert 30 < kept <= len(candidates) / 2


def test_excess_words_below_the_least_are_improbable() -> None:
    words = float(np.log1p(MIN_EXCESS_WORDS))
    features = calibration.TranscriptPairFeatures(words=words, agreement=1.0, product=words)
    assert 0.1 < calibration.probability(features) < 0.15
