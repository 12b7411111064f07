"""Models and libraries that workers load."""

from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from mediafp.engine.interface import AnalysisRequest
from mediafp.engine.local.capabilities import WorkerCapabilities
from mediafp.engine.local.engine import LocalEngine
from mediafp.ingest.files import open_file

ALL = [
    WorkerCapabilities(ocr=ocr, all_types=all_types, video=video)
    for ocr, all_types, video in product((False, True), repeat=3)
]


def test_covers_compares_each_capability() -> None:
    covered = {(str(a), str(b)) for a in ALL for b in ALL if a.covers(b)}
    assert len(covered) == 27, "3 x 3 x 3: each capability is absent from both, in the first, or in both"
    assert all(a.covers(a) and (a | b).covers(b) for a in ALL for b in ALL)


def test_query_worker_computes_matched_types_and_is_replaced_for_all_types(
    tmp_path: Path, photos: dict[str, np.ndarray]
) -> None:
    Image.fromarray(photos["cat"]).save(tmp_path / "a.png")
    with LocalEngine(tmp_path) as engine, open_file(tmp_path / "a.png") as file:
        query = engine.analyse(file, "", "image", AnalysisRequest(matched_only=True))
        assert [fingerprint.type for fingerprint in query.fingerprints] == ["sscd_distilled", "pdq"]
        (first,) = engine._pool._all
        assert not first.capabilities.all_types and not first.capabilities.video
        stored = engine.analyse(file, "", "image")
        assert [fingerprint.type for fingerprint in stored.fingerprints] == ["sscd_distilled", "pdq", "phash", "dhash"]
        (second,) = engine._pool._all
        assert second.capabilities.all_types and second.capabilities.video and first.ended
        assert stored.fingerprint("pdq").vectors.tobytes() == query.fingerprint("pdq").vectors.tobytes()
