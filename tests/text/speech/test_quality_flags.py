"""Quality flags: each doubt is named, and ordinary speech has none."""

from typing import Any

import pytest

from mediafp.text.speech.quality_flags import find_quality_flags, has_short_loop, is_repetitive, looped_share

ORDINARY: dict[str, Any] = {"seconds": 5.0, "logprob": -0.3, "voice": 0.95, "repeats": False}


@pytest.mark.parametrize("text", ["Thanks for watching!", "請不吝點讚 訂閱 轉發 打賞", "字幕由 Amara.org 社区提供"])
def test_find_quality_flags_names_credits(text: str) -> None:
    assert find_quality_flags(text, **ORDINARY) == ("credit_phrase",)


def test_find_quality_flags_names_a_repetition_that_the_sound_does_not_confirm() -> None:
    text = "我們我們我們我們我們我們我們我們"
    assert find_quality_flags(text, **{**ORDINARY, "repeats": True}) == ("repetition",)
    assert find_quality_flags(text, **ORDINARY) == ()


@pytest.mark.parametrize(
    "text",
    [
        "我們我們我們我們我們我們我們我們",
        "thank you thank you thank you thank you thank you",
        "哦哦哦哦哦哦哦哦",
        "Mmmmmmmmmmm",
    ],
)
def test_short_loops_are_repetitive(text: str) -> None:
    assert is_repetitive(text) and has_short_loop(text)


def test_looped_share_is_that_of_the_longest_run() -> None:
    assert looped_share("好" * 8) == 1.0 and looped_share("") == 0.0 and looped_share("今天天气很好") == 0.0
    assert looped_share("请说出您的号码" + "纠正" * 4 + "不是这样") == pytest.approx(8 / 19)


def test_a_repeated_sentence_is_repetitive_and_no_short_loop() -> None:
    text = "真诚就是不欺人也不自欺。" * 4
    assert is_repetitive(text) and not has_short_loop(text)


@pytest.mark.parametrize(
    "text", ["今天天气很好我们去公园", "the government said on monday", "好好学习天天向上", "鹅鹅鹅曲项向天歌"]
)
def test_find_quality_flags_returns_none_for_ordinary_speech(text: str) -> None:
    assert find_quality_flags(text, **ORDINARY) == ()


def test_find_quality_flags_names_low_confidence_faint_voices_and_impossible_density() -> None:
    text = "今天天气很好我们去公园散步吧"
    assert find_quality_flags(text, seconds=5, logprob=-1.4, voice=0.95, repeats=False) == ("low_confidence",)
    assert find_quality_flags(text, seconds=5, logprob=-0.3, voice=0.4, repeats=False) == ("faint_voice",)
    assert find_quality_flags(text, seconds=0.4, logprob=-0.3, voice=0.95, repeats=False) == ("too_dense",)


def test_is_repetitive_accepts_refrains_and_numbers_but_no_loops() -> None:
    assert is_repetitive("嗰嗰嗟嗟嗰嗓嗓嗰嗚嗓嗚嗚嗟嗓嗟嗚嗰嗣嗓嗣嗟嗣嗚嗣")
    assert (
        is_repetitive("啊 " * 20)
        and not is_repetitive("")
        and not is_repetitive("来来来")
        and not is_repetitive("1880000009")
    )
