"""Words of a transcript segment as they are written, with their times and their certainty, and quotations of segments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Final, Literal

from mediafp.types.media import TimeSpan
from mediafp.types.tokens import Token, tokenise
from mediafp.types.transcripts import Certainty, TranscriptSegment, certainty_of

Doubt = Literal["doubtful", "guess"]
"""Certainty of a word that a page marks; a sure one, and one of unknown certainty, are not marked."""
ELLIPSIS: Final = " …"
"""Text behind a quotation that was shortened."""


GUESS_MARKS: Final = ("⟨", "?⟩")
"""Text before and after words that are guesses. It is text, so that whoever copies a sentence copies it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenWord:
    """One word, number or CJK character of a text, as it is written."""

    text: str
    start: int
    """Position of its first character in the text of the segment."""
    end: int
    """Position after its last character."""
    span: TimeSpan | None
    """Time at which it is spoken; None if it is unknown."""
    probability: float | None
    """Probability that it is right; None if it is unknown."""

    @property
    def doubt(self) -> Doubt | None:
        """Its certainty if it is less than sure; None otherwise, and if it is unknown."""
        certainty = None if self.probability is None else certainty_of(self.probability)
        return None if certainty == "sure" else certainty


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPiece:
    """A word with its time, or the characters between two words."""

    text: str
    span: TimeSpan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertainRun:
    """Characters of a text whose words have one certainty, with the spaces between these words."""

    doubt: Doubt | None
    pieces: tuple[TextPiece, ...]

    @property
    def text(self) -> str:
        """All of its characters."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotation:
    """Words of one or several segments, in runs of one certainty."""

    runs: tuple[CertainRun, ...]
    certainty: Certainty | None
    """Certainty by the mean of its words; None if it is unknown."""

    @property
    def text(self) -> str:
        """All of its characters."""
        return "".join(run.text for run in self.runs)


def mark_guess(text: str, doubt: Doubt | None) -> str:
    """Return a text in `GUESS_MARKS` if its words are guesses, and unchanged otherwise."""
    return text.join(GUESS_MARKS) if doubt == "guess" else text


def segment_certainty(segment: TranscriptSegment) -> Certainty | None:
    """Return the certainty of a segment by the mean of its words; None if it is unknown."""
    probability = segment.word_probability
    return None if probability is None else certainty_of(probability)


def written_words(segment: TranscriptSegment) -> tuple[WrittenWord, ...]:
    """Return the words of a segment, in order; none if neither their times nor their probabilities are known."""
    tokens = tokenise(segment.text)
    # Lists of another length belong to other tokens.
    times = segment.token_times if len(segment.token_times) == len(tokens) else ()
    probabilities = segment.token_probabilities if len(segment.token_probabilities) == len(tokens) else ()
    if not (times or probabilities):
        return ()
    words: list[WrittenWord] = []
    for number, token in enumerate(tokens):
        word = WrittenWord(
            text=segment.text[token.start : token.end],
            start=token.start,
            end=token.end,
            span=times[number] if times else None,
            probability=probabilities[number] if probabilities else None,
        )
        if words and token.start < words[-1].end:
            # One character may be several tokens, as ½ is.
            word = _join(segment.text, words.pop(), word)
        words.append(word)
    return tuple(words)


def certain_runs(segment: TranscriptSegment) -> tuple[CertainRun, ...]:
    """Return the text of a segment in runs of one certainty; spaces between two words of a run belong to it."""
    runs: list[tuple[Doubt | None, list[TextPiece]]] = []
    end = 0

    def add(doubt: Doubt | None, piece: TextPiece) -> None:
        if piece.text:
            if not runs or runs[-1][0] != doubt:
                runs.append((doubt, []))
            runs[-1][1].append(piece)

    for word in written_words(segment):
        between = segment.text[end : word.start]
        continues = bool(runs) and runs[-1][0] == word.doubt and not between.strip()
        add(word.doubt if continues else None, TextPiece(text=between))
        add(word.doubt, TextPiece(text=word.text, span=word.span))
        end = word.end
    add(None, TextPiece(text=segment.text[end:]))
    return tuple(CertainRun(doubt=doubt, pieces=tuple(pieces)) for doubt, pieces in runs)


def quote_segments(segments: Sequence[TranscriptSegment], max_chars: int | None = None) -> Quotation | None:
    """Return the words of segments in one line, shortened to a number of characters; None if there are none."""
    spoken = [replace(segment, text=" ".join(segment.text.split())) for segment in segments if segment.text.strip()]
    probabilities = [probability for segment in spoken for probability in segment.token_probabilities]
    runs: list[CertainRun] = []
    for segment in spoken:
        runs += [CertainRun(doubt=None, pieces=(TextPiece(text=" "),))] if runs else []
        runs += certain_runs(segment)
    if not runs:
        return None
    return Quotation(
        runs=tuple(_shorten(runs, max_chars)),
        certainty=certainty_of(sum(probabilities) / len(probabilities)) if probabilities else None,
    )


def replace_text(segment: TranscriptSegment, text: str) -> TranscriptSegment:
    """Return a segment with another text whose words keep their probabilities, without their times.

    Words that take the place of others have the mean probability of those.
    """
    if text == segment.text:
        return segment
    old, new = tokenise(segment.text), tokenise(text)
    probabilities = segment.token_probabilities if len(segment.token_probabilities) == len(old) else ()
    kept = tuple(_carry(probabilities, old, new)) if probabilities else ()
    return replace(segment, text=text, token_times=(), token_probabilities=kept)


def _carry(probabilities: Sequence[float], old: Sequence[Token], new: Sequence[Token]) -> Iterator[float]:
    """Yield the probability of each new token."""
    matcher = SequenceMatcher(None, [token.text for token in old], [token.text for token in new], autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            yield from probabilities[start:end]
        else:
            replaced = probabilities[start:end] or probabilities
            yield from [sum(replaced) / len(replaced)] * (new_end - new_start)


def _join(text: str, first: WrittenWord, second: WrittenWord) -> WrittenWord:
    """Return two words that share a character as one."""
    start, end = first.start, max(first.end, second.end)
    both = [word.probability for word in (first, second) if word.probability is not None]
    spans = [word.span for word in (first, second) if word.span]
    return WrittenWord(
        text=text[start:end],
        start=start,
        end=end,
        span=(min(span[0] for span in spans), max(span[1] for span in spans)) if spans else None,
        probability=min(both, default=None),
    )


def _shorten(runs: Sequence[CertainRun], max_chars: int | None) -> Iterator[CertainRun]:
    """Yield runs up to a number of characters, and what says that there were more."""
    remaining = max_chars
    for run in runs:
        if remaining is not None and len(run.text) > remaining:
            pieces = []
            for piece in run.pieces:
                pieces.append(replace(piece, text=piece.text[:remaining]))
                remaining -= len(pieces[-1].text)
            yield replace(run, pieces=tuple(piece for piece in pieces if piece.text))
            yield CertainRun(doubt=None, pieces=(TextPiece(text=ELLIPSIS),))
            return
        yield run
        remaining = None if remaining is None else remaining - len(run.text)
