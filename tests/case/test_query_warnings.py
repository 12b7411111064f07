"""A result states the warnings of its query: what was not read of it cannot have been found."""

from pathlib import Path

from processes import run_ffmpeg

from mediafp import AnalysisOptions, Case, IngestOptions

FAST = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))
SILENT = "skipped the audio: it is silent, so that the video cannot be matched by it"


def test_results_and_the_page_of_a_trace_state_the_warnings_of_the_query(case: Case, tmp_path: Path) -> None:
    path, page = tmp_path / "a.mp4", tmp_path / "trace.html"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64", "-f", "lavfi", "-i", "anullsrc", "-t", 2, path)
    (unknown,) = case.match(path, ocr=False, speech=None)
    (outcome,) = case.ingest(path, FAST)
    (known,) = case.match(path, ocr=False, speech=None)
    assert unknown.warnings == outcome.warnings == known.warnings == (SILENT,)
    list(case.trace(path, ocr=False, report_path=page))
    assert SILENT in page.read_text()
