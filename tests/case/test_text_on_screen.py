"""Text on screen of ingested videos: added later, searched, exported, forgotten."""

from pathlib import Path

import numpy as np
import pytest
from media_files import write_video
from typer.testing import CliRunner
from watermarks import watermarked

from mediafp.case.case import open_case
from mediafp.cli.app import app
from mediafp.types.runs import AnalysisOptions, IngestOptions


def test_text_on_screen_is_added_by_a_later_ingest_and_found_until_it_is_forgotten(
    photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    shots = [np.asarray(watermarked(photos["cat"], text, 30, (0.2, 0.8))) for text in ("BREAKING NEWS", "HARBOUR SHUT")]
    video = write_video(tmp_path / "a.mkv", *[shots[n // 3] for n in range(6)])
    with open_case(tmp_path / "store", create=True) as case:

        def ingest(*, ocr: bool) -> list[tuple[str, tuple[str, ...]]]:
            options = IngestOptions(jobs=1, match=False, analysis=AnalysisOptions(ocr=ocr))
            return [(outcome.status, outcome.warnings) for outcome in case.ingest(video, options)]

        (added,) = ingest(ocr=False)
        assert added[0] == "added" and list(case.search("harbour")) == []
        for _ in range(2):
            assert ingest(ocr=True) == [("known", ())]
        (hit,) = case.search("harbour", ["screen"])
        assert (hit.source, hit.uris, hit.start, hit.end) == ("screen", (str(video),), 2.5, 6.0)
        (record,) = case.export_records()
        assert record.video_text and [line.text for line in record.video_text] == ["BREAKING NEWS", "HARBOUR SHUT"]
        assert len([entry for entry in case._store.iter_log("read_video")]) == 1
        assert case.verify().problems == ()
        (forgotten,) = case.forget(video)
        assert forgotten.removed["video_texts"] == 1 and forgotten.removed["passages"] == 2
        assert list(case.search("harbour")) == [] and case.verify().problems == ()


@pytest.mark.parametrize(("sources", "status"), [("screen", 1), ("speech,picture", 1), ("subtitles", 2), ("", 2)])
def test_search_in_sources_refuses_unknown_ones(tmp_path: Path, sources: str, status: int) -> None:
    open_case(tmp_path, create=True).close()
    done = CliRunner().invoke(app, ["--store", str(tmp_path), "search", "x", "--in", sources])
    code = done.exit_code if not isinstance(done.exception, Exception) else 2
    assert code == status, (done.output, done.exception)
