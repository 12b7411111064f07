"""The page of an answer counts what it lists, and its parts are queries of their own."""

import csv
import io
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ingest_records import add_records
from linked_stores import image_record, keep, link, linked_store
from sample_matches import sample_placement
from served_case import TOKEN, ServedCase, served

from mediafp.case import open_case
from mediafp.case.answers import answers, stored
from mediafp.cli.demo.edits import WEIBO_NAME
from mediafp.ingest.files import file_sha256, open_file
from mediafp.store import open_store
from mediafp.types.matches import Segment
from mediafp.types.sightings import Clue
from mediafp.web.page_token import FIELD
from mediafp.web.pages import answer as answer_page


def sha256_of(path: Path) -> str:
    with open_file(path) as file:
        return file_sha256(file)


@pytest.fixture
def avatar(made_files: Path) -> str:
    """SHA-256 of a crop of a photograph whose mark it lacks, posted and removed."""
    return sha256_of(made_files / "seen" / "persona_avatar.jpg")


def wait_for(workbench: ServedCase, sha256: str) -> dict[str, object]:
    """Return the answer to a query when it is known."""
    deadline = time.monotonic() + 60
    while True:
        answer: dict[str, object] = workbench.get(f"/api/match/{sha256}").json()
        if answer["state"] in ("done", "failed"):
            return answer
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_numbers_of_the_sentence_are_those_of_the_rows(workbench: ServedCase, avatar: str) -> None:
    page = workbench.get(f"/answer/{avatar}").text
    heading = re.sub("<[^>]+>", "", re.search("<h1>(.*?)</h1>", page, re.DOTALL)[1])  # type: ignore[index]
    groupings = workbench.get(f"/api/groupings/{avatar}").json()
    assert f"{len(groupings['pictures'])} pictures by {groupings['accounts']} accounts" in " ".join(heading.split())
    assert "@sample_user88" in heading and "First posted 3 May 2021 on weibo" in heading
    section = page[page.index('id="source"') :]
    assert re.findall('data-use="([0-9a-f]{64})"', section).count(avatar) == 1
    assert sorted(re.findall('data-use="([0-9a-f]{64})"', page)) == sorted(groupings["pictures"])
    assert f'name="reference" value="{groupings["source"]}"' in section
    near = {one["sha256"] for one in workbench.get(f"/api/match/{avatar}").json()["near_misses"]}
    assert not near & set(groupings["pictures"])


def test_order_and_filter_are_in_the_address_and_in_all_tables(workbench: ServedCase, avatar: str) -> None:
    def rows(query: str) -> list[str]:
        return re.findall('data-use="([0-9a-f]{64})"', workbench.get(f"/answer/{avatar}{query}").text)

    assert rows("?sort=surest")[0] == avatar and rows("")[0] != avatar
    assert sorted(rows("?removed=1") + rows("?removed=0")) == sorted(rows(""))
    assert rows("?removed=1") == [avatar]
    assert workbench.get(f"/answer/{avatar}?sort=nonsense").status_code == 400


def test_lower_bar_lists_weaker_candidates_and_counts_none_of_them(workbench: ServedCase, made_files: Path) -> None:
    lone = sha256_of(made_files / "originals" / "cat.jpg")
    with (made_files / "originals" / "cat.jpg").open("rb") as file:
        page = workbench.get("/").text
        token = re.search('name="page_token" value="([0-9a-f]+)"', page)[1]  # type: ignore[index]
        # Bytes after the end of the picture make another file of it.
        asked = workbench.client.post("/ask", data={"page_token": token}, files={"file": ("s.jpg", file.read() + b"0")})
    sha256 = asked.headers["location"].removeprefix("/answer/")
    near = {one["sha256"] for one in wait_for(workbench, sha256)["near_misses"]}  # type: ignore[attr-defined,index]
    usual, lowered = (workbench.get(f"/api/groupings/{sha256}{query}").json() for query in ("", "?min=0"))
    assert usual["pictures"] == lowered["pictures"] and lone in usual["pictures"] and near
    assert set(usual["near_misses"]) == near and not lowered["near_misses"]
    assert near <= {*lowered["doubtful"], *lowered["same_scene"]}
    assert "Used in <a" in workbench.get(f"/answer/{sha256}?min=0").text


def test_tables_and_objects_of_the_page_name_no_folder_in_the_table(workbench: ServedCase, avatar: str) -> None:
    table = workbench.get(f"/answer/{avatar}.csv").text.removeprefix("\ufeff")
    lines = list(csv.DictReader(io.StringIO(table)))
    assert {line["file"] for line in lines} >= {"persona_avatar.jpg", WEIBO_NAME}
    assert json.loads(workbench.get(f"/answer/{avatar}.json").text)["sha256"] == avatar
    assert workbench.get(f"/answer/{'0' * 64}").status_code == 404


def test_part_of_an_image_and_of_a_frame_becomes_a_query_of_its_own(
    workbench: ServedCase, avatar: str, made_files: Path
) -> None:
    answer = workbench.post(f"/ask/{avatar}", {"left": "20", "top": "20", "width": "190", "height": "180"})
    assert answer.status_code == 303
    part = answer.headers["location"].removeprefix("/answer/")
    found = wait_for(workbench, part)
    assert found["part_of"] == {"sha256": avatar, "box": [20.0, 20.0, 190.0, 180.0], "seconds": None}
    assert avatar in {match["sha256"] for match in found["matches"]}  # type: ignore[attr-defined,index]
    assert f'href="/answer/{avatar}"' in workbench.get(f"/answer/{part}").text
    video = sha256_of(made_files / "originals" / "bikes.mp4")
    asked = workbench.client.post(f"/api/ask/{video}", json={"box": [0, 0, 500, 270], "t": 5.0}).json()
    assert asked["part_of"]["seconds"] == 5.0
    assert video in {match["sha256"] for match in wait_for(workbench, asked["sha256"])["matches"]}  # type: ignore[attr-defined,index]


@pytest.mark.parametrize(
    "box", [("0", "0", "5", "5"), ("9999", "0", "50", "50"), ("a", "0", "5", "5"), ("", "", "", "")]
)
def test_part_that_is_none_is_refused(workbench: ServedCase, avatar: str, box: tuple[str, ...]) -> None:
    form = dict(zip(("left", "top", "width", "height"), box, strict=True))
    assert workbench.post(f"/ask/{avatar}", form).status_code == 400
    unbounded = '{"box": [0, 0, NaN, 1e400]}'
    headers = {"content-type": "application/json"}
    assert workbench.client.post(f"/api/ask/{avatar}", content=unbounded, headers=headers).status_code == 400


def test_file_that_cannot_be_read_has_an_answer_that_says_so(workbench: ServedCase) -> None:
    page = workbench.get("/").text
    token = re.search('name="page_token" value="([0-9a-f]+)"', page)[1]  # type: ignore[index]
    broken = b"\xff\xd8\xff\xe0" + bytes(400)
    answer = workbench.client.post("/ask", data={"page_token": token}, files={"file": ("<b>x.jpg", broken)})
    sha256 = answer.headers["location"].removeprefix("/answer/")
    assert wait_for(workbench, sha256)["state"] == "failed"
    page = workbench.get(f"/answer/{sha256}").text
    assert "This file could not be read." in page and "<b>x" not in page
    assert "cannot decode &#39;&lt;b&gt;x.jpg&#39;" in page
    workbench.case.saved_queries().remove(sha256)


def test_evidence_page_is_downloaded_and_names_no_folder(workbench: ServedCase, avatar: str, made_files: Path) -> None:
    page = workbench.post(f"/answer/{avatar}/evidence")
    assert page.status_code == 200 and "attachment" in page.headers["content-disposition"]
    assert "@sample_user88" in page.text and str(made_files) not in page.text
    assert workbench.post(f"/answer/{avatar}/evidence", {FIELD: "another"}).status_code == 403
    assert TOKEN not in page.text


def test_part_of_an_image_whose_file_is_gone_is_cut_from_its_thumbnail(workbench: ServedCase, made_files: Path) -> None:
    path = made_files / "seen" / "red_headline.jpg"
    sha256, hidden = sha256_of(path), path.with_suffix(".hidden")
    path.rename(hidden)
    try:
        asked = workbench.client.post(f"/api/ask/{sha256}", json={"box": [100, 100, 300, 200]}).json()
    finally:
        hidden.rename(path)
    assert asked["part_of"]["sha256"] == sha256
    assert "Its file is gone" in workbench.get(f"/answer/{asked['sha256']}").text
    wait_for(workbench, asked["sha256"])


def test_accounts_of_an_answer_are_those_of_its_uses(workbench: ServedCase, avatar: str) -> None:
    rows = re.findall('data-row="([^"]+)"', workbench.get(f"/accounts?media={avatar}").text)
    assert "sample_user88" in rows and "truth_daily_news" in rows and "city_lens" not in rows
    assert workbench.get(f"/accounts?media={'0' * 64}").status_code == 404
    assert workbench.get("/accounts?media=x").status_code == 400


def test_posts_that_may_be_the_first_are_counted_where_a_first_one_is_named(tmp_path: Path) -> None:
    """The posts of a file that is nowhere else are no answer to the question where it was first posted."""
    with open_store(tmp_path / "store", create=True) as store:
        for name in "ab":
            record = image_record(name, f"one{name}", "2024-05-01")
            (seen,) = record.sightings
            other = replace(seen, uri=f"/dump/{name}2.jpg", account=f"two{name}")
            add_records(store, replace(record, sightings=(seen, other)))
        add_records(store, image_record("c", "three", "2024-06-01"))
        keep(store, link("a", "c", 0.95))
    with open_case(tmp_path / "store") as case, served(case) as one:
        found, alone = (one.get(f"/answer/{name * 64}").text for name in "ab")
    assert "First posted 1 May 2024" in re.sub("<[^>]+>", "", found) and "1 other post may be the first" in found
    assert "Nowhere else in this case." in alone and "may be the first" not in alone


def test_matches_that_an_answer_and_its_evidence_page_do_not_list_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "LISTED_MATCHES", 4)
    monkeypatch.setattr(answers, "MAX_EVIDENCE_MATCHES", 2)
    linked_store(tmp_path / "store", "abcdef", dict.fromkeys(("ab", "ac", "ad", "ae", "af"), 0.9)).close()
    with open_case(tmp_path / "store") as case, served(case) as one:
        page, groupings = one.get(f"/answer/{'a' * 64}").text, one.get(f"/api/groupings/{'a' * 64}").json()
        evidence = one.post(f"/answer/{'a' * 64}/evidence").text
        rest = one.get(f"/answer/{'b' * 64}").text
    # The file itself is the first of the four.
    assert "2 less probable matches are neither listed nor counted." in page and groupings["more_matches"] == 2
    assert "less probable match" not in rest
    assert "images and videos that show it, the most probable; 3 more matches are not on this page" in evidence


def test_stretches_clues_and_reasons_that_are_not_listed_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_page, "MAX_STRETCHES", 1)
    with open_store(tmp_path / "store", create=True) as store:
        records = [image_record(name) for name in "abc"]
        videos = [
            replace(one, asset=replace(one.asset, kind="video", properties={"duration": 90.0})) for one in records
        ]
        add_records(store, *videos)
        with store.writing():
            clues = [Clue(kind="device", value=f"phone {n}", source="EXIF", trust="low") for n in range(11)]
            store.save_clues("a" * 64, "/dump/a.jpg", clues)
        footage = [
            Segment(
                channel="picture", query=(at, at + 9.0), reference=(3.0, 12.0), speed=1.0, mirrored=False, score=0.9
            )
            for at in (1.0, 50.0)
        ]
        shared = {"relation": "shares_footage", "kind": "video", "coverage": (0.1, 0.1)}
        keep(
            store,
            *(link("a", other, 0.99, segments=(one,), **shared) for other, one in zip("bc", footage, strict=True)),
        )
    with open_case(tmp_path / "store") as case, served(case) as one:
        page = " ".join(re.sub("<[^>]+>", " ", one.get(f"/answer/{'a' * 64}").text).split())
    assert "1 of 3 are listed." in page and "phone 7 EXIF , anybody may have written it and 3 more" in page


def test_pictures_of_which_any_may_be_the_source_are_named(tmp_path: Path) -> None:
    with open_store(tmp_path / "store", create=True) as store:
        add_records(store, *map(image_record, "abcdef"))
        wide = sample_placement(covered=0.5)
        keep(store, *(link("a", other, 0.99, placement=wide, coverage=(1.0, 0.5)) for other in "bcdef"))
    with open_case(tmp_path / "store") as case, served(case) as one:
        page = " ".join(re.sub("<[^>]+>", "", one.get(f"/answer/{'a' * 64}").text).split())
        groupings = one.get(f"/api/groupings/{'a' * 64}").json()
    assert "no date decides which of them is the source: b.jpg, c.jpg, d.jpg and 2 more." in page
    assert "one of those that are cut least" in page
    assert groupings["source"] is None and len(groupings["equally_complete"]) == 5


def test_file_with_one_removed_post_of_two_is_not_shown_as_one_without_a_removal(tmp_path: Path) -> None:
    with open_store(tmp_path / "store", create=True) as store:
        a, b = image_record("a", "x", "2020-01-01"), image_record("b", "y", "2020-01-02")
        gone = [replace(record.sightings[0], uri="/gone.jpg", removed_at="2020-02-01") for record in (a, b)]
        add_records(store, replace(a, sightings=(*a.sightings, gone[0])), replace(b, sightings=(gone[1],)))
        keep(store, link("a", "b", 0.99))
    with open_case(tmp_path / "store") as case, served(case) as one:
        page = " ".join(re.sub("<[^>]+>", " ", one.get(f"/answer/{'a' * 64}").text).split())
    assert "not known removed everywhere 1 removed everywhere 1" in page and "Of 1 file some posts are known" in page


def test_clues_of_tied_sources_and_the_file_itself_are_named(tmp_path: Path) -> None:
    clue = Clue(kind="weibo_uid", value="1669879400", source="file name", trust="high")
    with open_store(tmp_path / "store", create=True) as store:
        add_records(store, *map(image_record, "abc"))
        whole = sample_placement(covered=1.0, shown=1.0)
        keep(store, *(link("a", other, 0.99, placement=whole, coverage=(1.0, 1.0)) for other in "bc"))
        with store.writing():
            store.save_clues("c" * 64, store.uris("c" * 64)[0], [clue])
    with open_case(tmp_path / "store") as case, served(case) as one:
        page = " ".join(re.sub("<[^>]+>", "", one.get(f"/answer/{'a' * 64}").text).split())
        groupings = one.get(f"/api/groupings/{'a' * 64}").json()
    assert "No use of it shows more than this very file." in page
    assert (
        "Equally complete; no date decides which of them is the source: a.jpg (this very file), b.jpg, c.jpg." in page
    )
    assert "Clue to the owner, of c.jpg: weibo uid 1669879400 file name, written by a platform" in page
    assert groupings["source"] is None and len(groupings["equally_complete"]) == 3
