"""The pair of two files: its object, its pictures and frames, and what is not there."""

import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from coded_videos import read_number
from compared_case import (
    HOSTILE_NAME,
    QUAD,
    QUERY_LINES,
    REFERENCE_LINES,
    STRETCHES,
    ComparedCase,
    make_compared_case,
    make_transcript,
    reference_picture,
)
from linked_stores import linked_store
from PIL import Image
from rated_words import rated
from sample_matches import sample_match
from served_case import ServedCase, served

from mediafp.case.aligned_lines import align_lines
from mediafp.case.case import open_case
from mediafp.case.pairs import Pairs
from mediafp.case.preview_files import FOLDER_NAME, preview_path, remove_oldest_previews
from mediafp.case.query import AnalysedQuery
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.compared_pairs import ComparedPair
from mediafp.types.matches import Match, QueryResult, Segment
from mediafp.types.media import Asset
from mediafp.types.runs import FileAnalysis
from mediafp.types.sightings import Sighting
from mediafp.web.pages import compare as compare_page


@pytest.fixture(scope="module")
def workbench(compared: ComparedCase) -> Iterator[ServedCase]:
    with open_case(compared.folder) as case, served(case) as one:
        yield one


def test_size_of_a_video_is_the_same_on_both_of_its_pages(workbench: ServedCase, compared: ComparedCase) -> None:
    a, b = compared.videos
    size = re.search(r", ([\d.,]+ [kM]B)</dd>", workbench.get(f"/answer/{a}").text)
    assert size and f", {size[1]}</td>" in workbench.get(f"/compare/{a}/{b}").text


@pytest.mark.parametrize(
    ("fields", "stated"),
    [
        ([{"removed_at": "2021-05-05"}], "5 May 2021</time> 1 of 2"),
        ([{"removed_at": "2021-05-05"}, {"removed_at": "2021-06-07"}], "7 June 2021</time> 2 of 3"),
        ([{"removed_at": "2021-05-05"}, {"platform": None, "account": None}], "5 May 2021</time> 1 of 2"),
    ],
)
def test_removals_of_some_posts_are_counted_and_dated_by_the_last(
    tmp_path: Path, fields: list[dict[str, str | None]], stated: str
) -> None:
    """A copy in a folder of which nothing is known is no post."""
    compared = make_compared_case(tmp_path)
    a, b = compared.pictures
    with SqliteStore(compared.folder) as store, store.writing():
        post = Sighting(sha256=b, uri="/other.jpg", platform="vk", account="id99")
        for number, one in enumerate(fields):
            store.save_sightings([replace(post, uri=f"/{number}.jpg", **one)])  # type: ignore[arg-type]
    with open_case(compared.folder) as case, served(case) as one:
        page = re.sub(r"\s*<span[^>]*>|</span>", " ", one.get(f"/compare/{a}/{b}").text)
        assert stated in " ".join(page.split())
        listed = one.get(f"/answer/{a}").text
    assert stated.rpartition("> ")[2] in " ".join(listed.split())


def test_api_states_matches_from_the_query_with_points_words_and_both_files(
    workbench: ServedCase, compared: ComparedCase
) -> None:
    a, b = compared.pictures
    pair = workbench.get(f"/api/compare/{a}/{b}").json()
    assert [pair["query"]["name"], pair["reference"]["kind"]] == ["IMG_0931.jpg", "image"]
    assert pair["matches"][0]["placement"]["quad"] == [list(point) for point in QUAD]
    assert pair["matches"][0]["points"][0][0] == [150.0, 100.0] and pair["words"] is None
    turned = workbench.get(f"/api/compare/{b}/{a}").json()
    assert turned["matches"][0]["points"][0][1] == [150.0, 100.0], "it is seen from the query"
    videos = workbench.get("/api/compare/{}/{}".format(*compared.videos)).json()
    assert {match["relation"] for match in videos["matches"]} == {"shares_footage", "same_script"}
    assert len(videos["words"]["lines"]) == 3


def test_laid_picture_is_the_reference_inside_the_quad(workbench: ServedCase, compared: ComparedCase) -> None:
    quad = ",".join(f"{value:.2f}" for point in QUAD for value in point)
    answer = workbench.get(f"/media/{compared.pictures[0]}/laid", params={"quad": quad, "w": 400, "h": 320})
    laid = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB").resize((400, 320)), int)
    inside = (slice(60, 220), slice(80, 320))
    difference = np.abs(laid[inside] - reference_picture()[inside].astype(int))
    assert difference.mean() < 5
    shifted = np.abs(np.roll(laid, 2, axis=1)[inside] - reference_picture()[inside].astype(int))
    assert shifted.mean() > 2 * difference.mean(), "two pixels beside it would show"


@pytest.mark.parametrize("quad", ["1,1,1,1,1,1,1,1", "0,0,9,0,9,9", "nan,0,1,0,1,1,0,1"])
def test_nothing_is_laid_into_a_quad_without_area(quad: str, workbench: ServedCase, compared: ComparedCase) -> None:
    answer = workbench.get(f"/media/{compared.pictures[0]}/laid", params={"quad": quad, "w": 400, "h": 320})
    assert answer.status_code in (400, 404)


def test_frame_is_that_of_the_second_and_says_if_it_is_a_stored_one(
    workbench: ServedCase, compared: ComparedCase, tmp_path: Path
) -> None:
    video = compared.videos[0]
    answer = workbench.get(f"/media/{video}/frame", params={"t": 2.02})
    assert answer.headers["x-frame-exact"] == "1"
    assert read_number(np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))) == 50
    path = compared.folder.parent / "short.mp4"
    path.rename(tmp_path / "gone.mp4")
    try:
        # Another second: a frame that was read once stays in memory.
        kept = workbench.get(f"/media/{compared.videos[0]}/frame", params={"t": 3.5})
        other = workbench.get(f"/media/{compared.videos[1]}/frame", params={"t": 3.5})
    finally:
        (tmp_path / "gone.mp4").rename(path)
    assert (kept.headers["x-frame-exact"], kept.headers["x-frame-time"]) == ("0", "0.000")
    assert other.headers["x-frame-exact"] == "1"
    assert workbench.get(f"/media/{'c' * 64}/frame").status_code == 404


def test_names_are_shown_inert_and_unknown_pairs_are_no_pages(workbench: ServedCase, compared: ComparedCase) -> None:
    a, b = compared.pictures
    page = workbench.get(f"/compare/{a}/{b}").text
    assert "<b>" not in page and "&lt;b&gt;" in page and HOSTILE_NAME not in page
    for wrong in (f"/compare/{a}/{'c' * 64}", f"/compare/{'c' * 64}/{b}", f"/compare/{a}/x"):
        assert workbench.get(wrong).status_code == 404
        assert workbench.get(f"/api{wrong}").json()["status"] == 404
    assert "No placement joins the two" in workbench.get(f"/compare/{a}/{compared.videos[0]}").text
    rows = workbench.get("/compare/{}/{}.csv".format(*compared.videos)).text.splitlines()
    assert len(rows) == 1 + len(STRETCHES) + 1


def test_a_rejected_pair_shows_the_decision_and_no_outline(workbench: ServedCase, compared: ComparedCase) -> None:
    a, b = compared.pictures
    workbench.case.decide("reject", a, b, note="another building")
    try:
        page = workbench.get(f"/compare/{a}/{b}").text
    finally:
        workbench.case.undo_decision(a, b)
    assert "another building" in page and "data-quad" not in page


def test_an_upload_is_compared_with_the_words_that_were_read_of_it(
    compared: ComparedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Segment(channel="script", query=(0.0, 4.0), reference=(3.0, 7.0), speed=1.0, mirrored=False, score=0.9)
    match = sample_match(sha256=compared.videos[1], kind="video", relation="same_script", segments=(script,))
    asset = Asset(sha256="d" * 64, kind="video", bytes=1, properties={"duration": 5.0})
    content = (compared.folder.parent / "short.mp4").read_bytes() + b"end"

    def answer(*_: object, **__: object) -> AnalysedQuery:
        analysis = FileAnalysis(asset=asset, fingerprints=(), thumbnails=(), warnings=(), image=None)
        result = QueryResult(query="tip.mp4", sha256=upload.sha256, kind="video", error=None, matches=(match,))
        return AnalysedQuery(result=result, analysis=analysis, transcript=make_transcript(QUERY_LINES))

    monkeypatch.setattr("mediafp.case.saved_queries.run_query", answer)
    with open_case(compared.folder) as case:
        queries = case.saved_queries()
        with queries.receiving("tip.mp4") as upload:
            upload.write(content)
        queries.run(upload.sha256)
        pair = case.pairs(queries).find(upload.sha256, compared.videos[1])
    assert pair is not None and pair.query.name == "tip.mp4" and pair.words is not None
    assert pair.neighbours == (compared.videos[1],) and len(pair.words.lines) == 3


def test_lines_that_share_words_stand_together_and_say_how_they_agree() -> None:
    found = align_lines(make_transcript(QUERY_LINES), make_transcript(REFERENCE_LINES))
    assert [(len(pair.query), len(pair.reference)) for pair in found.lines] == [(1, 1), (0, 1), (1, 1)]
    first = found.lines[0]
    assert [(run.text, run.agreement) for run in first.query[0].runs] == [
        ("谁", "same"), ("在", "sound"), ("花钱让大家看别处", "same"), ("？", "other"),
    ]  # fmt: skip
    assert "".join(run.text for run in first.reference[0].runs) == REFERENCE_LINES[0][2]
    assert found.lines[1].reference[0].text == "不說話" and found.by_syllable
    assert found.offset is not None and 2.4 <= found.offset[0] <= found.offset[1] <= 3.1


def test_lines_state_the_doubts_of_their_words_and_begin_at_the_first_word() -> None:
    query = make_transcript(QUERY_LINES)
    probabilities = (0.95, 0.95, 0.3, 0.4, 0.7, 0.95, 0.95, 0.95, 0.95, 0.95)
    first = rated(replace(query.segments[0], start=1.0), probabilities)
    later = replace(query, segments=(replace(first, start=0.5), *query.segments[1:]))
    line = align_lines(later, make_transcript(REFERENCE_LINES)).lines[0].query[0]
    assert [(run.text, run.agreement, run.doubt) for run in line.runs] == [
        ("谁", "same", None), ("在", "sound", None), ("花钱", "same", "guess"), ("让", "same", "doubtful"),
        ("大家看别处", "same", None), ("？", "other", None),
    ]  # fmt: skip
    assert line.span == (1.0, 2.0) and line.certainty == "doubtful"
    assert line.marked_text == "谁在⟨花钱?⟩让大家看别处？"
    assert [piece.span for piece in line.runs[2].pieces] == [pytest.approx((1.2, 1.3)), pytest.approx((1.3, 1.4))]


def test_pages_mark_doubts_and_words_that_can_be_jumped_to(workbench: ServedCase, compared: ComparedCase) -> None:
    address = "/compare/{}/{}".format(*compared.videos)
    words, players = (workbench.get(f"{address}?as={way}").text for way in ("script", "video"))
    for page in (words, players):
        assert (
            len(re.findall('<span class="guess" title="a guess, more often wrong than right"><span data-at', page)) == 1
        )
        assert 'data-at="0.80" data-until="0.95">花</span>' in page and page.count('class="legend"') >= 1
    assert "⟨花钱?⟩" in words, "whoever copies the texts copies the mark"
    api = workbench.get(f"/api{address}").json()["words"]["lines"][0]
    assert api["query"][0]["certainty"] == "doubtful" and api["reference"][0]["certainty"] is None
    assert [run["doubt"] for run in api["query"][0]["runs"]] == [None, None, "guess", "doubtful", None, None]


def test_the_oldest_previews_go_first(tmp_path: Path) -> None:
    (tmp_path / FOLDER_NAME).mkdir()
    for number, name in enumerate("abc"):
        preview_path(tmp_path, name).write_bytes(b"x" * 10)
        os.utime(preview_path(tmp_path, name), (number, number))
    remove_oldest_previews(tmp_path, 25)
    assert [preview_path(tmp_path, name).exists() for name in "abc"] == [False, True, True]


def test_forgetting_a_file_removes_its_preview(tmp_path: Path) -> None:
    linked_store(tmp_path / "store", "a", {}).close()
    (tmp_path / "store" / FOLDER_NAME).mkdir()
    preview = preview_path(tmp_path / "store", "a" * 64)
    preview.write_bytes(b"x")
    with open_case(tmp_path / "store") as case:
        case.forget("a" * 64)
    assert not preview.exists()


def test_words_of_scripts_are_those_of_the_command(workbench: ServedCase, compared: ComparedCase) -> None:
    """They were null wherever the API states a match, but not in the lines of `match`."""
    a, b = compared.videos
    own = workbench.get(f"/api/match/{a}").json()["matches"]
    (script,) = [match for match in own if match["relation"] == "same_script" and match["sha256"] == b]
    assert [list(words) for words in script["words"]] == [["query", "reference"]] * len(script["words"])
    assert "谁在" in script["words"][0]["query"] and "誰再" in script["words"][0]["reference"]
    listed = [json.loads(line) for line in workbench.get(f"/answer/{a}.json").text.splitlines()]
    for matches in (workbench.get(f"/api/compare/{a}/{b}").json()["matches"], listed[0]["matches"]):
        assert script["words"] in [match.get("words") for match in matches]


def test_heading_states_what_holds_and_not_what_is_in_doubt(workbench: ServedCase, compared: ComparedCase) -> None:
    """Two readings of one text shared "18 s of voice" by the heading, with a probability of .4 beside it."""
    a, b = compared.videos
    pair = workbench.case.pairs(workbench.case.saved_queries()).find(a, b)
    assert pair is not None

    def doubt(match: Match) -> Match:
        return replace(match, verdict="possible", probability=0.4)

    partly = tuple(match if match.relation == "same_script" else doubt(match) for match in pair.matches)
    values = compare_page._video_values(replace(pair, matches=partly), None)
    seconds: dict[str, float] = values["shared_seconds"]  # type: ignore[assignment]
    assert values["is_certain"] and not values["is_same_video"] and not seconds["picture"] and seconds["script"]
    values = compare_page._video_values(replace(pair, matches=tuple(map(doubt, pair.matches))), None)
    seconds = values["shared_seconds"]  # type: ignore[assignment]
    assert not values["is_certain"] and seconds["picture"] and seconds["script"]


@pytest.mark.parametrize("channel", ["video", "picture"])
def test_pair_that_is_in_doubt_is_said_to_be(
    workbench: ServedCase, compared: ComparedCase, monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    address = "/compare/{}/{}".format(*compared.videos)
    heading = re.compile(r"<h1>Possibly: <bdi>")
    assert not heading.search(workbench.get(address, params={"as": channel}).text)
    find = Pairs.find

    def find_doubtful(self: Pairs, query: str, reference: str) -> ComparedPair | None:
        pair = find(self, query, reference)
        doubtful = [replace(match, verdict="possible", probability=0.4) for match in pair.matches] if pair else ()
        return replace(pair, matches=tuple(doubtful)) if pair else None

    monkeypatch.setattr(Pairs, "find", find_doubtful)
    assert heading.search(workbench.get(address, params={"as": channel}).text)
