"""The words of matching passages are quoted by their times, from the transcripts of both files."""

from dataclasses import replace
from pathlib import Path

import pytest
from ingest_records import add_records
from linked_stores import image_record
from sample_matches import sample_match

from mediafp.case.quoted_scripts import MAX_QUOTED_CHARS, quote_scripts
from mediafp.report.jsonl import match_to_json
from mediafp.store import Store, open_store
from mediafp.types.matches import QueryResult, Segment
from mediafp.types.transcripts import Transcript, TranscriptSegment

A, B = "a" * 64, "b" * 64


def spoken(*lines: TranscriptSegment) -> Transcript:
    return Transcript(
        model="m", version="v", duration=60, speech_seconds=60, untranscribed_seconds=0, segments=lines
    )  # fmt: skip


def line(start: float, end: float, text: str, **fields: object) -> TranscriptSegment:
    return TranscriptSegment(start=start, end=end, language="en", language_probability=0.9, text=text, **fields)  # type: ignore[arg-type]


def quoted(
    monkeypatch: pytest.MonkeyPatch,
    store: Store,
    reference: Transcript | None,
    query: Transcript | None,
    **fields: object,
) -> list[dict[str, str]] | None:
    """Return the words of a match of seconds 10 to 20 of the query and 30 to 40 of the reference."""
    segment = Segment(
        channel="script", query=(10.0, 20.0), reference=(30.0, 40.0), speed=1.0, mirrored=False, score=0.9, **fields
    )  # type: ignore[arg-type]
    match = sample_match(sha256=B, kind="video", relation="same_script", segments=(segment,))
    result = QueryResult(query="a.mp4", sha256=A, kind="video", error=None, matches=(match,))
    monkeypatch.setattr(store, "find_transcript", {B: reference}.get)
    (found,) = quote_scripts(result, query, store).matches
    words: list[dict[str, str]] | None = match_to_json(found)["words"]
    return words


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(tmp_path / "store", create=True)
    add_records(store, image_record("a"))
    return store


def test_segments_and_words_within_the_times_are_quoted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    timed = line(
        8.0, 22.0, "before  the market opened today after",
        token_times=((8.0, 9.0), (11.0, 12.0), (12.0, 13.0), (13.0, 14.0), (18.0, 19.5), (21.0, 22.0)),
    )  # fmt: skip
    plain = spoken(
        line(0.0, 29.0, "no"), line(30.5, 36.0, "the market opened"), line(36.0, 41.0, "today"), line(45.0, 50.0, "no")
    )
    words = quoted(monkeypatch, store, plain, spoken(timed))
    assert words == [{"query": "the market opened today", "reference": "the market opened today"}]


def test_long_passages_are_shortened_and_guesses_marked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    guess = line(30.0, 40.0, "we are lost", token_probabilities=(0.99, 0.99, 0.05))
    (words,) = quoted(monkeypatch, store, spoken(guess), spoken(line(10.0, 20.0, "word " * 100))) or ()
    assert words["reference"] == "we are ⟨lost?⟩"
    assert words["query"].endswith(" …") and MAX_QUOTED_CHARS < len(words["query"]) <= MAX_QUOTED_CHARS + 2


def test_words_of_another_sound_are_not_quoted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = line(10.0, 20.0, "original"), line(10.0, 20.0, "dubbed", track=1)
    other = spoken(line(30.0, 40.0, "dubbed"))
    words = quoted(monkeypatch, store, other, spoken(first, second), tracks=(1, 0))
    assert words == [{"query": "dubbed", "reference": "dubbed"}]


def test_without_a_transcript_there_are_no_words(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    said = spoken(line(10.0, 20.0, "words"))
    assert quoted(monkeypatch, store, None, said) is None and quoted(monkeypatch, store, said, None) is None
    other = QueryResult(query="a", sha256=A, kind="image", error=None, matches=(sample_match(),))
    assert quote_scripts(other, said, store) is other
    failed = replace(other, sha256=None, error="no", matches=())
    assert quote_scripts(failed, None, store) is failed
