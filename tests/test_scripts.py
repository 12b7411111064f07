"""Scripts: the same words are found garbled, in part and in any writing, with both times; other words are not."""

from dataclasses import dataclass

import numpy as np
import pytest

from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.matching import calibration, verdicts
from mediafp.matching.transcripts.alignment import (
    CODA,
    INITIAL,
    MATCH_SCORE,
    MEDIAL,
    MIN_COPY_WORDS,
    MISMATCH_SCORE,
    NUCLEUS,
    _local,
    align_transcripts,
    best_scores,
    encode_words,
    word_similarity,
)
from mediafp.matching.transcripts.compare import MAX_SHORT_PROBABILITY, compare_transcripts, match_transcript
from mediafp.matching.transcripts.index import PASSAGE_WORDS, SIGNATURE_BYTES, TranscriptIndex, signatures
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import Match
from mediafp.types.media import Kind
from mediafp.types.transcripts import Transcript, TranscriptSegment

STEP = 0.25
"""Seconds of a word."""
VOCABULARY = np.random.default_rng(7).integers(1 << 31, 1 << 32, 2000, np.uint32)
LIKELY = 1 / (np.arange(len(VOCABULARY)) + 10)
NIGHT = "当夜幕降临，星光点点，伴随着微风拂面，我在静谧中感受着时光的流转，思念如涟漪荡漾，梦境如画卷展开"
GARBLED = "當頁幕降臨的星光點點 但隨著微風浮面,我在靜蜜中感受著時光的流轉 思念如連一當樣,弄近如畫圈展開"
POLICY = "有環保團體建議政府加強回收政策，推動社會可持續發展，減少廢物堆填。"
POLICY_HEARD = "有環保全體建議政府加強回收政策 推動社會可持發展 僅少肺磨堆填"
FREE = "Today, as always, men fall into two groups: slaves and free men. Whoever does not have two-thirds of his day"
FREE_HEARD = "A day as always men fall into 2 groups, slaves and freemen, whoever does not have 2 thirds of his day"
THANKS = "thanks for watching and please subscribe"


@dataclass
class Shelf:
    """Scripts as a library has them."""

    transcripts: TranscriptIndex

    def kind(self, sha256: str) -> Kind:
        return "video"

    def uris(self, sha256: str) -> tuple[str, ...]:
        return (f"{sha256}.mp4",)


def drawn(count: int, seed: int) -> np.ndarray:
    """Words as frequent as in a language."""
    made: np.ndarray = np.random.default_rng(seed).choice(VOCABULARY, count, p=LIKELY / LIKELY.sum())
    return made


def garbled(words: np.ndarray, share: float, seed: int) -> np.ndarray:
    """So many of the words misheard, a few of them lost and as many invented."""
    rng = np.random.default_rng(seed)
    fate = rng.random(len(words))
    made = np.where(fate < 0.8 * share, drawn(len(words), seed + 1), words)[(fate < 0.8 * share) | (fate > 0.9 * share)]
    places = np.flatnonzero(rng.random(len(made)) < 0.1 * share)
    return np.insert(made, places, drawn(len(places), seed + 2))


def script(
    name: str, words: np.ndarray, *, quality: float = 1.0, step: float = STEP, version: str = "1"
) -> Fingerprint:
    starts = np.arange(len(words)) * step
    return Fingerprint(
        sha256=name,
        type="words",
        version=version,
        spans=np.stack((starts, starts + step), axis=1).reshape(-1, 2),
        vectors=np.frombuffer(words.astype("<u4").tobytes(), np.uint8).reshape(-1, 4),
        quality=np.full(len(words), quality, np.float32),
    )


def spoken(name: str, text: str, language: str = "zh", flags: tuple[str, ...] = ()) -> Fingerprint:
    said = TranscriptSegment(start=1.0, end=11.0, language=language, language_probability=0.9, text=text, flags=flags)
    return fingerprint_transcript(
        name,
        Transcript(
            model="m",
            version="1",
            duration=12.0,
            speech_seconds=10.0,
            untranscribed_seconds=0.0,
            segments=(said,) if text else (),
        ),
    )


def matches(query: Fingerprint, *references: Fingerprint, without: str | None = None) -> list[Match]:
    return match_transcript(query, Shelf(TranscriptIndex(references)), exclude=without)


# Search -------------------------------------------------------------------------------------------


def test_signatures_are_one_a_passage_and_the_same_for_the_same_words() -> None:
    words = drawn(101, 1)
    assert signatures(words).shape == (5, SIGNATURE_BYTES)
    assert (signatures(words)[0] == signatures(words[:40])[0]).all()
    assert (signatures(words)[-1] == signatures(words[-40:])[0]).all()
    assert not (signatures(words)[0] == signatures(drawn(40, 2))[0]).mean() > 0.1


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_words_are_never_found(count: int) -> None:
    few, many = script("few", drawn(count, 1)), script("many", drawn(100, 1))
    assert signatures(encode_words(few)).shape == (0, SIGNATURE_BYTES)
    assert matches(few, many) == matches(many, few) == matches(few, few) == []


def test_an_empty_shelf_has_nothing() -> None:
    assert TranscriptIndex([]).search(script("a", drawn(50, 1))) == []


def test_the_garbled_script_comes_first_among_many() -> None:
    words = drawn(60, 1)
    shelf = TranscriptIndex([script(f"other-{n:03}", drawn(60, 100 + n)) for n in range(300)] + [script("same", words)])
    for seed in range(5):
        assert shelf.search(script("q", garbled(words, 0.35, seed)))[0] == "same"


def test_search_gives_so_many_and_leaves_one_out() -> None:
    words = drawn(60, 1)
    shelf = TranscriptIndex([script(name, garbled(words, 0.2, n)) for n, name in enumerate("abcd")])
    assert len(shelf.search(script("a", words), count=2)) == 2
    assert set(shelf.search(script("a", words), exclude="a")) == set("bcd")


def test_versions_do_not_compare() -> None:
    words = drawn(60, 1)
    assert TranscriptIndex([script("a", words, version="2")]).search(script("q", words)) == []


# Alignment ----------------------------------------------------------------------------------------


def test_a_script_agrees_with_itself_as_a_whole() -> None:
    made = script("a", drawn(200, 1))
    (stretch,) = align_transcripts(made, made)
    assert stretch.query == stretch.reference == (0.0, 50.0)
    assert (stretch.words, stretch.score, stretch.speed) == (200, 1.0, 1.0)
    assert stretch.rows == tuple((n, n) for n in range(200))


@pytest.mark.parametrize("seed", range(5))
def test_garbled_words_are_aligned_as_a_whole(seed: int) -> None:
    words = drawn(120, seed)
    heard = garbled(words, 0.35, seed)
    best = align_transcripts(script("q", heard), script("r", words, step=0.3))[0]
    assert best.score > 0.55
    assert best.query == pytest.approx((0, len(heard) * STEP), abs=2)
    assert best.reference == pytest.approx((0, 120 * 0.3), abs=2)
    assert best.speed == pytest.approx(1.2, rel=0.1)
    assert all(a == b for a, b in zip(heard[[r for r, _ in best.rows]], words[[r for _, r in best.rows]], strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_both_directions_agree(seed: int) -> None:
    words = drawn(80, seed)
    one, other = script("q", garbled(words, 0.3, seed)), script("r", words)
    there, back = align_transcripts(one, other)[0], align_transcripts(other, one)[0]
    assert there.evidence == pytest.approx(back.evidence, abs=3) and there.score == pytest.approx(back.score, abs=0.05)
    assert there.query == pytest.approx(back.reference, abs=1) and there.reference == pytest.approx(back.query, abs=1)


def test_parts_are_found_at_their_times() -> None:
    words = drawn(100, 1)
    query = np.concatenate((drawn(30, 2), words[50:80], drawn(30, 3), words[5:35], drawn(20, 4)))
    found = sorted(align_transcripts(script("q", query), script("r", words)), key=lambda s: s.query)
    assert [s.query for s in found] == [pytest.approx((7.5, 15), abs=0.8), pytest.approx((22.5, 30), abs=0.8)]
    assert [s.reference for s in found] == [pytest.approx((12.5, 20), abs=0.8), pytest.approx((1.25, 8.75), abs=0.8)]


def test_every_word_of_the_query_is_used_once() -> None:
    words = drawn(40, 1)
    rows = [r for s in align_transcripts(script("q", words), script("r", np.tile(words, 3))) for r, _ in s.rows]
    assert len(rows) == len(set(rows)) == 40


def test_unrelated_words_have_no_stretch_of_weight() -> None:
    for seed in range(10):
        found = align_transcripts(script("q", drawn(300, seed)), script("r", drawn(300, seed + 50)))
        assert all(s.evidence < 6 for s in found)


def test_an_hour_is_aligned_box_by_box() -> None:
    words = drawn(3000, 1)
    (stretch,) = align_transcripts(script("q", garbled(words, 0.3, 1)), script("r", words))
    assert stretch.reference == pytest.approx((0, 750), abs=5) and stretch.score > 0.6


def test_a_short_part_of_hours_is_found() -> None:
    query, reference = drawn(5000, 1), drawn(5000, 2)
    reference[4000:4040] = query[1000:1040]
    best = align_transcripts(script("q", query), script("r", reference))[0]
    assert best.query == pytest.approx((250, 260), abs=1) and best.reference == pytest.approx((1000, 1010), abs=1)


def test_a_chant_and_doubtful_words_say_little() -> None:
    chant = script("a", np.tile(drawn(3, 1), 20))
    assert align_transcripts(chant, chant)[0].evidence <= 4
    words = drawn(40, 1)
    sure, doubtful = script("a", words), script("b", words, quality=0.5)
    assert align_transcripts(sure, doubtful)[0].evidence == align_transcripts(doubtful, sure)[0].evidence
    assert align_transcripts(sure, doubtful)[0].evidence == pytest.approx(align_transcripts(sure, sure)[0].evidence / 2)


# Matches ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "heard", "language"),
    [(NIGHT, GARBLED, "zh"), (POLICY, POLICY_HEARD, "yue"), (FREE, FREE_HEARD, "en"), (NIGHT, NIGHT, "zh")],
)
def test_the_same_words_are_a_copy(said: str, heard: str, language: str) -> None:
    (match,) = matches(spoken("q", heard, language), spoken("r", said, language))
    assert (match.relation, match.verdict, match.uris, match.placement) == ("same_script", "copy", ("r.mp4",), None)
    assert match.probability >= verdicts.MIN_COPY_PROBABILITY and min(match.coverage) > 0.8
    (segment,) = match.segments
    assert (segment.channel, segment.mirrored) == ("script", False)
    assert segment.query == pytest.approx((1, 11), abs=1) and segment.reference == pytest.approx((1, 11), abs=1)


@pytest.mark.parametrize(("one", "other"), [(NIGHT, POLICY), (POLICY_HEARD, GARBLED), (FREE, THANKS), (FREE, NIGHT)])
def test_other_words_are_not(one: str, other: str) -> None:
    assert all(match.probability < 0.5 for match in matches(spoken("q", one), spoken("r", other)))


def test_a_part_is_told_with_its_share_and_reasons() -> None:
    words = drawn(120, 1)
    query = np.concatenate((drawn(60, 2), words[40:100]))
    (match,) = matches(script("q", query), script("r", words))
    assert match.coverage == pytest.approx((0.5, 0.5), abs=0.05)
    assert match.why == (
        f"{len(align_transcripts(script('q', query), script('r', words))[0].rows)} of 60 words in a row agree"
        " (by their sound, without tones)",
        "15 s of the query and 15 s of the reference say the same",
        "the voices were not compared",
    )


@pytest.mark.parametrize("words", [3, 6, MIN_COPY_WORDS - 1])
def test_a_stock_phrase_is_never_a_copy(words: int) -> None:
    phrase = drawn(words, 3)
    query = script("q", np.concatenate((drawn(50, 1), phrase)))
    for other in (script("r", phrase), script("r", np.concatenate((drawn(50, 2), phrase)))):
        for match in matches(query, other):
            assert match.probability <= MAX_SHORT_PROBABILITY and match.verdict != "copy"


def test_thanks_are_no_copy() -> None:
    for match in matches(spoken("q", f"{FREE}. {THANKS}", "en"), spoken("r", THANKS, "en")):
        assert match.verdict != "copy" and "so few words may be a common phrase" in match.why


def test_credits_that_whisper_invents_prove_nothing() -> None:
    text = "请不吝点赞订阅转发打赏支持明镜与点点栏目"
    made = spoken("q", text, flags=("credit_phrase",))
    assert all(match.probability < 0.5 for match in matches(made, spoken("r", text)))


def test_numbers_agree_however_they_are_written() -> None:
    one = "现在是2025年12点55分，星期5，明天是周6，不用上班，太棒啦"
    other = "现在是二零二五年十二点五十五分，星期五，明天是周六，不用上班，太棒啦"
    (match,) = matches(spoken("q", one), spoken("r", other))
    assert match.verdict == "copy" and match.segments[0].score == 1.0
    assert "digits, repeated words and doubtful passages count in part" in match.why


def test_the_likeliest_comes_first_and_the_query_itself_can_be_left_out() -> None:
    words = drawn(60, 1)
    shelf = [script("a", words), script("b", garbled(words, 0.5, 1)), script("c", garbled(words, 0.2, 1))]
    found = matches(script("a", words), *shelf, without="a")
    assert [m.sha256 for m in found] == ["c", "b"] and found[0].probability >= found[1].probability


def test_more_words_and_more_agreement_never_lower_the_probability() -> None:
    for share in (0.4, 0.7, 1.0):
        likely = [
            calibration.probability(calibration.TranscriptPairFeatures(words=w, agreement=share, product=w * share))
            for w in np.log1p([1, 4, 8, 12, 30, 100])
        ]
        assert likely == sorted(likely)


def test_pairs_hold_what_was_measured() -> None:
    words = drawn(60, 1)
    (pair,) = compare_transcripts(script("q", words), TranscriptIndex([script("r", words)]))
    assert pair.features.agreement == 1.0 and pair.features.product == pair.features.words > 4


POEM = "鹅鹅鹅，曲项向天歌。白毛浮绿水，红掌拨清波。"
POEM_HEARD = "惡惡惡,曲韓韓天歌,白無浮,綠水,紅蔣,貝清波"
PRAISE = "我们的城市最美丽最漂亮最可爱"
PRAISE_HEARD = "无门的成是罪没力自照亮醉可来"


@pytest.mark.parametrize(("said", "heard"), [(POEM, POEM_HEARD), (PRAISE, PRAISE_HEARD)])
def test_a_short_script_misheard_in_most_syllables_is_found_among_many(said: str, heard: str) -> None:
    rng = np.random.default_rng(5)
    others = [spoken(f"other-{n}", "".join(rng.permutation(list(NIGHT + POLICY)))[:20]) for n in range(200)]
    best = matches(spoken("q", heard), *others, spoken("r", said))[0]
    assert best.sha256 == "r" and best.probability > 0.5


def test_parts_of_syllables_count_in_part() -> None:
    table = word_similarity(
        encode_words(spoken("a", "张心有"))[:, None], encode_words(spoken("b", "张江星路five"))[None, :]
    )
    assert table[0, 0] == MATCH_SCORE and table[0, 1] == MISMATCH_SCORE + NUCLEUS + CODA
    assert table[1, 2] == MISMATCH_SCORE + INITIAL + NUCLEUS + MEDIAL and table[2, 3] == table[2, 4] == MISMATCH_SCORE


@pytest.mark.parametrize("seed", range(3))
def test_scores_of_many_are_those_of_each(seed: int) -> None:
    rng = np.random.default_rng(seed)
    text = list(NIGHT + POLICY)
    query = encode_words(spoken("q", "".join(rng.permutation(text))))
    references = [encode_words(spoken("r", "".join(rng.permutation(text))[: rng.integers(2, 30)])) for _ in range(20)]
    lengths = np.array([len(r) for r in references])
    table = np.stack([np.pad(r, (0, PASSAGE_WORDS - len(r))) for r in references])
    alone = [_local(word_similarity(query[:, None], r[None, :]))[0] for r in references]
    assert best_scores(query, table, lengths).tolist() == alone


def test_what_is_alike_in_a_small_part_throughout_is_no_match() -> None:
    assert matches(spoken("q", "哈" * 10), spoken("r", "啦" * 10)) == []


def test_reasons_tell_words_that_agree_from_words_nearly_so() -> None:
    (match,) = matches(spoken("q", "心本真分山班看民林很兰安"), spoken("r", "星崩争风商帮康明零横狼昂"))
    assert match.why[0] == "0 of 12 words in a row agree (by their sound, without tones), and 12 nearly so"
    assert not any("digits" in reason for reason in match.why)
