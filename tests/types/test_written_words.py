"""Words of a segment as they are written: their positions, times and certainty, whatever the text is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rated_words import rated, said

from mediafp.types.tokens import tokenise
from mediafp.types.transcripts import TranscriptSegment
from mediafp.types.written_words import (
    certain_runs,
    mark_guess,
    quote_segments,
    replace_text,
    segment_certainty,
    written_words,
)


def marked(segment: TranscriptSegment) -> str:
    return "".join(mark_guess(run.text, run.doubt) for run in certain_runs(segment))


@given(
    st.text(alphabet=st.sampled_from("ab 's，。三十五½㍿é\u0301港\ud800\n-1"), max_size=12),
    st.randoms(use_true_random=False),
)
def test_words_and_what_is_between_them_are_the_text_and_never_overlap(text: str, random: object) -> None:
    tokens = tokenise(text)
    segment = rated(said(text), [random.random() for _ in tokens]) if tokens else said(text)  # type: ignore[attr-defined]
    words = written_words(segment)
    assert all(text[word.start : word.end] == word.text for word in words)
    assert all(a.end <= b.start for a, b in pairwise(words))
    runs = certain_runs(segment)
    assert "".join(run.text for run in runs) == text
    assert all(a.doubt != b.doubt for a, b in pairwise(runs))


def test_words_keep_their_spelling_and_leave_punctuation_between_them() -> None:
    words = written_words(rated(said("Don't, 三十五年!", 1.0, 4.0, "en"), (0.9, 0.4, 0.6)))
    assert [(word.text, word.span, word.probability) for word in words] == [
        ("Don't", (1.0, 2.0), 0.9), ("三十五", (2.0, 3.0), 0.4), ("年", (3.0, 4.0), 0.6),
    ]  # fmt: skip


def test_a_character_that_is_several_tokens_is_one_word_of_the_least_probability() -> None:
    (word,) = written_words(rated(said("½", 0.0, 2.0), (0.9, 0.2)))
    assert (word.text, word.span, word.probability) == ("½", (0.0, 2.0), 0.2)


def test_adjacent_guesses_are_marked_once_and_never_across_a_comma() -> None:
    segment = rated(said("we all know, they hide it", language="en"), (0.9, 0.3, 0.4, 0.2, 0.6, 0.95))
    assert marked(segment) == "we ⟨all know?⟩, ⟨they?⟩ hide it"
    assert [run.doubt for run in certain_runs(segment)] == [None, "guess", None, "guess", None, "doubtful", None]


@pytest.mark.parametrize("count", [0, 2, 4])
def test_lists_of_another_length_say_nothing_about_the_words(count: int) -> None:
    segment = rated(said("一二言"), (0.1,) * count) if count else said("一二言")
    # 一二 is one number.
    assert (written_words(segment) == ()) is (count != 2)


def test_certainty_of_a_segment_is_that_of_the_mean_of_its_words() -> None:
    assert segment_certainty(rated(said("甲乙"), (1.0, 0.6))) == "doubtful"
    assert segment_certainty(rated(said("甲乙"), (0.9, 0.05))) == "guess"
    assert segment_certainty(said("甲乙")) is None


def test_quotation_is_one_line_shortened_within_a_word_and_keeps_its_marks() -> None:
    first, second = rated(said("one\n two", language="en"), (0.9, 0.3)), rated(said("three", language="en"), (0.2,))
    quoted = quote_segments([first, said("  "), second], 10)
    assert quoted is not None and quoted.text == "one two th …" and quoted.certainty == "guess"
    assert [(run.text, run.doubt) for run in quoted.runs] == [
        ("one ", None), ("two", "guess"), (" ", None), ("th", "guess"), (" …", None),
    ]  # fmt: skip
    assert quote_segments([said(" ")]) is None


def test_replaced_words_keep_the_doubts_of_the_others_and_have_those_of_what_they_replace() -> None:
    segment = rated(said("call John Smith now please", language="en"), (0.9, 0.2, 0.4, 0.3, 0.9))
    hidden = replace_text(segment, "call [left out] now please")
    assert marked(hidden) == "call [⟨left out?⟩] ⟨now?⟩ please"
    assert hidden.token_times == () and replace_text(segment, segment.text) is segment
    assert replace_text(said("a b"), "b").token_probabilities == ()
