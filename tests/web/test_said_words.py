"""Words of transcripts on pages: the places that a search found, and the quotations of an answer."""

import csv
import io
import json
import re
from collections.abc import Iterator

import pytest
from compared_case import ComparedCase
from rated_words import rated, said
from served_case import ServedCase, served

from mediafp.case.case import open_case
from mediafp.report.jsonl import hit_to_json
from mediafp.types.transcripts import SearchHit, Transcript
from mediafp.web.said_words import MAX_SAID_LINES, hit_runs, read_said


@pytest.fixture(scope="module")
def workbench(compared: ComparedCase) -> Iterator[ServedCase]:
    with open_case(compared.folder) as case, served(case) as one:
        yield one


def spoken(*segments: object) -> Transcript:
    return Transcript(
        model="m", version="v", duration=99, speech_seconds=9, untranscribed_seconds=0, segments=segments,  # type: ignore[arg-type]
    )  # fmt: skip


def place(
    text: str, *marks: tuple[int, int], start: float = 0.0, end: float = 4.0, source: str = "speech"
) -> SearchHit:
    return SearchHit(sha256="a", uris=("a",), source=source, start=start, end=end, text=text, marks=marks)  # type: ignore[arg-type]


def test_marks_cover_the_words_found_and_no_more() -> None:
    runs = hit_runs(place("<b>海灣 x", (3, 5), source="post"), None)
    assert [(run.text, run.is_found, run.doubt) for run in runs] == [
        ("<b>", False, None), ("海灣", True, None), (" x", False, None),
    ]  # fmt: skip


def test_lines_of_a_place_are_separated_and_the_words_found_stay_marked() -> None:
    runs = hit_runs(place("BREAKING\n@owner\nx", (9, 15), source="picture"), None)
    assert [(run.text, run.is_found) for run in runs] == [("BREAKING / ", False), ("@owner", True), (" / x", False)]


def test_place_in_two_segments_has_the_doubts_of_both_and_those_of_no_equal_sentence_elsewhere() -> None:
    transcript = spoken(
        rated(said("甲乙", 0, 4), (0.9, 0.2)), rated(said("乙丙", 4, 8), (0.3, 0.7)), rated(said("甲乙", 50, 54), (0.9, 0.9)),
    )  # fmt: skip
    crossing = place("甲乙 乙丙", (1, 4), start=2.0, end=8.0)
    assert [(run.text, run.is_found, run.doubt) for run in hit_runs(crossing, transcript)] == [
        ("甲", False, None), ("乙", True, "guess"), (" ", True, None), ("乙", True, "guess"), ("丙", False, "doubtful"),
    ]  # fmt: skip
    assert [run.doubt for run in hit_runs(place("甲乙", start=52.0, end=54.0), transcript)] == [None]
    on_screen = place("甲乙", source="screen")
    assert [run.doubt for run in hit_runs(on_screen, transcript)] == [None], "it is another text of the same words"


def test_lines_beside_a_player_leave_out_empty_ones_and_count_the_rest() -> None:
    text = read_said(spoken(*[said(" ")] * 3, *[said("甲")] * (MAX_SAID_LINES + 2)))
    assert (len(text.lines), text.omitted, text.has_certainty) == (MAX_SAID_LINES, 2, False)
    assert read_said(None).lines == ()


def test_answer_quotes_with_doubts_and_explains_the_marks_once(workbench: ServedCase, compared: ComparedCase) -> None:
    page = workbench.get(f"/answer/{compared.videos[0]}").text
    (guess,) = re.findall(
        '<span class="guess" title="[^"]*">花钱<span class="hide" lang="en"> \\(guess\\)</span></span>', page
    )
    assert guess and page.count('<p class="legend">') == 1
    # The other side has no probabilities, and states no certainty.
    assert (
        len(re.findall('<p class="said".*?</p>', page)) == 2
        and len(re.findall('<p class="said".*?class="tag', page)) == 1
    )


def test_search_marks_doubts_and_names_the_probability_of_the_language(
    workbench: ServedCase, compared: ComparedCase
) -> None:
    page = workbench.get("/search", params={"q": "花钱", "file": compared.videos[0]}).text
    assert page.count('<mark><span class="guess"') == 2, "in the list and beside it"
    assert "zh, 99% likely" in page and "waves: more often wrong than right" in page
    plain = workbench.get("/search", params={"q": "不說話"}).text
    assert "不說話" in plain and 'class="guess"' not in plain


def test_places_of_the_interface_and_of_the_table_have_the_certainty_of_the_command(
    workbench: ServedCase, compared: ComparedCase
) -> None:
    with open_case(compared.folder) as case:
        expected = {hit.sha256: hit_to_json(hit) for hit in case.search("花钱")}
    assert {line["certainty"] for line in expected.values()} == {"doubtful", None}
    assert {line["sha256"]: line for line in workbench.get("/api/search", params={"q": "花钱"}).json()} == expected
    lines = map(json.loads, workbench.get("/search.json", params={"q": "花钱"}).text.splitlines())
    assert {line["sha256"]: line for line in lines} == expected
    table = csv.DictReader(io.StringIO(workbench.get("/search.csv", params={"q": "花钱"}).text.lstrip("\ufeff")))
    assert {row["sha256"]: row["certainty"] or None for row in table} == {
        sha256: line["certainty"] for sha256, line in expected.items()
    }
