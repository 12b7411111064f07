"""Words by Whisper's cross-attention: tokens are joined and divided so that each word has its time."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mediafp.text.speech.aligned_tokens import align_words
from mediafp.types.tokens import tokenise

PIECES = {1: " The", 2: " har", 3: "bour", 4: " is", 5: "香港", 6: "，", 7: "\ufffd", 8: "\ufffd", 9: " 好"}


class FakeTokenizer:
    """Two tokens, 7 and 8, that make one character together."""

    def split_tokens_on_unicode(self, tokens: list[int]) -> tuple[list[str], list[list[int]]]:
        words: list[str] = []
        pieces: list[list[int]] = []
        for token in tokens:
            if token == 8 and pieces and pieces[-1] == [7]:
                words[-1], pieces[-1] = "嘅", [7, 8]
            else:
                words.append(PIECES[token])
                pieces.append([token])
        return words, pieces


def align(sentences: list[list[int]], probabilities: list[float], seconds: float = 4.0) -> Any:
    """Return the words of sentences of whose tokens each takes a fifth of a second."""
    count = sum(map(len, sentences))
    pairs = [(n, position) for n in range(count + 1) for position in range(n * 10, n * 10 + 10)]

    def answer(*arguments: object, **options: object) -> list[SimpleNamespace]:
        return [SimpleNamespace(alignments=pairs, text_token_probs=probabilities)]

    whisper = SimpleNamespace(model=SimpleNamespace(align=answer), max_length=448)
    states = np.zeros((1, 200, 8), np.float32)
    return align_words(whisper, FakeTokenizer(), states, [0], sentences, seconds)  # type: ignore[arg-type]


def test_a_word_of_several_tokens_has_their_time_and_probability_together() -> None:
    ((the, harbour, is_),) = align([[1, 2, 3, 4]], [0.9, 0.5, 0.5, 1.0])
    assert (the.start, the.end) == (0.0, 0.2) and (harbour.start, harbour.end) == (0.2, pytest.approx(0.6))
    assert harbour.logprob == pytest.approx(np.log(0.25)) and harbour.digits == 0
    assert is_.logprob == pytest.approx(0.0)


def test_characters_of_one_token_share_its_time_and_its_probability() -> None:
    ((hong, kong, of, good),) = align([[5, 6, 7, 8, 9]], [0.8, 1.0, 0.5, 0.5, 0.9])
    assert (hong.start, hong.end, kong.end) == (0.0, pytest.approx(0.1), pytest.approx(0.2))
    assert hong.logprob == kong.logprob == pytest.approx(np.log(0.8))
    # Two tokens make the third character; the comma before it is part of no word.
    assert (of.start, of.end) == (pytest.approx(0.4), pytest.approx(0.8))
    assert of.logprob == pytest.approx(np.log(0.25)) and good.start == pytest.approx(0.8)


def test_no_more_tokens_are_aligned_than_the_model_has_positions() -> None:
    prompts: list[list[int]] = []

    def answer(states: object, prompt: list[int], text: list[list[int]], *rest: object, **options: object) -> list[Any]:
        prompts.append(prompt)
        return [
            SimpleNamespace(alignments=[(n, n) for n in range(len(text[0]))], text_token_probs=[0.9] * len(text[0]))
        ]

    whisper = SimpleNamespace(model=SimpleNamespace(align=answer), max_length=10)
    for count in (5, 6, 9):
        align_words(whisper, FakeTokenizer(), np.zeros((1, 50, 8), np.float32), [0, 1, 2], [[1] * count], 1.0)  # type: ignore[arg-type]
    assert prompts == [[0, 1, 2], [1, 2], [2]]


def test_sentences_have_their_own_words_and_none_without_text() -> None:
    first, second = align([[1, 4], [5]], [0.9, 0.9, 0.9])
    assert len(first) == 2 and len(second) == 2 and second[0].start == pytest.approx(0.4)
    assert align([[], []], []) == [[], []]


def test_there_are_as_many_words_as_tokens_of_the_text() -> None:
    for tokens in ([1, 2, 3], [5, 6, 5], [9, 1, 7, 8], [6]):
        text = "".join(FakeTokenizer().split_tokens_on_unicode(tokens)[0]).strip()
        (words,) = align([tokens], [0.9] * len(tokens))
        assert len(words) == len(tokenise(text))
