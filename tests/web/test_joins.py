"""What joins the parts of the workbench: hits on lists, taking an upload in, one decision everywhere."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from served_case import ServedCase, served

from mediafp.case.case import open_case
from mediafp.cli.demo.edits import WEIBO_NAME

BYTES = {"content-type": "application/octet-stream"}
AVATAR = "persona_avatar.jpg"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCase]:
    """A workbench over a case of its own, which the tests of this module change."""
    from workbench_case import make_case

    folder = tmp_path_factory.mktemp("joins")
    store = make_case(
        folder, lambda name: name in (WEIBO_NAME, "cat.jpg", AVATAR, "screenshot.png", "second_avatar.jpg")
    )
    with open_case(store) as case, served(case) as one:
        one.files = folder  # type: ignore[attr-defined]
        yield one


def sha256_of(one: ServedCase, name: str) -> str:
    return next(
        record.asset.sha256
        for record in one.case.export_records()
        if any(seen.uri.endswith(f"/{name}") for seen in record.sightings)
    )


def file_of(one: ServedCase, name: str) -> bytes:
    return next(one.files.glob(f"*/{name}")).read_bytes()  # type: ignore[attr-defined]


def ask(one: ServedCase, content: bytes, name: str = "asked.jpg") -> str:
    """Ask about a file, and return its SHA-256 when it is answered."""
    sha256 = one.client.post("/api/ask", params={"name": name}, content=content, headers=BYTES).json()["sha256"]
    return wait_for_answer(one, sha256)


def wait_for_answer(one: ServedCase, sha256: str) -> str:
    for _ in range(1200):
        if one.get(f"/api/match/{sha256}").json()["state"] in ("done", "failed"):
            break
        time.sleep(0.05)
    return sha256


def wait_for_jobs(one: ServedCase) -> dict[str, object]:
    for _ in range(600):
        (job, *_) = one.get("/api/jobs").json()
        if job["state"] not in ("waiting", "running"):
            break
        time.sleep(0.05)
    return dict(job)


def test_answers_state_hits_on_lists_as_they_are_now(own: ServedCase, tmp_path: Path) -> None:
    asset = sha256_of(own, WEIBO_NAME)
    query = ask(own, file_of(own, WEIBO_NAME) + b"\0")
    pdq = own.get(f"/api/match/{query}").json()["hashes"]["pdq"]
    assert own.get(f"/api/match/{query}").json()["listed"] == []
    listed = tmp_path / "known <b>.txt"
    listed.write_text(f"pdq:{pdq} stolen\n")
    own.case.import_hashes(listed)
    for sha256 in (asset, query):
        (hit,) = own.get(f"/api/match/{sha256}").json()["listed"]
        assert (hit["list"], hit["label"], hit["algorithm"]) == ("known <b>", "stolen", "pdq") and hit["distance"] <= 4
        page = own.get(f"/answer/{sha256}").text
        assert "known &lt;b&gt;" in page and 'id="listed"' in page and "<b>.txt" not in page
    own.case.remove_hash_list("known <b>")
    for sha256 in (asset, query):
        assert own.get(f"/api/match/{sha256}").json()["listed"] == []
        assert 'id="listed"' not in own.get(f"/answer/{sha256}").text


def test_sure_copy_is_not_said_to_have_the_same_bytes(own: ServedCase) -> None:
    asked = ask(own, file_of(own, "cat.jpg") + b"\0\0\0")
    (match,) = own.get(f"/api/match/{asked}").json()["matches"]
    assert 0.999 < match["probability"] < 1
    page = own.get(f"/answer/{asked}").text
    assert "Its probability is .999." in page and "bytes are the same" not in page


def test_upload_is_taken_in_to_be_watched_for(own: ServedCase) -> None:
    content = file_of(own, "cat.jpg") + b"\0\0"
    query = ask(own, content, "IMG <1>.jpg")
    assert "it is added to the case first" in own.get(f"/answer/{query}").text
    sent = own.post(f"/answer/{query}/add", {"watch": "on"})
    assert (sent.status_code, sent.headers["location"]) == (303, f"/answer/{query}")
    job = wait_for_jobs(own)
    assert (job["kind"], job["state"], job["title"]) == ("received", "done", "IMG <1>.jpg")
    (watch,) = own.get("/api/watches").json()
    assert (watch["kind"], watch["value"]) == ("asset", query)
    page = own.get(f"/answer/{query}").text
    assert "watched for" in page and "it is added to the case first" not in page
    assert own.get(f"/api/match/{query}").json()["in_case"] is True
    own.post("/watch/remove", {"name": watch["name"]})
    # It is in the case: one step is enough.
    own.post(f"/answer/{query}/add", {"watch": "on"})
    assert [one["value"] for one in own.get("/api/watches").json()] == [query]
    own.post("/watch/remove", {"name": own.get("/api/watches").json()[0]["name"]})


def test_upload_is_taken_in_for_the_publication(own: ServedCase) -> None:
    query, source = ask(own, file_of(own, AVATAR) + b"\0"), sha256_of(own, WEIBO_NAME)
    assert own.post(f"/answer/{query}/add", {"publish": "../x"}).status_code == 400
    own.post(f"/answer/{query}/add", {"publish": source})
    job = wait_for_jobs(own)
    draft = job["result"]["draft"]  # type: ignore[index]
    (card,) = own.get(f"/api/drafts/{draft}").json()["draft"]["cards"]
    assert {card["query"], card["reference"]} == {query, source}
    assert f"/publish/{draft}" in own.get(f"/answer/{query}").text and f"/publish/{draft}" in own.get("/jobs").text


@pytest.mark.parametrize("format", ["stix", "misp"])
def test_one_file_is_exported_with_its_matches_alone(format: str, own: ServedCase) -> None:
    pytest.importorskip("stix2" if format == "stix" else "pymisp")
    source, cat = sha256_of(own, WEIBO_NAME), sha256_of(own, "cat.jpg")
    sent = own.post(f"/answer/{source}/export", {"format": format})
    assert sent.status_code == 200 and sent.headers["content-disposition"].startswith("attachment")
    assert source in sent.text and sha256_of(own, AVATAR) in sent.text and cat not in sent.text
    assert own.post(f"/answer/{source}/export", {"format": "exe"}).status_code == 400
    query = ask(own, file_of(own, AVATAR) + b"\0\0\0")
    refused = own.post(f"/answer/{query}/export", {"format": format})
    assert refused.status_code == 400 and "add it first" in refused.text


def shown(one: ServedCase, a: str, b: str, query: str, draft: str) -> dict[str, bool]:
    """Return for each part of the workbench whether it shows the match of two assets, or of a query and the second one."""

    def matched(of: str, other: str) -> bool:
        # Whatever changes the case meanwhile has the answer computed anew.
        wait_for_answer(one, of)
        return other in {match["sha256"] for match in one.get(f"/api/match/{of}").json()["matches"]}

    def kept(of: str, other: str) -> bool:
        return bool(one.get(f"/api/compare/{of}/{other}").json()["matches"])

    one.get("/groups")
    for _ in range(100):
        groups = one.get("/api/groups").json()
        edges = [edge for group in groups for edge in one.get(f"/api/groups/{group['id']}").json()["edges"]]
        if one.get("/api/accounts").status_code == 200 and is_current(one):
            break
        time.sleep(0.02)
    one.client.post("/api/jobs", json={"kind": "export", "format": "matches_csv"})
    exported = one.get(f"/jobs/{wait_for_jobs(one)['id']}/file").text
    one.client.post("/api/jobs", json={"kind": "report"})
    report = one.get(f"/jobs/{wait_for_jobs(one)['id']}/file").text
    checks = {check["name"]: check["passed"] for check in one.get(f"/api/drafts/{draft}").json()["checks"]}
    return {
        "answer": matched(a, b),
        "other answer": matched(b, a),
        "answer of the query": matched(query, b),
        "page": f"/compare/{a}/{b}" in one.get(f"/answer/{a}").text,
        "page of the query": f"/compare/{query}/{b}" in one.get(f"/answer/{query}").text,
        "groupings": b in one.get(f"/api/groupings/{a}").text,
        "compare": kept(a, b),
        "compare of the query": kept(query, b),
        "groups": any({edge["a"], edge["b"]} == {a, b} for edge in edges),
        "news": any({match["a"], match["b"]} == {a, b} for match in one.get("/api/news?limit=100").json()["matches"]),
        "watch": any(hit["sha256"] == b for hit in one.get("/api/watches/hits").json()),
        "export": any(a in line and b in line for line in exported.splitlines()),
        "report": f'data-hashes="{a} {b}"' in report or f'data-hashes="{b} {a}"' in report,
        "publication": checks["match"],
    }


def is_current(one: ServedCase) -> bool:
    return "hx-get" not in one.get("/start/overview").text.split("</div>")[0]


def test_rejected_pair_is_shown_nowhere_and_everywhere_again_when_it_is_taken_back(own: ServedCase) -> None:
    a, b = sha256_of(own, WEIBO_NAME), sha256_of(own, AVATAR)
    query = ask(own, file_of(own, WEIBO_NAME) + b"\0\0\0\0")
    draft = own.post("/publish/add", {"query": a, "reference": b}).headers["location"].rpartition("/")[2]
    own.post("/watch/add", {"sha256": a})
    before = shown(own, a, b, query, draft)
    for pair in ((a, b), (query, b)):
        assert own.post("/decide", {"a": pair[0], "b": pair[1], "decision": "reject"}).status_code == 303
    after = shown(own, a, b, query, draft)
    for pair in ((a, b), (query, b)):
        assert own.post("/decide/undo", {"a": pair[0], "b": pair[1]}).status_code == 303
    wait_for_answer(own, query)
    again = shown(own, a, b, query, draft)
    assert (before, after, again) == (dict.fromkeys(before, True), dict.fromkeys(before, False), before)
