"""Text in images: OCR in sandboxed workers, OCR results in a store, and searches in them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from intakes import intake, raw
from PIL import Image, ImageDraw, ImageFont

from mediafp.case.case import Case
from mediafp.engine import analysis
from mediafp.engine.local.pool import WorkerPool
from mediafp.ingest.files import open_file
from mediafp.store.sqlite import custody_log, ocr_results, text_index
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
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    with WorkerPool(tmp_path_factory.mktemp("workers"), text=True) as made:
        yield made


def test_locked_workers_read_the_same(workers: WorkerPool, photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    marked(photos["cat"], "@sample_user88", 20, (0.5, 0.9)).save(tmp_path / "a.png")
    with open_file(tmp_path / "a.png") as file:
        here = analysis.analyse_file(file, "", text=True)
        alone, warnings = workers.run_ocr(file)
        there = workers.analyse(file, "", "image", text=True)
        assert here and here.text and here.text.lines and warnings == []
        assert there.text == here.text == alone
        assert workers.analyse(file, "", "image").text is None


def test_a_file_that_is_no_picture_has_no_text(workers: WorkerPool, clips: dict[str, Path]) -> None:
    with open_file(clips["bikes"]) as file:
        with pytest.raises(NotMedia, match="no picture"):
            workers.run_ocr(file)
        assert workers.analyse(file, "", "video", text=True).text is None


def test_workers_without_what_reads_text_say_so(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    Image.fromarray(photos["cat"]).save(tmp_path / "a.png")
    with (
        WorkerPool(tmp_path) as made,
        open_file(tmp_path / "a.png") as file,
        pytest.raises(ValueError, match="without"),
    ):
        made.run_ocr(file)


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
        ocr_results.save_ocr_result(case._store, sha256, read)


def test_text_comes_back_as_it_was_read(case: Case, kept: str) -> None:
    assert ocr_results.ocr_lines(case._store, kept) is None and not ocr_results.has_ocr_result(case._store, kept, "1")
    write(case, kept, text("微博 @样例用户", "MADE IN 香港"))
    assert ocr_results.ocr_lines(case._store, kept) == text("微博 @样例用户", "MADE IN 香港").lines
    assert ocr_results.has_ocr_result(case._store, kept, "1") and not ocr_results.has_ocr_result(case._store, kept, "2")
    write(case, kept, text(version="2"))
    assert ocr_results.ocr_lines(case._store, kept) == () and ocr_results.has_ocr_result(case._store, kept, "2")


def test_words_in_pictures_are_found_in_both_scripts_and_across_lines(case: Case, kept: str) -> None:
    write(case, kept, text("機器學習的", "方法 BREAKING", "@mei_star88"))
    for sought in ("机器学习", "機器學習", "学习的方法", "breaking", "mei", "机器 star88"):
        (hit,) = text_index.search_passages(case._store, sought)
        assert (hit.sha256, hit.source, hit.start, hit.end) == (kept, "picture", 0.0, 0.0)
        assert hit.text == "機器學習的\n方法 BREAKING\n@mei_star88"
    assert list(text_index.search_passages(case._store, "nothing")) == []


def test_a_newer_reading_takes_the_older_ones_place(case: Case, kept: str) -> None:
    write(case, kept, text("first"))
    write(case, kept, text("second", version="2"))
    assert list(text_index.search_passages(case._store, "first")) == []
    assert len(list(text_index.search_passages(case._store, "second"))) == 1


def test_what_is_written_again_is_logged_once(case: Case, kept: str) -> None:
    for _ in range(2):
        write(case, kept, text("once"))
    assert len(list(custody_log.iter_log(case._store, "read"))) == 1


def test_an_altered_or_damaged_text_shows(case: Case, kept: str) -> None:
    before = case._store.check_integrity()  # of the asset's other parts, which are other tests'
    write(case, kept, text("as it was"))
    assert case._store.check_integrity() == before
    raw(case._store, "UPDATE picture_text SET data = replace(data, 'was', 'is')")
    found = [problem for problem in case._store.check_integrity() if problem not in before]
    assert found == [
        f"the text of {kept} is not what the log vouches for",
        f"the passages of {kept} are not those of its text",
    ]
    raw(case._store, "UPDATE picture_text SET data = '[[1, 2]]'")
    assert any("is damaged" in problem for problem in case._store.check_integrity())
    raw(case._store, "DELETE FROM picture_text")
    found = [problem for problem in case._store.check_integrity() if problem not in before]
    assert found == [f"the text of {kept} is in the log, and gone", f"picture {kept} has passages and no text"]
