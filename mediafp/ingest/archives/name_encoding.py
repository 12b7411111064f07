"""The encoding of the names in an archive that does not state it, found from all of its names together.

A name of two characters is valid in most encodings, and libraries that detect the encoding of texts need dozens of them. So
each encoding is a model of the names that are written in it: it gives each character a cost, its negative log probability,
and the names have the encoding in which they cost least. The order of the standards separates frequent characters from rare ones:
all have the frequent ideographs in a first level, and the rare ones in a second.
"""

import codecs
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from mediafp.ingest.archives.frequent_characters import HANGUL, KANJI, SIMPLIFIED, TRADITIONAL

MAX_NAME_SAMPLE_BYTES: Final = 64 << 10
"""Bytes of the names that decide. Chosen, not measured: some thousand names, which take .1 CPU seconds."""
ASCII_COST: Final = 3.5
"""Cost of an ASCII character, of which some thirty are frequent in names."""
UNDECODABLE_COST: Final = 25.0
"""Cost of a byte that an encoding does not have: more than that of any character, so that few damaged names exclude no
encoding. Chosen, not measured."""
MIXED_COST: Final = 2.0
"""Further cost of an ideograph, or a letter of another script, beside an ASCII letter: a byte of a Latin word that was taken
for one. Chosen, not measured."""
ADJACENT_COST: Final = 4.0
"""Further cost of an accented Latin letter behind another: few words have two. Chosen, not measured."""
CAPITAL_COST: Final = 5.0
"""Further cost of a capital behind a small letter of its script. Chosen, not measured."""
RARE_COST: Final = 13.0
"""Cost of a character of which names contain next to none. Chosen, not measured."""
_PUNCTUATION: Final = frozenset("（）【】《》「」『』、。，！？：；・·—～－＿　…“”‘’〈〉〔〕")
_FREQUENT_ACCENTED: Final = frozenset("éèàüöäßñóíáç")
_FREQUENT_CYRILLIC: Final = frozenset("оеаинтсрвлкмдпу")
_ACCENTED: Final = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœšžđğışąćęłńóśźżčřěů")


type CostFunction = Callable[[str], float]
"""Function that returns the cost of a character that is not ASCII."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameEncoding:
    """An encoding of names: its name in messages, its codec, and the cost of the characters in it."""

    label: str
    codec: str
    cost: CostFunction


def _gbk_cost(character: str) -> float:
    if character in SIMPLIFIED:
        return 6.9
    if character in _PUNCTUATION:
        return 7.0
    raw = character.encode("gb18030")
    if len(raw) == 4:
        # Two pairs of a high byte and a digit, which no other encoding has by chance.
        return RARE_COST
    if 0xB0 <= raw[0] <= 0xF7 and raw[1] >= 0xA1:
        return 9.5 if raw[0] <= 0xD7 else 11.5
    return 11.0 if character in TRADITIONAL else RARE_COST


def _big5_cost(character: str) -> float:
    if character in TRADITIONAL:
        return 6.9
    if character in _PUNCTUATION:
        return 7.0
    try:
        raw = character.encode("big5hkscs")
    except UnicodeEncodeError:
        # A pair of characters that has one code.
        return RARE_COST
    if 0xA4 <= raw[0] <= 0xC6:
        return 9.7
    if 0xC9 <= raw[0] <= 0xF9:
        return 12.5
    return RARE_COST if raw[0] <= 0xA3 else RARE_COST + 3


def _japanese_cost(character: str) -> float:
    if "ぁ" <= character <= "ん":
        return 5.0
    if "ァ" <= character <= "ー":
        return 5.3
    if character in KANJI:
        return 7.2
    if character in _PUNCTUATION:
        return 7.0
    if "！" <= character <= "～":
        return 8.0
    if "｡" <= character <= "ﾟ":
        # One byte, and not two as of all others.
        return 6.7
    try:
        raw = character.encode("euc_jp")
    except UnicodeEncodeError:
        return RARE_COST
    if raw[0] == 0x8F:
        return RARE_COST + 6
    return 9.7 if 0xB0 <= raw[0] <= 0xCF else 12.0 if 0xD0 <= raw[0] <= 0xF4 else RARE_COST


def _korean_cost(character: str) -> float:
    if character in HANGUL:
        return 5.7
    if character in _PUNCTUATION:
        return 7.5
    raw = character.encode("cp949")
    if 0xB0 <= raw[0] <= 0xC8 and raw[1] >= 0xA1:
        return 8.7
    return 12.5


def _cyrillic_cost(character: str) -> float:
    if "а" <= character.lower() <= "я" or character in "ёЁ":
        cost = 3.0 if character.lower() in _FREQUENT_CYRILLIC else 4.5
        return cost if character.islower() else cost + 2.5
    return 11.0


def _latin_cost(character: str) -> float:
    if character in _ACCENTED:
        return 3.6 if character in _FREQUENT_ACCENTED else 5.0
    return 7.5 if character.lower() in _ACCENTED else 11.0


CANDIDATES: Final = (
    NameEncoding(label="GBK", codec="gb18030", cost=_gbk_cost),
    NameEncoding(label="Big5", codec="big5hkscs", cost=_big5_cost),
    NameEncoding(label="Shift-JIS", codec="cp932", cost=_japanese_cost),
    NameEncoding(label="EUC-JP", codec="euc_jp", cost=_japanese_cost),
    NameEncoding(label="EUC-KR", codec="cp949", cost=_korean_cost),
    NameEncoding(label="CP866", codec="cp866", cost=_cyrillic_cost),
    NameEncoding(label="Windows-1251", codec="cp1251", cost=_cyrillic_cost),
    NameEncoding(label="CP437", codec="cp437", cost=_latin_cost),
    NameEncoding(label="Windows-1252", codec="cp1252", cost=_latin_cost),
    NameEncoding(label="CP850", codec="cp850", cost=_latin_cost),
)
"""Encodings of names that archivers write without stating them; of equal ones the first is chosen."""
# A sandboxed process cannot load codecs, and Python loads them on first use.
for _codec in ("utf-8", "ascii", *(candidate.codec for candidate in CANDIDATES)):
    codecs.lookup(_codec)
for _candidate in CANDIDATES:
    b"\x81".decode(_candidate.codec, "replace")


class NameDecoder:
    """Decoder of the names of one archive that do not state their encoding: one decision for all of them."""

    def __init__(self, names: Iterable[bytes]) -> None:
        """Take the names, of which those decide that are not ASCII, up to `MAX_NAME_SAMPLE_BYTES` of them."""
        sample = list(_sample(names))
        self._ranked: Sequence[NameEncoding] = ()
        if any(_decode_utf8(name) is None for name in sample):
            self._ranked = rank_encodings([name for name in sample if not _is_certain_utf8(name)])

    @property
    def guess(self) -> str | None:
        """Name of the encoding that was guessed; None if all names are ASCII or UTF-8."""
        return self._ranked[0].label if self._ranked else None

    def decode(self, name: bytes) -> str:
        """Return a name as text."""
        text = _decode_utf8(name)
        if text is not None and (not self._ranked or name.isascii() or _is_certain_utf8(name)):
            return text
        self._ranked = self._ranked or rank_encodings([name])
        for candidate in self._ranked:
            try:
                return name.decode(candidate.codec)
            except UnicodeDecodeError:
                continue
        raise AssertionError("CP437 has a character for each byte")


def rank_encodings(names: Iterable[bytes]) -> Sequence[NameEncoding]:
    """Return the encodings of names that are neither ASCII nor UTF-8, the likeliest of all names together first."""
    sample = list(_sample(names))
    return sorted(CANDIDATES, key=lambda candidate: sum(_cost(name, candidate) for name in sample))


def _decode_utf8(name: bytes) -> str | None:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _is_certain_utf8(name: bytes) -> bool:
    """Return True if a name is UTF-8, and no other encoding's by chance: it has a character of three or four bytes."""
    return max(_decode_utf8(name) or "", default="") >= "\u0800"


def _sample(names: Iterable[bytes]) -> Iterable[bytes]:
    """Yield the first distinct names, of `MAX_NAME_SAMPLE_BYTES` in all."""
    seen = set()
    left = MAX_NAME_SAMPLE_BYTES
    for name in names:
        # A folder is a part of the name of each file in it.
        for part in name.split(b"/"):
            if part not in seen and not part.isascii():
                seen.add(part)
                left -= len(part)
                yield part
        if left <= 0:
            return


def _cost(name: bytes, candidate: NameEncoding) -> float:
    """Return the cost of a name in an encoding."""
    text = name.decode(candidate.codec, "replace")
    cost_of = _cached_cost(candidate.cost)
    total = 0.0
    before = ""
    for character in text:
        if character.isascii():
            total += ASCII_COST
            if character.isalpha() and before and not before.isascii() and before not in _ACCENTED:
                total += MIXED_COST
        else:
            total += UNDECODABLE_COST if character == "\ufffd" else cost_of(character)
            if before.isascii() and before.isalpha() and character not in _ACCENTED:
                total += MIXED_COST
            if before and not before.isascii():
                if candidate.cost is _latin_cost:
                    total += ADJACENT_COST
                elif character.isupper() and before.islower():
                    total += CAPITAL_COST
        before = character
    return total


@cache
def _cached_cost(function: CostFunction) -> CostFunction:
    return cache(function)
