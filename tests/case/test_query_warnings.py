"""Results and pages state the warnings of their files: what was not read of one cannot have been found."""

import html
import re
from dataclasses import replace
from pathlib import Path

from ingest_records import add_records
from linked_stores import image_record, keep, link
from processes import run_ffmpeg

from mediafp import AnalysisOptions, Case, Draft, IngestOptions, PublishedGroup, PublishedMatch
from mediafp.case.comparison.versions import comparison_versions
from mediafp.types.kept_matches import KeptMatch, PairFailure

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


def test_evidence_page_and_publication_state_the_warnings_of_the_files_they_show(case: Case, tmp_path: Path) -> None:
    """A store of an older version names the file in a warning, which a publication leaves out."""
    store, page = case._store, tmp_path / "report.html"
    for name, warning in (("a", SILENT), ("b", "skipped OCR: cannot process 'it's b.png': memory ran out"), ("c", "")):
        add_records(store, replace(image_record(name), warnings=(warning,) if warning else ()))
    keep(store, link("a", "b", 0.99))
    case.report(page)
    texts = re.findall("<p>(?:query|reference): [^<]*<bdi>[^<]*</bdi></p>", page.read_text())
    assert {html.unescape(re.sub("<[^>]*>", "", text)).split(": ", 1)[1] for text in texts} >= {
        SILENT, "skipped OCR: cannot process 'it's b.png': memory ran out"
    }  # fmt: skip
    assert page.read_text().count(SILENT) == 2, "in the gallery of its group, and in its match"
    (group,) = case.cluster().clusters
    a, b = sorted(member.sha256 for member in group.members)
    cards = (PublishedMatch(query=a, reference=b, relation="copy"), PublishedGroup(cluster=group.id))
    published = html.unescape(case.preview(Draft(title="T", words=("W",), cards=cards)))
    assert published.count(SILENT) == published.count("skipped OCR: memory ran out") == 2
    assert "b.png" not in published


def test_evidence_page_states_that_pairs_were_not_compared(case: Case, tmp_path: Path) -> None:
    store, page = case._store, tmp_path / "report.html"
    add_records(store, *map(image_record, "abc"))
    keep(store, link("a", "b", 0.99))
    a, _, c = sorted(asset.sha256 for asset in store.assets())
    case.report(page)
    assert "could not be compared" not in page.read_text()
    with store.writing():
        failure = PairFailure("oom", "no memory")
        store.save_pairs(
            comparison_versions()["picture"],
            store.last_log_entry()[0],
            [KeptMatch(query=a, reference=c, channel="picture", promise=1, match=None, failure=failure)],
        )
    case.report(page)
    assert "1 pair of files could not be compared; to try again: mediafp relate" in page.read_text()
