"""Timed pieces of text to sentences with the times of their tokens, where a model states no sentences."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from mediafp.types.media import TimeSpan
from mediafp.types.tokens import tokenise
from mediafp.types.transcripts import TranscriptSegment

BREAK_SECONDS = 1.0
"""Time between the starts of two pieces from which a new sentence begins: slow speech has 2 syllables a second.
Chosen, not measured."""
MAX_SENTENCE_SECONDS = 10.0
"""Longest sentence that is not cut at a comma or at its longest pause. Chosen, not measured."""
MAX_SEGMENT_SECONDS = 15.0
"""Longest segment of a model that states sentences; fine-tuned Whisper models may state none in half a minute.
Chosen, not measured."""
MAX_PIECE_SECONDS = 0.6
"""Longest time that one piece is taken to last: a word of several syllables, or a drawn-out one. Chosen, not measured."""
_OPENERS = "“‘「『（(【《"
_CLOSERS = "”’\"'」』）)】"
_END = re.compile(rf"[。！？!?；;…][{_CLOSERS}]*\s*$")
_POINT = re.compile(rf"\.[{_CLOSERS}]*$")
_COMMA = re.compile(r"[，,、：:]\s*$")
_CLOSING = re.compile(rf"^\s*[{_CLOSERS}。！？!?；;…，,、：:.]+\s*$")
_TAIL_PIECES = 4
"""Pieces in which the mark at the end of a sentence and what closes behind it are looked for. Chosen, not measured."""


@dataclass(frozen=True, slots=True)
class TimedPiece:
    """Piece of a text, as a model wrote it, with the time of its sound in seconds."""

    text: str
    start: float
    end: float


def time_pieces(texts: Sequence[str], starts: Sequence[float], end: float) -> list[TimedPiece]:
    """Return the pieces of a text, each until the next one begins, and no longer than MAX_PIECE_SECONDS.

    Args:
        texts: The pieces, in order.
        starts: Start of each piece, seconds, ascending.
        end: End of the sound, seconds.
    """
    ends = [*starts[1:], max(end, starts[-1])] if starts else []
    return [
        TimedPiece(text, start, min(next_start, start + MAX_PIECE_SECONDS))
        for text, start, next_start in zip(texts, starts, ends, strict=True)
    ]


def cut_into_sentences(pieces: Sequence[TimedPiece]) -> list[list[TimedPiece]]:
    """Return the pieces of each sentence: cut behind marks that end one, at pauses, and where it is too long.

    A piece of punctuation belongs to the sentence before it.
    """
    sentences: list[list[TimedPiece]] = []
    for piece in pieces:
        if not sentences or (not _CLOSING.match(piece.text) and _is_break(sentences[-1], piece)):
            sentences.append([])
        sentences[-1].append(piece)
    return [part for sentence in sentences for part in _split_long(sentence)]


def join_pieces(pieces: Sequence[TimedPiece]) -> str:
    """Return the text of pieces."""
    return "".join(piece.text for piece in pieces).strip()


def compute_token_times(pieces: Sequence[TimedPiece]) -> tuple[TimeSpan, ...]:
    """Return the time span of each token of `tokenise(join_pieces(pieces))`; characters share the time of their piece."""
    spans: list[TimeSpan] = []
    for piece in pieces:
        # The space before a word takes no time.
        space = len(piece.text) - len(piece.text.lstrip())
        step = (piece.end - piece.start) / max(1, len(piece.text) - space)
        starts = [piece.start + max(0, n - space) * step for n in range(len(piece.text) + 1)]
        spans += list(pairwise(starts))
    whole = "".join(piece.text for piece in pieces)
    first = len(whole) - len(whole.lstrip())
    return tuple((spans[first + token.start][0], spans[first + token.end - 1][1]) for token in tokenise(whole.strip()))


def split_long_segment(segment: TranscriptSegment) -> list[TranscriptSegment]:
    """Return a segment longer than MAX_SEGMENT_SECONDS as its sentences, if the times of its tokens are known."""
    tokens = tokenise(segment.text)
    if segment.end - segment.start <= MAX_SEGMENT_SECONDS or len(tokens) < 2 or len(segment.token_times) != len(tokens):
        return [segment]
    # Punctuation belongs to the token before it, and spaces to the token behind them.
    starts = [0, *(_word_start(segment.text, token.start) for token in tokens[1:])]
    pieces = [
        TimedPiece(segment.text[start:end], *times)
        for (start, end), times in zip(pairwise([*starts, len(segment.text)]), segment.token_times, strict=True)
    ]
    parts: list[TranscriptSegment] = []
    first = 0
    for sentence in cut_into_sentences(pieces):
        end = first + len(sentence)
        parts.append(
            replace(
                segment,
                start=parts[-1].end if parts else segment.start,
                end=segment.token_times[end][0] if end < len(tokens) else segment.end,
                text=join_pieces(sentence),
                token_times=segment.token_times[first:end],
                token_probabilities=segment.token_probabilities[first:end],
            )
        )
        first = end
    return parts


def _word_start(text: str, position: int) -> int:
    """Return the start of the space before a position, or of what opens there, such as a quotation mark."""
    while position and (text[position - 1].isspace() or text[position - 1] in _OPENERS):
        position -= 1
    return position


def _is_break(sentence: Sequence[TimedPiece], piece: TimedPiece) -> bool:
    """Return True if a piece begins a new sentence."""
    tail = "".join(one.text for one in sentence[-_TAIL_PIECES:])
    # 3.5 and example.com hold no end of a sentence; "end. Next" does.
    ends = _END.search(tail) or (_POINT.search(tail) and piece.text[:1].isspace())
    return bool(ends) or piece.start - sentence[-1].start >= BREAK_SECONDS


def _split_long(sentence: list[TimedPiece]) -> list[list[TimedPiece]]:
    """Return a sentence in parts of at most MAX_SENTENCE_SECONDS, cut at commas, or else at the longest pauses."""
    if len(sentence) < 2 or sentence[-1].end - sentence[0].start <= MAX_SENTENCE_SECONDS:
        return [sentence]
    cuts = [n for n, (_, piece) in enumerate(pairwise(sentence), 1) if not _CLOSING.match(piece.text)]
    if not cuts:
        return [sentence]
    middle = (sentence[0].start + sentence[-1].end) / 2
    commas = [n for n in cuts if _COMMA.search(sentence[n - 1].text)]
    if commas:
        cut = min(commas, key=lambda n: abs(sentence[n].start - middle))
    else:
        cut = max(cuts, key=lambda n: (sentence[n].start - sentence[n - 1].start, -abs(sentence[n].start - middle)))
    return [*_split_long(sentence[:cut]), *_split_long(sentence[cut:])]
