"""Tokens: one form for what is written in many."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediafp.types.tokens import index_form, is_cjk, tokenise


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("臺灣總統說", "台湾总统说"),
        ("Ｈｅｌｌｏ Wörld", "hello wörld"),
        ("三十五個人", "35个人"),
        ("二零二五年", "2025年"),
        ("一百一十", "110"),
        ("一亿三千万", "130000000"),
        ("3个", "三個"),
        ("don't", "dont"),
        ("cafe\u0301", "café"),
    ],
)
def test_two_ways_of_writing_are_one(one: str, other: str) -> None:
    assert index_form(one) == index_form(other) != ""


@pytest.mark.parametrize(("one", "other"), [("十月", "一月"), ("千万不要", "10000000不要"), ("三星", "3300星")])
def test_other_numbers_and_words_with_numerals_stay_apart(one: str, other: str) -> None:
    assert index_form(one) != index_form(other)


def test_places_are_those_of_what_was_written() -> None:
    text = "共 三十五 個，ＯＫ！"
    assert [text[t.start : t.end] for t in tokenise(text)] == ["共", "三十五", "個", "ＯＫ"]
    assert is_cjk("共") and not is_cjk("35") and not is_cjk("ok")


@given(st.text(max_size=60))
def test_any_text_has_places_in_order(text: str) -> None:
    found = tokenise(text)
    assert all(0 <= t.start < t.end <= len(text) and t.text for t in found)
    assert all(a.start <= b.start and a.end <= b.end for a, b in pairwise(found))
