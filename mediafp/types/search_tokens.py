"""Tokens of a text as a search compares them: variant characters and ways of writing a number are equal."""

import re
from dataclasses import dataclass
from typing import Final

from mediafp.types.tokens import CHINESE_DIGITS, Token, tokenise

_VARIANT_PAIRS: Final = (
    "著着 衞卫 痲麻 鬪斗 吿告 粧妆 糚妆 囘回 囬回 㑹会 寃冤 祇只 衹只 秖只 喆哲 凴凭 钜巨 徬彷 覆复 彊强 覇霸 "
    "値值 戸户 囯国 囶国 妳你 牠它 祂他 帐账 象像 藉借 砲炮 凃涂 槪概 淸清 靑青 緖绪 姉姊 倂并 竝并 郞郎 愼慎 "
    "鄕乡 廻回 鉄铁 恠怪 獘弊 煅锻 倶俱 菓果 岀出 份分 惟唯 卄廿 両两 呌叫 咊和 啚图 嗬呵 嘷嚎 堃坤 奨奖 屛屏 "
    "廏厩 慙惭 憇憩 抜拔 捜搜 掲揭 撹搅 斉齐 朶朵 枱台 毎每 汚污 浄净 渇渴 溌泼 煑煮 畧略 疎疏 硏研 簷檐 縂总 "
    "羢绒 胷胸 脗吻 艢樯 蘯荡 譌讹 賍赃 躭耽 鋻鉴 閙闹 隄堤 雰氛 韮韭 頣颐 飃飘 馿驴"
)
"""Characters that OpenCC does not convert, each before the one that is used in its place: regional and older forms, and
characters of which a writer may choose either."""
_VARIANTS: Final = {pair[0]: pair[1] for pair in _VARIANT_PAIRS.split()}
_WORD_VARIANTS: Final = {("甚", "么"): "什", ("彷", "佛"): "仿"}
"""First characters that are replaced before a second one alone: 甚 stays in 甚至."""
_SCALES: Final = {"百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_GROUP: Final = re.compile(r"[,，]")
_POINT: Final = re.compile(r"[.．]")
_SPOKEN_FRACTION: Final = re.compile(r"([零〇一二三四五六七八九]+)[百千]?[万萬亿億]")
MAX_NUMBER_DIGITS: Final = 18
"""Digits up to which a number is joined with its separators and units; longer ones are ids. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchToken(Token):
    """A token of a search, and the tokens of `tokenise` that it consists of."""

    parts: range


def search_tokens(text: str) -> list[SearchToken]:
    """Return the tokens of a text, in order, equal for different forms of the same words and numbers.

    Beyond `tokenise`, variant characters are one (衞 and 卫, 甚麼 and 什么), and a number is one token however it is written:
    1,000,000, 100万, 1百万 and 一百万 give 1000000.
    """
    tokens = tokenise(text)
    found: list[SearchToken] = []
    first = 0
    while first < len(tokens):
        number = _read_number(text, tokens, first)
        end, form = number or (first + 1, _variant(text, tokens, first))
        parts = range(first, end)
        found.append(SearchToken(text=form, start=tokens[first].start, end=tokens[end - 1].end, parts=parts))
        first = end
    return found


def index_form(text: str) -> str:
    """Return the tokens of a text separated by spaces, as the text index stores them."""
    return " ".join(token.text for token in search_tokens(text))


def _variant(text: str, tokens: list[Token], number: int) -> str:
    """Return the form of a token that all of its variants share."""
    word = tokens[number].text
    if number + 1 < len(tokens) and not _gap(text, tokens, number):
        word = _WORD_VARIANTS.get((word, tokens[number + 1].text), word)
    return _VARIANTS.get(word, word)


def _read_number(text: str, tokens: list[Token], first: int) -> tuple[int, str] | None:
    """Return the end and the form of a number of several tokens, such as 1,000,000 or 2.5亿; None if there is none."""
    digits = _digits(tokens[first])
    if digits is None:
        return None
    end = first + 1
    # Groups of three digits: those of one digit are Chinese by now, but were written as 1 to 9.
    if len(digits) <= 3 and _is_arabic(text, tokens[first]):
        while end < len(tokens) and _GROUP.fullmatch(_gap(text, tokens, end - 1)) and _is_group(text, tokens[end]):
            digits += tokens[end].text
            end += 1
        if end < len(tokens) and _GROUP.fullmatch(_gap(text, tokens, end - 1)) and _is_arabic(text, tokens[end]):
            # 1,000,00 is no number: its parts remain as they are.
            return None
    if spoken := _spoken_fraction(text, tokens, end):
        decimals, scale = spoken
        return end + 2, str(int(digits + decimals) * scale // 10 ** len(decimals))
    fraction = ""
    if (point := _point_end(text, tokens, end)) and (behind := _digits(tokens[point - 1])):
        scaled = _scale(text, tokens, point)
        if scaled and len(behind) < len(str(scaled[1])):
            fraction, end = behind, point
    scale = 1
    if scaled := _scale(text, tokens, end):
        end, scale = scaled
    if end == first + 1 or len(digits) > MAX_NUMBER_DIGITS:
        return None
    value = int(digits + fraction) * scale // 10 ** len(fraction)
    return end, str(value) if value > 9 else CHINESE_DIGITS[value]


def _point_end(text: str, tokens: list[Token], end: int) -> int | None:
    """Return the end of a decimal point and the digits behind it; None if there is none."""
    return end + 1 if end < len(tokens) and _POINT.fullmatch(_gap(text, tokens, end - 1)) else None


def _spoken_fraction(text: str, tokens: list[Token], end: int) -> tuple[str, int] | None:
    """Return the decimals and the scale of 点五亿, whose number is one token already; None if there is no such fraction."""
    if end + 1 >= len(tokens) or tokens[end].text != "点" or _gap(text, tokens, end - 1) or _gap(text, tokens, end):
        return None
    number = tokens[end + 1]
    written = _SPOKEN_FRACTION.fullmatch(text[number.start : number.end])
    if written is None or not number.text.isdecimal():
        return None
    decimals = "".join(_digits(token) or "" for token in tokenise(written[1]))
    return decimals, int(number.text) // int(decimals) if int(decimals) else 1


def _scale(text: str, tokens: list[Token], end: int) -> tuple[int, int] | None:
    """Return the end and the product of the units behind a number, the last of which is 万 or 亿; None if there is none."""
    product, last = 1, end
    while (
        last < len(tokens)
        and tokens[last].text in _SCALES
        and _gap(text, tokens, last - 1) in ("", " " * (last == end))
    ):
        product *= _SCALES[tokens[last].text]
        last += 1
    return (last, product) if last > end and product >= 10**4 and tokens[last - 1].text in "万亿" else None


def _digits(token: Token) -> str | None:
    """Return the Arabic digits of a token; None if it is no number."""
    if token.text.isdecimal() and token.text.isascii():
        return token.text
    return str(CHINESE_DIGITS.index(token.text)) if token.text in CHINESE_DIGITS else None


def _is_arabic(text: str, token: Token) -> bool:
    """Return True if a number was written in Arabic digits, of full width or not."""
    return text[token.start : token.end].isdecimal()


def _is_group(text: str, token: Token) -> bool:
    """Return True if a token is a group of three digits."""
    return len(token.text) == 3 and token.text.isascii() and token.text.isdecimal() and _is_arabic(text, token)


def _gap(text: str, tokens: list[Token], number: int) -> str:
    """Return the characters between a token and the next one."""
    return text[tokens[number].end : tokens[number + 1].start]
