"""Sentences of timed pieces: where they end, and the times of their words."""

from dataclasses import replace
from itertools import pairwise

import pytest

from mediafp.text.speech.sentences import (
    compute_token_times,
    cut_into_sentences,
    join_pieces,
    split_long_segment,
    time_pieces,
)
from mediafp.types.tokens import tokenise
from mediafp.types.transcripts import TranscriptSegment


def sentences(*emitted: tuple[float, str], end: float) -> list[str]:
    pieces = time_pieces([text for _, text in emitted], [start for start, _ in emitted], end)
    return [join_pieces(sentence) for sentence in cut_into_sentences(pieces)]


def test_a_sentence_ends_at_its_mark_and_takes_the_closing_quote_along() -> None:
    emitted = [
        (0.0, "他"),
        (0.2, "说"),
        (0.4, "“"),
        (0.4, "好"),
        (0.6, "。"),
        (0.6, "”"),
        (0.9, "我"),
        (1.1, "走"),
        (1.3, "？"),
    ]
    assert sentences(*emitted, end=1.5) == ["他说“好。”", "我走？"]


def test_a_point_ends_a_sentence_only_before_a_space() -> None:
    emitted = [(0.0, " about"), (0.3, " 3"), (0.5, "."), (0.6, "5"), (0.9, " percent"), (1.2, "."), (1.6, " Next")]
    assert sentences(*emitted, end=2.0) == ["about 3.5 percent.", "Next"]


def test_a_pause_ends_a_sentence_without_a_mark() -> None:
    assert sentences((0.0, "你"), (0.2, "好"), (1.6, "再"), (1.8, "见"), end=2.0) == ["你好", "再见"]


def test_half_a_minute_without_an_end_is_cut_at_commas_and_then_at_the_longest_pauses() -> None:
    emitted = [(n * 0.3, "，" if n == 60 else "字") for n in range(100)]
    parts = sentences(*emitted, end=30.0)
    assert "".join(parts) == "".join(text for _, text in emitted)
    assert any(part.endswith("，") for part in parts) and not any(part.startswith("，") for part in parts)
    assert max(map(len, parts)) * 0.3 <= 10.5


def test_each_token_has_the_time_of_its_pieces() -> None:
    emitted = [(1.0, " hel"), (1.2, "lo"), (1.6, "，"), (1.9, "三十"), (2.3, "五"), (2.5, "个"), (2.7, "。")]
    pieces = time_pieces([text for _, text in emitted], [start for start, _ in emitted], 3.0)
    text, times = join_pieces(pieces), compute_token_times(pieces)
    tokens = tokenise(text)
    assert [token.text for token in tokens] == ["hello", "35", "个"] and len(times) == 3
    assert times[0] == pytest.approx((1.0, 1.6)) and times[1] == pytest.approx((1.9, 2.5))
    assert times[2] == pytest.approx((2.5, 2.7))


def test_the_last_piece_ends_with_the_sound_or_earlier() -> None:
    assert time_pieces(["好"], [4.9], 5.0)[0].end == 5.0
    assert time_pieces(["好"], [1.0], 5.0)[0].end == pytest.approx(1.6)
    assert time_pieces([], [], 5.0) == []


def test_half_a_minute_that_a_model_states_as_one_segment_is_cut_into_its_sentences() -> None:
    text = "今天下雨。“真的吗？”他问 twenty people, and left. 好的"
    tokens = tokenise(text)
    whole = TranscriptSegment(
        start=0.5,
        end=30.0,
        language="zh",
        language_probability=0.9,
        text=text,
        flags=("faint_voice",),
        token_times=tuple((1.0 + 0.9 * n, 1.8 + 0.9 * n) for n in range(len(tokens))),
        token_probabilities=tuple(n / 100 for n in range(len(tokens))),
    )
    parts = split_long_segment(whole)
    assert [part.text for part in parts] == ["今天下雨。", "“真的吗？”", "他问 twenty people, and left.", "好的"]
    assert parts[0].start == 0.5 and parts[-1].end == 30.0
    for previous, part in pairwise(parts):
        assert previous.end == part.start == part.token_times[0][0]
    assert sum((part.token_times for part in parts), ()) == whole.token_times
    assert sum((part.token_probabilities for part in parts), ()) == whole.token_probabilities
    assert all(len(tokenise(part.text)) == len(part.token_times) and part.flags for part in parts)


def test_segments_that_are_short_or_have_no_times_of_tokens_are_left_whole() -> None:
    timed = TranscriptSegment(
        start=0, end=14, language="zh", language_probability=1, text="好。好。", token_times=((0, 1), (9, 10))
    )
    untimed = replace(timed, end=28, token_times=())
    assert split_long_segment(timed) == [timed] and split_long_segment(untimed) == [untimed]
