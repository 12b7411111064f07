"""Transcripts are cut into speech units, and embedded in windows that cross no change of language."""

import numpy as np
import pytest
from translated_samples import FACTORY_EN, FACTORY_ZH, transcript

from mediafp.fingerprints import sentence_windows
from mediafp.fingerprints.sentence_windows import MAX_UNIT_WORDS, cut_units, embed_windows
from mediafp.types.transcripts import Transcript, TranscriptSegment


def spoken(*texts: str, language: str = "en", flags: tuple[str, ...] = ()) -> Transcript:
    made = transcript(texts, language)
    segments = tuple(
        TranscriptSegment(
            start=s.start, end=s.end, language=language, language_probability=1.0, text=s.text, flags=flags
        )
        for s in made.segments
    )
    return Transcript(
        model="m", version="1", duration=made.duration, speech_seconds=1.0, untranscribed_seconds=0.0, segments=segments
    )


def test_units_are_sentences_with_their_times() -> None:
    units = cut_units(spoken("One two three four five. Six seven eight nine ten!", "Eleven twelve thirteen fourteen."))
    assert [unit.text for unit in units] == [
        "One two three four five.",
        "Six seven eight nine ten!",
        "Eleven twelve thirteen fourteen.",
    ]
    assert units[0].span[0] == 0 and units[0].span[1] <= units[1].span[0] and units[1].span[1] == 4
    assert [unit.segments for unit in units] == [(0, 0), (0, 0), (1, 1)]


def test_token_times_give_the_times_of_units() -> None:
    segment = TranscriptSegment(
        start=0.0,
        end=9.0,
        language="en",
        language_probability=1.0,
        text="a b c d. e f g h",
        token_times=tuple((float(n), n + 0.5) for n in range(8)),
    )
    made = Transcript(
        model="m", version="1", duration=9, speech_seconds=9, untranscribed_seconds=0, segments=(segment,)
    )
    assert [unit.span for unit in cut_units(made)] == [(0.0, 3.5), (4.0, 7.5)]


def test_short_pieces_are_joined_and_long_ones_are_cut() -> None:
    units = cut_units(spoken("Yes.", "We went home after dark.", " ".join(["word"] * 60)))
    assert units[0].text == "Yes. We went home after dark."
    assert len(units) == 4 and max(unit.words for unit in units) <= MAX_UNIT_WORDS


def test_invented_credits_and_empty_texts_are_left_out() -> None:
    assert cut_units(spoken("Subtitles by nobody at all today", flags=("credit_phrase",))) == []
    assert cut_units(spoken("…", " ")) == []
    assert embed_windows(spoken("…")).units == ()


def test_no_window_crosses_a_change_of_language(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    monkeypatch.setattr(
        sentence_windows,
        "embed_sentences",
        lambda given: texts.extend(given) or np.ones((len(given), 512), np.float32),
    )
    mixed = Transcript(
        model="m",
        version="1",
        duration=30,
        speech_seconds=30,
        untranscribed_seconds=0,
        segments=transcript(FACTORY_ZH[:2], "zh").segments + transcript(FACTORY_EN[:2], "en", start=8.0).segments,
    )
    windows = embed_windows(mixed)
    assert len(texts) == 4 + 2 and windows.words[1].tolist()[1] == 0
    assert not any(("工厂" in text or "村民" in text) and "factory" in text for text in texts)
