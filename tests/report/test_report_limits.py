"""Limits of the pages: how many transcripts are printed, and thumbnails that cannot be decoded."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sample_matches import sample_placement

from mediafp.report import evidence_page
from mediafp.report.evidence_page import write_report
from mediafp.report.page_images import EmbeddedImages, open_image_folder
from mediafp.types.clusters import Clustering
from mediafp.types.matches import QueryResult, TextLine
from mediafp.types.media import Asset
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.transcripts import SpeechHint, Transcript, TranscriptSegment
from mediafp.types.video_text import VideoTextLine

TRANSCRIPT = Transcript(
    model="whisper-base",
    version="v",
    duration=3,
    speech_seconds=2,
    untranscribed_seconds=0,
    segments=(TranscriptSegment(start=1, end=2, language="en", language_probability=0.9, text="words", flags=()),),
)
BOX = ((10.0, 10.0), (50.0, 10.0), (50.0, 20.0), (10.0, 20.0))
PLACEMENT = sample_placement(
    quad=BOX, overlap=BOX, covered=0.5, removed_text=(TextLine(text="@sample", box=BOX, confidence=1.0),)
)


class TalkSource:
    """An `EvidenceSource` of assets of which some have a transcript; all have the same thumbnail."""

    def __init__(self, talks: set[str], jpeg: bytes | None = None) -> None:
        self.talks, self.jpeg = talks, jpeg

    def asset(self, sha256: str) -> Asset:
        return Asset(sha256=sha256, kind="video", bytes=1)

    def warnings(self, sha256: str) -> list[str]:
        return []

    def clues(self, sha256: str) -> list[Clue]:
        return []

    def sightings(self, sha256: str) -> list[Sighting]:
        return []

    def video_text(self, sha256: str) -> tuple[VideoTextLine, ...] | None:
        return None

    def transcript(self, sha256: str) -> tuple[Transcript, tuple[SpeechHint, ...]] | None:
        return (TRANSCRIPT, ()) if sha256 in self.talks else None

    def thumbnail(self, sha256: str, seconds: float | None = None, page: int = 0) -> bytes | None:
        return self.jpeg


def write_transcripts(folder: Path, talks: set[str], files: int) -> str:
    results = [
        QueryResult(query=f"/dump/{n}.mp4", sha256=f"{n:064}", kind="video", error=None, matches=())
        for n in range(files)
    ]
    write_report(
        folder / "page.html",
        results=results,
        clustering=Clustering(clusters=(), unclustered=files),
        source=TalkSource(talks),
        seal=(7, "9" * 64),
    )
    return (folder / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("talks", "note"), [(2, ""), (3, "those of 1 more file are not shown"), (5, "those of 3 more files are not shown")]
)
def test_files_without_a_transcript_do_not_count_towards_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, talks: int, note: str
) -> None:
    monkeypatch.setattr(evidence_page, "MAX_TRANSCRIPTS", 2)
    page = write_transcripts(tmp_path, {f"{n:064}" for n in range(7, 7 + talks)}, 12)
    assert [name for name in map("{}.mp4".format, range(12)) if f"<h3>{name}</h3>" in page] == ["7.mp4", "8.mp4"]
    assert ("This page shows those of the first 2 files;" in page) == bool(note) and note in page


def damaged_thumbnails() -> dict[str, bytes]:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    encoded = {}
    for name in ("PNG", "JPEG"):
        file = io.BytesIO()
        image.save(file, name)
        encoded[name] = file.getvalue()
    jpeg = encoded["JPEG"]
    frame = jpeg.index(b"\xff\xc0")
    return {
        "no image": b"\xff\xd8\xff\xff\xd9",
        "another format": encoded["PNG"],
        "truncated": jpeg[: len(jpeg) // 2],
        # Height and width of the frame header.
        "too large": jpeg[: frame + 5] + b"\xff\xff\xff\xff" + jpeg[frame + 9 :],
    }


@pytest.mark.parametrize("name", damaged_thumbnails())
def test_a_page_omits_what_is_no_thumbnail_of_mediafp(tmp_path: Path, name: str) -> None:
    damaged = damaged_thumbnails()[name]
    assert EmbeddedImages().add(damaged) is None
    with open_image_folder(tmp_path) as images:
        assert images.add(damaged) is None
    assert not list(tmp_path.iterdir())
