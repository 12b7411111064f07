"""Transcripts cut into speech units, and embedded in windows of one to three of them."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from mediafp.fingerprints.sentence_encoder import embed_sentences, encoder_version
from mediafp.fingerprints.transcript import segments_by_sound
from mediafp.types.media import TimeSpan
from mediafp.types.sentence_windows import (
    EMBEDDING_COLUMNS,
    MAX_WINDOW_UNITS,
    SentenceWindows,
    SpeechUnit,
    written_language,
)
from mediafp.types.tokens import Token, is_cjk, tokenise
from mediafp.types.transcripts import Transcript, TranscriptSegment

WINDOWS_VERSION: Final = "1"
"""Version of the cutting into windows; raise it if a transcript gives other windows."""
WORDS_PER_CHARACTER: Final = 0.62
"""Words that a Chinese character counts as: the made scripts have as many English words for each character."""
MIN_UNIT_WORDS: Final = 4.0
"""Words below which a unit is joined with the next one. Chosen, not measured."""
MAX_UNIT_WORDS: Final = 24.0
"""Words above which a unit is cut, at commas if it has any: a segment without full stops may last half a minute. Chosen, not
measured."""
MAX_UNITS: Final = 1000
"""Units of a transcript that are embedded, the first ones: an hour of speech. Two such transcripts are compared in 150 MB."""
UNUSED_FLAG: Final = "credit_phrase"
"""Flag of segments that are skipped: Whisper invented them."""
_SENTENCE_END: Final = re.compile(r"[。？！?!…]+[”’」』\"']*|\.+[”’\"']*(?=\s|$)")
_CLAUSE_END: Final = re.compile(r"[，、；：,;:]+")


def windows_version() -> str:
    """Return the version of the windows and of their embeddings."""
    return f"{WINDOWS_VERSION}-{encoder_version()}"


def embed_windows(transcript: Transcript) -> SentenceWindows:
    """Return the windows of a transcript with their embeddings. Raises ModelError if the encoder is missing or changed."""
    units = cut_units(transcript)
    words = np.zeros((MAX_WINDOW_UNITS, len(units)))
    vectors = np.zeros((MAX_WINDOW_UNITS, len(units), EMBEDDING_COLUMNS), np.float32)
    places: list[tuple[int, int]] = []
    texts: list[str] = []
    for first in range(len(units)):
        for more in range(min(MAX_WINDOW_UNITS, len(units) - first)):
            window = units[first : first + more + 1]
            if written_language(window[-1].language) != written_language(window[0].language):
                break
            places.append((more, first))
            texts.append(_join(unit.text for unit in window))
            words[more, first] = sum(unit.words for unit in window)
    for place, vector in zip(places, embed_sentences(texts), strict=True):
        vectors[place] = vector
    return SentenceWindows(units=tuple(units), vectors=vectors, words=words)


def cut_units(transcript: Transcript) -> list[SpeechUnit]:
    """Return the speech units of a transcript in order: sentences, or parts of segments if their ends are unknown."""
    units: list[SpeechUnit] = []
    for number, segment in segments_by_sound(transcript):
        if UNUSED_FLAG not in segment.flags:
            for unit in _cut_segment(segment, number):
                if units and _is_joined(units[-1], unit):
                    unit = _join_units(units.pop(), unit)
                units.append(unit)
    return units[:MAX_UNITS]


def _is_joined(last: SpeechUnit, unit: SpeechUnit) -> bool:
    # Two sounds may say something at once: the second one begins earlier than the first one ends.
    follows = unit.span[0] >= last.span[0]
    return min(last.words, unit.words) < MIN_UNIT_WORDS and last.language == unit.language and follows


def _join_units(first: SpeechUnit, second: SpeechUnit) -> SpeechUnit:
    return SpeechUnit(
        span=(first.span[0], max(first.span[1], second.span[1])),
        language=first.language,
        text=_join((first.text, second.text)),
        words=first.words + second.words,
        segments=(first.segments[0], second.segments[1]),
    )


def _cut_segment(segment: TranscriptSegment, number: int) -> Iterator[SpeechUnit]:
    """Yield the units of one segment; a text without a word gives none."""
    tokens = tokenise(segment.text)
    for part in _cut_at(tokens, segment.text, _SENTENCE_END):
        clauses = _cut_at(part, segment.text, _CLAUSE_END) if _count_words(part) > MAX_UNIT_WORDS else [part]
        for clause in clauses:
            for piece in _cut_evenly(clause):
                yield _to_unit(segment, number, tokens, piece)


def _to_unit(segment: TranscriptSegment, number: int, tokens: Sequence[Token], piece: Sequence[Token]) -> SpeechUnit:
    """Return the unit of consecutive tokens of a segment, with the punctuation that follows them."""
    first = tokens.index(piece[0])
    last = first + len(piece) - 1
    text_end = tokens[last + 1].start if last + 1 < len(tokens) else len(segment.text)
    return SpeechUnit(
        span=_span(segment, tokens, first, last),
        language=segment.language,
        text=segment.text[piece[0].start : text_end].strip(),
        words=_count_words(piece),
        segments=(number, number),
    )


def _span(segment: TranscriptSegment, tokens: Sequence[Token], first: int, last: int) -> TimeSpan:
    """Return the time of some tokens of a segment, by its characters if that of the tokens is unknown."""
    if len(segment.token_times) == len(tokens):
        return segment.token_times[first][0], segment.token_times[last][1]
    per_character = (segment.end - segment.start) / len(segment.text)
    start = segment.start if first == 0 else segment.start + per_character * tokens[first].start
    return start, segment.end if last + 1 == len(tokens) else segment.start + per_character * tokens[last].end


def _cut_at(tokens: Sequence[Token], text: str, ends: re.Pattern[str]) -> list[Sequence[Token]]:
    """Return the tokens of a text in parts, cut where punctuation lies between two of them."""
    if not tokens:
        return []
    cuts = [n for n, (a, b) in enumerate(pairwise(tokens), 1) if ends.search(text[a.end : b.start])]
    return [tokens[first:last] for first, last in pairwise([0, *cuts, len(tokens)])]


def _cut_evenly(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    """Return tokens in as few parts of about the same length as `MAX_UNIT_WORDS` allows."""
    parts = int(np.ceil(_count_words(tokens) / MAX_UNIT_WORDS))
    edges = np.linspace(0, len(tokens), parts + 1).round().astype(int).tolist()
    return [tokens[first:last] for first, last in pairwise(edges)]


def _count_words(tokens: Sequence[Token]) -> float:
    return sum(WORDS_PER_CHARACTER if is_cjk(token.text) else 1.0 for token in tokens)


def _join(texts: "Iterator[str] | Sequence[str]") -> str:
    """Return texts as one, with spaces between words that are written with spaces."""
    joined = ""
    for text in texts:
        joined += text if not joined or is_cjk(joined[-1]) or is_cjk(text[:1]) else f" {text}"
    return joined
