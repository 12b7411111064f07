"""Saved queries state what is known before what takes long."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mediafp
from mediafp import AnalysisOptions, IngestOptions
from mediafp.case import query
from mediafp.types.saved_queries import SavedQuery


def test_matches_are_saved_before_the_text_in_their_images_is_read(
    photos: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = Image.fromarray(photos["cat"])
    picture.save(tmp_path / "cat.png")
    width, height = picture.size
    picture.crop((0, 0, width * 9 // 10, height)).save(tmp_path / "crop.png")
    with mediafp.open(tmp_path / "store", create=True) as case:
        options = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False))
        assert [outcome.status for outcome in case.ingest(tmp_path / "cat.png", options)] == ["added"]
        queries, saved = case.saved_queries(), []
        with queries.receiving("crop.png") as upload:
            upload.write((tmp_path / "crop.png").read_bytes())

        def read_text(*arguments: object) -> None:
            saved.append(queries.find(upload.sha256))

        monkeypatch.setattr(query, "_run_ocr_on_asset", read_text)
        done = queries.run(upload.sha256)
    (known,) = saved
    assert isinstance(known, SavedQuery) and known.state == "matching" and known.is_running
    assert known.result is not None and done.result is not None
    assert [match.sha256 for match in known.result.matches] == [match.sha256 for match in done.result.matches]
    assert len(known.result.matches) == 1 and done.state == "done"
