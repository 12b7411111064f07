"""OCR results in the store: saving, searching, integrity."""

from ingest_records import execute_raw

from mediafp.case.case import Case
from mediafp.types.matches import OcrResult, TextLine

BOX = ((1.0, 2.0), (9.0, 2.0), (9.0, 6.0), (1.0, 6.0))


def result_of(*lines: str, version: str = "1") -> OcrResult:
    return OcrResult(version=version, lines=tuple(TextLine(text=t, box=BOX, confidence=0.9) for t in lines))


def save(case: Case, sha256: str, result: OcrResult) -> None:
    with case._store.writing():
        case._store.save_ocr_result(sha256, result)


def test_ocr_lines_returns_the_saved_result(case: Case, asset: str) -> None:
    assert case._store.ocr_lines(asset) is None and not case._store.has_ocr_result(asset, "1")
    save(case, asset, result_of("微博 @样例用户", "MADE IN 香港"))
    assert case._store.ocr_lines(asset) == result_of("微博 @样例用户", "MADE IN 香港").lines
    assert case._store.has_ocr_result(asset, "1") and not case._store.has_ocr_result(asset, "2")
    save(case, asset, result_of(version="2"))
    assert case._store.ocr_lines(asset) == () and case._store.has_ocr_result(asset, "2")


def test_search_finds_text_in_images_in_both_scripts_and_across_lines(case: Case, asset: str) -> None:
    save(case, asset, result_of("機器學習的", "方法 BREAKING", "@mei_star88"))
    for query in ("机器学习", "機器學習", "学习的方法", "breaking", "mei", "机器 star88"):
        (hit,) = case._store.search_passages(query)
        assert (hit.sha256, hit.source, hit.start, hit.end) == (asset, "picture", 0.0, 0.0)
        assert hit.text == "機器學習的\n方法 BREAKING\n@mei_star88"
    assert list(case._store.search_passages("nothing")) == []


def test_save_ocr_result_replaces_the_older_result(case: Case, asset: str) -> None:
    save(case, asset, result_of("first"))
    save(case, asset, result_of("second", version="2"))
    assert list(case._store.search_passages("first")) == []
    assert len(list(case._store.search_passages("second"))) == 1


def test_save_ocr_result_logs_an_equal_result_once(case: Case, asset: str) -> None:
    for _ in range(2):
        save(case, asset, result_of("once"))
    assert len(list(case._store.iter_log("read"))) == 1


def test_check_integrity_finds_altered_and_damaged_ocr_results(case: Case, asset: str) -> None:
    before = case._store.check_integrity()  # problems of the record of the fixture, which other tests check
    save(case, asset, result_of("as it was"))
    assert case._store.check_integrity() == before
    execute_raw(case._store, "UPDATE picture_text SET data = replace(data, 'was', 'is')")
    added = [problem for problem in case._store.check_integrity() if problem not in before]
    assert added == [
        f"the OCR result of {asset} differs from the custody log",
        f"the passages of {asset} differ from its OCR result",
    ]
    execute_raw(case._store, "UPDATE picture_text SET data = '[[1, 2]]'")
    assert any("is damaged" in problem for problem in case._store.check_integrity())
    execute_raw(case._store, "DELETE FROM picture_text")
    added = [problem for problem in case._store.check_integrity() if problem not in before]
    assert added == [
        f"the OCR result of {asset} is in the custody log, and missing from the store",
        f"image {asset} has passages and no OCR result",
    ]
