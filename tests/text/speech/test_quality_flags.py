"""Quality flags: each doubt is named, and ordinary speech has none."""

import pytest

from mediafp.text.speech.quality_flags import find_quality_flags, is_repetitive

ORDINARY = {"seconds": 5.0, "logprob": -0.3, "voice": 0.95}


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("我們我們我們我們我們我們我們我們", "repetition"),
        ("thank you thank you thank you thank you thank you", "repetition"),
        ("哦哦哦哦哦哦哦哦", "repetition"),
        ("Mmmmmmmmmmm", "repetition"),
        ("Thanks for watching!", "credit_phrase"),
        ("請不吝點讚 訂閱 轉發 打賞", "credit_phrase"),
        ("字幕由 Amara.org 社区提供", "credit_phrase"),
    ],
)
def test_find_quality_flags_names_known_hallucinations(text: str, flag: str) -> None:
    assert find_quality_flags(text, **ORDINARY) == (flag,)


@pytest.mark.parametrize(
    "text", ["今天天气很好我们去公园", "the government said on monday", "好好学习天天向上", "鹅鹅鹅曲项向天歌"]
)
def test_find_quality_flags_returns_none_for_ordinary_speech(text: str) -> None:
    assert find_quality_flags(text, **ORDINARY) == ()


def test_find_quality_flags_names_low_confidence_faint_voices_and_impossible_density() -> None:
    text = "今天天气很好我们去公园散步吧"
    assert find_quality_flags(text, seconds=5, logprob=-1.4, voice=0.95) == ("low_confidence",)
    assert find_quality_flags(text, seconds=5, logprob=-0.3, voice=0.4) == ("faint_voice",)
    assert find_quality_flags(text, seconds=0.4, logprob=-0.3, voice=0.95) == ("too_dense",)


def test_is_repetitive_accepts_refrains_and_numbers_but_no_loops() -> None:
    assert is_repetitive("嗰嗰嗟嗟嗰嗓嗓嗰嗚嗓嗚嗚嗟嗓嗟嗚嗰嗣嗓嗣嗟嗣嗚嗣")
    assert (
        is_repetitive("啊 " * 20)
        and not is_repetitive("")
        and not is_repetitive("来来来")
        and not is_repetitive("1880000009")
    )
