"""Quality flags of transcribed text: named doubts, which never remove the text."""

import re
import zlib
from collections.abc import Sequence

from mediafp.types.tokens import is_cjk, tokenise

MAX_COMPRESSION_RATIO = 2.4
"""UTF-8 bytes of a text divided by the bytes of its zlib form, above which it is repetitive (Whisper's own threshold)."""
MIN_LOOP_REPEATS = 4
"""Consecutive occurrences of the same 1 to 4 words from which a text is a loop of the decoder; a single word needs one
more. Chosen, not measured."""
MIN_WORDS_FOR_SHARE, MIN_DISTINCT_SHARE = 20, 0.3
"""Words of a text from which its share of distinct words counts, and the share below which it is a loop in changing
order. Speech has .5 and more."""
UNSURE_LOGPROB = -1.0
"""Mean log-probability of the tokens below which a text is a guess (Whisper's own threshold)."""
FAINT_VOICE = 0.6
"""Mean speech probability (Silero VAD) below which the voice is doubtful: music, a crowd, singing.
Chosen, not measured."""
DENSE_CJK, DENSE_WORDS = 12.0, 7.0
"""CJK characters, and other words, per second that nobody speaks: news is read at 4 to 6 characters or 3 words."""
SPARSE_CJK, SPARSE_WORDS = 2.4, 1.1
"""CJK characters, and other words, per second of speech below which text may be missing. Slow speech has 2.3 and 1.5, and
decoding it in halves does it no harm."""
_STRETCHED_LETTER = re.compile(r"([^\W\d_])\1{4}", re.IGNORECASE)
"""A letter five times in a row: a growl or a hum, decoded as a word."""
_CREDITS = re.compile(
    r"字幕|谢谢(大家)?(观看|收看|收聽)|多謝(收看|觀看)|謝謝(大家)?(觀看|收看|收聽)|请不吝点赞|請不吝點讚|訂閱|订阅.{0,6}(频道|转发|打赏)|"
    r"明镜与点点|明鏡與點點|amara\.org|subtitles? by|captions? by|translated by|thanks? for watching|"
    r"please subscribe|like and subscribe",
    re.IGNORECASE,
)
"""Phrases that Whisper invents over silence and music, learnt from subtitles of films and shows (openai/whisper,
discussions of hallucinated credits). A speaker may use them too: the text stays."""


def find_quality_flags(text: str, *, seconds: float, logprob: float, voice: float, repeats: bool) -> tuple[str, ...]:
    """Return the quality flags of a transcribed text.

    Args:
        text: The text.
        seconds: Duration of its speech.
        logprob: Mean log-probability of its tokens.
        voice: Mean speech probability of its audio (Silero VAD), 0..1.
        repeats: True if its window repeats itself, and nothing confirms that the sound does.
    """
    flags = {
        "repetition": repeats,
        "low_confidence": logprob < UNSURE_LOGPROB,
        "credit_phrase": bool(_CREDITS.search(text)),
        "faint_voice": voice < FAINT_VOICE,
        "too_dense": is_dense(text, seconds),
    }
    return tuple(name for name, applies in flags.items() if applies)


def is_dense(text: str, seconds: float) -> bool:
    """Return True if nobody speaks so fast that the text fits the time."""
    cjk, words = _count_tokens(text)
    return cjk / DENSE_CJK + words / DENSE_WORDS > max(seconds, 0.5)


def is_sparse(text: str, seconds: float) -> bool:
    """Return True if so many seconds of speech contain more than the text."""
    cjk, words = _count_tokens(text)
    return cjk / SPARSE_CJK + words / SPARSE_WORDS < seconds


def is_repetitive(text: str) -> bool:
    """Return True if the text repeats itself as a decoder in a loop does, or a speaker who says the same several times."""
    raw = text.encode("utf-8", "replace")
    if len(raw) / len(zlib.compress(raw)) > MAX_COMPRESSION_RATIO:
        return True
    words = [token.text for token in tokenise(text)]
    if len(words) >= MIN_WORDS_FOR_SHARE and len(set(words)) < MIN_DISTINCT_SHARE * len(words):
        return True
    return has_short_loop(text)


def has_short_loop(text: str) -> bool:
    """Return True if a text contains the same 1 to 4 words several times in a row, or stretches a letter."""
    if _STRETCHED_LETTER.search(text):
        return True
    words = [token.text for token in tokenise(text)]
    return _looped_words(words) > 0


def looped_share(text: str) -> float:
    """Return the share of the words of a text that the longest run of the same 1 to 4 words has."""
    words = [token.text for token in tokenise(text)]
    return _looped_words(words) / len(words) if words else 0.0


def _looped_words(words: Sequence[str]) -> int:
    """Return the length of the longest run of the same 1 to 4 words that counts as a loop, 0 if there is none."""
    longest = 0
    for size in (1, 2, 3, 4):
        run = 0
        for n in range(size, len(words)):
            run = run + 1 if words[n] == words[n - size] else 0
            if run >= size * (MIN_LOOP_REPEATS - 1) + (size == 1):
                longest = max(longest, run + size)
    return longest


def count_words(text: str) -> int:
    """Return the number of CJK characters and other words."""
    return sum(_count_tokens(text))


def _count_tokens(text: str) -> tuple[int, int]:
    """Return the number of CJK characters, and that of other words."""
    words = [token.text for token in tokenise(text)]
    cjk = sum(is_cjk(word) for word in words)
    return cjk, len(words) - cjk
