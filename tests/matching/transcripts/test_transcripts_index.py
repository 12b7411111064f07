"""Index of transcripts: MinHash signatures and the candidates that they find."""

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

from mediafp.matching.transcripts.index import SIGNATURE_BYTES, TranscriptIndex, signatures
from mediafp.matching.transcripts.word_codes import encode_words

POEM = "鹅鹅鹅，曲项向天歌。白毛浮绿水，红掌拨清波。"
POEM_MISHEARD = "惡惡惡,曲韓韓天歌,白無浮,綠水,紅蔣,貝清波"
PRAISE = "我们的城市最美丽最漂亮最可爱"
PRAISE_MISHEARD = "无门的成是罪没力自照亮醉可来"


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
        assert index.search(word_fingerprint("query", misheard(words, 0.35, seed)))[0] == "same"


def test_search_respects_count_and_exclude() -> None:
    words = random_words(60, 1)
    index = TranscriptIndex([word_fingerprint(name, misheard(words, 0.2, n)) for n, name in enumerate("abcd")])
    assert len(index.search(word_fingerprint("a", words), count=2)) == 2
    assert set(index.search(word_fingerprint("a", words), exclude="a")) == set("bcd")


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
