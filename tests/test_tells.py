"""Known slips of synthetic voices: found by their neighbours, against captions, and never in plain speech."""

from pathlib import Path

import pytest

from mediafp.text.speech.misreadings import find_hints, load_misreadings
from mediafp.types.errors import UsageError
from mediafp.types.transcripts import Transcript, TranscriptSegment


def said(*texts: str, language: str = "en") -> Transcript:
    utterances = tuple(
        TranscriptSegment(start=10.0 * n, end=10.0 * n + 8, language=language, language_probability=1.0, text=text)
        for n, text in enumerate(texts)
    )
    return Transcript(
        model="m", version="v", duration=60, speech_seconds=50, untranscribed_seconds=0, segments=utterances
    )


def test_us_for_the_united_states_is_a_hint_with_its_time_and_source() -> None:
    found = list(find_hints(said("nothing here", "the policy of the us government failed again"), load_misreadings()))
    assert [hint.name for hint in found] == ["U.S. read as us"]
    assert 10 < found[0].start < found[0].end < 18
    assert "us government" in found[0].heard and "Graphika" in found[0].source


@pytest.mark.parametrize(
    "text", ["they told us everything", "the U.S. government", "the US government", "join us today"]
)
def test_ordinary_words_and_the_letters_themselves_are_no_hint(text: str) -> None:
    assert not list(find_hints(said(text), load_misreadings()))


def test_another_language_is_not_searched() -> None:
    assert not list(find_hints(said("the us government", language="zh"), load_misreadings()))


def test_a_caption_that_writes_it_is_a_neighbour_too() -> None:
    spoken = said("what us virologists really know")
    assert not list(find_hints(spoken, load_misreadings()))
    (hint,) = find_hints(spoken, load_misreadings(), ["What U.S. virologists know", "VIRUS virologists"])
    assert "U.S. virologists" in hint.reason


def test_an_analysts_list_is_read_and_a_bad_one_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[[tell]]\nname = "WHO read as who"\nlanguage = "en"\nwritten = ["WHO"]\nheard = ["who"]\n'
        'after = ["officials"]\nsource = "case 12"\n'
    )
    assert [h.name for h in find_hints(said("the who officials say"), load_misreadings(own))] == ["WHO read as who"]
    own.write_text('[[tell]]\nname = "x"\nlanguage = "en"\nwritten = ["X"]\nheard = ["x"]\nsource = ""\n')
    with pytest.raises(UsageError, match="source"):
        load_misreadings(own)
    own.write_text("not toml")
    with pytest.raises(UsageError, match=r"own\.toml"):
        load_misreadings(own)
