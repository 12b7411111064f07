"""Certainty of words in JSON, in plain text and on pages."""

import json

from rated_words import rated, said

from mediafp.report import jsonl, subtitles
from mediafp.report.doubted_words import TEXT_LEGEND, draw_words, name_certainty
from mediafp.report.exports.csv import ASSET_COLUMNS, asset_row
from mediafp.types.media import Asset
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import Transcript, TranscriptSegment
from mediafp.types.written_words import certain_runs


def transcript_of(*segments: TranscriptSegment) -> Transcript:
    return Transcript(model="m", version="v", duration=9, speech_seconds=5, untranscribed_seconds=0, segments=segments)


def test_json_states_certainty_and_words_by_which_the_text_can_be_built_again() -> None:
    segment = rated(said("It's 3 p.m., 港湾!", 1.0, 2.0), (0.987654, 0.4, 0.6, 0.7, 0.9, 0.8))
    (line,) = jsonl.transcript_to_json(transcript_of(segment))["segments"]
    assert (line["certainty"], line["word_probability"]) == ("doubtful", 0.731)
    assert line["words"][0] == {"text": "It's", "start": 1.0, "end": 1.17, "probability": 0.99}
    rest, between = line["text"], []
    for word in line["words"]:
        before, rest = rest.split(word["text"], 1)
        between.append(before)
    assert [*between, rest] == ["", " ", " ", ".", "., ", "", "!"] and json.dumps(line)


def test_json_of_a_segment_without_probabilities_states_null_and_no_words() -> None:
    lines = jsonl.transcript_to_json(transcript_of(said("甲乙"), said("")))["segments"]
    assert [(one["certainty"], one["word_probability"], one["words"]) for one in lines] == [(None, None, [])] * 2


def test_text_marks_guesses_names_doubtful_segments_and_explains_the_mark_once() -> None:
    sure, doubtful = rated(said("甲乙"), (0.9, 0.9)), rated(said("丙 丁"), (0.9, 0.3))
    lines = subtitles.to_text(transcript_of(sure, doubtful, doubtful)).split("\n")
    assert lines[0].endswith("zh  甲乙") and lines[1].endswith("zh  丙 ⟨丁?⟩  (doubtful)")
    assert lines.count(TEXT_LEGEND) == 1 and lines[-1] == TEXT_LEGEND
    assert TEXT_LEGEND not in subtitles.to_text(transcript_of(sure, said("丙")))


def test_subtitles_show_no_marks() -> None:
    guess = transcript_of(rated(said("甲乙"), (0.1, 0.1)))
    assert "⟨" not in subtitles.to_srt(guess) + subtitles.to_vtt(guess)


def test_spreadsheet_marks_guesses() -> None:
    asset = Asset(sha256="a", kind="video", bytes=1, properties={})
    spoken = transcript_of(rated(said("甲乙"), (0.9, 0.1)), said("丙"))
    row = asset_row(asset, Sighting(sha256="a", uri="u"), spoken, None)
    assert row[ASSET_COLUMNS.index("transcript")] == "甲⟨乙?⟩ 丙"


def test_page_marks_are_inert_and_legible_without_a_style() -> None:
    drawn = draw_words(certain_runs(rated(said("a<b>\u202e", language="en"), (0.6, 0.2))))
    assert drawn == ('<bdi><span class="doubtful">a</span>&lt;<span class="guess">⟨b?⟩</span>&gt;\\u202e</bdi>')
    assert [name_certainty(one) for one in ("sure", "doubtful", "guess", None)] == [
        "● sure", "◐ doubtful", "○ guess", "",
    ]  # fmt: skip
