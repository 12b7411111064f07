"""The drawing of a time line: one lane for each account, safe whatever the names, small whatever the number of posts."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from accounts_samples import respawned_persona, seen
from hostile_text import hidden_characters

from mediafp.accounts.evidence import ImagePairs, find_evidence
from mediafp.accounts.iterations import find_iterations
from mediafp.accounts.summaries import summarise_accounts
from mediafp.accounts.timelines import build_timeline
from mediafp.report.account_lanes import BAR, LEFT, MAX_LANES, RIGHT, WIDTH, cut_name, draw_account_lanes
from mediafp.report.publication_page import build_account_card
from mediafp.types.sightings import Sighting
from mediafp.types.timelines import Timeline

TEXT = "{http://www.w3.org/2000/svg}text"


def timeline(sightings: list[Sighting], copies: list[tuple[str, str]] | None = None) -> Timeline:
    records = summarise_accounts(sightings, {})
    evidence = find_evidence(records, {s.sha256 for s in sightings}, ImagePairs(copies or [], []), [], {})
    records = replace(records, accounts=find_iterations(records.accounts, evidence))
    return build_timeline(records, lambda sighting, key: True)


def texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter(TEXT)]


def test_lanes_are_numbered_with_lifespans_gaps_and_removals() -> None:
    shown = texts(draw_account_lanes(timeline(*respawned_persona("avatar"))))
    assert [text for text in shown if text.isdigit() and len(text) == 1] == list("1234567")
    assert "same media, later account (same avatar)" in shown and "45 days later" in shown
    assert any("earlier early1" in text for text in shown) and "2019" in " ".join(shown)


def test_lives_that_begin_before_the_events_shown_lie_within_the_drawing() -> None:
    sightings = [seen("a", "x", "2010-01-01"), seen("b", "x", "2020-01-01"), seen("c", "x", "2024-01-01")]
    records = summarise_accounts(sightings, {})
    svg = draw_account_lanes(build_timeline(records, lambda sighting, key: sighting.sha256 == "b"))
    bars = [element for element in ET.fromstring(svg).iter() if element.get("fill") == BAR]
    assert LEFT < float(bars[0].get("x", 0)) < LEFT + 40 and float(bars[0].get("width", 0)) > WIDTH - LEFT - RIGHT - 80


def test_names_add_no_markup_and_are_cut() -> None:
    hostile = '</text><script>alert(1)</script>\u202e"\x00&'
    svg = draw_account_lanes(timeline([seen("a", hostile, "2020-01-01"), seen("b", "观" * 90, "2020-01-02")]))
    assert "<script" not in svg and not hidden_characters(svg, allowed="\n")
    assert f"{'观' * 12}…" in texts(svg)
    assert cut_name("x" * 26) == "x" * 26 and cut_name("x" * 27) == f"{'x' * 25}…"


def test_size_does_not_grow_with_the_posts_of_one_place() -> None:
    one = timeline([seen("a", "x", "2020-01-01T00:00:00Z"), seen("z", "x", "2021-01-01")])
    many = timeline(
        [seen(f"{n}", "x", f"2020-01-01T00:00:{n % 60:02d}Z") for n in range(500)] + [seen("z", "x", "2021-01-01")]
    )
    assert len(draw_account_lanes(many)) < len(draw_account_lanes(one)) + 200


def test_more_accounts_than_lanes_and_no_events_are_stated() -> None:
    sightings = [seen("a", f"u{n}", "2020-01-01") for n in range(MAX_LANES + 5)]
    assert "5 more accounts are not drawn" in texts(draw_account_lanes(timeline(sightings)))
    assert "1 more account is not drawn" in texts(draw_account_lanes(timeline(sightings[:-4])))
    undated = timeline([Sighting(sha256="a", uri="/a.jpg")])
    assert "1 sighting without a date" in texts(draw_account_lanes(undated))
    months = timeline([seen("a", "x", "2020-03"), Sighting(sha256="b", uri="/b", captured_at="2020")])
    assert "no account" in texts(draw_account_lanes(months)), "a lane of its own"


@pytest.mark.parametrize(
    ("removed", "statement"),
    [
        ((None,), "1 account."),
        (("2020-05-01",), "1 account; posts of it were removed."),
        (("2020-05-01", None), "2 accounts used the same media one after another; posts of 1 of them were removed."),
        (
            ("2020-05-01", "2021-05-01"),
            "2 accounts used the same media one after another; posts of 2 of them were removed.",
        ),
    ],
)
def test_publication_states_the_removal_of_posts_and_not_of_their_account(
    removed: tuple[str | None, ...], statement: str
) -> None:
    posts = [
        replace(seen(str(year), f"u{year}", f"{year}-01-01"), removed_at=at) for year, at in enumerate(removed, 2020)
    ]
    assert build_account_card(timeline(posts)).statement == statement
