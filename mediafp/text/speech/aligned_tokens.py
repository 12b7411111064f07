"""Times and probabilities of Whisper's tokens, by its cross-attention: which part of the sound each token was read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from mediafp.text.speech.encoder import FRAMES_PER_SECOND, STATES_PER_SECOND, to_storage_view
from mediafp.types.arrays import Float32Array
from mediafp.types.media import TimeSpan
from mediafp.types.tokens import tokenise

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

MEDIAN_STATES = 7
"""States over which the attention is smoothed (openai-whisper, timing.py)."""
MIN_PROBABILITY = 1e-6
"""Lowest probability of a token, so that its logarithm is finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenWord:
    """A word of a decoded text, as `types.tokens.tokenise` separates them.

    `digits` is the number of digits of a number, which may be said one by one, and 0 for other words; `start` and `end` are
    seconds of the window's audio; `logprob` is the logarithm of the probability that Whisper gave to the tokens of the word.
    """

    digits: int
    start: float
    end: float
    logprob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Tokens that make whole characters: their text, the times and the logarithm of their probability."""

    text: str
    start: float
    end: float
    logprob: float


def align_words(
    whisper: WhisperModel,
    tokenizer: Tokenizer,
    states: Float32Array,
    prompt: Sequence[int],
    sentences: Sequence[Sequence[int]],
    seconds: float,
) -> list[list[SpokenWord]]:
    """Return the words of each sentence of a decoded window, one for each token of `tokenise` of its stripped text.

    Dynamic time warping of the cross-attention, as in openai-whisper's timing.py; CTranslate2 computes it.

    Args:
        whisper: The model.
        tokenizer: Its tokenizer, in the language of the window.
        states: Encoder states (1, T, width) of the window.
        prompt: Tokens before the text.
        sentences: Tokens of the text of each sentence, without time tokens.
        seconds: Duration of the window's audio.
    """
    tokens = [token for sentence in sentences for token in sentence]
    if not tokens:
        return [[] for _ in sentences]
    # A model without time tokens can fill all its positions with text; two more are for the tokens around it.
    room = whisper.max_length - len(tokens) - 2
    (aligned,) = whisper.model.align(
        to_storage_view(states),
        list(prompt[-max(1, room) :]),
        [tokens],
        max(2, round(seconds * FRAMES_PER_SECOND)),
        median_filter_width=MEDIAN_STATES,
    )
    numbers, positions = np.array(aligned.alignments, np.int64).reshape(-1, 2).T
    # The state at which each token begins, and the one at which the last ends.
    begins = positions[np.flatnonzero(np.diff(numbers, prepend=-1))] / STATES_PER_SECOND
    begins = np.concatenate((begins, np.full(len(tokens) + 1, seconds)))[: len(tokens) + 1]
    logprobs = np.log(np.maximum(aligned.text_token_probs, MIN_PROBABILITY))
    words, begin = [], 0
    for sentence in sentences:
        pieces, first = [], begin
        for text, piece in zip(*tokenizer.split_tokens_on_unicode(list(sentence)), strict=True):
            after = first + len(piece)
            logprob = float(logprobs[first:after].sum())
            pieces.append(_Piece(text=text, start=float(begins[first]), end=float(begins[after]), logprob=logprob))
            first = after
        words.append(_join_pieces(pieces))
        # Tokens at the end that make no whole character belong to no piece.
        begin += len(sentence)
    return words


def _join_pieces(pieces: Sequence[_Piece]) -> list[SpokenWord]:
    """Return the words that the pieces of a sentence make together."""
    whole = "".join(piece.text for piece in pieces)
    cut = len(whole) - len(whole.lstrip())
    # Of each character: its piece, and its share of the time of the piece.
    owners = [n for n, piece in enumerate(pieces) for _ in piece.text]
    times = [span for piece in pieces for span in _split_evenly(piece)]
    words = []
    for token in tokenise(whole.strip()):
        first, last = token.start + cut, token.end + cut - 1
        logprob = sum(pieces[n].logprob for n in range(owners[first], owners[last] + 1))
        digits = last - first + 1 if token.text.isdigit() else 0
        words.append(SpokenWord(digits=digits, start=times[first][0], end=times[last][1], logprob=logprob))
    return words


def _split_evenly(piece: _Piece) -> list[TimeSpan]:
    """Return a span of time for each character of a piece; the space before a word takes none."""
    spaces = len(piece.text) - len(piece.text.lstrip())
    edges = np.linspace(piece.start, piece.end, len(piece.text) - spaces + 1).tolist()
    return [(piece.start, piece.start)] * spaces + list(pairwise(edges))
