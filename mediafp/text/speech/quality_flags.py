"""Doubts about a transcribed text: named flags, never deletions."""

import re
import zlib

from mediafp.types.tokens import is_cjk, tokenise

MAX_COMPRESSION_RATIO = 2.4
"""Bytes of a text over bytes of its zlib form above which it repeats itself (Whisper's own threshold)."""
REPEATS = 4
"""The same words so many times in a row are a loop of the decoder."""
POOR_FROM, MIN_DISTINCT_SHARE = 20, 0.3
"""A text from so many words, of which less are different, is a loop in disorder; speech has half and more."""
_DRAWN = re.compile(r"([^\W\d_])\1{4}", re.IGNORECASE)
"""A letter five times in a row: a growl or a hum, taken for a word."""
UNSURE_LOGPROB = -1.0
"""Mean log-probability of the tokens below which a text is a guess (Whisper's own threshold)."""
FAINT_VOICE = 0.6
"""Mean likelihood of speech, by Silero, below which the voice is doubtful: music, a crowd, singing."""
DENSE_CJK, DENSE_WORDS = 12.0, 7.0
"""Characters, and words, a second that nobody speaks: news is read at 4 to 6 characters, 3 words."""
SPARSE_CJK, SPARSE_WORDS = 2.4, 1.1
"""Characters, and words, a second of speech below which a passage may have been left out: slow speech has 2.3 and 1.5,
and is read as well in halves."""
_CREDITS = re.compile(
    r"字幕|谢谢(大家)?(观看|收看|收聽)|多謝(收看|觀看)|謝謝(大家)?(觀看|收看|收聽)|请不吝点赞|請不吝點讚|訂閱|订阅.{0,6}(频道|转发|打赏)|"
    r"明镜与点点|明鏡與點點|amara\.org|subtitles? by|captions? by|translated by|thanks? for watching|"
    r"please subscribe|like and subscribe",
    re.IGNORECASE,
)
"""What Whisper invents over silence and music, learnt from subtitles of films and shows (openai/whisper, discussions
of hallucinated credits). A speaker may say such words too: the text stays."""


def find_quality_flags(text: str, *, seconds: float, logprob: float, voice: float) -> tuple[str, ...]:
    """The flags of a text said in so many seconds; `logprob` is the tokens' mean, `voice` Silero's mean likelihood."""
    found = {
        "repetition": is_repetitive(text),
        "low_confidence": logprob < UNSURE_LOGPROB,
        "credit_phrase": bool(_CREDITS.search(text)),
        "faint_voice": voice < FAINT_VOICE,
        "too_dense": is_dense(text, seconds),
    }
    return tuple(name for name, there in found.items() if there)


def is_dense(text: str, seconds: float) -> bool:
    """Whether nobody can say so much in the time."""
    cjk, words = _count(text)
    return cjk / DENSE_CJK + words / DENSE_WORDS > max(seconds, 0.5)


def is_sparse(text: str, seconds: float) -> bool:
    """Whether so much speech must hold more words than the text has."""
    cjk, words = _count(text)
    return cjk / SPARSE_CJK + words / SPARSE_WORDS < seconds


def count_words(text: str) -> int:
    """CJK characters and other words together."""
    return sum(_count(text))


def _count(text: str) -> tuple[int, int]:
    """CJK characters, and other words."""
    said = [token.text for token in tokenise(text)]
    cjk = sum(is_cjk(token) for token in said)
    return cjk, len(said) - cjk


def is_repetitive(text: str) -> bool:
    """Whether the text says the same again and again."""
    raw = text.encode("utf-8", "replace")
    if len(raw) / len(zlib.compress(raw)) > MAX_COMPRESSION_RATIO or _DRAWN.search(text):
        return True
    said = [token.text for token in tokenise(text)]
    if len(said) >= POOR_FROM and len(set(said)) < MIN_DISTINCT_SHARE * len(said):
        return True
    for size in (1, 2, 3, 4):
        run = 0
        for n in range(size, len(said)):
            run = run + 1 if said[n] == said[n - size] else 0
            if run >= size * (REPEATS - 1) + (size == 1):
                return True
    return False
