"""Language identification: neighbouring chunks contribute, and an unsure language is not named."""

import pytest

from mediafp.text.speech.language import LanguageEvidence, identify_languages, language_name


def evidence(seconds: float = 4.0, cantonese: float = 0.02, **whisper: float) -> LanguageEvidence:
    return LanguageEvidence(whisper=whisper, cantonese=cantonese, seconds=seconds)


def test_identify_languages_returns_the_language_of_each_chunk() -> None:
    languages = identify_languages(
        [evidence(zh=0.97, en=0.01), evidence(zh=0.97, cantonese=0.98), evidence(en=0.98), evidence(ru=0.95, en=0.02)]
    )
    assert [language.likeliest for language in languages] == ["zh", "yue", "en", "ru"]
    assert all(language.probability > 0.6 for language in languages)


def test_identify_languages_assigns_a_short_unsure_chunk_to_its_neighbours_language() -> None:
    sure = evidence(zh=0.98, cantonese=0.99)
    languages = identify_languages([sure, evidence(seconds=0.6, zh=0.6, en=0.3, cantonese=0.4), sure])
    assert [language.likeliest for language in languages] == ["yue", "yue", "yue"]


def test_an_unsure_language_is_not_named_and_has_an_alternative() -> None:
    (language,) = identify_languages([evidence(zh=0.5, en=0.45)])
    assert (language.likeliest, language.alternative) == ("zh", "en")
    assert language_name(language.likeliest, language.probability) == "und"
    assert language_name("zh", 0.6) == "zh"
    assert identify_languages([]) == []


def test_chinese_that_may_be_either_is_decoded_as_mandarin_and_not_named() -> None:
    for cantonese in (0.45, 0.55):
        (language,) = identify_languages([evidence(zh=0.98, cantonese=cantonese)])
        assert (language.likeliest, language.alternative) == ("zh", None)
        assert language.probability == pytest.approx(1 - cantonese, abs=0.05)
        assert language_name(language.likeliest, language.probability) == "und"


def test_a_language_that_whisper_hardly_knows_has_the_likeliest_known_one_as_alternative() -> None:
    tibetan, mandarin = identify_languages([evidence(bo=0.9, zh=0.06, en=0.02), evidence(zh=0.98)])
    assert (tibetan.likeliest, tibetan.alternative) == ("bo", "zh")
    assert (mandarin.likeliest, mandarin.alternative) == ("zh", None)


def test_probabilities_divide_chinese_between_mandarin_and_cantonese() -> None:
    assert evidence(zh=0.5, yue=0.3, cantonese=0.9).probabilities()["yue"] == pytest.approx(0.72)
