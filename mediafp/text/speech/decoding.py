"""Decoding of windows to text with Whisper: batches, another language where it is doubtful, halves where a text is doubtful."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import batched, groupby
from typing import TYPE_CHECKING

from mediafp.text.speech.aligned_tokens import align_words
from mediafp.text.speech.decoded_windows import (
    CANTONESE_PROMPT,
    MAX_WORD_SECONDS,
    DecodedWindow,
    Sentence,
    has_squeezed_words,
    longest_extra_seconds,
    shares_prompt,
    speech_within,
)
from mediafp.text.speech.encoder import FRAMES_PER_SECOND, encode_tracks, to_storage_view
from mediafp.text.speech.quality_flags import (
    count_words,
    has_short_loop,
    is_dense,
    is_repetitive,
    is_sparse,
    looped_share,
)
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
MIN_GAIN_WORDS = 5
"""Words that the halves of a window have more, from which the window lacks a passage. With 1, numbers that are read slowly are
decoded in halves, which writes more of the English in Mandarin in characters (error rate .147, not .122)."""
CONFIRMED_SHARE = 0.8
"""Words of the halves of a window, divided by those of the whole, from which the halves confirm a repetition. Chosen: a decoder
in a loop writes several times what a half holds."""
MIN_LOOPED_SHARE = 0.4
"""Share of the words of a text that a loop has from which the text is decoded again. Chosen: below it the rest is worth more than
what halves of a bad recording give, and the flag `repetition` names the doubt."""
TIME_TOKEN_SECONDS = 0.02
"""Difference between two consecutive time tokens of Whisper, seconds."""

_logger = logging.getLogger(__name__)


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
        # The states, a megabyte for each 10 s, are needed no more.
        return [replace(self._align(part), states=part.states[:, :0]) for part in parts]

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
        if last < self._first_time_token:
            return None
        seconds = (last - self._first_time_token) * TIME_TOKEN_SECONDS
        # Some fine-tuned models end every text with the token of 0.00 s; the rest would be decoded again, as new text.
        return None if seconds == 0 and is_dense(self._text(decoded.tokens), seconds) else seconds

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

    def _lacks(self, language: str) -> bool:
        """Return True for Cantonese if the model has no token for it."""
        return language == "yue" and not self._has_cantonese_token

    def _check(self, samples: Samples, whole: DecodedWindow) -> list[DecodedWindow]:
        """Return a decoded window, or its halves, each checked in turn, where its text does not fit its sound.

        A text that is too long or too short, or repeats itself where the sound does not, is decoded in halves: these have less
        context. What is really said several times is in the halves too, while a decoder in a loop writes in each what it wrote
        in the whole.
        """
        if whole.is_prompted and shares_prompt(self._text(whole.tokens)):
            (whole,) = self._generate([whole.window], whole.states, is_prompted=False)
        text = self._text(whole.tokens)
        too_long, sparse = self._is_too_long(whole), is_sparse(text, whole.window.speech_seconds)
        repeats = is_repetitive(text) and (too_long or not self._is_held_by_sound(whole))
        if repeats and not too_long and 0 < looped_share(text) < MIN_LOOPED_SHARE:
            return [replace(whole, repeats=True)]
        if not (too_long or repeats or sparse):
            return self._fill_gaps(samples, self._align(whole))
        if too_long or (repeats and has_short_loop(text)):
            second = self._decode_without_repetition(whole)
            if not self._is_loop(second):
                return self._fill_gaps(samples, self._align(second))
            shortest = second
        else:
            shortest = whole
        _logger.debug("decoding %s in halves: too much, too little or repeated text", _describe(whole.window))
        halves = self._decode_batch(samples, split_in_half(whole.window, samples))
        if not halves or (not text and not any(self._text(half.tokens) for half in halves)):
            return [replace(shortest, repeats=repeats)]
        parts = [part for half in halves for part in self._check(samples, half)]
        if not too_long and any(part.repeats for part in parts):
            return [replace(shortest, repeats=repeats)]
        if too_long or (repeats and has_short_loop(text)) or self._has_gained(whole, parts):
            return parts
        if sparse:
            return [replace(whole, repeats=repeats)]
        # Both repeat themselves; the whole has more context, unless it leaves something out each time.
        is_kept = self._has_confirmed(whole, parts) and not self._has_gap(self._align(whole))
        return [whole] if is_kept else parts

    def _is_held_by_sound(self, decoded: DecodedWindow) -> bool:
        """Return True if a sound repeats itself as its text does, or each word of the text has its time in the sound."""
        return sound_repeats(decoded.states, decoded.seconds) or not has_squeezed_words(self._align(decoded))

    def _fill_gaps(self, samples: Samples, whole: DecodedWindow) -> list[DecodedWindow]:
        """Return an aligned window, or its halves if a word or a sentence takes too long and they have more words.

        Where a voice says what another voice said before, Whisper may leave it out; what is beside it then takes the time.
        """
        if not self._has_gap(whole):
            return [whole]
        _logger.debug("decoding %s in halves: a word or a sentence takes too long", _describe(whole.window))
        halves = self._decode_batch(samples, split_in_half(whole.window, samples))
        parts = [part for half in halves for part in self._check(samples, half)]
        if any(part.repeats for part in parts):
            return [whole]
        if is_repetitive(self._text(whole.tokens)):
            # Of what is said several times, a whole that leaves out a piece each time has hardly fewer words, and a high score.
            return parts if self._has_confirmed(whole, parts) else [whole]
        return parts if self._has_gained(whole, parts) else [whole]

    def _has_confirmed(self, whole: DecodedWindow, parts: Sequence[DecodedWindow]) -> bool:
        """Return True if the parts of a window have about as many words: in each a loop would write as many as in the whole."""
        words = sum(count_words(self._text(part.tokens)) for part in parts)
        return words >= CONFIRMED_SHARE * count_words(self._text(whole.tokens))

    def _has_gained(self, whole: DecodedWindow, parts: Sequence[DecodedWindow]) -> bool:
        """Return True if the parts of a window have a passage that the whole lacks.

        Halves have less context: a song gets more words in them, and fewer that are sung. So they must have clearly more words,
        and more that are right as the model's own score makes one expect.
        """
        before, after = (
            [(count_words(self._text(one.tokens)), one.logprob) for one in windows] for windows in ([whole], parts)
        )
        words_before, words_after = (sum(words for words, _ in side) for side in (before, after))
        right_before, right_after = (
            sum(words * math.exp(logprob) for words, logprob in side) for side in (before, after)
        )
        return words_after - words_before >= MIN_GAIN_WORDS and right_after > right_before

    def _has_gap(self, decoded: DecodedWindow) -> bool:
        """Return True if a word of an aligned window takes too long, or a sentence has too little text for its speech."""
        if longest_extra_seconds(decoded) > MAX_WORD_SECONDS:
            return True
        sentences = self.sentences(decoded)
        ends = [*(sentence.start for sentence in sentences[1:]), decoded.seconds]
        return any(
            is_sparse(sentence.text, speech_within(decoded.window, sentence.start, end))
            for sentence, end in zip(sentences, ends, strict=True)
        )

    def _is_too_long(self, decoded: DecodedWindow) -> bool:
        """Return True if nobody speaks so fast that the text fits the audio."""
        return decoded.truncated or is_dense(self._text(decoded.tokens), decoded.seconds)

    def _decode_without_repetition(self, whole: DecodedWindow) -> DecodedWindow:
        """Return a window decoded anew without repetition, or as it was if that is shorter."""
        (second,) = self._generate(
            [whole.window], whole.states, no_repeat_ngram=NO_REPEAT_NGRAM, is_prompted=whole.is_prompted
        )
        return min(second, whole, key=lambda one: len(one.tokens))

    def _choose_language(self, decoded: DecodedWindow) -> DecodedWindow:
        """Return a window decoded in its language or in the alternative, whichever text is likelier."""
        window = decoded.window
        if window.alternative is None:
            return decoded
        other = replace(window, language=window.alternative, probability=round(1 - window.probability, 4))
        (second,) = self._generate([other], decoded.states)
        # A loop has a high log-probability: a text that fits its time wins, else the more probable one. Of two loops, that in the
        # language which Whisper can write: it is decoded again.
        loops = self._is_loop(decoded) and self._is_loop(second)
        return second if loops else max(decoded, second, key=lambda one: (not self._is_loop(one), one.logprob))

    def _is_loop(self, decoded: DecodedWindow) -> bool:
        """Return True if a text is too long for its sound, or repeats itself and the sound does not."""
        repeats = is_repetitive(self._text(decoded.tokens))
        return self._is_too_long(decoded) or (repeats and not self._is_held_by_sound(decoded))

    def _align(self, decoded: DecodedWindow) -> DecodedWindow:
        """Return a decoded window with its words."""
        if decoded.words:
            return decoded
        words = align_words(
            self.whisper,
            self._tokenizer(decoded.window.language),
            decoded.states,
            self._prompt(decoded.window.language, is_prompted=decoded.is_prompted),
            [sentence.tokens for sentence in self.sentences(decoded)],
            decoded.seconds,
        )
        return replace(decoded, words=tuple(map(tuple, words)))

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
        self,
        windows: Sequence[DecodingWindow],
        states: Float32Array,
        *,
        no_repeat_ngram: int = 0,
        is_prompted: bool | None = None,
    ) -> list[DecodedWindow]:
        """Return N windows with their texts by beam search.

        Args:
            windows: Windows in one language.
            states: Encoder states (N, T, width).
            no_repeat_ngram: Tokens in a row that may not occur twice; 0 for no such limit.
            is_prompted: Whether to give the prompt for Cantonese; None if the language and the model need it.
        """
        from faster_whisper.transcribe import get_suppressed_tokens

        language = windows[0].language
        if is_prompted is None:
            is_prompted = self._lacks(language)
        prompt = self._prompt(language, is_prompted=is_prompted)
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
                is_prompted=is_prompted,
            )
            for n, (window, result, limit) in enumerate(zip(windows, results, limits, strict=True))
        ]

    def _prompt(self, language: str, *, is_prompted: bool) -> list[int]:
        """Return the tokens before the text of a window in a language, with or without the prompt for Cantonese."""
        tokenizer = self._tokenizer(language)
        prompt: list[int] = self.whisper.get_prompt(
            tokenizer,
            tokenizer.encode(CANTONESE_PROMPT) if is_prompted else [],
            hotwords=self._hotwords or None,
        )
        return prompt

    def _make_tokenizer(self, language: str) -> Tokenizer:
        from faster_whisper.tokenizer import Tokenizer

        code = "zh" if self._lacks(language) else language
        # English models are prompted without language and task.
        is_multilingual = self.whisper.model.is_multilingual
        return Tokenizer(self.whisper.hf_tokenizer, is_multilingual, task="transcribe", language=code)

    def _text(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, without special tokens."""
        return str(self.whisper.hf_tokenizer.decode([token for token in tokens if token < self._end_token])).strip()


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
    start, seconds = window.chunks[0].start / AUDIO_SAMPLE_RATE, window.speech_seconds
    return f"the window at {start:.1f} s with {seconds:.1f} s of speech in {window.language!r}"
