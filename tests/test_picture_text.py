"""Text in images: OCR in sandboxed workers, OCR results in a store, and searches in them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from intakes import intake, raw
from PIL import Image, ImageDraw, ImageFont

from mediafp.case.case import Case
from mediafp.engine import analysis
from mediafp.engine.interface import AnalysisRequest
from mediafp.engine.local.engine import LocalEngine
from mediafp.ingest.files import open_file
from mediafp.types.errors import NotMedia
from mediafp.types.matches import OcrResult, TextLine

BOX = ((1.0, 2.0), (9.0, 2.0), (9.0, 6.0), (1.0, 6.0))


def marked(photo: np.ndarray, text: str, size: int, at: tuple[float, float], font: Path | None = None) -> Image.Image:
    """A photograph with a translucent mark, as platforms put it; `at` are shares of the width and the height."""
    image = Image.fromarray(photo)
    draw = ImageDraw.Draw(image, "RGBA")
    chosen = ImageFont.truetype(font, size) if font else ImageFont.load_default(size)
    place = (image.width * at[0], image.height * at[1])
    draw.text(place, text, (255, 255, 255, 215), chosen, stroke_width=1, stroke_fill=(0, 0, 0, 120))
    return image


# Behind the locks ---------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    with LocalEngine(tmp_path_factory.mktemp("workers")) as made:
        yield made


def test_locked_workers_read_the_same(workers: LocalEngine, photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    marked(photos["cat"], "@sample_user88", 20, (0.5, 0.9)).save(tmp_path / "a.png")
    with open_file(tmp_path / "a.png") as file:
        here = analysis.analyse_file(file, "", ocr=True)
        alone, warnings = workers.run_ocr(file)
        there = workers.analyse(file, "", "image", AnalysisRequest(ocr=True))
        assert here and here.text and here.text.lines and warnings == []
        assert there.text == here.text == alone
        assert workers.analyse(file, "", "image").text is None


def test_a_file_that_is_no_picture_has_no_text(workers: LocalEngine, clips: dict[str, Path]) -> None:
    with open_file(clips["bikes"]) as file:
        with pytest.raises(NotMedia, match="not an image"):
            workers.run_ocr(file)
        assert workers.analyse(file, "", "video", AnalysisRequest(ocr=True)).text is None


def test_an_idle_worker_without_ocr_models_is_replaced_by_one_with_them(
    tmp_path: Path, photos: dict[str, np.ndarray]
) -> None:
    marked(photos["cat"], "@sample_user88", 20, (0.5, 0.9)).save(tmp_path / "a.png")
    with LocalEngine(tmp_path) as engine, open_file(tmp_path / "a.png") as file:
        assert engine.analyse(file, "", "image").text is None
        (plain,) = engine._pool._all
        assert not plain.capabilities.ocr
        assert engine.run_ocr(file)[0].lines
        (worker,) = engine._pool._all
        assert worker.capabilities.ocr and worker.capabilities.all_types and plain.ended
        engine.analyse(file, "", "image")
        assert engine._pool._all == {worker}, "a worker with OCR models serves other tasks too"


# In a store ---------------------------------------------------------------------------------------
def text(*lines: str, version: str = "1") -> OcrResult:
    return OcrResult(version=version, lines=tuple(TextLine(text=t, box=BOX, confidence=0.9) for t in lines))


@pytest.fixture
def kept(case: Case) -> str:
    """An asset in the case."""
    given = intake("a")
    with case._store.writing():
        case._store.add_record(given)
    return given.asset.sha256


def write(case: Case, sha256: str, read: OcrResult) -> None:
    with case._store.writing():
        case._store.save_ocr_result(sha256, read)


def test_text_comes_back_as_it_was_read(case: Case, kept: str) -> None:
    assert case._store.ocr_lines(kept) is None and not case._store.has_ocr_result(kept, "1")
    write(case, kept, text("微博 @样例用户", "MADE IN 香港"))
    assert case._store.ocr_lines(kept) == text("微博 @样例用户", "MADE IN 香港").lines
    assert case._store.has_ocr_result(kept, "1") and not case._store.has_ocr_result(kept, "2")
    write(case, kept, text(version="2"))
    assert case._store.ocr_lines(kept) == () and case._store.has_ocr_result(kept, "2")


def test_words_in_pictures_are_found_in_both_scripts_and_across_lines(case: Case, kept: str) -> None:
    write(case, kept, text("機器學習的", "方法 BREAKING", "@mei_star88"))
    for sought in ("机器学习", "機器學習", "学习的方法", "breaking", "mei", "机器 star88"):
        (hit,) = case._store.search_passages(sought)
        assert (hit.sha256, hit.source, hit.start, hit.end) == (kept, "picture", 0.0, 0.0)
        assert hit.text == "機器學習的\n方法 BREAKING\n@mei_star88"
    assert list(case._store.search_passages("nothing")) == []


def test_a_newer_reading_takes_the_older_ones_place(case: Case, kept: str) -> None:
    write(case, kept, text("first"))
    write(case, kept, text("second", version="2"))
    assert list(case._store.search_passages("first")) == []
    assert len(list(case._store.search_passages("second"))) == 1


def test_what_is_written_again_is_logged_once(case: Case, kept: str) -> None:
    for _ in range(2):
        write(case, kept, text("once"))
    assert len(list(case._store.iter_log("read"))) == 1


def test_an_altered_or_damaged_text_shows(case: Case, kept: str) -> None:
    before = case._store.check_integrity()  # of the asset's other parts, which are other tests'
    write(case, kept, text("as it was"))
    assert case._store.check_integrity() == before
    raw(case._store, "UPDATE picture_text SET data = replace(data, 'was', 'is')")
    found = [problem for problem in case._store.check_integrity() if problem not in before]
    assert found == [
        f"the OCR result of {kept} differs from the custody log",
        f"the passages of {kept} differ from its OCR result",
    ]
    raw(case._store, "UPDATE picture_text SET data = '[[1, 2]]'")
    assert any("is damaged" in problem for problem in case._store.check_integrity())
    raw(case._store, "DELETE FROM picture_text")
    found = [problem for problem in case._store.check_integrity() if problem not in before]
    assert found == [
        f"the OCR result of {kept} is in the custody log, and missing from the store",
        f"image {kept} has passages and no OCR result",
    ]
