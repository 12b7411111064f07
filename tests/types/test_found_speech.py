"""Speech that a search found: the segments that a place quotes, and how certain their words are."""

from dataclasses import replace

import pytest
from rated_words import rated, said

from mediafp.types.found_speech import quoted_segments, rate_hit
from mediafp.types.transcripts import SearchHit, Transcript, TranscriptSegment


def spoken(*segments: TranscriptSegment) -> Transcript:
    return Transcript(model="m", version="v", duration=99, speech_seconds=9, untranscribed_seconds=0, segments=segments)


def place(text: str, start: float, end: float, *, source: str = "speech", track: int | None = None) -> SearchHit:
    return SearchHit(
        sha256="a", uris=("a",), source=source, start=start, end=end, text=text, marks=(), track=track  # type: ignore[arg-type]
    )  # fmt: skip


CHANT = spoken(rated(said("甲乙", 0, 4), (0.9, 0.9)), rated(said("甲乙", 4, 8), (0.3, 0.5)), said("丙", 8, 9))


@pytest.mark.parametrize(
    ("start", "end", "probability", "certainty"),
    [(0, 2, 0.9, "sure"), (0, 4, 0.9, "sure"), (4, 8, 0.4, "guess"), (6, 8.0004, 0.4, "guess")],
)
def test_a_sentence_said_twice_in_a_row_has_the_certainty_of_its_own_words(
    start: float, end: float, probability: float, certainty: str
) -> None:
    hit = rate_hit(place("甲乙", start, end), CHANT)
    assert (hit.word_probability, hit.certainty) == (pytest.approx(probability), certainty)


def test_a_place_in_two_segments_has_the_mean_of_all_their_words() -> None:
    transcript = spoken(rated(said("甲", 0, 4), (0.2,)), rated(said("乙丙丁", 4, 8), (0.9, 0.8, 0.9)))
    hit = place("甲 乙丙丁", 0.0, 5.0)
    assert [start for start, _ in quoted_segments(hit, transcript)] == [0, 2]
    assert rate_hit(hit, transcript).word_probability == pytest.approx(0.7)
    assert rate_hit(hit, transcript).certainty == "doubtful"


def test_words_without_duration_between_two_segments_are_found() -> None:
    assert rate_hit(place("甲乙", 4.0, 4.0), CHANT).word_probability == pytest.approx(0.9)


def test_certainty_is_that_of_the_track_and_unknown_for_other_texts() -> None:
    first, second = rated(said("甲"), (0.9,)), replace(rated(said("甲"), (0.3,)), track=1)
    transcript = spoken(first, second)
    assert rate_hit(place("甲", 0, 4, track=0), transcript).certainty == "sure"
    assert rate_hit(place("甲", 0, 4, track=1), transcript).certainty == "guess"
    for hit, known in (
        (place("丙", 8, 9), CHANT),
        (place("甲乙", 0, 4), None),
        (place("甲乙", 0, 4, source="screen"), CHANT),
    ):
        assert rate_hit(hit, known) == hit and hit.certainty is None
