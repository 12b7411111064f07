"""The estimate of an ingest."""

import tracemalloc
from pathlib import Path
from typing import cast

from mediafp.case.ingestion.estimate import _estimate
from mediafp.engine.interface import Engine
from mediafp.ingest.walk import walk
from mediafp.types.runs import IngestOptions


class StartedEngine:
    """An engine that gets no media."""

    concurrency = 1

    def start(self, *, ocr: bool = False) -> None:
        pass


def test_estimate_of_many_files_takes_little_memory(tmp_path: Path) -> None:
    for number in range(3_000):
        (tmp_path / f"{number:04}.txt").write_text("words")
    engine = cast(Engine, StartedEngine())
    _estimate(None, engine, walk([tmp_path / "0000.txt"]), IngestOptions())
    tracemalloc.start()
    try:
        estimate = _estimate(None, engine, walk([tmp_path]), IngestOptions())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (estimate.seen, estimate.new, estimate.new_bytes) == (3_000, 3_000, 15_000)
    assert peak < 3_000 * 600
