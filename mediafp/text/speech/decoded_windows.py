"""Decoded windows, and what in their text does not fit their sound."""

from dataclasses import dataclass

from mediafp.text.speech.aligned_tokens import SpokenWord
from mediafp.text.speech.windows import DecodingWindow
from mediafp.types.arrays import Float32Array
from mediafp.types.media import AUDIO_SAMPLE_RATE

CANTONESE_PROMPT = "以下係廣東話句子：佢哋喺度講緊嘢嘅，唔係普通話。"
"""Prompt that makes Whisper models without a Cantonese token write Cantonese. It lowers the error rate of real Cantonese
speech from .35 to .25, and raises that of Mandarin."""
SHARED_CHARACTERS = 6
"""Characters in a row of the prompt from which a text has them from it, and not from the sound. Chosen, not measured."""
MAX_WORD_SECONDS, DIGIT_SECONDS = 1.2, 0.25
"""Speech within a word above which something beside it may be missing, and what each digit of a number adds to it. Of 4,345 words
of the development set a few take longer. Chosen, not measured."""
SQUEEZED_WORD_SECONDS, MAX_SQUEEZED_SHARE = 0.05, 0.1
"""Seconds that no word takes, and the share of such words up to which a text is not a loop. 13 loops of development clips have
.15 to .75; a voice that said two words five times within other speech had .06."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedWindow:
    """A window, in the language in which it was decoded, and its text.

    Attributes:
        window: The window.
        tokens: Whisper's tokens, with time tokens.
        logprob: Their mean log-probability.
        truncated: True if the limit of tokens was reached.
        states: Encoder states (1, T, width).
        is_prompted: True if the prompt for Cantonese was given.
        repeats: True if the text repeats itself, and neither the time nor its halves confirm that the sound does.
        words: Words of each of `sentences`, once they are aligned.
    """

    window: DecodingWindow
    tokens: list[int]
    logprob: float
    truncated: bool
    states: Float32Array
    is_prompted: bool
    repeats: bool = False
    words: tuple[tuple[SpokenWord, ...], ...] = ()

    @property
    def seconds(self) -> float:
        """Duration of its audio."""
        return self.window.sample_count / AUDIO_SAMPLE_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """Text between two time tokens: its start in the window's audio, seconds, its tokens, and the text."""

    start: float
    tokens: list[int]
    text: str


def shares_prompt(text: str) -> bool:
    """Return True if a text contains a part of the prompt, which a decoder writes where it hears nothing that it knows."""
    parts = (CANTONESE_PROMPT[n : n + SHARED_CHARACTERS] for n in range(len(CANTONESE_PROMPT) - SHARED_CHARACTERS + 1))
    return any(part in text for part in parts)


def longest_extra_seconds(decoded: DecodedWindow) -> float:
    """Return the most speech, seconds, within a word beyond what its digits take, before the first word, or after the last."""
    words = [word for words in decoded.words for word in words]
    if not words:
        return 0.0
    return max(
        speech_within(decoded.window, 0.0, words[0].start),
        speech_within(decoded.window, words[-1].end, decoded.seconds),
        *(speech_within(decoded.window, word.start, word.end) - word.digits * DIGIT_SECONDS for word in words),
    )


def speech_within(window: DecodingWindow, start: float, end: float) -> float:
    """Return the seconds of speech between two times of a window's audio."""
    return sum(max(0.0, min(end, last) - max(start, first)) for first, last in window.speech_times)


def has_squeezed_words(decoded: DecodedWindow) -> bool:
    """Return True if too many words of an aligned window have no time, as those of a loop."""
    durations = [word.end - word.start for words in decoded.words for word in words]
    squeezed = sum(duration < SQUEEZED_WORD_SECONDS for duration in durations)
    return not durations or squeezed > MAX_SQUEEZED_SHARE * len(durations)
