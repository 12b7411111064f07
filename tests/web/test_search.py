"""The search page: its counts, its marks and its forms."""

import re
from dataclasses import replace
from pathlib import Path

from ingest_records import add_records
from linked_stores import image_record
from served_case import ServedCase, served

from mediafp.case import open_case
from mediafp.store import open_store
from mediafp.web.facets import count_choices, filter_items


def test_search_finds_the_account_in_both_scripts_and_counts_what_it_lists(workbench: ServedCase) -> None:
    pages = [workbench.get("/search", params={"q": q}).text for q in ("港湾镜头", "港灣鏡頭")]
    assert all("1 place in 1 file" in page for page in pages)
    assert all(len(re.findall('class="line"', page)) == 1 for page in pages)
    assert "1" in re.findall(r'value="account"[^>]*>account names<span class="n">(\d+)', pages[0])


def test_search_answers_one_character_and_two_hundred_and_refuses_a_book(workbench: ServedCase) -> None:
    assert workbench.get("/search", params={"q": "港"}).status_code == 200
    assert workbench.get("/search", params={"q": "word " * 40}).status_code == 200
    assert workbench.get("/search", params={"q": "word " * 100}).status_code == 400


def test_each_choice_counts_the_items_that_it_leads_to() -> None:
    items = [{"color": c, "size": s} for c, s in (("red", "1"), ("red", "2"), ("blue", "2"), ("green", "2"))]
    facets = {name: lambda item, name=name: {item[name]} for name in ("color", "size")}
    chosen = {"size": ["2"]}
    choices = count_choices(items, facets, chosen)
    assert len(choices["color"][0]) == 3 and not any(others for _, others in choices.values())
    (found, others), _ = count_choices(items, facets, {"color": ["blue"]}, most=1).values()
    assert [one.value for one in found] == ["red", "blue"] and others == 1
    for name, (listed, _) in choices.items():
        for choice in listed:
            wanted = {**chosen, name: [choice.value]}
            assert choice.count == len(filter_items(items, facets, wanted))


def test_accounts_and_values_that_are_not_listed_are_counted(tmp_path: Path) -> None:
    with open_store(tmp_path / "store", create=True) as store:
        for number in range(15):
            record = image_record(f"{number:x}")
            (seen,) = record.sightings
            posts = [
                replace(seen, uri=f"/{n}.jpg", account=f"who{n}", title="harbour") for n in range(number, number + 5)
            ]
            add_records(store, record)
            with store.writing():
                store.save_sightings(posts)
    with open_case(tmp_path / "store") as case, served(case) as one:
        page = re.sub("<[^>]+>", "", one.get("/search", params={"q": "harbour"}).text)
    assert page.count("who0 · who1") == 1 and " · who1 and 3 more" in page
    assert re.search(r"who15\d and 7 more", page), "of 19 accounts 12 are choices"
