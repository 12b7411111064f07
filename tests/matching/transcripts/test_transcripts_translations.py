"""A script that is read in another language is found, with its passages, and another text on its subject is not."""

from functools import cache

import pytest
from translated_samples import FACTORY_EN, FACTORY_ES, FACTORY_YUE, FACTORY_ZH, MINE_EN, transcript

from mediafp.fingerprints.sentence_windows import embed_windows
from mediafp.matching.transcripts.translated_passages import align_windows
from mediafp.matching.transcripts.translations import MAX_PHRASE_PROBABILITY, compare_translations, to_match
from mediafp.types.sentence_windows import SentenceWindows


@cache
def windows(lines: tuple[str, ...], language: str) -> SentenceWindows:
    return embed_windows(transcript(lines, language))


@pytest.mark.parametrize(
    ("query", "reference"),
    [
        ((FACTORY_ZH, "zh"), (FACTORY_EN, "en")),
        ((FACTORY_YUE, "yue"), (FACTORY_EN, "en")),
        ((FACTORY_ES, "es"), (FACTORY_EN, "en")),
        ((FACTORY_ES, "es"), (FACTORY_ZH, "zh")),
    ],
)
def test_a_script_in_another_language_is_found(
    query: tuple[tuple[str, ...], str], reference: tuple[tuple[str, ...], str]
) -> None:
    pair = compare_translations(windows(*query), windows(*reference))
    assert pair and pair.probability > 0.8
    passage = pair.passages[0]
    # All but a part of a sentence at either end.
    assert passage.query[1] - passage.query[0] >= 12 and passage.reference[1] - passage.reference[0] >= 12


def test_another_text_on_the_subject_is_no_translation() -> None:
    pair = compare_translations(windows(FACTORY_ZH, "zh"), windows(MINE_EN, "en"))
    assert pair is None or pair.probability < 0.15


def test_two_transcripts_of_one_language_are_not_compared() -> None:
    assert align_windows(windows(FACTORY_EN, "en"), windows(FACTORY_EN, "en")) is None
    assert align_windows(windows(FACTORY_YUE, "yue"), windows(FACTORY_ZH, "zh")) is None


def test_exchanged_sides_give_the_exchanged_match() -> None:
    sides = windows(FACTORY_ZH, "zh"), windows(FACTORY_EN, "en")
    pair, exchanged = compare_translations(*sides), compare_translations(*sides[::-1])
    assert pair and exchanged and pair.probability == exchanged.probability
    assert [(p.query, p.reference) for p in pair.passages] == [(p.reference, p.query) for p in exchanged.passages]


def test_the_match_states_languages_times_and_shares() -> None:
    sides = windows(FACTORY_ZH, "zh"), windows(FACTORY_EN, "en")
    pair = compare_translations(*sides)
    assert pair
    match = to_match(pair, *sides, sha256="r" * 64, uris=("r.mp4",), kind="video")
    assert match.translated and match.relation == "same_script" and match.verdict == "copy"
    assert {segment.channel for segment in match.segments} == {"script"}
    assert "say the same in Mandarin (query) and English (reference)" in match.why[0]
    assert min(match.coverage) > 0.7


def test_a_short_phrase_is_reported_as_no_match() -> None:
    pair = compare_translations(windows(FACTORY_ZH[:1], "zh"), windows(FACTORY_EN[:1], "en"))
    assert pair is None or pair.probability <= MAX_PHRASE_PROBABILITY


def test_a_sentence_that_is_repeated_counts_once() -> None:
    chant = (
        windows(FACTORY_ZH[:1] * 8, "zh"),
        windows(("Every night the chimneys of this factory send out black smoke",) * 8, "en"),
    )
    aligned = align_windows(*chant)
    assert aligned is None or aligned.passages[0].words < 45


def test_passages_in_another_order_are_found_one_by_one() -> None:
    query = windows(
        (
            *FACTORY_ZH,
            "今天的节目就到这里",
            "市政府决定明年修一座新的图书馆",
            "里面会有儿童阅览室和一个小剧场",
            "市民可以在网上投票选择设计方案",
        ),
        "zh",
    )
    reference = windows(
        (
            "Next year the city will build a new library with a reading room for children",
            "and a small theatre and citizens can vote online for the design",
            *FACTORY_EN,
        ),
        "en",
    )  # fmt: skip
    aligned = align_windows(query, reference)
    assert aligned and len(aligned.passages) == 2
    first, second = sorted(passage.query for passage in aligned.passages)
    assert first[1] <= second[0]
