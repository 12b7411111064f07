"""Exports and lists of hashes on a page, and questions by a hash alone."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exchange_case import COPY, PHOTO, VIDEO, write_exchange_case
from served_case import ServedCase, served

from mediafp.case.case import open_case
from mediafp.types.matches import QueryResult
from mediafp.web.page_token import FIELD, page_token
from mediafp.web.work_exports import EXPORT_FORMATS


@pytest.fixture(scope="module")
def exchanged(photos: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCase]:
    """A workbench over the case of the tests of exports."""
    folder = tmp_path_factory.mktemp("exchange") / "store"
    write_exchange_case(folder, photos)
    with open_case(folder) as case, served(case) as one:
        yield one


def wait(one: ServedCase) -> dict[str, object]:
    """Return the last job when it has ended."""
    while (job := one.get("/api/jobs").json()[0])["state"] in ("waiting", "running"):
        one.get("/exchange/now")
    return dict(job)


def exported(one: ServedCase, format: str) -> bytes:
    assert one.post("/exchange/export", {"format": format}).headers["location"] == "/exchange"
    job = wait(one)
    assert job["state"] == "done", job
    assert "Download" in one.get("/exchange").text
    return one.get(f"/jobs/{job['id']}/file").content


def hashes_of(one: ServedCase, sha256: str) -> dict[str, str]:
    lines = [line.split() for line in exported(one, "hashes").decode().splitlines()]
    place = next(number for number, line in enumerate(lines) if line == ["sha256", sha256])
    return {name: value for name, value in lines[place : place + 4]}


def test_every_format_is_written_as_a_job_and_downloaded(exchanged: ServedCase) -> None:
    for library in ("stix2", "pymisp", "pyarrow"):
        pytest.importorskip(library)
    files = {format: exported(exchanged, format) for format in EXPORT_FORMATS}
    names = {json.loads(line)["sha256"] for line in files["jsonl"].splitlines()}
    assert {PHOTO, COPY, VIDEO} <= names
    (first, *_) = map(json.loads, files["matches"].splitlines())
    (row, *_) = csv.DictReader(io.StringIO(files["matches_csv"].decode("utf-8-sig")))
    assert (first["a"], first["b"]) == (row["a"], row["b"])
    assert json.loads(files["stix"])["type"] == "bundle" and "Event" in json.loads(files["misp"])
    assert zipfile.ZipFile(io.BytesIO(files["parquet"])).namelist() == [
        "assets.parquet", "matches.parquet", "sightings.parquet", "transcripts.parquet",
    ]  # fmt: skip
    for format in ("stix", "misp", "hashes", "coshare"):
        assert b"/home/analyst" not in files[format]
    assert exchanged.post("/exchange/export", {"format": "exe"}).status_code == 400
    assert exchanged.client.post("/api/jobs", json={"kind": "export"}).status_code == 400


def test_list_is_imported_by_upload_and_removed(exchanged: ServedCase) -> None:
    pdq = hashes_of(exchanged, PHOTO)["pdq"]
    content = f"pdq:{pdq} stolen\nnothing\n".encode()
    form = {FIELD: page_token(exchanged.settings), "list": ""}
    sent = exchanged.client.post("/exchange/import", data=form, files=[("file", ("../x/known <i>.txt", content))])
    assert (sent.status_code, sent.headers["location"]) == (303, "/exchange")
    job = wait(exchanged)
    assert job["result"] == {"list": "known <i>", "added": 1, "known": 0, "skipped": 1}
    assert exchanged.get("/api/hash-lists").json() == [{"list": "known <i>", "hashes": {"pdq": 1}}]
    page = exchanged.get("/exchange").text
    assert "known &lt;i&gt;" in page and "<i>.txt" not in page and "skipped line 2" in page
    entry = next(one for one in exchanged.get("/api/log").json() if one["what"] == "listed")
    assert entry["details"]["path"] == "known <i>.txt"
    assert list((exchanged.case.folder / "imports").iterdir()) == []
    assert exchanged.get(f"/api/match/{PHOTO}").json()["listed"][0]["label"] == "stolen"
    exchanged.post("/exchange/remove", {"name": "known <i>"})
    assert exchanged.get("/api/hash-lists").json() == []
    assert exchanged.post("/exchange/remove", {"name": "known <i>"}).status_code == 400


def test_lists_of_the_api_are_bodies_and_what_is_no_list_fails_with_its_name(exchanged: ServedCase) -> None:
    headers = {"content-type": "application/octet-stream"}
    address = "/api/hash-lists?name=a.txt&list=taken&algorithm=sha256"
    sent = exchanged.client.post(address, content=PHOTO.encode(), headers=headers)
    assert sent.status_code == 202 and wait(exchanged)["result"]["added"] == 1  # type: ignore[index]
    assert exchanged.client.request("DELETE", "/api/hash-lists", json={"name": "taken"}).json()["removed"] == 1
    exchanged.client.post("/api/hash-lists?name=deep.json", content=b"[" * 100_000, headers=headers)
    job = wait(exchanged)
    assert job["state"] == "failed" and "'deep.json'" in str(job["error"])
    assert str(exchanged.case.folder) not in json.dumps(job)
    assert list((exchanged.case.folder / "imports").iterdir()) == []
    form = {FIELD: page_token(exchanged.settings)}
    assert exchanged.client.post("/exchange/import", data=form, files=[]).status_code in (400, 415)
    assert exchanged.client.post("/exchange/import", files=[("file", ("a.txt", b"x"))]).status_code == 403


def test_hash_alone_is_answered_in_words(exchanged: ServedCase, tmp_path: Path) -> None:
    pdq = hashes_of(exchanged, PHOTO)["pdq"]
    near = f"{int(pdq, 16) ^ 0b111:064x}"
    listed = tmp_path / "known.txt"
    listed.write_text(f"pdq:{pdq} stolen\n")
    exchanged.case.import_hashes(listed)
    for text in (f"pdq:{near}", near, f" PDQ:{near.upper()} "):
        page = exchanged.get("/hash", params={"h": text}).text
        assert (
            f"/answer/{PHOTO}" in page and "3 of 256 bits of the PDQ differ: a near copy" in page and "stolen" in page
        )
    found = exchanged.get("/api/match", params={"hash": f"pdq:{near}"}).json()
    assert found["matches"][0]["sha256"] == PHOTO and found["listed"][0]["distance"] == 3
    assert "the same bytes" in exchanged.get("/hash", params={"h": PHOTO}).text
    exchanged.case.remove_hash_list("known")
    assert "It was read as SHA-256, PDQ." in exchanged.get("/hash", params={"h": "f0" * 32}).text
    for text in ("pdq:xyz", "f8", "pdq:f8", "<b>"):
        page = exchanged.get("/hash", params={"h": text})
        assert page.status_code == 400 and "<b>" not in page.text
        assert exchanged.get("/api/match", params={"hash": text}).status_code == 400
    assert exchanged.get("/hash").status_code == 200 and exchanged.get("/hash?h=" + "f" * 300).status_code == 400


def test_formats_document_every_address_of_the_api(exchanged: ServedCase) -> None:
    documented = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    rows = {line for line in documented.splitlines() if line.startswith("| `") and "/api/" in line}
    stated = {name for row in rows for name in row.split("|")[1].replace("`", "").split(", ")}
    paths = exchanged.get("/openapi.json").json()["paths"]
    assert {name.strip() for name in stated} == {f"{method.upper()} {path}" for path in paths for method in paths[path]}


def test_page_of_a_hash_counts_the_files_that_it_does_not_list(
    exchanged: ServedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "/hash?h=" + hashes_of(exchanged, PHOTO)["pdq"]
    (count,) = map(int, re.findall(r"Near to <[^>]*>(\d+) files? *<", exchanged.get(address).text))
    own = exchanged.case.match_hash

    def match_hash(text: str, **options: Any) -> QueryResult:
        result = own(text, **options)
        return replace(result, more_matches=5 if result.matches else 0)

    monkeypatch.setattr(exchanged.case, "match_hash", match_hash)
    page = exchanged.get(address).text
    assert re.search(rf"Near to <[^>]*>{count + 5} files *<", page)
    assert f"{count} of {count + 5} are listed." in page and f">{count + 5} files<" in page
