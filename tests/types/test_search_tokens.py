"""Variant characters and numbers in the form of a search."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediafp.types.search_tokens import index_form, search_tokens
from mediafp.types.tokens import tokenise

VARIANTS = """
著/着 衞/卫 衛/卫 甚麼/什么 甚么/什么 裏/里 裡/里 臺灣/台湾 台灣/台湾 綫/线 線/线 羣/群 峯/峰 爲/为 為/为 啓/启
啟/启 祕/秘 麪/面 麵/面 鷄/鸡 雞/鸡 牀/床 滙/汇 匯/汇 佈/布 週/周 慾/欲 鬥/斗 鬪/斗 乾/干 幹/干
檯/台 颱/台 歎/叹 嘆/叹 僞/伪 偽/伪 喫/吃 溼/湿 濕/湿 災/灾 粧/妆 妝/妆 豔/艳 艷/艳 讚/赞 鑒/鉴
鑑/鉴 囘/回 寃/冤 麽/么 麼/么 祇/只 衹/只 隻/只 後/后 凴/凭 汙/污 鉅/巨 彷彿/仿佛 纔/才 瞭解/了解 答覆/答复
恆/恒 擡/抬 獃/呆 衆/众 眾/众 値/值 戶/户 戸/户 淨/净 錄/录 黃/黄 說/说 説/说 脫/脱 稅/税 妳/你
帳戶/账户 想像/想象 僱/雇 國/国 囯/国 姊妹/姉妹 痲/麻 覇/霸
"""
NUMBERS = """
1000000=一百万=100万=1百万=1,000,000=１，０００，０００=100萬=一百萬
250000000=2.5亿=二点五亿=2.5億=250,000,000 12000=1.2万=一万二=一万二千=12,000 1500=一千五=一千五百 1005=一千零五
3000万=3千万=三千万=30,000,000 2000=两千=2,000
"""


@pytest.mark.parametrize("pair", VARIANTS.split())
def test_variant_characters_have_one_form(pair: str) -> None:
    one, other = pair.split("/")
    assert index_form(one) == index_form(other) != ""


@pytest.mark.parametrize("forms", NUMBERS.split())
def test_a_number_has_one_form_however_it_is_written(forms: str) -> None:
    first, *others = forms.split("=")
    assert len(index_form(first).split()) == 1
    assert {index_form(other) for other in others} == {index_form(first)}


def test_numbers_that_only_look_like_one_stay_apart() -> None:
    for text, form in (
        ("1,00", "一 00"),
        ("5,6,7", "五 六 七"),
        ("192.168.1.10", "192 168 一 10"),
        ("三点五十分", "三 点 50 分"),
        ("甚至", "甚 至"),
        ("三百人", "300 人"),
    ):
        assert index_form(text) == form


def test_a_token_of_a_search_names_its_parts() -> None:
    text = "共1,000,000人"
    assert [(text[t.start : t.end], t.parts) for t in search_tokens(text)] == [
        ("共", range(1)),
        ("1,000,000", range(1, 4)),
        ("人", range(4, 5)),
    ]


@given(st.text(alphabet="0123456789,.，点点百千万亿一二三 a", max_size=20))
def test_parts_are_all_tokens_in_order(text: str) -> None:
    found, tokens = search_tokens(text), tokenise(text)
    assert [number for token in found for number in token.parts] == list(range(len(tokens)))
    assert all(a.end <= b.start for a, b in pairwise(found))
