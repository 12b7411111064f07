"""Batches of windows that are decoded together, and what makes their text doubtful."""

from dataclasses import replace

import numpy as np
import pytest

from mediafp.text.speech.aligned_tokens import SpokenWord
from mediafp.text.speech.decoded_windows import (
    CANTONESE_PROMPT,
    DecodedWindow,
    longest_extra_seconds,
    shares_prompt,
    speech_within,
)
from mediafp.text.speech.decoding import batch_windows
from mediafp.text.speech.voice_activity import SpeechChunk
from mediafp.text.speech.windows import DecodingWindow
from mediafp.types.media import AUDIO_SAMPLE_RATE


def window(seconds: float, language: str = "zh") -> DecodingWindow:
    chunk = SpeechChunk(start=0, end=round(seconds * AUDIO_SAMPLE_RATE), probability=0.9)
    return DecodingWindow(chunks=(chunk,), language=language, probability=0.9)


def test_batch_windows_separates_languages_and_encoder_input_lengths() -> None:
    windows = [window(25), window(3), window(4, "en"), window(19), window(19.5), window(1), window(2)]
    batches = list(batch_windows(windows, 2))
    assert [[(w.language, w.sample_count / AUDIO_SAMPLE_RATE) for w in batch] for batch in batches] == [
        [("en", 4)],
        [("zh", 1), ("zh", 2)],
        [("zh", 3), ("zh", 19)],
        [("zh", 19.5), ("zh", 25)],
    ]


def test_parts_of_the_prompt_are_recognised_and_ordinary_cantonese_is_not() -> None:
    assert shares_prompt("嗯，佢哋喺度講緊嘢") and shares_prompt(CANTONESE_PROMPT)
    assert not shares_prompt("佢哋喺度食飯") and not shares_prompt("廣東話") and not shares_prompt("")


def test_speech_within_counts_no_pauses_and_no_silence_around_a_chunk() -> None:
    rate = AUDIO_SAMPLE_RATE
    chunks = (
        SpeechChunk(start=0, end=3 * rate, probability=0.9, lead=rate // 2, tail=rate // 2),
        SpeechChunk(start=5 * rate, end=7 * rate, probability=0.9),
    )
    window = DecodingWindow(chunks=chunks, language="zh", probability=0.9)
    assert window.speech_seconds == 4.0
    assert speech_within(window, 0, 5) == pytest.approx(4.0)
    assert speech_within(window, 1, 4) == pytest.approx(1.5 + 1.0)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([("the", 0.3), ("harbour", 1.5)], 1.5),
        ([("好", 2.0)], 2.0),
        ([("18601200909", 2.85), ("我", 0.2)], 0.2),
    ],
)
def test_a_number_takes_the_time_of_its_digits(words: list[tuple[str, float]], expected: float) -> None:
    spoken, start = [], 0.0
    for text, seconds in words:
        spoken.append(
            SpokenWord(digits=len(text) if text.isdigit() else 0, start=start, end=start + seconds, logprob=-0.1)
        )
        start += seconds
    decoded = DecodedWindow(
        window=window(start),
        tokens=[],
        logprob=-0.1,
        truncated=False,
        states=np.zeros((1, 0, 8), np.float32),
        is_prompted=False,
        words=(tuple(spoken),),
    )
    assert longest_extra_seconds(decoded) == pytest.approx(expected)
    # Speech behind the last word, as if it had not been written.
    assert longest_extra_seconds(replace(decoded, window=window(start + 4))) == pytest.approx(max(4.0, expected))
