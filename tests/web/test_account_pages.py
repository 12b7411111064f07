"""The pages of accounts: lanes beside their rows, and joins from a removal to the account that took up the files."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from group_case import RETAKEN, RETAKERS
from ingest_records import add_records
from linked_stores import image_record, keep, link
from served_case import ServedCase, served

from mediafp.case.case import open_case
from mediafp.store import open_store
from mediafp.web.pages import accounts

EARLIER, LATER = RETAKERS[0][0], RETAKERS[1][0]
SLASHED = "kitchen/daily"
"""An account with a slash in its name."""


def test_rows_and_lanes_are_of_the_same_accounts_and_each_mark_has_a_text(grouped: ServedCase) -> None:
    text = grouped.get("/accounts").text
    lanes, rows = re.findall(r'data-lane="([^"]*)" data-top="(\d+)"', text), re.findall(r'data-row="([^"]*)"', text)
    assert [name for name, _ in lanes] == rows and LATER in rows
    assert [int(top) for _, top in lanes] == [34 + 62 * number for number in range(len(lanes))]
    marks = re.findall(r'<(?:circle|path) class="ev[^"]*"[^>]*>(.{7})', text.split('class="lanes"')[1])
    assert len(marks) > 20 and set(marks) == {"<title>"}


def test_labels_of_the_axis_stand_apart(grouped: ServedCase) -> None:
    for span in (
        "",
        "?from=2019-01-01&to=2026-12-31",
        "?from=2024-01-01&to=2026-12-31",
        "?from=2024-01-01&to=2024-01-12",
    ):
        text = grouped.get(f"/accounts{span}").text
        labels = [float(x) for x in re.findall(r'<text class="soft" x="([0-9.]+)%" y="20"[^>]*>[0-9-]+<', text)]
        assert len(labels) > 1
        assert min(after - before for before, after in pairwise(labels)) >= 11.9, span


def test_a_join_needs_a_removal_before_it_and_shared_media(grouped: ServedCase) -> None:
    found = grouped.get("/api/respawns").json()
    assert {(one["earlier"], one["later"]) for one in found} == {
        (EARLIER, LATER),
        (LATER, RETAKERS[2][0]),
    }
    for one in found:
        assert one["removed_at"] <= one["first_at"] and RETAKEN <= one["shared"] <= one["of"]
    text = grouped.get("/accounts").text
    assert re.findall(r'data-join="([^"]*)"', text) == [one["later"] for one in found]
    assert "not who posted them" in text


def test_a_rejected_join_vanishes_and_stays_away(grouped: ServedCase) -> None:
    grouped.case.decide("reject", EARLIER, LATER, subject="iteration", note="another source")
    left = [(one.earlier, one.later) for one in grouped.case.load_overview().takeovers]
    assert (EARLIER, LATER) not in left
    grouped.case.undo_decision(EARLIER, LATER, subject="iteration")
    assert (EARLIER, LATER) in [(one.earlier, one.later) for one in grouped.case.load_overview().takeovers]


def test_accounts_are_shown_in_a_span_as_table_network_and_pairs(grouped: ServedCase) -> None:
    text = grouped.get("/accounts?from=2026-01-01&to=2026-12-31").text
    assert "2026-01-01 – 2026-12-31" in text and "not in this span of time" in text
    for view in ("table", "network", "coshare"):
        assert grouped.get(f"/accounts?as={view}").status_code == 200
    assert grouped.get("/accounts?from=2026-13-45&to=2026-12-31").status_code == 400
    group = grouped.get("/api/groups?limit=1").json()[0]
    own = grouped.get(f"/accounts?shares={group['id']}").text
    assert len(set(re.findall(r'data-row="([^"]*)"', own))) == len(group["accounts"])
    assert [one["key"] for one in grouped.get("/api/accounts?limit=3").json()]
    assert grouped.get("/api/coshare").status_code == 200


def test_a_time_line_is_of_an_account_a_file_or_a_group(grouped: ServedCase) -> None:
    group = grouped.get("/api/groups?limit=1").json()[0]
    member = group["representative"]
    for target, least in ((group["id"], 20), (member, 3), (EARLIER, 10)):
        events = grouped.get(f"/api/timeline/{target}?limit=1000").json()
        assert len(events) >= least and grouped.get(f"/timeline/{target}").status_code == 200
        assert [one["at"][:10] for one in events] == sorted(one["at"][:10] for one in events)
    assert (
        grouped.get("/timeline/nobody/else").status_code == 404 and grouped.get("/timeline/..%2f..").status_code == 404
    )
    slashed = grouped.get(f"/timeline/{SLASHED}.csv")
    assert slashed.status_code == 200 and SLASHED in slashed.text


def test_the_heading_of_a_time_line_counts_the_posts_of_its_account_alone(tmp_path: Path) -> None:
    """The later account of its line posted too."""
    with open_store(tmp_path / "store", create=True) as store:
        for name, account, day in (
            ("a", "first", "2019-01-01"),
            ("b", "first", "2019-03-01"),
            ("c", "second", "2019-05-01"),
        ):
            record = image_record(name, account, day)
            uri = f"/{account}/{'mug' if name == 'b' else 'avatar'}.jpg"
            removed = "2019-03-05" if name == "b" else None
            add_records(store, replace(record, sightings=(replace(record.sightings[0], uri=uri, removed_at=removed),)))
        keep(store, link("a", "c", 0.99))
    with open_case(tmp_path / "store") as case, served(case) as one:
        assert len(one.get("/api/timeline/first").json()) == 4
        heading = re.findall(r"<h1>(.*?)</h1>", one.get("/timeline/first").text, re.DOTALL)[0]
        assert (
            re.sub("<[^>]*>", "", heading) == "first: 2 times posted, 1 removed, from 1 January 2019 to 5 March 2019."
        )
        heading = re.findall(r"<h1>(.*?)</h1>", one.get("/timeline/second").text, re.DOTALL)[0]
        assert re.sub("<[^>]*>", "", heading) == "second: 1 time posted, 0 removed, on 1 May 2019."


def test_lists_of_accounts_that_are_cut_count_the_rest(grouped: ServedCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "MAX_DRAWN_ACCOUNTS", 2)
    monkeypatch.setattr(accounts, "LISTED_TAKEOVERS", 1)
    sharing = sum(bool(one["shared_with"]) for one in grouped.get("/api/accounts?limit=1000").json())
    page = grouped.get("/accounts?as=network").text
    assert f"{sharing - 2} more share files and are not drawn." in page
    assert "the surest 1 of 2; all of them are at /api/respawns" in page
    named = grouped.get("/accounts?as=table&of=sharing").text
    cells = [re.sub("<[^>]+>", " ", cell) for cell in re.findall(r"<td>((?:(?!</td>).)*) and \d+ more</td>", named)]
    assert cells and all(cell.count(",") == 2 for cell in cells)


def test_rows_of_lanes_count_the_accounts_that_share_or_name_the_only_one(tmp_path: Path) -> None:
    """The first of several was named alone, as if there were no other. A row has one line, which a longer text would leave."""
    with open_store(tmp_path / "store", create=True) as store:
        add_records(
            store, *(image_record(name, account, "2020-01-01") for name, account in zip("abcde", "vwxyz", strict=True))
        )
        keep(store, link("a", "b", 0.99), link("a", "c", 0.99), link("d", "e", 0.99))
    with open_case(tmp_path / "store") as case, served(case) as one:
        page = " ".join(re.sub("<[^>]+>", "", one.get("/accounts").text).split())
    assert page.count("shares with 2 accounts") == 3
    assert page.count("shares 1 with y") == page.count("shares 1 with z") == 1


def test_account_of_a_line_stands_after_the_one_before_it_and_a_takeover_once(grouped: ServedCase) -> None:
    """It stood after the first one, with the gap since the one before it; and pairs of the list of takeovers a second time."""
    overview = grouped.case.load_overview()
    line = [
        replace(one, iteration=place, iteration_of="first", key=key)
        for place, (key, one) in enumerate(
            zip(("first", "second", "third"), overview.accounts.values(), strict=False), 1
        )
    ]
    placed = replace(overview, records=replace(overview.records, accounts={one.key: one for one in line}))
    pairs = [(earlier.key, later.key) for earlier, later in accounts._successions(placed, line, [])]
    assert pairs == [("first", "second"), ("second", "third")]
    known = replace(overview.takeovers[0], earlier="first", later="second")
    pairs = [(earlier.key, later.key) for earlier, later in accounts._successions(placed, line, [known])]
    assert pairs == [("second", "third")]
