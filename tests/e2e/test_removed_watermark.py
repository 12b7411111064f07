"""A photograph with a handle, and a query that was cut from it without: match, OCR and trace."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from typer.testing import CliRunner

from mediafp.case.case import Case, open_case
from mediafp.cli.app import app
from mediafp.types.runs import AnalysisOptions, IngestOptions

WITHOUT_OCR = IngestOptions(analysis=AnalysisOptions(ocr=False))


@pytest.fixture
def cut_photo(tmp_path: Path, photos: dict[str, np.ndarray]) -> Iterator[tuple[Case, Path]]:
    """A case, and a folder with a photograph that has a handle at its bottom; `persona.jpg` is cut from it."""
    references = tmp_path / "references"
    references.mkdir()
    photo = Image.fromarray(photos["portrait"])
    ImageDraw.Draw(photo).text(
        (300, 474), "@sample_user88", "white", ImageFont.load_default(24), stroke_width=1, stroke_fill="black"
    )
    photo.save(references / "weibo.jpg", quality=92)
    (references / "sightings.csv").write_text("file,account,platform,posted_at\nweibo.jpg,owner,weibo,2021-05-03\n")
    photo.crop((40, 0, 480, 440)).resize((220, 220)).save(tmp_path / "persona.jpg", quality=75)
    with open_case(tmp_path / "store", create=True) as case:
        yield case, references


def handles(case: Case, query: Path, **options: bool) -> tuple[str, ...]:
    (result,) = case.match([query], **options)
    (match,) = result.matches
    assert match.placement
    return match.placement.handles


def test_handle_from_ocr_at_ingest_needs_no_file_later(cut_photo: tuple[Case, Path], tmp_path: Path) -> None:
    case, references = cut_photo
    list(case.ingest([references]))
    (references / "weibo.jpg").unlink()
    assert handles(case, tmp_path / "persona.jpg", ocr=False) == ("@sample_user88",)
    assert [hit.source for hit in case.search("sample user88")] == ["picture"]


def test_match_runs_ocr_on_a_reference_without_result(cut_photo: tuple[Case, Path], tmp_path: Path) -> None:
    case, references = cut_photo
    list(case.ingest([references], WITHOUT_OCR))
    assert handles(case, tmp_path / "persona.jpg", ocr=False) == ()
    assert handles(case, tmp_path / "persona.jpg") == ("@sample_user88",), "from its file"
    (references / "weibo.jpg").unlink()
    assert handles(case, tmp_path / "persona.jpg") == ("@sample_user88",), "from its thumbnail"


def test_second_ingest_adds_skipped_ocr_results(cut_photo: tuple[Case, Path], tmp_path: Path) -> None:
    case, references = cut_photo
    (references / "copy.jpg").write_bytes((references / "weibo.jpg").read_bytes())
    list(case.ingest([references], WITHOUT_OCR))
    assert {outcome.status for outcome in case.ingest([references])} == {"known", "skipped"}
    assert handles(case, tmp_path / "persona.jpg", ocr=False) == ("@sample_user88",)
    list(case.ingest([references]))
    assert case._store.check_integrity() == []


def test_trace_names_source_account_and_handle(cut_photo: tuple[Case, Path], tmp_path: Path) -> None:
    case, references = cut_photo
    list(case.ingest([references]))
    case.close()
    page = tmp_path / "trace.html"
    arguments = ["--store", str(tmp_path / "store"), "trace", str(tmp_path / "persona.jpg")]
    run = CliRunner().invoke(app, [*arguments, "--json", "--report", str(page)])
    assert run.exit_code == 0, run.output
    trace = json.loads(run.stdout)
    (match,) = trace["matches"]
    assert trace["source"] == match["sha256"] and match["extent"] > 1.2
    assert match["first_seen"].startswith("2021-05-03")
    assert [(s["account"], s["platform"]) for s in match["sightings"]] == [("owner", "weibo")]
    assert match["placement"]["handles"] == ["@sample_user88"]
    html = page.read_text(encoding="utf-8")
    assert "@sample_user88" in html and "most complete" in html and "2021-05-03" in html
    text = " ".join(CliRunner().invoke(app, arguments).output.split())
    assert "source: " in text and "% more than the query" in text
    assert "owner on weibo" in text and "cropped off: @sample_user88" in text


def test_trace_of_an_unrelated_image_finds_nothing(
    cut_photo: tuple[Case, Path], tmp_path: Path, photos: dict[str, np.ndarray]
) -> None:
    case, references = cut_photo
    list(case.ingest([references], WITHOUT_OCR))
    case.close()
    Image.fromarray(photos["coffee"]).save(tmp_path / "other.jpg")
    run = CliRunner().invoke(app, ["--store", str(tmp_path / "store"), "trace", str(tmp_path / "other.jpg")])
    assert run.exit_code == 1 and "nothing found" in run.output and "near miss" in run.output
