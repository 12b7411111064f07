"""Thumbnails of pages: decoded by one function and encoded anew, so that no byte of a worker reaches a browser."""

import base64
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from coded_videos import read_number, write_coded_video
from ingest_records import ingest_record
from PIL import Image

from mediafp.case import matching
from mediafp.case.case import Case, open_case
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.evidence import StoredEvidence
from mediafp.case.least_alike import find_least_alike
from mediafp.case.original_frames import OriginalFrames
from mediafp.engine.interface import Engine
from mediafp.fingerprints.registry import SEARCH_TYPE, fingerprint_type
from mediafp.ingest.files import OpenFile, file_sha256, open_file
from mediafp.ingest.frames_at_times import read_frames_at
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.matching.videos.frames import VideoQuery
from mediafp.report import page_images
from mediafp.types.errors import UsageError
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.kept_matches import KeptMatch, PairFailure
from mediafp.types.matches import Segment
from mediafp.types.media import Thumbnail
from mediafp.types.runs import IngestRecord


def jpeg_of_a_worker() -> bytes:
    """Return a valid thumbnail that this program did not encode."""
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    Image.fromarray(pixels).save(file, "JPEG", quality=99)
    return file.getvalue()


def save(case: Case, jpeg: bytes) -> str:
    """Save an asset with one thumbnail, and return its SHA-256."""
    record = ingest_record("a", rows=1)
    with case._store.writing():
        case._store.add_record(
            IngestRecord(
                asset=record.asset,
                sightings=(record.sightings[0],),
                fingerprints=record.fingerprints,
                thumbnails=(Thumbnail(position=0, seconds=0.0, jpeg=jpeg),),
            )
        )
    return record.asset.sha256


def test_thumbnail_of_a_page_is_encoded_anew(case: Case) -> None:
    jpeg = jpeg_of_a_worker()
    shown = StoredEvidence(case._store, case._thumbnails).thumbnail(save(case, jpeg))
    assert shown and shown != jpeg
    difference = decode_thumbnail(shown).astype(int) - decode_thumbnail(jpeg).astype(int)
    assert np.abs(difference).mean() < 12, "it shows the same"


def test_damaged_thumbnail_of_a_page_is_skipped_and_named(case: Case) -> None:
    sha256 = save(case, b"\xff\xd8\xff\xd9")
    assert StoredEvidence(case._store, case._thumbnails).thumbnail(sha256) is None
    assert "thumbnail" in case.damaged[sha256]


def test_damaged_thumbnail_of_a_query_is_left_out(case: Case, clips: dict[str, Path]) -> None:
    """The header of a thumbnail is checked when a worker sends it, and not whether libjpeg decodes it."""
    with open_file(clips["bunny"]) as file:
        analysis = case._engine.analyse(file, "a" * 64, "video")
    assert StoredEvidence(case._store, case._thumbnails, analysis).thumbnail("a" * 64)
    (first, *others) = analysis.thumbnails
    damaged = Thumbnail(position=first.position, seconds=first.seconds, jpeg=b"\xff\xd8\xff\xd9")
    analysis = replace(analysis, thumbnails=(damaged, *others))
    assert StoredEvidence(case._store, case._thumbnails, analysis).thumbnail("a" * 64) is None
    (query,) = matching._build_queries(analysis, case._thumbnails.decode)
    assert isinstance(query, VideoQuery)
    assert query.local_features(0) is None and query.local_features(others[0].position)


@pytest.fixture(scope="module")
def photo_case(photos: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """A case with a photograph and a crop of it, from a folder `files` beside the store."""
    files = tmp_path_factory.mktemp("case") / "files"
    files.mkdir()
    photo = Image.fromarray(photos["coffee"])
    photo.save(files / "photo.png")
    photo.crop((40, 30, 560, 380)).save(files / "crop.png")
    with open_case(files.parent / "store", create=True) as case:
        assert [outcome.status for outcome in case.ingest(files)] == ["added"] * 2
        yield case


def test_page_contains_no_stored_jpeg(photo_case: Case, tmp_path: Path) -> None:
    stored = []
    for asset in photo_case._store.assets():
        jpeg = photo_case._store.row_thumbnail(asset.sha256, 0)
        assert jpeg
        stored.append(jpeg)
    photo_case.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    embedded = [base64.b64decode(data) for data in re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", page)]
    assert len(embedded) == 2, "each once"
    for jpeg in embedded:
        assert jpeg not in stored
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            image.load()


def test_pages_show_no_folder_of_the_files_unless_asked(
    photo_case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_images, "MAX_EMBEDDED_BYTES", 1)
    files = photo_case.folder.parent / "files"
    written: list[tuple[int, int]] = []

    def write_pages(*, paths: bool) -> list[bytes]:
        photo_case.report(tmp_path / "page.html", paths=paths, on_card=lambda *progress: written.append(progress))
        trace = photo_case.trace(files / "crop.png", ocr=False, report_path=tmp_path / "trace.html", paths=paths)
        assert len(list(trace)) == 1
        return [path.read_bytes() for path in sorted(tmp_path.rglob("*.*")) if path.is_file()]

    contents = write_pages(paths=False)
    assert len(contents) == 6, "two pages, each with two images"
    assert not any(str(files).encode() in content for content in contents)
    seal = photo_case.verify().last_log_hash.encode()
    assert sum(b"photo.png" in content and seal in content for content in contents) == 2
    assert written == [(1, 1)]
    assert sum(str(files / "photo.png").encode() in content for content in write_pages(paths=True)) == 2


def test_page_of_a_trace_names_the_files_of_a_lost_pair_without_their_folder(photo_case: Case, tmp_path: Path) -> None:
    """Its warnings come from the store, which has whole paths."""
    store, page = photo_case._store, tmp_path / "trace.html"
    a, b = sorted(asset.sha256 for asset in store.assets())[:2]
    failure = PairFailure("oom", "no memory")
    lost = KeptMatch(query=a, reference=b, channel="picture", promise=1, match=None, failure=failure)
    before, version = store.kept_pair(a, b), comparison_versions()["picture"]

    def save(pairs: list[KeptMatch]) -> None:
        with store.writing():
            store.database.execute("DELETE FROM kept_match WHERE a = ? AND b = ?", (a, b))  # type: ignore[attr-defined]
            store.save_pairs(version, store.last_log_entry()[0], pairs)

    save([lost])
    (path,) = store.uris(a)
    (traced,) = photo_case.trace(path, ocr=False, report_path=page)
    # The other tests take the case as it was.
    save(before)
    assert "no memory" in traced.result.warnings[0]
    assert "no memory" in page.read_text() and str(Path(path).parent) not in page.read_text()


def test_a_page_whose_images_have_no_folder_names_the_obstacle(
    photo_case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_images, "MAX_EMBEDDED_BYTES", 1)
    (tmp_path / "page-pictures").write_text("precious")
    with pytest.raises(UsageError, match=r"cannot write '.*page-pictures': File exists; choose another path"):
        photo_case.report(tmp_path / "page.html")
    assert (tmp_path / "page-pictures").read_text() == "precious" and not (tmp_path / "page.html").exists()


class DecodingEngine:
    """An engine that reads frames in this process."""

    def read_frames(self, file: OpenFile, times: Sequence[float]) -> list[bytes | None]:
        frames = read_frames_at(file, times)
        return [None if frame is None else encode_thumbnail(frame, 320) for frame in frames]


def test_frames_of_a_page_come_from_the_original_or_else_from_kept_frames(case: Case, tmp_path: Path) -> None:
    """The time of a kept frame is its own, not the one that was asked for."""
    original = write_coded_video(tmp_path / "a.mp4", 6, audio=False)
    with open_file(original) as file:
        sha256 = file_sha256(file)
        kept = read_frames_at(file, (0.0, 4.0))
    record = ingest_record("a", str(original))
    with case._store.writing():
        case._store.add_record(
            replace(
                record,
                asset=replace(record.asset, sha256=sha256, bytes=original.stat().st_size),
                sightings=(replace(record.sightings[0], sha256=sha256),),
                fingerprints=tuple(replace(each, sha256=sha256) for each in record.fingerprints),
                thumbnails=tuple(
                    Thumbnail(position=n, seconds=4.0 * n, jpeg=encode_thumbnail(frame, 320))
                    for n, frame in enumerate(kept)
                    if frame is not None
                ),
            )
        )

    def shown(*times: float) -> list[tuple[int, float, bool]]:
        """Return the number, the time and the exactness of the frames that a page shows at some times."""
        with OriginalFrames(case._store, cast(Engine, DecodingEngine())) as originals:
            source = StoredEvidence(case._store, case._thumbnails, read_frames=originals.read)
            frames = source.frames(sha256, times, from_original=True)
        return [(read_number(decode_thumbnail(f.jpeg)), f.seconds, f.is_exact) for f in frames if f]

    assert shown(0.5, 4.61) == [(12, 0.5, True), (115, 4.61, True)]
    folded = StoredEvidence(case._store, case._thumbnails).frames(sha256, (4.61,))[0]
    assert folded is not None and folded.seconds == 4.0 and not folded.is_exact
    original.rename(tmp_path / "elsewhere.mp4")
    assert shown(0.5, 4.61) == [(0, 0.0, False), (100, 4.0, False)]


def segment(query: tuple[float, float], reference: tuple[float, float], speed: float = 1.0) -> Segment:
    return Segment(channel="picture", query=query, reference=reference, speed=speed, mirrored=False, score=1.0)


def test_the_least_alike_moment_is_where_kept_frames_differ_most(case: Case) -> None:
    """In the reference it is where the speed and the direction of the segment lead."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(20, 512))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    changed = rows.copy()
    changed[7] = -rows[7]
    spans = np.column_stack((np.arange(20.0), np.arange(1.0, 21.0)))
    version = fingerprint_type(SEARCH_TYPE).version
    with case._store.writing():
        for name, vectors in (("a", rows), ("b", changed), ("c", rows[::-1])):
            record = ingest_record(name)
            asset = replace(record.asset, properties={**record.asset.properties, "duration": 20.0})
            embedded = Fingerprint(
                sha256=asset.sha256, type=SEARCH_TYPE, version=version, spans=spans,
                vectors=vectors.astype(np.float16), quality=np.ones(20, np.float32),
            )  # fmt: skip
            case._store.add_record(replace(record, asset=asset, fingerprints=(embedded,), thumbnails=()))
    a, b, c = (name * 64 for name in "abc")
    assert find_least_alike(case._store, a, b, segment((2.0, 18.0), (2.0, 18.0))) == (7.0, 7.0)
    assert find_least_alike(case._store, b, c, segment((0.0, 20.0), (0.0, 20.0), -1.0)) == (7.0, 13.0)
    assert find_least_alike(case._store, a, "d" * 64, segment((2.0, 18.0), (2.0, 18.0))) is None
