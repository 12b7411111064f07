"""Transcripts of made scripts with the errors of a speech model: words misheard or lost, punctuation lost, other segments."""

import random
import re
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mediafp.types.transcripts import Transcript, TranscriptSegment

SCRIPTS = Path(__file__).with_name("translated_scripts.toml")
CHARACTER_SECONDS, WORD_SECONDS, PAUSE_SECONDS = 0.22, 0.36, 0.25
"""Seconds of a Chinese character, of an English word and of a comma or full stop."""
MIN_SEGMENT_SECONDS, MAX_SEGMENT_SECONDS = 1.5, 5.5
DROPPED, MISHEARD = 0.2, 0.85
"""Share of the errors that are lost words, and share of the others, of Chinese, that are characters of the same sound."""
_PUNCTUATION = re.compile(r"[，。？！、；：,.?!;:]")
_TOKENS = re.compile(r"[\u4e00-\u9fff]|[\w'\-]+|[，。？！、；：,.?!;:]")


def load_scripts() -> list[dict[str, Any]]:
    """Return the made scripts: `topic`, and sentences by language."""
    scripts: list[dict[str, Any]] = tomllib.loads(SCRIPTS.read_text(encoding="utf-8"))["script"]
    return scripts


def make_transcript(sentences: Sequence[str], language: str, error_rate: float, rng: random.Random) -> Transcript:
    """Return the transcript of a script that is read at a constant pace.

    Half of the transcripts have punctuation. Segments end at a pause, or in the middle of a sentence.

    Args:
        sentences: The script.
        language: Its language.
        error_rate: Share of its characters, or words, that are wrong.
        rng: Source of chance.
    """
    segments: list[TranscriptSegment] = []
    is_punctuated = rng.random() < 0.5
    longest = rng.uniform(MIN_SEGMENT_SECONDS, MAX_SEGMENT_SECONDS)
    text, start, time = "", 0.0, 0.0

    def end_segment() -> None:
        nonlocal text, start, longest
        if text:
            segments.append(
                TranscriptSegment(start=start, end=time, language=language, language_probability=1.0, text=text)
            )
        text, start, longest = "", time, rng.uniform(MIN_SEGMENT_SECONDS, MAX_SEGMENT_SECONDS)

    for token in _mishear([token for sentence in sentences for token in _TOKENS.findall(sentence)], error_rate, rng):
        if _PUNCTUATION.fullmatch(token):
            text += token if is_punctuated and text else ""
            time += PAUSE_SECONDS
            if time - start > MIN_SEGMENT_SECONDS and rng.random() < 0.6:
                end_segment()
            continue
        is_chinese = _is_chinese(token)
        text += token if is_chinese or not text else f" {token}"
        time += CHARACTER_SECONDS if is_chinese else WORD_SECONDS
        if time - start > longest:
            end_segment()
    end_segment()
    return Transcript(
        model="made",
        version="1",
        duration=time,
        speech_seconds=time,
        untranscribed_seconds=0.0,
        segments=tuple(segments),
    )


def _mishear(tokens: Sequence[str], error_rate: float, rng: random.Random) -> list[str]:
    heard = []
    for token in tokens:
        if not _PUNCTUATION.fullmatch(token) and rng.random() < error_rate:
            if rng.random() < DROPPED:
                continue
            token = _mishear_character(token, rng) if _is_chinese(token) else _mishear_word(token, rng)
        heard.append(token)
    return heard


def _mishear_character(character: str, rng: random.Random) -> str:
    alike = _homophones().get(_syllable(character), ())
    return rng.choice(alike) if alike and rng.random() < MISHEARD else rng.choice(_common_characters())


def _mishear_word(word: str, rng: random.Random) -> str:
    """Return another word, or a word without some of its letters."""
    if rng.random() < 0.5:
        return rng.choice(_words())
    return "".join(letter for letter in word if rng.random() > 0.3) or word


def _is_chinese(token: str) -> bool:
    return "\u4e00" <= token[0] <= "\u9fff"


@cache
def _syllable(character: str) -> str:
    from pypinyin import lazy_pinyin

    return str(lazy_pinyin(character)[0])


@cache
def _common_characters() -> tuple[str, ...]:
    """Return the 3,755 characters of the first level of GB 2312."""
    codes = ((high, low) for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF))
    return tuple(bytes(code).decode("gb2312") for code in codes if code <= (0xD7, 0xF9))


@cache
def _homophones() -> dict[str, list[str]]:
    found = defaultdict(list)
    for character in _common_characters():
        found[_syllable(character)].append(character)
    return dict(found)


@cache
def _words() -> tuple[str, ...]:
    return tuple(
        word for script in load_scripts() for sentence in script["en"] for word in re.findall(r"[a-z]+", sentence)
    )
