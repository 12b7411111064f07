"""The start page and its API: asking, adding, jobs, news, errors, and the custody log."""

import html
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from served_case import ServedCase, served

from mediafp.case.case import Case, open_case
from mediafp.web import jobs
from mediafp.web.jobs import Jobs
from mediafp.web.page_token import FIELD, page_token
from mediafp.web.pages import jobs as job_pages

BYTES = {"content-type": "application/octet-stream"}


@pytest.fixture(scope="module")
def filled(made_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCase]:
    """A workbench over a case that was empty, into which a folder was taken: two copies, and one damaged file."""
    folder = tmp_path_factory.mktemp("filled")
    dump = folder / "dump"
    dump.mkdir()
    for source in ("originals/cat.jpg", "seen/mirrored_crop.jpg"):
        (dump / Path(source).name).write_bytes((made_files / source).read_bytes())
    (dump / "<i>cut.jpg").write_bytes((dump / "cat.jpg").read_bytes()[:3000])
    with open_case(folder / "store", create=True) as case, served(case) as one:
        assert "This case is empty." in one.get("/").text
        answer = one.post("/jobs/start", {"kind": "ingest", "path": str(dump), "back": "/", "ocr": "on"})
        assert answer.status_code == 303 and answer.headers["location"] == "/"
        wait_for_jobs(one)
        yield one


def wait_for_jobs(one: ServedCase) -> dict[str, object]:
    """Return the last job when it has ended."""
    (job, *_) = one.get("/api/jobs").json()
    for _ in range(300):
        job = one.get(f"/api/jobs/{job['id']}").json()
        if job["state"] not in ("waiting", "running"):
            break
        one.get("/jobs/now")
        time.sleep(0.1)
    return dict(job)


def test_batch_counts_what_was_seen_and_the_page_lists_what_failed_inertly(filled: ServedCase) -> None:
    job = filled.get("/api/jobs").json()[-1]
    assert job["state"] == "done" and job["title"] == "dump"
    counts = job["counts"]
    assert (counts["added"], counts["failed"], counts["matches"]) == (2, 1, 1)
    assert sum(counts.get(name, 0) for name in ("added", "known", "failed", "skipped")) == job["done"] == job["total"]
    page = filled.get("/").text
    assert "&lt;i&gt;cut.jpg" in page and "<i>cut" not in page
    assert "1 file. It is left until it changes or you try again." in page


def test_job_states_the_warnings_of_files_and_what_it_left_out(filled: ServedCase, tmp_path: Path) -> None:
    for name in (".hidden.jpg", "clip.mp4.part"):
        (tmp_path / name).write_bytes(b"x")
    filled.post("/jobs/start", {"kind": "ingest", "path": str(tmp_path), "back": "/"})
    job = wait_for_jobs(filled)
    assert job["counts"]["left_out"] == 1 and job["done"] == 1  # type: ignore[index]
    (message,) = job["messages"]  # type: ignore[misc]
    assert message.startswith("clip.mp4.part: ") and "download" in message
    page = html.unescape(filled.get("/jobs").text)
    assert "<b>1</b> skipped: hidden names" in page and message.partition(": ")[2] in page


def test_retry_empties_the_row_of_a_mended_file(filled: ServedCase, made_files: Path) -> None:
    (failure,) = filled.get("/api/errors").json()
    assert failure["kind"] == "corrupt" and filled.get("/errors?kind=corrupt").text.count('<td class="mono">') == 1
    assert filled.get("/errors?kind=timeout").text.count('<td class="mono">') == 0
    damaged = Path(failure["path"]).read_bytes()
    Path(failure["path"]).write_bytes((made_files / "originals" / "cat.jpg").read_bytes())
    filled.post("/jobs/start", {"kind": "retry", "key": failure["key"]})
    assert wait_for_jobs(filled)["counts"]["known"] == 1  # type: ignore[index]
    assert filled.get("/api/errors").json() == [] and "Every file could be read." in filled.get("/errors").text
    Path(failure["path"]).write_bytes(damaged)


def test_asking_leaves_the_store_as_it_is(filled: ServedCase, made_files: Path) -> None:
    before = filled.get("/api/case").json()
    content = (made_files / "originals" / "cat.jpg").read_bytes() + b"\0"
    answer = filled.client.post("/api/ask?name=../IMG%201.jpg", content=content, headers=BYTES)
    assert answer.status_code == 202
    for _ in range(100):
        found = filled.get(f"/api/match/{answer.json()['sha256']}").json()
        if found["state"] == "done":
            break
        time.sleep(0.1)
    assert found["query"] == "IMG 1.jpg" and found["matches"][0]["verdict"] == "copy"
    after = filled.get("/api/case").json()
    assert {**before, "is_warm": True} == {**after, "is_warm": True}
    assert re.search(r"IMG 1\.jpg</bdi></a><br><span class=\"soft\">2 images</span>", filled.get("/").text)


@pytest.mark.parametrize("address", ["/api/ask", "/api/add"])
def test_what_is_no_media_is_refused_with_a_reason(address: str, filled: ServedCase) -> None:
    answer = filled.client.post(f"{address}?name=notes.txt", content=b"words", headers=BYTES)
    assert answer.status_code == 415 and "'notes.txt'" in answer.json()["error"]


def test_files_of_a_form_are_added_and_the_others_named(filled: ServedCase, made_files: Path) -> None:
    content = (made_files / "seen" / "red_headline.jpg").read_bytes()
    files = [("file", ("notes.txt", b"x" * 9000)), ("file", ("港湾.jpg", content)), ("file", ("empty.jpg", b""))]
    form = {FIELD: page_token(filled.settings)}
    answer = filled.client.post("/add", data=form, files=files)
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs")
    job = wait_for_jobs(filled)
    assert job["title"] == "港湾.jpg" and job["counts"]["added"] == 1 and job["counts"]["refused"] == 2  # type: ignore[index]
    assert "&#39;notes.txt&#39;" in filled.get("/jobs").text
    assert "港湾.jpg was added." in re.sub("<[^>]*>|[\u2066-\u2069]", "", filled.get("/log").text)
    assert filled.client.post("/add", files=files).status_code == 403


def test_what_was_seen_is_no_news(filled: ServedCase) -> None:
    news = filled.get("/api/news").json()
    assert news["total"] >= 1 and news["matches"][0]["verdict"] == "copy"
    assert "Found in this case" in filled.get("/").text
    assert filled.post("/news/seen", {"until": "now"}).status_code == 400
    filled.post("/news/seen", {"until": news["last_at"]})
    assert filled.get("/api/news").json()["total"] == 0
    assert "New since" in filled.get("/").text
    assert filled.get("/api/news", params={"since": "2020-01-01"}).json()["total"] == news["total"]


def test_log_is_paged_from_the_newest_entry_and_its_seal_is_that_of_verify(filled: ServedCase) -> None:
    entries = filled.get("/api/log?limit=5").json()
    numbers = [entry["n"] for entry in entries]
    assert numbers == sorted(numbers, reverse=True) and len(numbers) == 5
    assert filled.get(f"/api/log?limit=1&before={numbers[-1]}").json()[0]["n"] == numbers[-1] - 1
    page = filled.get(f"/log?before={numbers[2]}").text
    assert f'id="n{numbers[3]}"' in page and f'id="n{numbers[2]}"' not in page
    filled.post("/jobs/start", {"kind": "verify"})
    result = wait_for_jobs(filled)["result"]
    assert isinstance(result, dict) and result["problem_count"] == 0
    assert result["seal"] == filled.get("/api/case").json()["log"]["seal"] in filled.get("/log").text


def test_report_is_downloaded_as_a_file(filled: ServedCase) -> None:
    job = filled.client.post("/api/jobs", json={"kind": "report"}).json()
    assert wait_for_jobs(filled)["state"] == "done"
    answer = filled.get(f"/jobs/{job['id']}/file")
    assert answer.text.startswith("<!") and answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "wanted",
    [
        {"kind": "shell"},
        {"kind": "ingest"},
        {"kind": "ingest", "paths": ["relative"]},
        {"kind": "ingest", "paths": ["/a\0b"]},
        {"kind": "ingest", "paths": ["/does/not/exist"]},
        {"kind": "received", "files": ["../../x"]},
        {"kind": "relate", "more": 1},
    ],
)
def test_job_that_cannot_be_done_is_not_started(wanted: dict[str, object], filled: ServedCase) -> None:
    before = len(filled.get("/api/jobs").json())
    assert filled.client.post("/api/jobs", json=wanted).status_code == 400
    assert len(filled.get("/api/jobs").json()) == before


def test_interrupted_job_can_go_on_after_a_restart(case: Case) -> None:
    first = Jobs(case.folder, {"relate": lambda job: job.update(done=1) or {}})
    record = first.start("relate", "", {})
    first.wait(record.id, 10)
    first.close()
    path = case.folder / "jobs" / f"{record.id}.json"
    path.write_text(path.read_text().replace('"state":"done"', '"state":"running"'))
    with served(case) as one:
        page = one.get("/").text
        assert "interrupted: the workbench ended meanwhile" in page and "Go on" in page
        one.post(f"/jobs/{record.id}/again")
        assert wait_for_jobs(one)["state"] == "done"


def test_docs_of_the_api_list_every_address_with_its_text(workbench: ServedCase) -> None:
    document = workbench.get("/openapi.json").json()
    page = workbench.get("/api").text
    for path, methods in document["paths"].items():
        for method, stated in methods.items():
            assert stated["description"], path
            assert f"{method.upper()} {path}" in page


def test_files_outside_of_the_received_ones_are_not_ingested_as_such(workbench: ServedCase, made_files: Path) -> None:
    for name in ("../originals/cat", "../../*", "*", str(made_files / "originals" / "cat"), "0" * 64):
        wanted = {"kind": "received", "files": [name]}
        assert workbench.client.post("/api/jobs", json=wanted).status_code == 400, name


def test_messages_of_a_job_that_are_not_kept_are_counted(
    filled: ServedCase, made_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MAX_MESSAGES", 2)
    monkeypatch.setattr(job_pages, "MAX_MESSAGES", 4)
    content = (made_files / "seen" / "red_headline.jpg").read_bytes()
    files = [("file", (f"notes{number}.txt", b"x" * 9000)) for number in range(5)]
    form = {FIELD: page_token(filled.settings)}
    filled.client.post("/add", data=form, files=[*files, ("file", ("a.jpg", content))])
    job = wait_for_jobs(filled)
    assert job["counts"]["refused"] == 5, "those whose reasons are not kept too"  # type: ignore[index]
    assert len(job["messages"]) == 2 and job["more_messages"] == 2  # type: ignore[arg-type]
    page = re.sub("<[^>]+>", "", filled.get("/jobs").text)
    assert "4 messages" in page and "The last 2 messages are listed." in page
