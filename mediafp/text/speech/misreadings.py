"""Slips of synthetic voice-overs in a transcript: hints with their time and source, never a verdict."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediafp.types.errors import UsageError
from mediafp.types.tokens import tokenise
from mediafp.types.transcripts import SpeechHint, Transcript, TranscriptSegment

DEFAULT_LIST = Path(__file__).with_name("misreadings.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Misreading:
    """One documented slip; see tells.toml for what the fields mean."""

    name: str
    language: str
    written: tuple[str, ...]
    heard: tuple[str, ...]
    source: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def load_misreadings(file: Path = DEFAULT_LIST) -> tuple[Misreading, ...]:
    """The tells of a list. Raises UsageError where it cannot be read, or an entry lacks its source."""
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))["tell"]
        made = tuple(_tell(entry) for entry in entries)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{file} is no list of tells ({error}); {DEFAULT_LIST.name} of mediafp shows the form"
        ) from error
    for tell in made:
        if not (tell.name and tell.source and tell.written and tell.heard):
            raise UsageError(f"{file}: the tell {tell.name!r} needs a name, written, heard and its source")
    return made


def _tell(entry: dict[str, Any]) -> Misreading:
    fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in entry.items()}
    return Misreading(**fields)


def find_hints(
    transcript: Transcript, tells: Sequence[Misreading], captions: Sequence[str] = ()
) -> Iterator[SpeechHint]:
    """Where the transcript has a tell, by its neighbours or against captions (titles, text on the screen)."""
    for tell in tells:
        shown = list(_beside(tell, captions))
        for utterance in transcript.segments:
            if utterance.language == tell.language:
                yield from _hints(utterance, tell, shown)


def _hints(utterance: TranscriptSegment, tell: Misreading, shown: Sequence[tuple[str, str]]) -> Iterator[SpeechHint]:
    said = tokenise(utterance.text)
    words = [token.text for token in said]
    for heard in map(_words, tell.heard):
        for n in _places(words, heard):
            end = n + len(heard)
            # The initials, spoken as letters, are written with capitals or points, and that is no slip.
            raw = utterance.text[said[n].start : said[end - 1].end]
            if raw in tell.written or raw.isupper():
                continue
            after = next((w for w in map(_words, tell.after) if words[end : end + len(w)] == w), None)
            before = next((w for w in map(_words, tell.before) if n >= len(w) and words[n - len(w) : n] == w), None)
            caption = next((text for text, word in shown if word and words[end : end + 1] == [word]), None)
            if not (after or before or caption):
                continue
            start, stop = _times(utterance, n, end, len(words))
            reason = f"where {caption!r} is written" if caption else f"beside {' '.join(after or before or [])!r}"
            context = utterance.text[said[max(0, n - 2)].start : said[min(len(said), end + 3) - 1].end]
            yield SpeechHint(name=tell.name, start=start, end=stop, heard=context, reason=reason, source=tell.source)


def _beside(tell: Misreading, captions: Sequence[str]) -> Iterator[tuple[str, str]]:
    """How a caption writes it, and the word that follows there."""
    for caption in captions:
        for written in tell.written:
            at = caption.find(written)
            while at >= 0:
                alone = not caption[max(0, at - 1) : at].isalnum()
                following = tokenise(caption[at + len(written) :])
                if alone and following and not caption[at + len(written) :][:1].isalnum():
                    yield caption[at : at + len(written) + following[0].end], following[0].text
                at = caption.find(written, at + 1)


def _words(text: str) -> list[str]:
    return [token.text for token in tokenise(text)]


def _places(words: Sequence[str], sought: Sequence[str]) -> Iterator[int]:
    for n in range(len(words) - len(sought) + 1):
        if words[n : n + len(sought)] == sought:
            yield n


def _times(utterance: TranscriptSegment, first: int, end: int, count: int) -> tuple[float, float]:
    """When tokens `first` to `end` are said; spread evenly where their times are unknown."""
    if utterance.token_times:
        return utterance.token_times[first][0], utterance.token_times[end - 1][1]
    length = utterance.end - utterance.start
    return (
        round(utterance.start + length * first / count, 2),
        round(utterance.start + length * end / count, 2),
    )
