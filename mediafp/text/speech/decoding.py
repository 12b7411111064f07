"""Decoding of windows to text with Whisper: batches, another language where it is doubtful, halves where a text is doubtful."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import batched, groupby
from typing import TYPE_CHECKING

from mediafp.text.speech.aligned_tokens import SpokenWord, align_words
from mediafp.text.speech.encoder import FRAMES_PER_SECOND, encode_tracks, to_storage_view
from mediafp.text.speech.quality_flags import count_words, has_short_loop, is_dense, is_repetitive, is_sparse
from mediafp.text.speech.self_similarity import sound_repeats
from mediafp.text.speech.voice_activity import Samples
from mediafp.text.speech.windows import DecodingWindow, split_in_half
from mediafp.types.arrays import Float32Array
from mediafp.types.media import AUDIO_SAMPLE_RATE

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

INPUT_SECONDS = (20, 30)
"""Lengths of the encoder's input; the audio is padded with silence to the shorter one that is long enough. 20 s cost .4 of
30 s, and give the same errors within .02 on every kind of development clip; 15 s and 10 s do not."""
MIN_SILENCE_SECONDS = 1.0
"""Silence after the speech in the encoder's input, if the longest input has room for it. Chosen, not measured."""
BEAM_SIZE = 5
"""Hypotheses of the beam search (Whisper's own default)."""
TOKENS_PER_SECOND, MIN_MAX_TOKENS = 20.0, 16
"""Limit of a window's tokens: so many per second of audio, added to a constant. Fast speech, 6 characters per second, is
12 tokens per second; a decoder in a loop ends at the limit."""
NO_REPEAT_NGRAM = 4
"""Tokens in a row that may not occur twice in the second try of a window that looped. Elsewhere it would rewrite what is said
several times: of four equal sentences, each is then spelt otherwise."""
CONFIRMED_SHARE = 0.8
"""Words of the halves of a window, divided by those of the whole, from which the halves confirm a repetition. Chosen: a decoder
in a loop writes several times what a half holds."""
TIME_TOKEN_SECONDS = 0.02
"""Difference between two consecutive time tokens of Whisper, seconds."""
CANTONESE_PROMPT = "以下係廣東話句子：佢哋喺度講緊嘢嘅，唔係普通話。"
"""Prompt that makes Whisper models without a Cantonese token write Cantonese. It lowers the error rate of real Cantonese
speech from .35 to .25, and raises that of Mandarin."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedWindow:
    """A window, in the language in which it was decoded, and its text.

    Attributes:
        window: The window.
        tokens: Whisper's tokens, with time tokens.
        logprob: Their mean log-probability.
        truncated: True if the limit of tokens was reached.
        states: Encoder states (1, T, width).
        repeats: True if the text repeats itself, and neither the time nor its halves confirm that the sound does.
        words: Words of each of `sentences`, once they are aligned.
    """

    window: DecodingWindow
    tokens: list[int]
    logprob: float
    truncated: bool
    states: Float32Array
    repeats: bool = False
    words: tuple[tuple[SpokenWord, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """Text between two time tokens: its start in the window's audio, seconds, its tokens, and the text."""

    start: float
    tokens: list[int]
    text: str


class WindowDecoder:
    """A loaded Whisper model that decodes windows to text.

    Args:
        whisper: The model.
        hotwords: Names that decoding is biased towards, separated by spaces; "" for none.
    """

    def __init__(self, whisper: WhisperModel, hotwords: str) -> None:
        self.whisper = whisper
        self._hotwords = hotwords
        self._tokenizer = lru_cache(self._make_tokenizer)

    def decode(self, samples: Samples, windows: Sequence[DecodingWindow]) -> list[DecodedWindow]:
        """Return windows with their texts, in order; one whose text is doubtful may be returned in parts.

        Args:
            samples: The audio track.
            windows: Windows in one language, with encoder inputs of one length (see `batch_windows`).
        """
        decoded = self._decode_batch(samples, windows)
        parts = [part for one in decoded for part in self._check(samples, self._choose_language(one))]
        return [self._align(part) for part in parts]

    def sentences(self, decoded: DecodedWindow) -> list[Sentence]:
        """Return the sentences of a decoded window that have a text."""
        parts: list[tuple[float, list[int]]] = [(0.0, [])]
        for token in decoded.tokens:
            if token < self._end_token:
                parts[-1][1].append(token)
            elif token >= self._first_time_token:
                parts.append(((token - self._first_time_token) * TIME_TOKEN_SECONDS, []))
        return [
            Sentence(start=start, tokens=tokens, text=text) for start, tokens in parts if (text := self._text(tokens))
        ]

    def end_seconds(self, decoded: DecodedWindow) -> float | None:
        """Return the end of the decoded text in the window's audio, seconds; None if it reaches the end of the audio."""
        if not decoded.tokens:
            return 0.0
        last = decoded.tokens[-1]
        return (last - self._first_time_token) * TIME_TOKEN_SECONDS if last >= self._first_time_token else None

    @cached_property
    def _first_time_token(self) -> int:
        """The token of 0.00 s; the tokens after it are TIME_TOKEN_SECONDS apart."""
        return int(self.whisper.hf_tokenizer.token_to_id("<|notimestamps|>")) + 1

    @cached_property
    def _end_token(self) -> int:
        """The first special token: those of text are below it."""
        return int(self.whisper.hf_tokenizer.token_to_id("<|endoftext|>"))

    @cached_property
    def _has_cantonese_token(self) -> bool:
        return self.whisper.hf_tokenizer.token_to_id("<|yue|>") is not None

    def _check(self, samples: Samples, whole: DecodedWindow) -> list[DecodedWindow]:
        """Return a decoded window, or its halves, each checked in turn, where its text does not fit its sound.

        A text that is too long or too short, or repeats itself where the sound does not, is decoded in halves: these have less
        context. What is really said several times is in the halves too, while a decoder in a loop writes in each what it wrote
        in the whole.
        """
        text = self._text(whole.tokens)
        too_long, sparse = self._is_too_long(whole), is_sparse(text, whole.window.speech_samples / AUDIO_SAMPLE_RATE)
        repeats = is_repetitive(text) and not (not too_long and sound_repeats(whole.states, _seconds(whole)))
        if not (too_long or repeats or sparse):
            return [whole]
        if too_long or (repeats and has_short_loop(text)):
            second = self._decode_without_repetition(whole)
            if not self._is_loop(second):
                return [second]
        _logger.debug("decoding %s in halves: too much, too little or repeated text", _describe(whole.window))
        halves = self._decode_batch(samples, split_in_half(whole.window, samples))
        if not halves or (not text and not any(self._text(half.tokens) for half in halves)):
            return [replace(whole, repeats=repeats)]
        parts = [part for half in halves for part in self._check(samples, half)]
        words = sum(count_words(self._text(part.tokens)) for part in parts)
        if too_long or (repeats and has_short_loop(text)):
            return parts
        if sparse:
            return parts if words >= count_words(text) else [whole]
        return [whole] if words >= CONFIRMED_SHARE * count_words(text) else parts

    def _is_too_long(self, decoded: DecodedWindow) -> bool:
        """Return True if nobody speaks so fast that the text fits the audio."""
        return decoded.truncated or is_dense(self._text(decoded.tokens), _seconds(decoded))

    def _decode_without_repetition(self, whole: DecodedWindow) -> DecodedWindow:
        """Return a window decoded anew without repetition, or as it was if that is shorter."""
        (second,) = self._generate([whole.window], whole.states, no_repeat_ngram=NO_REPEAT_NGRAM)
        return min(second, whole, key=lambda one: len(one.tokens))

    def _choose_language(self, decoded: DecodedWindow) -> DecodedWindow:
        """Return a window decoded in its language or in the alternative, whichever text is likelier."""
        window = decoded.window
        if window.alternative is None:
            return decoded
        other = replace(window, language=window.alternative, probability=round(1 - window.probability, 4))
        (second,) = self._generate([other], decoded.states)
        # A loop has a high log-probability: a text that fits its time wins, else the more probable one.
        return max(decoded, second, key=lambda one: (not self._is_loop(one), one.logprob))

    def _is_loop(self, decoded: DecodedWindow) -> bool:
        return self._is_too_long(decoded) or is_repetitive(self._text(decoded.tokens))

    def _align(self, decoded: DecodedWindow) -> DecodedWindow:
        """Return a decoded window with its words, and without its encoder states."""
        words = align_words(
            self.whisper,
            self._tokenizer(decoded.window.language),
            decoded.states,
            self._prompt(decoded.window.language),
            [sentence.tokens for sentence in self.sentences(decoded)],
            _seconds(decoded),
        )
        return replace(decoded, words=tuple(map(tuple, words)), states=decoded.states[:, :0])

    def _decode_batch(self, samples: Samples, windows: Sequence[DecodingWindow]) -> list[DecodedWindow]:
        """Return windows in one language with their texts."""
        if not windows:
            return []
        input_seconds = max(map(_input_seconds, windows))
        states = encode_tracks(
            self.whisper, [window.audio(samples) for window in windows], input_seconds * FRAMES_PER_SECOND
        )
        return self._generate(windows, states)

    def _generate(
        self, windows: Sequence[DecodingWindow], states: Float32Array, *, no_repeat_ngram: int = 0
    ) -> list[DecodedWindow]:
        """Return N windows with their texts by beam search.

        Args:
            windows: Windows in one language.
            states: Encoder states (N, T, width).
            no_repeat_ngram: Tokens in a row that may not occur twice; 0 for no such limit.
        """
        from faster_whisper.transcribe import get_suppressed_tokens

        language = windows[0].language
        prompt = self._prompt(language)
        available = self.whisper.max_length - len(prompt)
        limits = [
            min(available, MIN_MAX_TOKENS + round(window.sample_count / AUDIO_SAMPLE_RATE * TOKENS_PER_SECOND))
            for window in windows
        ]
        results = self.whisper.model.generate(
            to_storage_view(states),
            [prompt] * len(states),
            beam_size=BEAM_SIZE,
            max_length=len(prompt) + max(limits),
            no_repeat_ngram_size=no_repeat_ngram,
            suppress_tokens=get_suppressed_tokens(self._tokenizer(language), [-1]),
            return_scores=True,
        )
        return [
            DecodedWindow(
                window=window,
                tokens=result.sequences_ids[0],
                logprob=float(result.scores[0]),
                truncated=len(result.sequences_ids[0]) >= limit,
                states=states[n : n + 1],
            )
            for n, (window, result, limit) in enumerate(zip(windows, results, limits, strict=True))
        ]

    def _prompt(self, language: str) -> list[int]:
        """Return the tokens before the text of a window in a language."""
        is_prompted = language == "yue" and not self._has_cantonese_token
        tokenizer = self._tokenizer(language)
        prompt: list[int] = self.whisper.get_prompt(
            tokenizer,
            tokenizer.encode(CANTONESE_PROMPT) if is_prompted else [],
            hotwords=self._hotwords or None,
        )
        return prompt

    def _make_tokenizer(self, language: str) -> Tokenizer:
        from faster_whisper.tokenizer import Tokenizer

        code = "zh" if language == "yue" and not self._has_cantonese_token else language
        return Tokenizer(self.whisper.hf_tokenizer, True, task="transcribe", language=code)

    def _text(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, without special tokens."""
        return str(self.whisper.hf_tokenizer.decode([token for token in tokens if token < self._end_token])).strip()


def _seconds(decoded: DecodedWindow) -> float:
    """Return the duration of a window's audio."""
    return decoded.window.sample_count / AUDIO_SAMPLE_RATE


def batch_windows(windows: Sequence[DecodingWindow], batch_size: int) -> Iterator[tuple[DecodingWindow, ...]]:
    """Yield batches of windows in one language, with encoder inputs of one length and about equal speech.

    The longest window of a batch limits its tokens.
    """

    def batch_key(window: DecodingWindow) -> tuple[str, int]:
        return window.language, _input_seconds(window)

    for _, group in groupby(sorted(windows, key=lambda w: (*batch_key(w), w.sample_count)), batch_key):
        yield from batched(group, batch_size)


def _input_seconds(window: DecodingWindow) -> int:
    """Return the length of the encoder's input for a window, seconds."""
    needed = window.sample_count / AUDIO_SAMPLE_RATE + MIN_SILENCE_SECONDS
    return next((seconds for seconds in INPUT_SECONDS if needed <= seconds), INPUT_SECONDS[-1])


def _describe(window: DecodingWindow) -> str:
    """Return the position, speech and language of a window, for the log."""
    start, seconds = window.chunks[0].start / AUDIO_SAMPLE_RATE, window.speech_samples / AUDIO_SAMPLE_RATE
    return f"the window at {start:.1f} s with {seconds:.1f} s of speech in {window.language!r}"
