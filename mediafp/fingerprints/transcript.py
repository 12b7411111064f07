"""Words of a transcript as phonetic rows: one row for each word or Chinese character, equal if they sound alike.

The syllable of a Chinese character is split into initial, medial, nucleus and coda, so that a syllable that was partly
misrecognised still has a partly equal row.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal, NamedTuple

import numpy as np

from mediafp.types.file_sounds import is_said_elsewhere, sound_key
from mediafp.types.fingerprints import Fingerprint, Metric, SoundRows, TimedRows
from mediafp.types.media import TimeSpan
from mediafp.types.tokens import CHINESE_DIGITS, Token, is_cjk, tokenise
from mediafp.types.transcripts import Transcript, TranscriptSegment

TYPE_NAME: Final = "words"
TYPE_VERSION: Final = "words-2"
"""The speech model is not part of it: words are comparable whichever model transcribed them."""
ROW_BYTES: Final = 4
HASHED_WORD_BIT: Final = 0x80
"""Set in the last byte of a row that is the hash of a word; a syllable's row never has it."""
FLAG_QUALITY: Final = {"repetition": 0.5, "low_confidence": 0.5, "credit_phrase": 0.0}
"""Quality of the words of a segment with such a flag. Credits invented by Whisper are no evidence at all. Chosen, not
measured."""
DIGIT_QUALITY: Final = 0.5
"""Quality of a digit: there are only ten, and the longest equal passage of unrelated texts in the development set was a
date. Chosen, not measured."""
_INITIALS = ("", *"b p m f d t n l g k h j q x zh ch sh r z c s y w".split())  # noqa: SIM905
_MEDIALS = ("", "i", "u", "v")
_NUCLEI = ("a", "ai", "ao", "e", "ei", "i", "o", "ou", "u", "v")
_CODAS = ("", "n", "ng", "r")
_SYLLABLE = re.compile(r"~([zcs]h|[bpmfdtnlgkhjqxrzcsyw]?)((?:[iuv](?=[aeou]))?)(a[io]?|ei?|ou?|[iuv])(ng?|r?)")
_WRITTEN_U = re.compile("(?<=~[jqxy])u")
"""The u of pinyin that is pronounced ü."""
_FULL_FINALS = {"iu": "iou", "ui": "uei", "un": "uen"}
"""Finals that pinyin abbreviates, in full."""


class _PhoneticToken(NamedTuple):
    text: str
    quality: float
    span: TimeSpan


class RowPlace(NamedTuple):
    """The word of which a row of a fingerprint was made; each digit of a number has a row."""

    segment: int
    """Number of the segment of the transcript, from 0."""
    token: Token
    """The word, with its position in the text of the segment."""


class TranscriptWords:
    """Phonetic rows of 4 bytes; quality is 1, and less for digits and for words of segments with a flag in FLAG_QUALITY.

    A row contains the numbers of a syllable's initial, medial, nucleus and coda, or the hash of another word. Rows are kept
    with the transcript, of which there may be several for one asset.
    """

    name = TYPE_NAME
    version = TYPE_VERSION
    consumes: Literal["transcript"] = "transcript"
    metric: Metric = "hamming"
    columns = ROW_BYTES
    max_rows = None

    def extract(self, transcript: Transcript) -> TimedRows:
        """Return the rows of a transcript's words, sound after sound, with the times at which they are spoken."""
        tokens = [token for _, segment in segments_by_sound(transcript) for token in _phonetic_tokens(segment)]
        return TimedRows(
            spans=np.array([token.span for token in tokens], np.float64).reshape(-1, 2),
            vectors=np.frombuffer(b"".join(_encode(token.text) for token in tokens), np.uint8).reshape(-1, ROW_BYTES),
            quality=np.array([token.quality for token in tokens], np.float32),
        )


def fingerprint_transcript(sha256: str, transcript: Transcript) -> Fingerprint:
    """Return the phonetic rows of a transcript, as the fingerprint of the asset or sound with this SHA-256."""
    rows = TranscriptWords().extract(transcript)
    sounds: list[SoundRows] = []
    if is_said_elsewhere(transcript):
        places = (transcript.segments[place.segment] for place in locate_rows(transcript))
        counts = Counter((segment.track, segment.channel) for segment in places)
        sounds = [SoundRows(track, channel, count) for (track, channel), count in counts.items()]
    return Fingerprint(sha256=sha256, type=TYPE_NAME, version=TYPE_VERSION, sounds=tuple(sounds), **rows._asdict())


def to_phonetic_tokens(text: str) -> list[str]:
    """Return the words of a text by sound: pinyin without tones for each Chinese character and digit, other words as written.

    Pinyin starts with "~", so that 有 differs from the English "you".
    """
    return [phonetic for token in tokenise(text) for phonetic in _pronounce(token.text)]


def locate_rows(transcript: Transcript) -> list[RowPlace]:
    """Return the place in the text of each row of a transcript's fingerprint, in order."""
    return [
        RowPlace(number, token)
        for number, segment in segments_by_sound(transcript)
        for token in tokenise(segment.text)
        for _ in _pronounce(token.text)
    ]


def segments_by_sound(transcript: Transcript) -> list[tuple[int, TranscriptSegment]]:
    """Return number and segment of a transcript, sound after sound: those of two sounds at once would mix their words."""
    return sorted(enumerate(transcript.segments), key=lambda one: sound_key(one[1].track, one[1].channel))


def _phonetic_tokens(segment: TranscriptSegment) -> Iterator[_PhoneticToken]:
    """Yield the tokens of a segment; if its token times are unknown, the tokens are spread over it evenly."""
    segment_quality = min((FLAG_QUALITY.get(flag, 1.0) for flag in segment.flags), default=1.0)
    tokens = [token.text for token in tokenise(segment.text)]
    spans = segment.token_times
    if len(spans) != len(tokens):
        tokens = [part for token in tokens for part in (token if _is_number(token) else [token])]
        spans = _split_evenly((segment.start, segment.end), len(tokens))
    for token, span in zip(tokens, spans, strict=True):
        is_digit = _is_number(token) or token in CHINESE_DIGITS
        quality = segment_quality * DIGIT_QUALITY if is_digit else segment_quality
        parts = _pronounce(token)
        for text, part_span in zip(parts, _split_evenly(span, len(parts)), strict=True):
            yield _PhoneticToken(text, quality, part_span)


def _split_evenly(span: TimeSpan, parts: int) -> tuple[TimeSpan, ...]:
    edges = np.linspace(*span, parts + 1).tolist()
    return tuple(pairwise(edges))


def _is_number(token: str) -> bool:
    return token.isascii() and token.isdigit()


def _pronounce(token: str) -> tuple[str, ...]:
    """Return the phonetic tokens of a token; a number is pronounced digit by digit: 35, like 三十五, becomes 三五."""
    if _is_number(token):
        return tuple(_pronounce_word(CHINESE_DIGITS[int(digit)]) for digit in token)
    return (_pronounce_word(token),)


@lru_cache(maxsize=1 << 15)
def _pronounce_word(token: str) -> str:
    """Return the pinyin of a character, or another word unchanged.

    The neighbours of a character are ignored: they are often misrecognised, and must not change it.
    """
    if not is_cjk(token):
        return token
    # Imported on first use: its dictionaries take a fifth of a second to load.
    from pypinyin import Style, lazy_pinyin

    # Kana and hangul are returned unchanged, which is pypinyin's default.
    return "~" + lazy_pinyin(token, style=Style.NORMAL, v_to_u=False)[0].replace("ü", "v")


@lru_cache(maxsize=1 << 15)
def _encode(phonetic: str) -> bytes:
    """Return the row of a phonetic token."""
    syllable = phonetic
    if phonetic.startswith("~"):
        syllable = _WRITTEN_U.sub("v", phonetic)
        syllable = syllable[:-2] + _FULL_FINALS.get(syllable[-2:], syllable[-2:])
    if match := _SYLLABLE.fullmatch(syllable):
        initial, medial, nucleus, coda = match.groups()
        return bytes((_INITIALS.index(initial), _MEDIALS.index(medial), _NUCLEI.index(nucleus), _CODAS.index(coda)))
    hashed = bytearray(hashlib.blake2b(phonetic.encode("utf-8", "surrogatepass"), digest_size=ROW_BYTES).digest())
    hashed[-1] |= HASHED_WORD_BIT
    return bytes(hashed)
