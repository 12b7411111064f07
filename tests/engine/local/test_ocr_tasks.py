"""OCR in sandboxed workers."""

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from media_files import write_video
from scripted_workers import signal_workers
from watermarks import watermarked

from mediafp.engine import analysis
from mediafp.engine.interface import AnalysisRequest
from mediafp.engine.local.engine import LocalEngine
from mediafp.ingest.files import open_file
from mediafp.types.errors import NotMedia, WorkerLost


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    with LocalEngine(tmp_path_factory.mktemp("engine")) as created:
        yield created


def test_run_ocr_gives_the_same_lines_in_the_sandbox(
    engine: LocalEngine, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    watermarked(photos["cat"], "@sample_user88", 20, (0.5, 0.9)).save(tmp_path / "a.png")
    with open_file(tmp_path / "a.png") as file:
        direct = analysis.analyse_file(file, "", ocr=True)
        alone, warnings = engine.run_ocr(file)
        by_worker = engine.analyse(file, "", "image", AnalysisRequest(ocr=True))
        assert direct and direct.text and direct.text.lines and warnings == []
        assert by_worker.text == direct.text == alone
        assert engine.analyse(file, "", "image").text is None


def test_text_on_screen_is_the_same_in_the_sandbox(
    engine: LocalEngine, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    frames = [np.asarray(watermarked(photos["cat"], "BREAKING NEWS", 30, (0.2, 0.8)))] * 8
    write_video(tmp_path / "a.mp4", *frames, rate=4)
    with open_file(tmp_path / "a.mp4") as file:
        direct = analysis.analyse_file(file, "", ocr=True)
        alone, warnings = engine.read_video_text(file)
        by_worker = engine.analyse(file, "", "video", AnalysisRequest(ocr=True))
        assert direct and direct.video_text and warnings == []
        ((text, start, end),) = [(line.text, line.start, line.end) for line in direct.video_text.lines]
        assert (text, start) == ("BREAKING NEWS", 0.0) and abs(end - 2.0) < 0.1
        assert by_worker.video_text == direct.video_text == alone
        assert by_worker.text is None
        query = engine.analyse(file, "", "video", AnalysisRequest(ocr=True, matched_only=True))
        assert query.video_text is None, "no match depends on it"


def test_read_video_text_rejects_an_image(engine: LocalEngine, photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    watermarked(photos["cat"], "@sample_user88", 20, (0.5, 0.9)).save(tmp_path / "a.png")
    with open_file(tmp_path / "a.png") as file, pytest.raises(NotMedia, match="not a video"):
        engine.read_video_text(file)


def test_run_ocr_rejects_a_video(engine: LocalEngine, clips: dict[str, Path]) -> None:
    with open_file(clips["bikes"]) as file:
        with pytest.raises(NotMedia, match="not an image"):
            engine.run_ocr(file)
        assert engine.analyse(file, "", "video", AnalysisRequest(ocr=True)).text is None


def test_run_ocr_replaces_an_idle_worker_without_ocr_models(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    watermarked(photos["cat"], "@sample_user88", 20, (0.5, 0.9)).save(tmp_path / "a.png")
    with LocalEngine(tmp_path) as engine, open_file(tmp_path / "a.png") as file:
        assert engine.analyse(file, "", "image").text is None
        (plain,) = engine._pool._all
        assert not plain.capabilities.ocr
        assert engine.run_ocr(file)[0].lines
        (worker,) = engine._pool._all
        assert worker.capabilities.ocr and worker.capabilities.all_types and plain.ended
        engine.analyse(file, "", "image")
        assert engine._pool._all == {worker}, "a worker with OCR models serves other tasks too"


@pytest.mark.parametrize(
    ("number", "losses", "reason"),
    [(signal.SIGXCPU, 1, "it took more CPU time than one file may take"), (signal.SIGKILL, 2, "memory ran out")],
)
def test_image_whose_text_costs_the_worker_is_analysed_without_it(
    photos: dict[str, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    losses: int,
    reason: str,
) -> None:
    watermarked(photos["cat"], "@sample_user88", 20, (0.5, 0.9)).save(tmp_path / "a.png")
    workers = signal_workers(monkeypatch, number, losses)
    with LocalEngine(tmp_path) as engine, open_file(tmp_path / "a.png") as file:
        analysed = engine.analyse(file, "", "image", AnalysisRequest(ocr=True, matched_only=True))
        (warning,) = analysed.warnings
        assert warning.startswith("skipped OCR: ") and reason in warning and "a.png" not in warning
        assert analysed.fingerprints and analysed.text is None and len(workers) == losses + 1


def test_image_that_costs_the_worker_without_ocr_fails(
    photos: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watermarked(photos["cat"], "@sample_user88", 20, (0.5, 0.9)).save(tmp_path / "a.png")
    workers = signal_workers(monkeypatch, signal.SIGXCPU, 2)
    with LocalEngine(tmp_path) as engine, open_file(tmp_path / "a.png") as file:
        with pytest.raises(WorkerLost, match="more CPU time"):
            engine.analyse(file, "", "image", AnalysisRequest(ocr=True, matched_only=True))
        assert len(workers) == 2
