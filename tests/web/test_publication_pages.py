"""The publication pages: a draft from its first card to its seal, and the second of two writers is told."""

import io
import zipfile

import pytest
from served_case import ServedCase


@pytest.fixture(scope="module")
def pair(workbench: ServedCase) -> dict[str, str]:
    """Query and reference of a copy in the case."""
    kept = next(
        one
        for one in workbench.case.kept_matches()
        if one.match and one.match.verdict == "copy" and one.match.placement
    )
    return {"query": kept.query, "reference": kept.reference}


def test_draft_is_edited_checked_sealed_and_downloaded(workbench: ServedCase, pair: dict[str, str]) -> None:
    address = workbench.post("/publish/add", pair).headers["location"]
    assert workbench.post("/publish/add", pair).headers["location"] == address
    draft = workbench.get(f"/api/drafts/{address[9:]}").json()
    assert len(draft["draft"]["cards"]) == 1
    fields = {"title": "One <picture>", "words": "First.\r\n\r\nSecond.", "by": "a desk", "owner": "on", "hashes": "on"}
    saved = workbench.post(address, {**fields, "revision": str(draft["revision"]), "do": "save"})
    assert saved.status_code == 303
    stale = workbench.post(address, {**fields, "revision": str(draft["revision"]), "do": "save"})
    assert stale.status_code == 409 and "revision" in stale.text
    page = workbench.get(address).text
    assert "One &lt;picture&gt;" in page and "First.\n\nSecond." in page
    preview = workbench.get(f"{address}/preview")
    assert "First." in preview.text and str(workbench.case.folder) not in preview.text
    assert "sandbox" in preview.headers["content-security-policy"]
    draft = workbench.get(f"/api/drafts/{address[9:]}").json()
    assert draft["draft"]["words"] == ["First.", "Second."] and all(check["passed"] for check in draft["checks"])
    sealed = workbench.post(address, {**fields, "revision": str(draft["revision"]), "do": "seal"})
    assert sealed.headers["location"] == address
    bundle = workbench.get(f"{address}/file/bundle.zip")
    assert bundle.headers["content-disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        assert archive.testzip() is None and any(name.endswith(".html") for name in archive.namelist())
    assert workbench.post(address, {**fields, "revision": str(draft["revision"] + 1), "do": "save"}).status_code == 409
    assert workbench.client.post(f"/api/drafts/{address[9:]}/seal").status_code in (400, 409)


def test_box_is_covered_and_uncovered(workbench: ServedCase, pair: dict[str, str]) -> None:
    address = workbench.post("/publish/new", {"title": "boxes"}).headers["location"]
    assert workbench.post("/publish/add", pair).headers["location"] == address
    fields = {"x_0": "2", "y_0": "3", "w_0": "20", "h_0": "30", "hashes": "on"}
    before = workbench.get(f"{address}/image/0").content
    assert workbench.post(address, {**fields, "revision": "2", "do": "cover:0"}).status_code == 303
    draft = workbench.get(address + ".json").json()["draft"]
    (box,) = draft["redaction"]["boxes"]
    assert (box["left"], box["top"], box["right"], box["bottom"]) == (2, 3, 22, 33)
    assert workbench.get(f"{address}/image/0").content != before
    assert workbench.post(address, {"revision": "3", "do": "uncover:0"}).status_code == 303
    assert workbench.get(address + ".json").json()["draft"]["redaction"]["boxes"] == []
    for do in ("cover:99", "cover:x", "up:99", "cover:0"):
        assert workbench.post(address, {"revision": "4", "do": do}).status_code == 400


def test_what_is_no_draft_is_refused(workbench: ServedCase) -> None:
    assert workbench.client.post("/api/drafts", json={"cards": [{"type": "match"}]}).status_code == 400
    assert workbench.client.put("/api/drafts/0123456789ab", json={"revision": 1, "draft": {}}).status_code == 400
    assert workbench.get("/publish/../etc").status_code == 404
    assert workbench.get("/publish/0123456789ab").status_code == 400
    assert workbench.post("/publish/add", {"query": "f" * 64, "reference": "0" * 64}).status_code == 404
