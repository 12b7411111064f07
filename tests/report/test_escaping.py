"""Texts as they are shown: what is invisible or controls the display is escaped, and everything else stays."""

import os
import re

import pytest
from hostile_text import hidden_characters, hostile_texts
from hypothesis import given, settings

from mediafp.report.escaping import escape_unprintable

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ZERO_WIDTH = "\u200b\u200c\u200d\u2060\u2061\u2064\ufeff\xad\u180e\u034f\u115f\u1160\u3164\uffa0\u17b4\u17b5"
LINES = "\n\r\t\x0b\x0c\x1c\x85\u2028\u2029"
TAGS = "\U000e0001\U000e0041\U000e007f"
NO_INK = "\u2800\U00016fe4\U0001d159"
SELECTORS = "\ufe00\ufe0f\U000e0100\U000e01ef\u180b"


@pytest.mark.parametrize(
    "character", [*BIDI, *ZERO_WIDTH, *LINES, *TAGS, *NO_INK, *SELECTORS, "\x00", "\x1b", "\x7f", "\x9b"], ids=ascii
)
def test_characters_that_are_invisible_are_escaped(character: str) -> None:
    shown = escape_unprintable(f"a{character}b")
    assert re.fullmatch(r"a\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})b", shown), ascii(shown)
    assert int(shown[3:-1], 16) == ord(character)


@pytest.mark.parametrize(
    "text",
    [
        "plain, with [brackets] and \\backslashes\\",
        "微博　样例，全角空格",
        "« prix : 5 € »".replace(" ", "\u202f"),
        "a\xa0b",
        "שלום עולם",
        "مرحبا بالعالم",
        "हिन्दी ภาษาไทย 한국어 がぎぐ",
        "བསྒྲུབས་ བְּרֵאשִׁ֖ית Tiê\u0323\u0301ng e\u0301\u0323\u0302",
        "👩\u200d👩\u200d👧\u200d👦 ❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈 👍🏽 1\ufe0f\u20e3 ©\ufe0f 🇩🇪",
        "葛\U000e0100城市",
        "می\u200cخواهم کتاب\u200cها",
        "नमस्\u200dते क्\u200cष",
        "শ্রী র\u200d্যাব",
        "ශ්\u200dරී ලංකා",
        "ന്\u200d അവന്\u200d",
        "ᠠ\u180b ᠨᠠ\u180cᠨ ᠬᠠᠭ\u180eᠠ",
    ],
)
def test_readable_text_stays_as_it_is(text: str) -> None:
    assert escape_unprintable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (os.fsdecode(b"b\xff\xfe.jpg"), "b\\xff\\xfe.jpg"),
        ("\ud800", "\\ud800"),
        ("\udce2\udc80\udcae", "\\xe2\\x80\\xae"),
        ("a\u200db", "a\\u200db"),
        ("👩\u200d", "👩\\u200d"),
        ("1\ufe0e", "1\\ufe0e"),
        ("1\ufe0f", "1\\ufe0f"),
        ("あ\ufe0f", "あ\\ufe0f"),
        ("x\ufe0f", "x\\ufe0f"),
        ("❤\ufe0f\ufe0f\ufe0f", "❤\ufe0f\\ufe0f\\ufe0f"),
        ("ی\u200c\u200cخ", "ی\\u200c\\u200cخ"),
        ("یa\u200cخ", "یa\\u200cخ"),
        ("کتاب\u200c", "کتاب\\u200c"),
        ("ක්\u200d\u200dෂ", "ක්\u200d\\u200dෂ"),
        ("क\u200dक", "क\\u200dक"),
        ("ᠠ\u180b\u180b", "ᠠ\u180b\\u180b"),
        ("क" + "\u094d\u200d" * 6, "क" + "\u094d\u200d" * 4 + "\\u094d\\u200d" * 2),
        ("葛\U000e0100\U000e0101", "葛\U000e0100\\U000e0101"),
        ("z" + "\u0301\u0489" * 5 + "a", "z" + "\u0301\u0489" * 4 + "\\u0301\\u0489a"),
    ],
    ids=ascii,
)
def test_surrogates_and_sequences_without_a_meaning_are_escaped(text: str, shown: str) -> None:
    assert escape_unprintable(text) == shown


@settings(derandomize=True, deadline=None, max_examples=500)
@given(hostile_texts())
def test_any_text_is_shown_without_hidden_characters(text: str) -> None:
    shown = escape_unprintable(text)
    assert not hidden_characters(shown)
    assert escape_unprintable(shown) == shown, "escaping twice changes nothing"
    shown.encode()
    visible = [c for c in text if c.isalnum() and not hidden_characters(c)]
    remaining = iter(shown)
    assert all(c in remaining for c in visible), "every letter survives, in order"
