"""A case that can only be read: every address that would write refuses before any work, and the pages say so from the start."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from linked_stores import linked_store
from served_case import ServedCase, served

from mediafp.case import open_case
from mediafp.case.saved_queries import INTERRUPTED, WARM_UP_IMAGE
from mediafp.store.sqlite import store as sqlite_store
from mediafp.web import app as web_app
from mediafp.web.store_messages import STORE_MESSAGES

A, B = "a" * 64, "b" * 64
READING = {
    "/language",
    "/answer/{sha256}/evidence",
    "/answer/{sha256}/export",
    "/media/{sha256}/preview",
    "/jobs/{id}/cancel",
    "/jobs/{id}/again",
    "/api/jobs/{id}",
    "/jobs/start",
    "/api/jobs",
}
"""Addresses whose POST, PUT or DELETE writes nothing, or states itself what it would write."""
PARAMETERS = {"sha256": A, "id": "c1"}


@pytest.fixture
def apps(monkeypatch: pytest.MonkeyPatch) -> list[FastAPI]:
    """The applications that are created, whose routes a test lists."""
    created: list[FastAPI] = []

    def create(**options: object) -> FastAPI:
        created.append(FastAPI(**options))  # type: ignore[arg-type]
        return created[-1]

    monkeypatch.setattr(web_app, "FastAPI", create)
    return created


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apps: list[FastAPI]) -> Iterator[ServedCase]:
    linked_store(tmp_path / "store", "abc", {"ab": 0.99}).close()
    monkeypatch.setattr(sqlite_store, "may_write", lambda file: False)
    with open_case(tmp_path / "store") as case, served(case) as one:
        yield one


def snapshot(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_every_address_that_writes_refuses_before_it_works(
    locked: ServedCase, apps: list[FastAPI], tmp_path: Path
) -> None:
    """Uploads answered with "Permission denied", jobs and previews with the error of the system."""
    before = snapshot(tmp_path / "store")
    writing = [
        (method, route.path)
        for route in apps[0].routes
        if isinstance(route, APIRoute)
        for method in (route.methods or ())
        if method not in ("GET", "HEAD") and route.path not in READING
    ]
    assert len(writing) > 40
    for method, path in writing:
        address = path.format(**PARAMETERS)
        if path.startswith("/api/"):
            headers = {"content-type": "application/octet-stream"}
            is_upload = path in ("/api/ask", "/api/add", "/api/hash-lists") and method == "POST"
            options = {"content": b"GIF89a", "headers": headers} if is_upload else {"json": {}}
            sent = locked.client.request(method, address, **options)  # type: ignore[arg-type]
            # A body that is not valid is refused as such.
            assert sent.status_code in (400, 403), (method, path, sent.text)
            assert sent.status_code == 400 or sent.json()["error"] == STORE_MESSAGES["read_only"], path
        else:
            files = {"file": ("a.gif", b"GIF89a")} if path in ("/ask", "/add", "/exchange/import") else None
            sent = locked.post(address, files=files)
            assert sent.status_code == 403 and "can be read, but not changed" in sent.text, (path, sent.text)
    assert snapshot(tmp_path / "store") == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/decisions", {"a": A, "b": B, "decision": "confirm"}),
        ("DELETE", "/api/decisions", {"a": A, "b": B}),
        ("POST", "/api/watches", {"value": "words", "kind": "text"}),
        ("POST", "/api/drafts", {"title": "x"}),
        ("POST", "/api/groups/c1/split", {"members": [A]}),
        ("POST", f"/api/ask/{A}", {"box": [0, 0, 30, 30]}),
        ("POST", "/api/jobs", {"kind": "relate"}),
        ("POST", "/api/jobs", {"kind": "report"}),
        ("POST", "/api/jobs", {"kind": "export", "format": "jsonl"}),
    ],
)
def test_valid_requests_of_the_api_are_refused_with_a_plain_sentence(
    locked: ServedCase, method: str, path: str, body: dict[str, object]
) -> None:
    sent = locked.client.request(method, path, json=body)
    assert (sent.status_code, sent.json()["error"]) == (403, STORE_MESSAGES["read_only"])


def test_pages_say_so_from_the_start_and_mark_the_forms_that_only_read(locked: ServedCase) -> None:
    for page in ("/", "/review", "/watch", "/publish", "/exchange", "/jobs", f"/compare/{A}/{B}", "/groups/c1"):
        text = locked.get(page).text
        assert 'id="read-only"' in text and "data-read-only=" in text, page
    assert 'action="/language" data-reads' in locked.get("/").text
    assert "mediafp match FILE answers all the same" in locked.get("/").text


def test_what_only_reads_is_still_done(locked: ServedCase) -> None:
    job = locked.client.post("/api/jobs", json={"kind": "verify"}).json()
    assert job["kind"] == "verify"
    assert locked.post("/language", {"language": "en"}).status_code == 303
    state = locked.post(f"/media/{A}/preview").json()
    assert state["state"] in ("failed", "none") or "not be changed" in state["reason"]


def test_query_of_a_program_that_ended_is_no_reason_not_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server saved its failure when it started, which raised an error."""
    linked_store(tmp_path / "store", "ab", {"ab": 0.99}).close()
    with open_case(tmp_path / "store") as case, case.saved_queries().receiving("a.bmp") as upload:
        upload.write(WARM_UP_IMAGE)
    monkeypatch.setattr(sqlite_store, "may_write", lambda file: False)

    def fail(*_: object) -> None:
        raise AssertionError("it would write")

    with open_case(tmp_path / "store") as case:
        queries = case.saved_queries()
        monkeypatch.setattr(queries, "_write", fail)
        queries.fail_interrupted()
        found = queries.recent(1)
        assert [(one.state, one.error) for one in found] == [("failed", INTERRUPTED)]


def test_folder_that_stops_being_writable_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linked_store(tmp_path / "store", "ab", {"ab": 0.99}).close()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, os.strerror(30))

    with open_case(tmp_path / "store") as case, served(case) as one:
        monkeypatch.setattr("mediafp.case.upload_drafts.Path.mkdir", refuse)
        sent = one.client.post(
            "/api/ask", content=b"BM" + bytes(80), headers={"content-type": "application/octet-stream"}
        )
        assert sent.status_code == 403 and sent.json()["error"] == STORE_MESSAGES["read_only"]


def test_preview_that_may_not_be_kept_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linked_store(tmp_path / "store", "ab", {"ab": 0.99}).close()
    with open_case(tmp_path / "store") as case:
        queries = case.saved_queries()
        previews = case.previews(case.pairs(queries))

        def refuse(sha256: str) -> None:
            raise PermissionError(13, os.strerror(13))

        monkeypatch.setattr(previews, "_write", refuse)
        previews.start(A)
        previews._threads.shutdown(wait=True)
        assert previews.state(A) == ("failed", "nothing may be written to the folder of the case")
