"""`Case` in Python: kinds of queries, additions while the case is open, several threads."""

import io
import shutil
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import PATIENCE_SECONDS

import mediafp
from mediafp import AnalysisOptions, Case, IngestOptions, QueryResult, StoreError, UsageError

FAST = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))


def save(photos: dict[str, np.ndarray], folder: Path, names: Sequence[str]) -> list[Path]:
    """Write photographs as files named after them."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{name}.png" for name in names]
    for name, path in zip(names, paths, strict=True):
        Image.fromarray(photos[name]).save(path, compress_level=1)
    return paths


def ingest(case: Case, paths: list[Path]) -> None:
    assert {outcome.status for outcome in case.ingest(paths, FAST)} == {"added"}


def copy_of(path: Path) -> Path:
    """Write a copy of a file, which is then no query by the path of a sighting."""
    folder = path.parent.with_name("copies")
    folder.mkdir(exist_ok=True)
    return Path(shutil.copy(path, folder))


def copies(result: QueryResult) -> list[str]:
    return [Path(match.uris[0]).stem for match in result.matches if match.verdict == "copy"]


def test_match_accepts_paths_bytes_and_open_files(case: Case, photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    cat, temple = save(photos, tmp_path / "files", ("cat", "temple"))
    ingest(case, [cat, temple])
    with cat.open("rb") as file:
        queries = [str(cat), temple.read_bytes(), file, io.BytesIO(temple.read_bytes()), cat]
        results = list(case.match(queries, ocr=False))
        assert file.tell() == cat.stat().st_size, "the file was read and stays open"
    # By the path of its own sighting, a file is not its own match.
    assert [copies(result) for result in results] == [[], ["temple"], ["cat"], ["temple"], []]
    assert [result.query for result in results] == [str(cat), "<bytes>", str(cat), "<file>", str(cat)]
    assert len({result.sha256 for result in results}) == 2


def test_match_of_one_query_equals_match_of_a_list(case: Case, photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    (cat,) = save(photos, tmp_path / "files", ("cat",))
    ingest(case, [cat])
    cat = copy_of(cat)
    expected = list(case.match([cat], ocr=False))
    assert copies(expected[0]) == ["cat"]
    assert list(case.match(str(cat), ocr=False)) == list(case.match(cat, ocr=False)) == expected
    for query in (cat.read_bytes(), io.BytesIO(cat.read_bytes())):
        (result,) = case.match(query, ocr=False)
        assert result.matches == expected[0].matches
    assert case.count_files(str(tmp_path / "files")) == 1
    assert [trace.entries for trace in case.trace(str(cat), ocr=False)] == [
        trace.entries for trace in case.trace([cat], ocr=False)
    ]


def test_match_of_contents_that_are_not_media_returns_an_error(case: Case, tmp_path: Path) -> None:
    closed = (tmp_path / "closed").open("wb+")
    closed.close()
    results = list(case.match([b"", b"words", closed], ocr=False))
    assert len(results) == 3 and all(result.error and not result.matches for result in results)
    assert "closed" in (results[2].error or "")


def test_open_case_adds_ingested_assets_to_its_index(case: Case, photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    cat, temple, rocket = save(photos, tmp_path / "files", ("cat", "temple", "rocket"))
    copied = [copy_of(path) for path in (cat, temple, rocket)]
    ingest(case, [cat])
    assert [copies(result) for result in case.match(copied[:2], ocr=False)] == [["cat"], []]
    references = case._references()
    ingest(case, [temple])
    with mediafp.open(case.folder) as other:
        ingest(other, [rocket])
    results = case.match(copied, ocr=False)
    assert [copies(result) for result in results] == [["cat"], ["temple"], ["rocket"]]
    assert case._references() is references and len(references.assets()) == 3


def test_renewed_analysis_of_an_asset_rebuilds_the_index(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    (cat,) = save(photos, tmp_path / "files", ("cat",))
    ingest(case, [cat])
    references = case._references()
    crops = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False))
    assert {outcome.status for outcome in case.ingest([cat], crops)} == {"known"}
    renewed = case._references()
    assert renewed is not references and renewed is case._references()
    assert renewed.row_counts()["sscd_distilled_crops"] > references.row_counts()["sscd_distilled_crops"] == 0


def test_match_in_several_threads_works_during_an_ingest(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    names = ("cat", "temple", "rocket", "flower", "motorcycle")
    first, *remaining = save(photos, tmp_path / "files", names)
    ingest(case, [first])
    queries = [copy_of(first), copy_of(remaining[-1])]
    started, done = threading.Barrier(3), threading.Event()

    def match_until_done() -> list[list[str]]:
        results = []
        started.wait(PATIENCE_SECONDS)
        while True:
            last = done.is_set()
            results.append([copies(result) for result in case.match(queries, ocr=False)])
            case.count_assets()
            if last:
                return results

    with ThreadPoolExecutor(2) as threads:
        futures = [threads.submit(match_until_done) for _ in range(2)]
        started.wait(PATIENCE_SECONDS)
        try:
            ingest(case, list(remaining))
        finally:
            done.set()
        rounds = [future.result(PATIENCE_SECONDS) for future in futures]
    for results in rounds:
        assert all(result[0] == ["cat"] for result in results)
        assert results[-1] == [["cat"], ["motorcycle"]]
    assert case.verify().problems == () and case.count_assets() == len(names)


def test_trace_page_requires_one_query_and_an_existing_folder(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    paths = save(photos, tmp_path / "files", ("cat", "temple"))
    with pytest.raises(UsageError, match="name one image"):
        list(case.trace(paths, report_path=tmp_path / "page.html"))
    with pytest.raises(UsageError, match="create it first"):
        list(case.trace(paths[0], report_path=tmp_path / "none" / "page.html"))


def test_open_requires_a_store_and_a_folder_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreError, match="ingest"):
        mediafp.open(tmp_path / "none")
    with pytest.raises(UsageError, match="--store"):
        mediafp.open("")
    monkeypatch.setenv("MEDIAFP_STORE", str(tmp_path / "named"))
    with mediafp.open(create=True) as case:
        assert case.folder == tmp_path / "named"
