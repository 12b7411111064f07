"""The pages of groups: their numbers are those of the rows that they lead to, and acts on groups can be taken back."""

import csv
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from group_case import SECONDS, VIDEOS, WEAKEST, asset_name
from ingest_records import add_records
from linked_stores import image_record, keep, link
from served_case import ServedCase, served

from mediafp.case import group_list
from mediafp.case.case import open_case
from mediafp.store import open_store
from mediafp.web.pages import groups

CHOICE = re.compile(
    r'data-facet="(\w+)" data-value="([^"]*)" href="([^"]*)"[^>]*?>.*?<span class="n">([\d,]+)</span>', re.DOTALL
)
GROUP = re.compile(r'data-group="(c\d+)"')


def first_group(grouped: ServedCase) -> dict[str, object]:
    """Return the group of the videos whose members are known."""
    found = grouped.get("/api/groups?limit=1").json()[0]
    assert {one["sha256"] for one in found["members"]} == {asset_name(f"v{n}") for n in range(len(VIDEOS))}
    whole: dict[str, object] = grouped.get(f"/api/groups/{found['id']}?limit=1000").json()
    return whole


def listed(grouped: ServedCase, address: str) -> list[str]:
    """Return the groups of all pages of a list."""
    found: list[str] = []
    while address:
        text = grouped.get(address).text
        found += GROUP.findall(text)
        following = re.search(r'rel="next" href="([^"]*)"', text)
        address = unescape(following[1]) if following else ""
    return found


@pytest.mark.parametrize("address", ["/groups", "/groups?shares=voice", "/groups?platform=youtube,twitter"])
def test_the_number_of_each_choice_is_that_of_the_groups_it_leads_to(grouped: ServedCase, address: str) -> None:
    text = grouped.get(address).text
    choices = CHOICE.findall(text)
    assert len(choices) >= 8
    for facet, value, href, count in choices:
        target = address if f"{facet}={value}" in address or value in address else unescape(href)
        assert len(listed(grouped, target)) == int(count.replace(",", "")), (facet, value)


@pytest.mark.parametrize("sort", ["largest", "grown", "oldest", "weakest"])
def test_an_order_holds_across_pages_and_looks(grouped: ServedCase, sort: str) -> None:
    sheet, table = listed(grouped, f"/groups?sort={sort}"), listed(grouped, f"/groups?sort={sort}&as=table")
    rows = [
        line.split('"id": "')[1].split('"')[0] for line in grouped.get(f"/groups.json?sort={sort}").text.splitlines()
    ]
    assert sheet == table == rows and len(set(rows)) == len(rows) == 63
    if sort == "weakest":
        links = {one["id"]: one["weakest_link"] for one in grouped.get("/api/groups?limit=1000").json()}
        assert [links[id] for id in rows] == sorted(links.values())


def test_a_title_with_markup_is_shown_and_not_run(grouped: ServedCase) -> None:
    group = first_group(grouped)
    text = grouped.get(f"/groups/{group['id']}").text
    assert "&lt;script&gt;alert(1)" in text and "<script>alert" not in text


def test_tracks_are_the_segments_of_the_edges(grouped: ServedCase) -> None:
    group = first_group(grouped)
    representative = group["representative"]
    wanted = set()
    for edge in group["edges"]:  # type: ignore[attr-defined]
        for segment in edge["segments"]:
            if representative in (edge["a"], edge["b"]):
                span = segment["query"] if edge["a"] == representative else segment["reference"]
                wanted.add((segment["channel"], *(f"{at:.3f}" for at in span)))
    text = grouped.get(f"/groups/{group['id']}").text
    rows = re.findall(r'<tr role="row" id="V(\d+)"(.*?)</tr>', text, re.DOTALL)
    assert len(rows) == len(VIDEOS)
    drawn = set()
    for _, row in rows[1:]:
        for kind, start, end in re.findall(r'<rect class="seg ?(\w*)" data-from="([\d.]+)" data-to="([\d.]+)"', row):
            drawn.add((kind or "picture", start, end))
    assert drawn == wanted and {channel for channel, *_ in drawn} == {"picture", "voice", "script"}
    lives = [float(width) for _, row in rows for width in re.findall(r'class="track"[^>]*? width="([\d.]+)"', row)]
    assert max(lives) - min(lives) < 0.2 and SECONDS * 400 / lives[0] < 100, "all videos are equally long, on one scale"


def test_the_dashed_link_is_the_weakest_and_the_cut_says_what_falls_off(grouped: ServedCase) -> None:
    group = first_group(grouped)
    edges = group["edges"]
    cut = group["cut"]
    assert cut["probability"] == WEAKEST == group["weakest_link"]  # type: ignore[index]
    assert set(cut["parts"][1]) == {asset_name("v7"), asset_name("v8")}  # type: ignore[index]
    assert max(one["probability"] for one in edges if len({one["a"], one["b"]} & set(cut["parts"][1])) == 1) == WEAKEST  # type: ignore[attr-defined, index]
    text = grouped.get(f"/groups/{group['id']}").text
    assert text.count("data-weakest") == 1 and ".830, the weakest" in text
    cut_text = grouped.get(f"/groups/{group['id']}?cut=true").text
    assert "data-weakest" not in cut_text and len(re.findall(r"data-pick[^>]*checked", cut_text)) == 2
    assert "falls into 7 and 2" in cut_text


def test_split_then_undo_gives_the_same_group(grouped: ServedCase) -> None:
    before = first_group(grouped)
    page = f"/groups/{before['id']}"
    fields = {f"m:{asset_name(name)}": "1" for name in ("v7", "v8")}
    answer = grouped.post(f"{page}/split", {**fields, "note": "another cut"})
    assert answer.status_code == 303 and answer.headers["location"].startswith("/groups/c")
    after = first_group_of(grouped, asset_name("v0"))
    left = first_group_of(grouped, asset_name("v7"))
    assert len(after["members"]) == 7 and len(left["members"]) == 2  # type: ignore[arg-type]
    shown = grouped.get(answer.headers["location"]).text
    act = unescape(re.search(r'name="act" value="([^"]*)"', shown)[1])  # type: ignore[index]
    assert grouped.post(f"{page}/undo", {"act": act}).status_code == 303
    assert first_group(grouped) == {**before, "was": first_group(grouped)["was"]}


def first_group_of(grouped: ServedCase, sha256: str) -> dict[str, object]:
    groups: list[dict[str, object]] = grouped.get("/api/groups?limit=1000").json()
    return next(one for one in groups if any(member["sha256"] == sha256 for member in one["members"]))  # type: ignore[attr-defined]


def test_groups_are_merged_and_a_member_moved_by_the_api(grouped: ServedCase) -> None:
    group, other = first_group_of(grouped, asset_name("g0m0")), first_group_of(grouped, asset_name("g1m0"))
    made = grouped.client.post(f"/api/groups/{group['id']}/merge", json={"other": other["id"]}).json()
    assert made["decisions"]
    grouped.case.load_groups()
    assert grouped.client.delete("/api/group-acts", params={"act": made["act"]}).status_code == 200
    lone = asset_name("lone")
    made = grouped.client.post(f"/api/groups/{first_group(grouped)['id']}/move", json={"member": lone}).json()
    assert len(grouped.case.load_groups().groups[0].members) == len(VIDEOS) + 1
    assert grouped.client.delete("/api/group-acts", params={"act": made["act"]}).status_code == 200
    assert grouped.client.post("/api/groups/c1/split", json={"members": ["x"]}).status_code == 400


def test_a_group_that_is_none_is_said(grouped: ServedCase) -> None:
    assert grouped.get("/groups/c9999").status_code == 404 and grouped.get("/api/groups/c9999").status_code == 404
    assert grouped.get("/groups?page=900").status_code == 404 and grouped.get("/groups?sort=x").status_code == 400


def test_row_of_a_member_counts_the_posts_that_were_removed_and_dates_the_last(tmp_path: Path) -> None:
    """A copy in a folder of which nothing is known is no post."""
    with open_store(tmp_path / "store", create=True) as store:
        record = image_record("a", "first", "2020-01-01")
        (seen,) = record.sightings
        others = [
            replace(seen, uri=f"/{number}.jpg", account=account, posted_at=None, removed_at=removed)
            for number, (account, removed) in enumerate(
                [("second", "2021-05-05"), ("third", "2021-06-07"), (None, None)]
            )
        ]
        add_records(store, replace(record, sightings=(seen, *others)), image_record("b"))
        keep(store, link("a", "b", 0.99))
    with open_case(tmp_path / "store") as case, served(case) as one:
        (group,) = one.get("/api/groups?limit=9").json()
        page = one.get(f"/groups/{group['id']}").text
        rows = list(csv.DictReader(one.get(f"/groups/{group['id']}.csv").text.lstrip("\ufeff").splitlines()))
    assert re.search(r'"gone"><time datetime="2021-06-07">[^<]*</time></span><span class="sub">2 of 3</span>', page)
    assert sorted(row["removed_at"] for row in rows) == ["", "2021-06-07"]
    assert (group["removed"], group["partly_removed"]) == (0, 1)
    assert "Of 1 file some posts are known to be removed, and not all." in page and "removed everywhere" not in page


def test_a_member_counts_as_removed_if_every_post_of_it_is(tmp_path: Path) -> None:
    """A copy in a folder, of which nothing is known, is no post that stays."""
    removals: dict[str, list[str | None]] = {
        "a": ["2021-05-05", "2021-05-06"], "b": ["2021-05-05", None], "c": [None], "d": ["2021-05-05"]
    }  # fmt: skip
    with open_store(tmp_path / "store", create=True) as store:
        for name, times in removals.items():
            record = image_record(name)
            (seen,) = record.sightings
            posts = [
                replace(seen, uri=f"/{name}{number}.jpg", account=f"{name}{number}", removed_at=removed)
                for number, removed in enumerate(times)
            ]
            add_records(store, replace(record, sightings=(*posts, replace(seen, uri=f"/{name}.jpg"))))
        keep(store, *(link("a", other, 0.99) for other in "bcd"))
    with open_case(tmp_path / "store") as case, served(case) as one:
        (group,) = one.get("/api/groups?limit=9").json()
        page, sheet = one.get(f"/groups/{group['id']}").text, one.get("/groups").text
        (row,) = csv.DictReader(one.get("/groups.csv").text.lstrip("\ufeff").splitlines())
        listed_values = {value for facet, value, _, _ in CHOICE.findall(sheet) if facet == "removed"}
    assert (group["removed"], group["partly_removed"], row["removed"], row["partly_removed"]) == (2, 1, "2", "1")
    assert "2 are known to be removed everywhere. Of 1 file some posts are known to be removed, and not all." in page
    assert "2 removed everywhere" in sheet and "1 removed in part" in sheet and listed_values == {"some"}


def test_links_and_choices_that_are_not_listed_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_list, "MAX_LINKS", 1)
    monkeypatch.setattr(groups, "MAX_CHOICES", 2)
    with open_store(tmp_path / "store", create=True) as store:
        for name in "abcdef":
            record = image_record(name)
            (seen,) = record.sightings
            add_records(store, replace(record, sightings=(replace(seen, platform=f"platform-{name}"),)))
        keep(store, link("a", "b", 0.99), link("c", "d", 0.99), *(link("a", other, 0.3) for other in "cef"))
    with open_case(tmp_path / "store") as case, served(case) as one:
        found = next(one for one in one.get("/api/groups?limit=9").json() if "a" * 64 in str(one["members"]))
        page = one.get(f"/groups/{found['id']}").text
        sheet = one.get("/groups").text
    assert re.search(r'<p class="pager"> and 2 more</p>', page)
    assert len(re.findall('data-facet="platform"', sheet)) == 2 and '<p class="small soft"> and 2 more</p>' in sheet
