"""The language of pieces: neighbours help, and what is unsure is not named."""

import pytest

from mediafp.text.speech.language import LanguageEvidence, identify_languages


def heard(seconds: float = 4.0, cantonese: float = 0.02, **whisper: float) -> LanguageEvidence:
    return LanguageEvidence(whisper=whisper, cantonese=cantonese, seconds=seconds)


def test_each_piece_gets_its_language() -> None:
    told = identify_languages(
        [heard(zh=0.97, en=0.01), heard(zh=0.97, cantonese=0.98), heard(en=0.98), heard(ru=0.95, en=0.02)]
    )
    assert [language for language, _ in told] == ["zh", "yue", "en", "ru"]
    assert all(p > 0.6 for _, p in told)


def test_a_short_doubtful_piece_follows_its_neighbours() -> None:
    sure = heard(zh=0.98, cantonese=0.99)
    told = identify_languages([sure, heard(seconds=0.6, zh=0.6, en=0.3, cantonese=0.4), sure])
    assert [language for language, _ in told] == ["yue", "yue", "yue"]


def test_what_stays_unsure_is_not_named() -> None:
    ((language, probability),) = identify_languages([heard(zh=0.98, cantonese=0.5)])
    assert language == "und" and probability == pytest.approx(0.5, abs=0.05)
    assert identify_languages([]) == []


def test_chinese_by_either_name_is_shared_out() -> None:
    assert heard(zh=0.5, yue=0.3, cantonese=0.9).probabilities()["yue"] == pytest.approx(0.72)
