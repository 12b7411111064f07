"""What is said, as rows that are equal where words sound alike: one row a word or Chinese character.

A Chinese syllable is taken apart into initial, medial, nucleus and coda, so that one misheard in part is alike in part.
"""

import hashlib
import re
from functools import lru_cache
from itertools import pairwise

import numpy as np

from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import TimeSpan
from mediafp.types.tokens import is_cjk, tokenise
from mediafp.types.transcripts import Transcript, TranscriptSegment

TYPE_NAME = "words"
TYPE_VERSION = "words-2"
"""The model that listened is no part of it: words compare, whoever heard them."""
ROW_BYTES = 4
HASHED_WORD_BIT = 0x80
"""Set in the last byte of a row that is the hash of a word, and never in that of a syllable."""
FLAG_QUALITY = {"repetition": 0.5, "low_confidence": 0.5, "credit_phrase": 0.0}
"""Quality of the words of an utterance with such a flag; the credits that Whisper invents are no evidence at all."""
DIGIT_QUALITY = 0.5
"""Quality of a digit: there are ten, and the longest stretch of unrelated texts in the development set was a date."""
_INITIALS = ("", *"b p m f d t n l g k h j q x zh ch sh r z c s y w".split())  # noqa: SIM905
_MEDIALS = ("", "i", "u", "v")
_NUCLEI = ("a", "ai", "ao", "e", "ei", "i", "o", "ou", "u", "v")
_CODAS = ("", "n", "ng", "r")
_SYLLABLE = re.compile(r"~([zcs]h|[bpmfdtnlgkhjqxrzcsyw]?)((?:[iuv](?=[aeou]))?)(a[io]?|ei?|ou?|[iuv])(ng?|r?)")
_UMLAUT = re.compile("(?<=~[jqxy])u")
"""Where pinyin writes u and means ü."""
_SHORTENED = {"iu": "iou", "ui": "uei", "un": "uen"}
"""Finals as pinyin writes them, and in full."""
_DIGITS = "零一二三四五六七八九"
_Row = tuple[str, float, TimeSpan]
"""A sound, its quality, and when it is said."""


def fingerprint_transcript(sha256: str, transcript: Transcript) -> Fingerprint:
    """The rows of a transcript's words in order: `vectors` (N, 4) their sounds, `spans` when they are said.

    A row holds the numbers of a syllable's initial, medial, nucleus and coda, or the hash of another word.
    `quality` is 1, and less for digits and for words of a doubtful utterance.
    """
    rows = [row for utterance in transcript.segments for row in _rows(utterance)]
    return Fingerprint(
        sha256=sha256,
        type=TYPE_NAME,
        version=TYPE_VERSION,
        spans=np.array([times for *_, times in rows], np.float64).reshape(-1, 2),
        vectors=np.frombuffer(b"".join(_code(audio) for audio, *_ in rows), np.uint8).reshape(-1, ROW_BYTES),
        quality=np.array([quality for _, quality, _ in rows], np.float32),
    )


def to_phonetic_tokens(text: str) -> list[str]:
    """How the words of a text sound: pinyin without tones of Chinese characters and of each digit, others as written.

    Pinyin is marked with "~", so that 有 is not the English "you".
    """
    return [audio for token in tokenise(text) for audio in _audio_tracks(token.text)]


def _rows(utterance: TranscriptSegment) -> list[_Row]:
    """The rows of an utterance; its words are spread over it evenly where their own times are unknown."""
    trust = min((FLAG_QUALITY.get(flag, 1.0) for flag in utterance.flags), default=1.0)
    said = [token.text for token in tokenise(utterance.text)]
    times = utterance.token_times
    if len(times) != len(said):
        said = [part for token in said for part in (token if _is_number(token) else [token])]
        times = _even(len(said), (utterance.start, utterance.end))
    rows: list[_Row] = []
    for token, whole in zip(said, times, strict=True):
        heard = _audio_tracks(token)
        quality = trust * DIGIT_QUALITY if _is_number(token) or token in _DIGITS else trust
        rows += [(audio, quality, part) for audio, part in zip(heard, _even(len(heard), whole), strict=True)]
    return rows


def _even(parts: int, whole: TimeSpan) -> tuple[TimeSpan, ...]:
    edges = np.linspace(*whole, parts + 1).tolist()
    return tuple(pairwise(edges))


def _is_number(token: str) -> bool:
    return token.isascii() and token.isdigit()


def _audio_tracks(token: str) -> tuple[str, ...]:
    """A number is taken digit by digit: 35, which 三十五 was turned into, is 三五."""
    return tuple(_audio(_DIGITS[int(digit)]) for digit in token) if _is_number(token) else (_audio(token),)


@lru_cache(maxsize=1 << 15)
def _audio(token: str) -> str:
    """A character alone, since its neighbours are often misheard and must not change it."""
    if not is_cjk(token):
        return token
    # Its dictionaries take a fifth of a second to load.
    from pypinyin import Style, lazy_pinyin

    # Kana and hangul are left as they are, which is pypinyin's default.
    return "~" + lazy_pinyin(token, style=Style.NORMAL, v_to_u=False)[0].replace("ü", "v")


@lru_cache(maxsize=1 << 15)
def _code(audio: str) -> bytes:
    written = audio
    if audio.startswith("~"):
        written = _UMLAUT.sub("v", audio)
        written = written[:-2] + _SHORTENED.get(written[-2:], written[-2:])
    if found := _SYLLABLE.fullmatch(written):
        initial, medial, nucleus, coda = found.groups()
        return bytes(
            (_INITIALS.index(initial), _MEDIALS.index(medial), _NUCLEI.index(nucleus), _CODAS.index(coda)),
        )
    hashed = bytearray(hashlib.blake2b(audio.encode("utf-8", "surrogatepass"), digest_size=ROW_BYTES).digest())
    hashed[-1] |= HASHED_WORD_BIT
    return bytes(hashed)
