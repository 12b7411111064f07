"""The review and its decisions: they hold after a reload, are reversible, and a later person is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from reviewed_case import NAMES, reviewed_case
from served_case import ServedCase

A, B = NAMES[0] * 64, NAMES[1] * 64
PAIR = {"a": A, "b": B}


@pytest.fixture
def reviewed(tmp_path: Path) -> Iterator[ServedCase]:
    with reviewed_case(tmp_path / "store") as one:
        yield one


def waiting(reviewed: ServedCase) -> set[tuple[str, str]]:
    return {(item["a"], item["b"]) for item in reviewed.get("/api/review", params={"limit": 100}).json()}


def test_rejected_pair_leaves_the_queue_and_all_matches_and_comes_back_when_taken_back(reviewed: ServedCase) -> None:
    assert len(waiting(reviewed)) == len(NAMES) - 1 and (A, B) in waiting(reviewed)
    sent = reviewed.post("/decide", {**PAIR, "decision": "reject", "note": "another <b>", "back": "/review?of=unsure"})
    assert sent.status_code == 303 and sent.headers["location"] == "/review?of=unsure"
    page = reviewed.get("/review").text
    assert (A, B) not in waiting(reviewed) and "another &lt;b&gt;" in page
    assert all({kept.query, kept.reference} != {A, B} for kept in reviewed.case.kept_matches())
    assert reviewed.post("/decide/undo", PAIR).status_code == 303
    assert (A, B) in waiting(reviewed)
    events = reviewed.get("/review.csv").text.splitlines()
    assert len(events) == 3 and ",decided," in events[1] and ",undecided," in events[2]


def test_later_person_is_told_what_stands(reviewed: ServedCase) -> None:
    reviewed.case.decide("confirm", A, B, decided_by="somebody else", note="seen")
    sent = reviewed.client.post("/api/decisions", json={**PAIR, "decision": "reject"})
    assert sent.status_code == 409 and sent.json()["standing"]["note"] == "seen"
    page = reviewed.post("/decide", {**PAIR, "decision": "reject"})
    assert page.status_code == 409 and "somebody else" in page.text
    (standing,) = reviewed.get("/api/decisions").json()
    replaced = reviewed.client.post(
        "/api/decisions", json={**PAIR, "decision": "reject", "replaces": standing["decided_at"]}
    )
    assert replaced.status_code == 200
    sent = reviewed.client.request("DELETE", "/api/decisions", json=PAIR)
    assert sent.status_code == 200 and sent.json()["decision"] == "reject"


@pytest.mark.parametrize(
    "wanted",
    [
        {"a": A, "b": B, "decision": "perhaps"},
        {"a": A, "b": A, "decision": "confirm"},
        {"a": A, "b": "no such file", "decision": "confirm"},
        {"a": A, "b": "/etc/passwd", "decision": "confirm"},
        {"a": A, "b": "b" * 63, "decision": "confirm"},
        {"a": A, "decision": "confirm"},
        {"a": A, "b": B, "decision": "confirm", "note": "x" * 3_000},
        {"a": "x" * 5_000, "b": B, "decision": "confirm"},
        [],
    ],
)
def test_decision_that_cannot_be_made_is_refused(wanted: object, reviewed: ServedCase) -> None:
    assert reviewed.client.post("/api/decisions", json=wanted).status_code == 400
    assert reviewed.case.decisions() == []
    sent = reviewed.post("/decide", {"a": A, "b": "/etc/passwd", "decision": "confirm"})
    assert sent.status_code == 400 and "no SHA-256" in sent.text
