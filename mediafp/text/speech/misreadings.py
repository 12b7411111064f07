"""Misreadings of synthetic voices in a transcript: hints with their time and source, never a verdict."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediafp.types.errors import UsageError
from mediafp.types.media import TimeSpan
from mediafp.types.tokens import tokenise
from mediafp.types.transcripts import SpeechHint, Transcript, TranscriptSegment

DEFAULT_LIST = Path(__file__).with_name("misreadings.toml")
"""The packaged list of misreadings."""
CONTEXT_WORDS_BEFORE, CONTEXT_WORDS_AFTER = 2, 3
"""Words of the transcript that a hint quotes before and after the misreading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misreading:
    """One documented misreading; `misreadings.toml` describes the fields."""

    name: str
    language: str
    written: tuple[str, ...]
    heard: tuple[str, ...]
    source: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def load_misreadings(file: Path = DEFAULT_LIST) -> tuple[Misreading, ...]:
    """Return the misreadings of a TOML list.

    Raises:
        UsageError: The file cannot be read, or an entry lacks its name, its words or its source.
    """
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))["tell"]
        misreadings = tuple(_parse_misreading(entry) for entry in entries)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"cannot read the list of misreadings {str(file)!r}: {error};"
            f" give it the form of mediafp's {DEFAULT_LIST.name}"
        ) from error
    for misreading in misreadings:
        if not (misreading.name and misreading.source and misreading.written and misreading.heard):
            raise UsageError(
                f"cannot use the list of misreadings {str(file)!r}: the entry {misreading.name!r} is incomplete;"
                " give it a name, written, heard and its source"
            )
    return misreadings


def find_hints(
    transcript: Transcript, misreadings: Sequence[Misreading], captions: Sequence[str] = ()
) -> Iterator[SpeechHint]:
    """Yield the occurrences of misreadings in a transcript.

    `heard` counts only if a word of the misreading's `before` or `after` occurs next to it, or if a caption has `written`
    before the word that follows it in the transcript.

    Args:
        transcript: The transcript.
        misreadings: The misreadings that are searched.
        captions: Titles, posts and text in the image of the same media.
    """
    for misreading in misreadings:
        caption_words = list(_find_in_captions(misreading, captions))
        for segment in transcript.segments:
            if segment.language == misreading.language:
                yield from _find_in_segment(segment, misreading, caption_words)


def _find_in_segment(
    segment: TranscriptSegment, misreading: Misreading, caption_words: Sequence[tuple[str, str]]
) -> Iterator[SpeechHint]:
    """Yield the occurrences of a misreading in a segment.

    Args:
        segment: The segment.
        misreading: The misreading.
        caption_words: Results of `_find_in_captions`.
    """
    tokens = tokenise(segment.text)
    words = [token.text for token in tokens]
    for heard in map(_tokenised, misreading.heard):
        for start in _find_sequence(words, heard):
            end = start + len(heard)
            original = segment.text[tokens[start].start : tokens[end - 1].end]
            # Whisper writes initials that are read as letters with capitals or points: no misreading.
            if original in misreading.written or original.isupper():
                continue
            after = next((w for w in map(_tokenised, misreading.after) if words[end : end + len(w)] == w), None)
            before = next(
                (
                    w
                    for w in map(_tokenised, misreading.before)
                    if start >= len(w) and words[start - len(w) : start] == w
                ),
                None,
            )
            caption = next((text for text, word in caption_words if word and words[end : end + 1] == [word]), None)
            if not (after or before or caption):
                continue
            start_seconds, end_seconds = _token_span(segment, start, end, len(words))
            reason = f"where {caption!r} is written" if caption else f"beside {' '.join(after or before or [])!r}"
            quote_start = tokens[max(0, start - CONTEXT_WORDS_BEFORE)].start
            quote_end = tokens[min(len(tokens), end + CONTEXT_WORDS_AFTER) - 1].end
            yield SpeechHint(
                name=misreading.name,
                start=start_seconds,
                end=end_seconds,
                heard=segment.text[quote_start:quote_end],
                reason=reason,
                source=misreading.source,
            )


def _parse_misreading(entry: dict[str, Any]) -> Misreading:
    fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in entry.items()}
    return Misreading(**fields)


def _find_in_captions(misreading: Misreading, captions: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the passages of captions that have a `written` form: its text with the word that follows, and that word."""
    for caption in captions:
        for written in misreading.written:
            start = caption.find(written)
            while start >= 0:
                end = start + len(written)
                is_whole_word = not caption[max(0, start - 1) : start].isalnum() and not caption[end:][:1].isalnum()
                following = tokenise(caption[end:])
                if is_whole_word and following:
                    yield caption[start : end + following[0].end], following[0].text
                start = caption.find(written, start + 1)


def _tokenised(text: str) -> list[str]:
    return [token.text for token in tokenise(text)]


def _find_sequence(words: Sequence[str], sequence: Sequence[str]) -> Iterator[int]:
    """Yield the positions at which a sequence begins in a list of words."""
    for n in range(len(words) - len(sequence) + 1):
        if words[n : n + len(sequence)] == sequence:
            yield n


def _token_span(segment: TranscriptSegment, first: int, end: int, count: int) -> TimeSpan:
    """Return the time of tokens `first` to `end` of a segment, spread evenly if the times of its tokens are unknown."""
    if segment.token_times:
        return segment.token_times[first][0], segment.token_times[end - 1][1]
    duration = segment.end - segment.start
    return (
        round(segment.start + duration * first / count, 2),
        round(segment.start + duration * end / count, 2),
    )
