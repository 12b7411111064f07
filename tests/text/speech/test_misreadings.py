"""Misreadings of synthetic voices: found by neighbouring words or by captions, and not in ordinary speech."""

from pathlib import Path

import pytest

from mediafp.text.speech.misreadings import find_hints, load_misreadings
from mediafp.types.errors import UsageError
from mediafp.types.transcripts import Transcript, TranscriptSegment


def transcript(*texts: str, language: str = "en") -> Transcript:
    segments = tuple(
        TranscriptSegment(start=10.0 * n, end=10.0 * n + 8, language=language, language_probability=1.0, text=text)
        for n, text in enumerate(texts)
    )
    return Transcript(
        model="m", version="v", duration=60, speech_seconds=50, untranscribed_seconds=0, segments=segments
    )


def test_find_hints_returns_us_government_with_time_and_source() -> None:
    hints = list(
        find_hints(transcript("nothing here", "the policy of the us government failed again"), load_misreadings())
    )
    assert [hint.name for hint in hints] == ["U.S. read as us"]
    assert 10 < hints[0].start < hints[0].end < 18
    assert "us government" in hints[0].heard and "Graphika" in hints[0].source


def test_find_hints_uses_token_times() -> None:
    text = "the us government"
    segment = TranscriptSegment(
        start=0, end=8, language="en", language_probability=1, text=text, token_times=((0, 1), (1.5, 2), (2, 7))
    )
    timed = Transcript(
        model="m", version="v", duration=8, speech_seconds=8, untranscribed_seconds=0, segments=(segment,)
    )
    assert [(hint.start, hint.end) for hint in find_hints(timed, load_misreadings())] == [(1.5, 2)]


@pytest.mark.parametrize(
    "text", ["they told us everything", "the U.S. government", "the US government", "join us today"]
)
def test_find_hints_returns_none_for_ordinary_words_and_initials(text: str) -> None:
    assert not list(find_hints(transcript(text), load_misreadings()))


def test_find_hints_ignores_segments_in_another_language() -> None:
    assert not list(find_hints(transcript("the us government", language="zh"), load_misreadings()))


def test_find_hints_accepts_a_caption_as_neighbour() -> None:
    sample = transcript("what us virologists really know")
    assert not list(find_hints(sample, load_misreadings()))
    (hint,) = find_hints(sample, load_misreadings(), ["What U.S. virologists know", "VIRUS virologists"])
    assert "U.S. virologists" in hint.reason


def test_load_misreadings_reads_a_custom_list_and_rejects_invalid_ones(tmp_path: Path) -> None:
    custom = tmp_path / "own.toml"
    custom.write_text(
        '[[tell]]\nname = "WHO read as who"\nlanguage = "en"\nwritten = ["WHO"]\nheard = ["who"]\n'
        'after = ["officials"]\nsource = "case 12"\n'
    )
    hints = find_hints(transcript("the who officials say"), load_misreadings(custom))
    assert [hint.name for hint in hints] == ["WHO read as who"]
    custom.write_text('[[tell]]\nname = "x"\nlanguage = "en"\nwritten = ["X"]\nheard = ["x"]\nsource = ""\n')
    with pytest.raises(UsageError, match="source"):
        load_misreadings(custom)
    custom.write_text("not toml")
    with pytest.raises(UsageError, match=r"own\.toml"):
        load_misreadings(custom)
