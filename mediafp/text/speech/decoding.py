"""Decoding of windows to text with Whisper: batches, and a second try or halves for windows that decoded badly."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import batched, groupby
from typing import TYPE_CHECKING

import numpy as np

from mediafp.text.speech.encoder import FRAMES_PER_SECOND, encode_tracks, to_storage_view
from mediafp.text.speech.language import UNKNOWN
from mediafp.text.speech.quality_flags import (
    UNSURE_LOGPROB,
    count_words,
    find_quality_flags,
    is_dense,
    is_repetitive,
    is_sparse,
)
from mediafp.text.speech.voice_activity import Samples
from mediafp.text.speech.windows import DecodingWindow, sentence_times, split_in_half
from mediafp.types.arrays import Float32Array
from mediafp.types.media import AUDIO_SAMPLE_RATE
from mediafp.types.transcripts import TranscriptSegment

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

INPUT_SECONDS = (20, 30)
"""Lengths of the encoder's input; the audio is padded with silence to the shorter one that is long enough. 20 s cost .4 of
30 s, and give the same errors within .02 on every kind of development clip; 15 s and 10 s do not."""
MIN_SILENCE_SECONDS = 1.0
"""Silence after the speech in the encoder's input, if the longest input has room for it. Chosen, not measured."""
BEAM_SIZE = 5
"""Hypotheses of the beam search (Whisper's own default)."""
TOKENS_PER_SECOND, MIN_MAX_TOKENS = 20.0, 16
"""Limit of a window's tokens: so many per second of speech, added to a constant. Fast speech, 6 characters per second, is
12 tokens per second; a decoder in a loop ends at the limit."""
NO_REPEAT_NGRAM = 4
"""Tokens in a row that may not occur twice in the second try of a window that looped. In all windows this would forbid a
name to occur twice. It lowered the Cantonese error rate from .44 to .24: one loop counts as much as ten clips."""
TIME_TOKEN_SECONDS = 0.02
"""Difference between two consecutive time tokens of Whisper, seconds."""
CANTONESE_PROMPT = "以下係廣東話句子：佢哋喺度講緊嘢嘅，唔係普通話。"
"""Prompt that makes Whisper models without a Cantonese token write Cantonese. It lowers the error rate of real Cantonese
speech from .35 to .25, and raises that of Mandarin."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedTokens:
    """Whisper's tokens of one window, their mean log-probability, and whether the limit of tokens was reached."""

    tokens: list[int]
    logprob: float
    truncated: bool


class WindowDecoder:
    """A loaded Whisper model that decodes windows to text.

    Args:
        whisper: The model.
        hotwords: Names that decoding is biased towards, separated by spaces; "" for none.
    """

    def __init__(self, whisper: WhisperModel, hotwords: str) -> None:
        self.whisper = whisper
        self._hotwords = hotwords

    def decode_with_retry(
        self, samples: Samples, windows: Sequence[DecodingWindow]
    ) -> list[tuple[DecodingWindow, DecodedTokens]]:
        """Return windows with their tokens; a window with too little text for its speech may be returned as halves.

        Args:
            samples: The audio track.
            windows: Windows in one language, with encoder inputs of one length (see `batch_windows`).
        """
        decoded = self._decode(samples, windows)
        return [pair for item in zip(windows, decoded, strict=True) for pair in self._decode_halves(samples, *item)]

    def end_seconds(self, decoded: DecodedTokens) -> float | None:
        """Return the end of the decoded text in the window's audio, seconds; None if it reaches the end of the audio."""
        if not decoded.tokens:
            return 0.0
        last = decoded.tokens[-1]
        return (last - self._first_time_token) * TIME_TOKEN_SECONDS if last >= self._first_time_token else None

    def build_segments(self, window: DecodingWindow, decoded: DecodedTokens) -> list[TranscriptSegment]:
        """Return the sentences of the decoded part of a window, separated at Whisper's time tokens."""
        parts: list[tuple[float, list[int]]] = [(0.0, [])]
        for token in decoded.tokens:
            if token < self._first_time_token:
                parts[-1][1].append(token)
            else:
                parts.append(((token - self._first_time_token) * TIME_TOKEN_SECONDS, []))
        sentences = [(start, text) for start, tokens in parts if (text := self._text(tokens))]
        times = sentence_times(window, [start for start, _ in sentences])
        voice = float(
            np.average(
                [chunk.probability for chunk in window.chunks],
                weights=[chunk.end - chunk.start for chunk in window.chunks],
            )
        )
        return [
            TranscriptSegment(
                start=round(start, 3),
                end=round(end, 3),
                language=window.language,
                language_probability=window.probability,
                text=text,
                flags=find_quality_flags(text, seconds=end - start, logprob=decoded.logprob, voice=voice),
            )
            for (start, end), (_, text) in zip(times, sentences, strict=True)
        ]

    @cached_property
    def _first_time_token(self) -> int:
        """The token of 0.00 s; the tokens after it are TIME_TOKEN_SECONDS apart."""
        return int(self.whisper.hf_tokenizer.token_to_id("<|notimestamps|>")) + 1

    @cached_property
    def _has_cantonese_token(self) -> bool:
        return self.whisper.hf_tokenizer.token_to_id("<|yue|>") is not None

    def _decode_halves(
        self, samples: Samples, window: DecodingWindow, decoded: DecodedTokens
    ) -> list[tuple[DecodingWindow, DecodedTokens]]:
        """Return a decoded window, or its halves if it has too little text for its speech and they have no fewer words."""
        text = self._text(decoded.tokens)
        halves = split_in_half(window, samples) if is_sparse(text, window.sample_count / AUDIO_SAMPLE_RATE) else []
        if halves:
            _logger.debug("decoding %s in halves: too little text", _describe(window))
        decoded_halves = self._decode(samples, halves) if halves else []
        if not text and not any(self._text(half.tokens) for half in decoded_halves):
            return [(window, decoded)]
        pairs = [
            pair for half in zip(halves, decoded_halves, strict=True) for pair in self._decode_halves(samples, *half)
        ]
        joined = " ".join(self._text(part.tokens) for _, part in pairs)
        if count_words(joined) >= count_words(text) and not is_repetitive(joined):
            return pairs
        return [(window, decoded)]

    def _decode(self, samples: Samples, windows: Sequence[DecodingWindow]) -> list[DecodedTokens]:
        """Return the tokens of windows in one language; loops and guesses are decoded again without repetition."""
        language = windows[0].language
        input_seconds = max(map(_input_seconds, windows))
        states = encode_tracks(
            self.whisper, [window.audio(samples) for window in windows], input_seconds * FRAMES_PER_SECOND
        )
        durations = [window.sample_count / AUDIO_SAMPLE_RATE for window in windows]
        decoded = self._generate(states, language, durations, no_repeat_ngram=0)
        for n, (first, seconds) in enumerate(zip(decoded, durations, strict=True)):
            first_loops = self._is_loop(first, seconds)
            if first_loops or first.logprob < UNSURE_LOGPROB:
                reason = "repetitive, too dense or too long" if first_loops else "low confidence"
                _logger.debug("decoding %s again: %s", _describe(windows[n]), reason)
                (second,) = self._generate(states[n : n + 1], language, [seconds], no_repeat_ngram=NO_REPEAT_NGRAM)
                second_loops = self._is_loop(second, seconds)
                if first_loops and second_loops:
                    # A loop has a high log-probability: of two loops the shorter one is the lesser error.
                    is_better = len(second.tokens) < len(first.tokens)
                else:
                    # A text without a loop wins, else the more probable one.
                    is_better = (first_loops, second.logprob) > (second_loops, first.logprob)
                if is_better:
                    decoded[n] = second
        return decoded

    def _is_loop(self, decoded: DecodedTokens, seconds: float) -> bool:
        text = self._text(decoded.tokens)
        return decoded.truncated or is_repetitive(text) or is_dense(text, seconds)

    def _generate(
        self, states: Float32Array, language: str, durations: Sequence[float], *, no_repeat_ngram: int
    ) -> list[DecodedTokens]:
        """Return the tokens of N windows by beam search.

        Args:
            states: Encoder states (N, T, width).
            language: The language of all windows.
            durations: Speech in each window, seconds.
            no_repeat_ngram: Tokens in a row that may not occur twice; 0 for no such limit.
        """
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        is_prompted = language == "yue" and not self._has_cantonese_token
        code = "zh" if is_prompted or language == UNKNOWN else language
        tokenizer = Tokenizer(self.whisper.hf_tokenizer, True, task="transcribe", language=code)
        prompt = self.whisper.get_prompt(
            tokenizer,
            tokenizer.encode(CANTONESE_PROMPT) if is_prompted else [],
            hotwords=self._hotwords or None,
        )
        available = self.whisper.max_length - len(prompt)
        limits = [min(available, MIN_MAX_TOKENS + round(seconds * TOKENS_PER_SECOND)) for seconds in durations]
        results = self.whisper.model.generate(
            to_storage_view(states),
            [prompt] * len(states),
            beam_size=BEAM_SIZE,
            max_length=len(prompt) + max(limits),
            no_repeat_ngram_size=no_repeat_ngram,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            return_scores=True,
        )
        return [
            DecodedTokens(
                tokens=result.sequences_ids[0],
                logprob=float(result.scores[0]),
                truncated=len(result.sequences_ids[0]) >= limit,
            )
            for result, limit in zip(results, limits, strict=True)
        ]

    def _text(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, without special tokens."""
        end = self.whisper.hf_tokenizer.token_to_id("<|endoftext|>")
        return str(self.whisper.hf_tokenizer.decode([token for token in tokens if token < end])).strip()


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
    start, seconds = window.chunks[0].start / AUDIO_SAMPLE_RATE, window.sample_count / AUDIO_SAMPLE_RATE
    return f"the window at {start:.1f} s with {seconds:.1f} s of speech in {window.language!r}"
