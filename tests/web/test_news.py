"""News of the start page, and pairs that wait: hits of watches, re-spawns, grown groups, weak links."""

import re
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from group_case import RETAKERS, VIDEOS, asset_name, make_group_case
from served_case import ServedCase, served

from mediafp.case.case import Case, open_case
from mediafp.types.media import Asset
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting


@pytest.fixture
def grown(tmp_path: Path) -> Iterator[ServedCase]:
    """A workbench over a case of its own with groups and accounts."""
    with open_case(make_group_case(tmp_path / "store", more_groups=1)) as case, served(case) as one:
        settle(one)
        yield one


def settle(one: ServedCase) -> str:
    """Return the start page when groups, accounts and news are those of the case as it is now."""
    for _ in range(1200):
        one.get("/api/groups"), one.get("/api/accounts")
        if 'aria-busy="true"' not in one.get("/start/overview").text:
            break
        time.sleep(0.02)
    return re.sub("<[^>]*>|[\u2066-\u2069]", "", one.get("/").text)


def add_to_group(case: Case, monkeypatch: pytest.MonkeyPatch) -> str:
    """Add a file that a person puts into the group of the videos, later than all others, and return its SHA-256."""
    sha256 = asset_name("late")
    monkeypatch.setattr("mediafp.store.sqlite.assets.utc_now", lambda: "2100-01-01T00:00:00Z")
    asset = Asset(sha256=sha256, kind="video", bytes=1, properties={"width": 80, "height": 45, "duration": 9.0})
    seen = Sighting(sha256=sha256, uri="/dump/late <b>.mp4", source="", account="again", platform="x")
    with case._store.writing():
        case._store.add_record(IngestRecord(asset=asset, sightings=(seen,)))
    case.decide("confirm", sha256, asset_name("v0"), subject="group")
    return sha256


def test_hits_respawns_and_grown_groups_are_news_until_they_are_seen(
    grown: ServedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    news = grown.get("/api/news").json()
    assert news["watch_hit_count"] == 0 and news["grown_groups"] == []
    takers = {(one["earlier"], one["later"]) for one in news["respawns"]}
    accounts = [account for account, *_ in RETAKERS]
    assert takers == {(accounts[0], accounts[1]), (accounts[1], accounts[2])}
    page = settle(grown)
    assert f"{accounts[1]} takes up {accounts[0]} again: 5 of its 5 files" in page
    grown.post("/news/seen", {"until": "2099-01-01T00:00:00Z"})
    assert "takes up" not in settle(grown) and grown.get("/api/news").json()["respawn_count"] == 0

    grown.case.add_watch("@again", "who <i>", "account")
    late = add_to_group(grown.case, monkeypatch)
    monkeypatch.setattr("mediafp.store.sqlite.watches.utc_now", lambda: "2100-01-02T00:00:00Z")
    grown.case.check_watches()
    page = settle(grown)
    assert f"grew from {len(VIDEOS)} files to {len(VIDEOS) + 1}" in page
    assert "What you watch was found: who &lt;i&gt; in late &lt;b&gt;.mp4" in page
    news = grown.get("/api/news").json()
    assert [one["added"] for one in news["grown_groups"]] == [1]
    assert [hit["sha256"] for hit in news["watch_hits"]] == [late] and news["last_at"] == "2100-01-02T00:00:00Z"
    until = re.search(r'name="until" value="([^"]*)"', grown.get("/").text)
    assert until and until[1] == "2100-01-02T00:00:00Z"
    grown.post("/news/seen", {"until": until[1]})
    assert "nothing" in settle(grown)


def test_weak_links_and_respawns_wait_with_the_number_in_the_navigation(grown: ServedCase) -> None:
    def number() -> int:
        found = re.search(r'href="/review"[^>]*>Review<span class="n">(\d+)</span>', grown.get("/log").text)
        return int(found[1]) if found else 0

    subjects = {of: [one["subject"] for one in grown.get(f"/api/review?of={of}").json()] for of in ("all", "links")}
    waiting = len(subjects["all"])
    assert waiting and waiting == number()
    (link,) = (one for one in grown.get("/api/review").json() if one["cluster"])
    assert "falls apart" in " ".join(link["why"])
    assert f">{waiting} pairs wait</" in grown.get("/review").text
    respawns = grown.get("/api/review?of=respawn").json()
    assert {(one["a"], one["b"]) for one in respawns} == {
        tuple(sorted(pair)) for pair in pairwise(account for account, *_ in RETAKERS)
    }
    page = grown.get("/review?of=respawn").text
    later = RETAKERS[1][0]
    assert (
        f"Harbour Lens posted 5 of the 5 files of {later}, and the last removal of its posts was 8 days before" in page
    )
    assert grown.get("/review?of=links").status_code == 200
    sent = {"a": link["a"], "b": link["b"], "decision": "confirm", "subject": link["subject"]}
    grown.post("/decide", sent)
    assert any(number() == waiting - 1 or time.sleep(0.02) for _ in range(1000))
    grown.post("/decide/undo", {name: sent[name] for name in ("a", "b", "subject")})


def test_decisions_are_counted_towards_a_fit(grown: ServedCase) -> None:
    assert "From 200 decisions on matches of one kind on" in grown.get("/review").text
    grown.case.decide("reject", asset_name("v0"), asset_name("v1"))
    assert grown.get("/api/calibration").json() == [
        {"family": "videos", "confirmed": 0, "rejected": 1, "needed": 200, "is_fitted": False}
    ]
    assert "1 of 200 decisions that a fit needs." in grown.get("/review").text
    grown.post("/review/calibrate")
    (job, *_) = grown.get("/api/jobs").json()
    while job["state"] in ("waiting", "running"):
        (job, *_) = grown.get("/api/jobs").json()
    assert job["state"] == "failed" and "200 of one kind are needed" in job["error"]
