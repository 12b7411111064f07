"""Names that a publication must not contain: their replacements in texts, and their search in what was made."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from mediafp.types.letter_names import letter_name
from mediafp.types.sightings import Sighting
from mediafp.types.tokens import tokenise

LEFT_OUT: Final = "[left out]"
"""Text in place of a hidden name without a letter."""
OWNER: Final = "the owner of the picture"
"""Text in place of the account of an owner."""
MIN_INNER_CHARS: Final = 4
"""Characters of a name from which it is also found inside of a longer word, as in an address. Chosen, not measured."""
MIN_SPLIT_CHARS: Final = 6
"""Characters of a name from which it is also found in several words of which one is longer. Chosen, not measured."""
MIN_NUMBER_CHARS: Final = 5
"""Digits from which the number of an account counts as a name: shorter ones are in every text. Chosen, not measured."""


@dataclass(slots=True)
class HiddenNames:
    """Names, each with the text that replaces it; found in either Chinese script, any case and spacing."""

    _replacements: dict[str, str] = field(default_factory=dict)
    """By the joined tokens of each name."""
    _plain: dict[str, str] = field(default_factory=dict)
    """Names without letters, such as emoji."""

    def add(self, name: str, replacement: str = LEFT_OUT) -> None:
        """Hide a name. One that is hidden already keeps its replacement."""
        joined = _join(name)
        if not joined:
            if plain := name.strip(" @#"):
                self._plain.setdefault(plain, replacement)
        elif not (joined.isdecimal() and len(joined) < MIN_NUMBER_CHARS):
            self._replacements.setdefault(joined, replacement)

    def __bool__(self) -> bool:
        return bool(self._replacements or self._plain)

    def without(self, text: str) -> "tuple[HiddenNames, list[str]]":
        """Return the names that a text does not contain, and those that it contains."""
        common = {name for _, _, name in self._find(text)}
        rest = {name: replacement for name, replacement in self._replacements.items() if name not in common}
        return HiddenNames(rest, self._plain), sorted(common)

    def replace(self, text: str) -> str:
        """Return a text without the names."""
        if not self:
            return text
        for plain, replacement in self._plain.items():
            text = text.replace(plain, replacement)
        parts, end = [], 0
        for start, stop, name in self._find(text):
            if start >= end:
                parts += [text[end:start], self._replacements[name]]
                end = stop
        return "".join([*parts, text[end:]]) if parts else text

    def find(self, text: str) -> str | None:
        """Return the part of a text that is one of the names; None if there is none."""
        for plain in self._plain:
            if plain in text:
                return plain
        return next((text[start:stop] for start, stop, _ in self._find(text)), None)

    def _find(self, text: str) -> list[tuple[int, int, str]]:
        """Return start, end and name of every place, by start, the longest first."""
        tokens = tokenise(text)
        joined = "".join(token.text for token in tokens)
        starts = [0, *accumulate(len(token.text) for token in tokens)]
        boundaries = {position: number for number, position in enumerate(starts)}
        token_at = [number for number, token in enumerate(tokens) for _ in token.text]
        found: list[tuple[int, int, str]] = []
        for name in self._replacements:
            for at in _occurrences(joined, name):
                first, last = token_at[at], token_at[at + len(name) - 1]
                ends = (at in boundaries) + (at + len(name) in boundaries)
                # A longer name may be written as several words, with more letters in the first or the last of them.
                is_inner = len(name) >= (MIN_INNER_CHARS if first == last else MIN_SPLIT_CHARS)
                if ends == 2 or (is_inner and (ends or first == last)):
                    found.append((tokens[first].start, tokens[last].end, name))
        return sorted(found, key=lambda place: (place[0], -place[1]))


def name_accounts(sightings: Iterable[Sighting]) -> Mapping[tuple[str | None, str], str]:
    """Return the letters of accounts, `account A`, by platform and each of their names, in the order of the sightings.

    Names that one sighting states are of one account, and so are those of the same number.
    """
    groups: list[set[tuple[str | None, str]]] = []
    for sighting in sightings:
        keys = {(sighting.platform, name) for name in sighting.names}
        if not keys:
            continue
        joined = [group for group in groups if group & keys]
        if joined:
            joined[0] |= keys.union(*joined[1:])
            groups = [group for group in groups if group is joined[0] or group not in joined]
        else:
            groups.append(keys)
    return {
        key: f"account {letter_name(number)}" for number, group in enumerate(groups) for key in sorted(group, key=str)
    }


def _join(text: str) -> str:
    return "".join(token.text for token in tokenise(text))


def _occurrences(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)
