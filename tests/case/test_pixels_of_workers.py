"""The program decodes no picture: queries, comparisons, pages and publications have the pixels that workers decoded."""

import hashlib
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import pytest
from mixed_stores import kept_rows
from odd_decoders import CRASH, use_odd_decoders
from PIL import Image
from processes import run_ffmpeg
from published_case import SQUARE, PublishedCase, build_case

import mediafp
from mediafp import AnalysisOptions, CoveredBox, Draft, IngestOptions, PublishedMatch
from mediafp.case.answers import answers as answers_module
from mediafp.case.saved_queries import SavedQueries
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.process import WorkerProcess
from mediafp.ingest import thumbnail_pixels
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.jpeg import thumbnail_size
from mediafp.types.matches import QueryResult
from mediafp.types.publications import Redaction

OPTIONS = IngestOptions(jobs=1, match=False, analysis=AnalysisOptions(ocr=False))
decode = thumbnail_pixels.decode_thumbnail


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory, photos: dict[str, np.ndarray], clips: dict[str, Path]) -> Path:
    """A folder with a store whose assets are not compared, `seen` with its files, and `asked` with other files."""
    folder = tmp_path_factory.mktemp("sources")
    for name in ("seen", "asked"):
        (folder / name).mkdir()
    temple, cat = Image.fromarray(photos["temple"]), Image.fromarray(photos["cat"])
    width, height = temple.size
    # First: Pillow keeps the settings of the last encoder with an image.
    cat.save(folder / "asked" / "pages.tiff", save_all=True, append_images=[temple])
    temple.save(folder / "seen" / "temple.png")
    cat.save(folder / "seen" / "cat.png")
    temple.crop((width // 9, height // 9, width, height)).save(folder / "seen" / "crop.jpg", quality=70)
    temple.crop((0, height // 5, width * 3 // 4, height)).save(folder / "asked" / "part.jpg", quality=70)
    shutil.copy(clips["bikes"], folder / "seen" / "bikes.mp4")
    run_ffmpeg("-i", clips["bikes"], "-t", 4, "-vf", "scale=-2:180,hflip", "-an", folder / "asked" / "bikes.mp4")
    with mediafp.open(folder / "store", create=True) as case:
        assert [outcome.status for outcome in case.ingest(folder / "seen", OPTIONS)] == ["added"] * 4
    return folder


@pytest.fixture
def folder(sources: Path, tmp_path: Path) -> Path:
    """A copy of the folder, so that its store can be changed."""
    shutil.copytree(sources, tmp_path / "copy")
    return tmp_path / "copy"


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make all decoders fail in this process."""

    def fail(*arguments: object, **options: object) -> None:
        pytest.fail("this process decodes")

    for module, name in (
        (cv2, "imdecode"), (cv2, "imread"), (cv2, "VideoCapture"), (Image, "open"), (av, "open"),
        (thumbnail_pixels, "decode_thumbnail"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, fail)


def count_decoded(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list that gets an entry with each thumbnail that an engine decodes: True if a page shows it."""
    asked, decode_thumbnail = [], LocalEngine.decode_thumbnail

    def count(self: LocalEngine, jpeg: bytes, *, apart: bool = False) -> np.ndarray:
        asked.append(apart)
        return decode_thumbnail(self, jpeg, apart=apart)

    monkeypatch.setattr(LocalEngine, "decode_thumbnail", count)
    return asked


def decode_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process decode thumbnails, as versions before 0.13.0 did."""
    monkeypatch.setattr(LocalEngine, "decode_thumbnail", lambda self, jpeg, *, apart=False: decode(jpeg))


def relate(folder: Path) -> object:
    """Return the kept matches of the store, compared by this process."""
    with mediafp.open(folder / "store") as case:
        assert case.relate() > 0
        return kept_rows(cast(SqliteStore, case._store))


def match(folder: Path) -> object:
    """Return the matches of files that are not in the store, and of pages and videos."""
    with mediafp.open(folder / "store") as case:
        found = list(case.match(folder / "asked", ocr=False))
        assert len(found) == 3 and all(result.matches for result in found)
        return found


def trace(folder: Path) -> object:
    """Return the trace of a photograph, and the images of its page."""
    with mediafp.open(folder / "store") as case:
        (found,) = case.trace(folder / "asked" / "part.jpg", ocr=False, report_path=folder / "trace.html")
        return found, images_of(folder / "trace.html")


def report(folder: Path) -> object:
    """Return the images of the report, of which those of the video are read from its original."""
    with mediafp.open(folder / "store") as case:
        case.report(folder / "report.html")
        return images_of(folder / "report.html")


def workbench(folder: Path) -> object:
    """Return what the workbench shows of an upload and of an asset: thumbnails, frames, laid images, parts, its page."""
    with mediafp.open(folder / "store") as case:
        queries = case.saved_queries()
        # Of a video, hashes are computed from its thumbnails where a list has such hashes.
        (folder / "hashes.txt").write_text("phash:" + "0f" * 8 + "\n")
        case.import_hashes(folder / "hashes.txt")
        for name in ("part.jpg", "bikes.mp4"):
            upload(queries, folder / "asked" / name)
        pairs, answers = case.pairs(queries), case.answers(queries)
        hashes = [path.read_bytes() for path in sorted(queries._folder.glob("*/hashes"))]
        part, video = (one.sha256 for one in sorted(queries.recent(9), key=lambda one: one.name, reverse=True))
        evidence = queries.evidence(part)
        shown = [evidence.thumbnail(asset.sha256) for asset in case._store.assets()]
        frames = [pairs.frame(video, 1.0), *queries.evidence(video).frames(video, [0.5, 2.5])]
        jpeg = evidence.thumbnail(part)
        assert jpeg and all(shown) and all(frames)
        laid = pairs.lay(jpeg, ((10.0, 5.0), (300.0, 9.0), (290.0, 200.0), (4.0, 190.0)), (400.0, 300.0))
        (photo,) = [asset for asset in case._store.assets() if asset.properties["format"] == "jpeg"]
        (folder / "seen" / "crop.jpg").unlink()
        cut = [
            answers.add_part(photo.sha256, (20.0, 20.0, 99.0, 99.0)),
            answers.add_part(video, (9.0, 9.0, 90.0, 90.0), 1.0),
        ]
        answer = answers.find(part)
        assert answer
        (folder / "page.html").write_bytes(answers.evidence_page(answer))
        return hashes, shown, frames, jpeg, laid, cut, images_of(folder / "page.html")


def upload(queries: SavedQueries, path: Path) -> None:
    """Ask about a file as the workbench does."""
    with queries.receiving(path.name) as received:
        received.write(path.read_bytes())
    assert queries.run(received.sha256, speech=None).state == "done"


def images_of(page: Path) -> list[str]:
    found = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", page.read_text())
    assert found, "the page shows images"
    return found


@pytest.mark.parametrize("command", [relate, match, trace, report, workbench])
def test_results_are_those_of_a_program_that_decodes_itself(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[[Path], object]
) -> None:
    for name in ("here", "workers"):
        shutil.copytree(sources, tmp_path / name)
    # The same path: names of files are part of the results.
    (tmp_path / "here").rename(tmp_path / "work")
    with monkeypatch.context() as patch:
        decode_here(patch)
        expected = command(tmp_path / "work")
    shutil.rmtree(tmp_path / "work")
    (tmp_path / "workers").rename(tmp_path / "work")
    asked = count_decoded(monkeypatch)
    forbid_decoding(monkeypatch)
    assert command(tmp_path / "work") == expected
    assert asked, "the command needs pixels"
    if command is report:
        assert True in asked
    if command in (relate, match):
        assert True not in asked


def test_publication_is_covered_and_its_faces_are_found_without_decoding_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: PublishedCase = build_case(tmp_path)
    left, top, right, bottom = SQUARE
    draft = Draft(
        title="Lights",
        words=(),
        by="Desk",
        cards=(PublishedMatch(query=made.copy, reference=made.photo, relation="copy", title="Cut"),),
        redaction=Redaction(boxes=(CoveredBox(asset=made.photo, left=left, top=top, right=right, bottom=bottom),)),
    )

    def published() -> tuple[object, list[str]]:
        with mediafp.open(made.store) as case:
            return case.draft_images(draft), re.findall(r"data:image/jpeg;base64,[^\"]+", case.preview(draft))

    with monkeypatch.context() as patch:
        decode_here(patch)
        expected = published()
    asked = count_decoded(monkeypatch)
    forbid_decoding(monkeypatch)
    assert published() == expected and expected[1]
    assert asked and all(asked), "a publication shows all of it"


def test_commands_that_show_no_image_start_no_worker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    relate(folder)

    def fail(*arguments: object, **options: object) -> None:
        pytest.fail("a worker starts")

    monkeypatch.setattr(WorkerProcess, "__init__", fail)
    shutil.copy(folder / "seen" / "temple.png", folder / "again.png")
    with mediafp.open(folder / "store") as case:
        assert list(case.export_records()) and list(case.export_matches()) and case.cluster().clusters
        assert list(case.export_hashes()) and case.relate() == 0 and case.verify().problems == ()
        (known,) = case.match(folder / "again.png", ocr=False)
        assert copies(known) >= {sha256_of(folder / "seen" / "crop.jpg")}, "kept matches are the answer"


def thumbnails(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the SHA-256 of each image of a store with its thumbnail."""
    with closing(sqlite3.connect(folder / "store" / "case.sqlite")) as database:
        yield from database.execute("SELECT sha256, jpeg FROM thumbnail JOIN asset USING (sha256) WHERE kind = 'image'")


def test_part_of_a_stored_file_is_cut_from_what_a_worker_decodes_that_reads_no_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part becomes a query, which a page shows: of an image whose file is gone, and of a frame of a video."""
    with mediafp.open(folder / "store") as case:
        answers = case.answers(case.saved_queries())
        crop, video = (sha256_of(folder / "seen" / name) for name in ("crop.jpg", "bikes.mp4"))
        # A worker that has read a file is idle.
        list(case.match(folder / "asked" / "part.jpg", ocr=False))
        asked = count_decoded(monkeypatch)
        answers.add_part(video, (9.0, 9.0, 90.0, 90.0), 1.0)
        monkeypatch.setattr(answers_module, "open_original", lambda store, sha256: nullcontext())
        answers.add_part(crop, (20.0, 20.0, 99.0, 99.0))
    assert asked == [True, True]


def test_hostile_stored_thumbnail_costs_its_image_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thumbnail that ends its decoder is damaged: it is named, the others are matched, and this process goes on."""
    photos = {name: sha256_of(folder / "seen" / name) for name in ("temple.png", "crop.jpg", "cat.png")}
    stored = dict(thumbnails(folder))
    hostile = stored[photos["crop.jpg"]]
    assert thumbnail_size(hostile), "its header is that of a thumbnail"
    use_odd_decoders(folder / "modules", f"if jpeg == {hostile!r}: {CRASH}", monkeypatch)
    forbid_decoding(monkeypatch)
    with mediafp.open(folder / "store") as case:
        case.relate()
        assert set(case.damaged) == {photos["crop.jpg"]}
        assert re.search("thumbnail of it is damaged .*crashed", case.damaged[photos["crop.jpg"]])
        case.report(folder / "report.html")
        # As of a page that any other damage concerns.
        assert (folder / "report.html").stat().st_size > 1000
    with mediafp.open(folder / "store") as case:
        # The worker that analysed the query decodes here, and ends as a decoder would.
        results = {Path(result.query).name: result for result in case.match(folder / "asked", ocr=False)}
        assert copies(results["part.jpg"]) >= {photos["temple.png"]}
        assert copies(results["pages.tiff"]) >= {photos["cat.png"], photos["temple.png"]}
    assert stored == dict(thumbnails(folder)), "the store is as it was"


def copies(result: QueryResult) -> set[str]:
    return {match.sha256 for match in result.matches if match.verdict == "copy"}


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
