"""Batches of windows that are decoded together, and what makes their text doubtful."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import override

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
from mediafp.text.speech.decoding import WindowDecoder, batch_windows
from mediafp.text.speech.voice_activity import Samples, SpeechChunk
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


class FakeTokenizer:
    """Tokenizer of a model with one character for each token."""

    def token_to_id(self, token: str) -> int:
        return {"<|endoftext|>": 900, "<|notimestamps|>": 1000}[token]

    def decode(self, tokens: list[int]) -> str:
        return "".join(chr(ord("一") + token) for token in tokens)


class LoopingDecoder(WindowDecoder):
    """Decoder whose second try of a window of two chunks writes only what the first seconds hold."""

    heard_seconds = 6.0

    @override
    def _decode_without_repetition(self, whole: DecodedWindow) -> DecodedWindow:
        return replace(whole, tokens=list(range(round(3 * self.heard_seconds))), truncated=False)

    @override
    def _decode_batch(self, samples: Samples, windows: Sequence[DecodingWindow]) -> list[DecodedWindow]:
        return [decoded_as(one, range(40 * n, 40 * n + 30)) for n, one in enumerate(windows)]

    @override
    def _align(self, decoded: DecodedWindow) -> DecodedWindow:
        seconds = self.heard_seconds if len(decoded.window.chunks) == 2 else decoded.seconds
        edges = np.linspace(0, seconds, len(decoded.tokens) + 1).tolist()
        words = (SpokenWord(digits=0, start=start, end=end, logprob=-0.3) for start, end in pairwise(edges))
        return replace(decoded, words=(tuple(words),))


def decoded_as(window: DecodingWindow, tokens: Sequence[int], *, truncated: bool = False) -> DecodedWindow:
    return DecodedWindow(
        window=window,
        tokens=list(tokens),
        logprob=-0.3,
        truncated=truncated,
        states=np.zeros((1, 0, 8), np.float32),
        is_prompted=False,
    )


def test_speech_that_the_second_try_of_a_loop_leaves_out_is_decoded_in_halves() -> None:
    rate = AUDIO_SAMPLE_RATE
    chunks = tuple(SpeechChunk(start=9 * n * rate, end=9 * (n + 1) * rate, probability=0.9) for n in range(2))
    both = DecodingWindow(chunks=chunks, language="yue", probability=0.9)
    decoder = LoopingDecoder(SimpleNamespace(hf_tokenizer=FakeTokenizer()), "")  # type: ignore[arg-type]
    loop = decoded_as(both, [5] * 300, truncated=True)
    samples = np.zeros(18 * rate, np.int16)
    assert [part.window.chunks for part in decoder._check(samples, loop)] == [(chunk,) for chunk in chunks]
    # A second try that reaches the end is kept.
    decoder.heard_seconds = 18.0
    assert [part.window for part in decoder._check(samples, loop)] == [both]
