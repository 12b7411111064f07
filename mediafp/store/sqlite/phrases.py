"""Phrases of a search text, and their positions in a passage."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from mediafp.types.search_tokens import SearchToken, search_tokens
from mediafp.types.tokens import Token, is_cjk


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseMatch:
    """The positions of all phrases of a search in a passage.

    Attributes:
        text: Text of the passage, followed by that of the next passage if a phrase reaches into it.
        marks: Start and end of each phrase, in characters of `text`.
        tokens: Numbers of the tokens in the phrases, as `types.tokens.tokenise` returns them, ascending.
        passage_tokens: Number of these tokens of the passage alone.
        crosses_end: True if a phrase reaches into the next passage.
    """

    text: str
    marks: tuple[tuple[int, int], ...]
    tokens: tuple[int, ...]
    passage_tokens: int
    crosses_end: bool


def split_phrases(text: str) -> list[list[str]]:
    """Return the phrases of a search text, as tokens each.

    A phrase is a word, a run of CJK characters and numbers, or a text in double quotes.
    """
    phrases: list[list[str]] = []
    parts = re.split('["“”＂]', text)
    for number, part in enumerate(parts):
        # The part after a quote that is never closed is not a phrase.
        if number % 2 and number < len(parts) - 1:
            phrases.append([token.text for token in search_tokens(part)])
            continue
        run: list[SearchToken] = []
        for token in search_tokens(part):
            continues = run and run[-1].end == token.start and _joins_runs(run[-1]) and _joins_runs(token)
            if run and not continues:
                phrases.append([token.text for token in run])
                run = []
            run.append(token)
        phrases.append([token.text for token in run])
    return [phrase for phrase in phrases if phrase]


def match_phrases(phrases: Sequence[Sequence[str]], passage: str, next_passage: str | None) -> PhraseMatch | None:
    """Return the positions of all phrases in a passage, or in it and the next one.

    Args:
        phrases: The phrases, as tokens each.
        passage: Text of the passage.
        next_passage: Text of the passage that continues it, if there is one.

    Returns:
        The positions; None if a phrase is missing, or if the phrases lie in the next passage alone, which is a hit of
        its own.
    """
    own = search_tokens(passage)
    runs = [_find_phrase(phrase, own) for phrase in phrases]
    if all(runs):
        return _build_match(passage, own, runs, _count_parts(own), crosses_end=False)
    if next_passage is None:
        # FTS5 ignores a few characters that are tokens in this program, such as ・.
        return None
    text = f"{passage} {next_passage}"
    shift, parts = len(passage) + 1, _count_parts(own)
    following = [
        SearchToken(
            text=token.text,
            start=token.start + shift,
            end=token.end + shift,
            parts=range(token.parts.start + parts, token.parts.stop + parts),
        )
        for token in search_tokens(next_passage)
    ]
    both = [*own, *following]
    runs = [_find_phrase(phrase, both) for phrase in phrases]
    crosses_end = any(run.start < len(own) < run.stop for run in chain(*runs))
    lies_in_next = all(any(run.start >= len(own) for run in found) for found in runs)
    if not all(runs) or (lies_in_next and not crosses_end):
        return None
    return _build_match(text, both, runs, parts, crosses_end=True)


def _joins_runs(token: Token) -> bool:
    """Return True if a token is part of a run; a number is, because 三十五 is one."""
    return is_cjk(token.text) or token.text.isdigit()


def _count_parts(tokens: Sequence[SearchToken]) -> int:
    """Return the number of tokens of `tokenise` that tokens of a search consist of."""
    return tokens[-1].parts.stop if tokens else 0


def _find_phrase(phrase: Sequence[str], tokens: Sequence[Token]) -> list[range]:
    """Return the token numbers of each occurrence of a phrase."""
    size, words = len(phrase), [token.text for token in tokens]
    return [
        range(first, first + size)
        for first, word in enumerate(words)
        if word == phrase[0] and words[first : first + size] == list(phrase)
    ]


def _build_match(
    text: str,
    tokens: Sequence[SearchToken],
    runs: Sequence[Sequence[range]],
    passage_tokens: int,
    *,
    crosses_end: bool,
) -> PhraseMatch:
    occurrences = list(chain(*runs))
    return PhraseMatch(
        text=text,
        marks=tuple(sorted({(tokens[run.start].start, tokens[run.stop - 1].end) for run in occurrences})),
        tokens=tuple(sorted({part for run in occurrences for number in run for part in tokens[number].parts})),
        passage_tokens=passage_tokens,
        crosses_end=crosses_end,
    )
