"""Text of subtitles: widths of lines, places of their ends, and nothing lost."""

import random

import pytest

from mediafp.report.cue_lines import LINE_WIDTH, cut_text, text_width

ALPHABET = [
    *"字幕声音测试，。！？、：；（）《》「」“”…—한ー",
    *'(),.-"',
    "word",
    "another",
    "U.S.",
    "3.5%",
    "it's",
    "é",
    "e\u0301",
]
ALPHABET += ["é", "e\u0301", "x" * 60, "\U0001f468\u200d\U0001f469", " ", " ", " "]
NO_START = set("。，！？、：；）》」”…—.,!?:;)%ー")
NO_END = set("（《「“(")


def made_text(seed: int) -> str:
    rng = random.Random(seed)
    return " ".join("".join(rng.choices(ALPHABET, k=rng.randint(1, 120))).split()) or "字"


@pytest.mark.parametrize("mark", ["", "[2] "])
def test_any_text_is_whole_and_on_short_lines(mark: str) -> None:
    for seed in range(150):
        for max_lines in (1, 2):
            cues = cut_text(made_text(seed), mark=mark, max_lines=max_lines)
            assert all(1 <= len(lines) <= max_lines and lines[0].startswith(mark) for lines in cues)
            whole = "".join("".join(lines)[len(mark) :] for lines in cues)
            assert whole.replace(" ", "") == made_text(seed).replace(" ", "")
            lines = [line for lines in cues for line in lines]
            assert all(line == line.strip() and text_width(line) <= LINE_WIDTH for line in lines)


def test_no_line_begins_with_closing_punctuation_or_ends_with_opening() -> None:
    for seed in range(150):
        rng = random.Random(seed)
        clauses = [
            rng.choice(("字幕声音", "（声音）", "《字幕》", "“声音测试”", "some words", "(a word)", "3.5%", "カー"))
            + rng.choice(("，", "。", "！", "……", ", ", ". ", "：", " ", ""))
            for _ in range(rng.randint(1, 30))
        ]
        for lines in cut_text(" ".join("".join(clauses).split())):
            assert not [line for line in lines if line[0] in NO_START or line[-1] in NO_END]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("字" * 18, 1),
        ("字" * 19, 2),
        ("字" * 36, 2),
        ("abcde " * 6 + "abcdef", 1),
        ("abcde " * 7 + "abcdef", 2),
        ("字" * 9 + " " + "abcd " * 4, 1),
        ("e\u0301" * 42, 1),
    ],
)
def test_a_line_has_18_han_characters_or_42_columns(text: str, lines: int) -> None:
    ((*found,),) = cut_text(text.strip())
    assert len(found) == lines


def test_a_long_text_is_cut_behind_sentences_and_clauses() -> None:
    chinese = "我们现在聊聊产品的部分。小米的核心价值观是什么？答案是真诚热爱！有困难，请拨打电话。"
    assert cut_text(chinese) == [
        ["我们现在聊聊产品的部分。", "小米的核心价值观是什么？"],
        ["答案是真诚热爱！有困难，请拨打电话。"],
    ]
    english = (
        "Officials left the harbour yesterday, after the council had decided to close it for the winter, and left."
    )
    assert cut_text(english) == [
        ["Officials left the harbour yesterday,"],
        ["after the council had decided to", "close it for the winter, and left."],
    ]


def test_a_text_without_punctuation_is_cut_into_like_parts_between_words() -> None:
    assert [[len(line) for line in cue] for cue in cut_text("字" * 40)] == [[10, 10], [10, 10]]
    words = " ".join(f"word{number}" for number in range(30))
    assert " ".join(line for cue in cut_text(words) for line in cue) == words


def test_a_word_longer_than_a_line_is_broken_and_a_sign_of_several_characters_is_not() -> None:
    assert cut_text("x" * 50) == [["x" * 42, "x" * 8]]
    family = "\U0001f468\u200d\U0001f469"
    cues = cut_text(family * 30)
    assert len(cues) > 1 and all(len(line) % len(family) == 0 for cue in cues for line in cue)


def test_a_quote_stays_with_what_it_encloses() -> None:
    for count in range(1, 40):
        (lines, *_) = cut_text("字" * count + '"声音"' + "字" * 20)
        assert not [line for line in lines if line[-1] == '"' and line.count('"') == 1]
