"""Tokens are equal for different spellings of the same words."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediafp.types.search_tokens import index_form
from mediafp.types.tokens import is_cjk, tokenise


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
def test_index_form_is_equal_for_two_spellings(one: str, other: str) -> None:
    assert index_form(one) == index_form(other) != ""


@pytest.mark.parametrize(("one", "other"), [("十月", "一月"), ("千万不要", "10000000不要"), ("三星", "3300星")])
def test_index_form_differs_for_other_numbers_and_for_words_with_numerals(one: str, other: str) -> None:
    assert index_form(one) != index_form(other)


def test_tokenise_returns_positions_in_the_original_text() -> None:
    text = "共 三十五 個，ＯＫ！"
    assert [text[t.start : t.end] for t in tokenise(text)] == ["共", "三十五", "個", "ＯＫ"]
    assert is_cjk("共") and not is_cjk("35") and not is_cjk("ok")


@given(st.text(max_size=60))
def test_tokenise_returns_ordered_positions_for_any_text(text: str) -> None:
    tokens = tokenise(text)
    assert all(0 <= t.start < t.end <= len(text) and t.text for t in tokens)
    assert all(a.start <= b.start and a.end <= b.end for a, b in pairwise(tokens))
