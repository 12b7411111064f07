"""A small case for tests of publications: a photograph with its owner's mark, copies of it, and their sightings."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image
from sample_matches import sample_match, sample_placement

from mediafp.case.comparison.versions import comparison_versions
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.kept_matches import KeptMatch
from mediafp.types.matches import Match, OcrResult, Segment, TextLine
from mediafp.types.media import Asset, Thumbnail
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting
from mediafp.types.video_text import VideoText, VideoTextLine

SIZE = (400, 300)
"""Width and height of the photograph."""
CUT = 250
"""Rows of it that the copy shows, mirrored and at half size; the mark is below them."""
MARK = TextLine(
    text="微博 @雲山攝影", box=((250.0, 262.0), (390.0, 262.0), (390.0, 286.0), (250.0, 286.0)), confidence=0.98
)
OWNER, CHANNEL, OTHER = "云山摄影", "港湾镜头", "HarbourLensTV"
"""Accounts of the photograph, of the copy, and of the doubtful copy and the video."""
COLOUR = (230, 30, 60)
"""Colour of a square in the photograph, which tests cover."""
SQUARE = (96.0, 64.0, 160.0, 128.0)
"""Left, top, right and bottom of it: multiples of the blocks that are covered as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCase:
    """The folder of the store, that of the originals, and the SHA-256 of each asset."""

    store: Path
    originals: Path
    photo: str
    copy: str
    doubtful: str
    video: str
    repost: str


def build_case(folder: Path) -> PublishedCase:
    """Write the originals, and the store with their matches."""
    originals = folder / "Jo Analyst" / "secret_港湾镜头"
    originals.mkdir(parents=True)
    photo = draw_photo()
    copy = np.asarray(Image.fromarray(photo[:CUT, ::-1]).resize((SIZE[0] // 2, CUT // 2)))
    images = {"photo": photo, "copy": copy, "doubtful": photo[::2, ::2], "video": photo, "repost": photo - photo % 2}
    names: dict[str, str] = {}
    with SqliteStore(folder / "store", create=True) as store, store.writing():
        for number, (name, pixels) in enumerate(images.items()):
            content = _encode(pixels, number)
            (originals / f"{name}.png").write_bytes(content)
            names[name] = sha256(content).hexdigest()
            for seen in _sightings(name, names[name], str(originals / f"{name}.png")):
                store.add_record(_record(name, names[name], content, pixels, seen))
                store.save_sightings([seen])
            if name == "video":
                shown = VideoTextLine(text=CHANNEL, start=0, end=9, box=MARK.box, confidence=0.9)
                store.save_video_text(names[name], VideoText(version="1", lines=(shown,)))
            else:
                lines = (MARK,) if name in ("photo", "repost") else ()
                store.save_ocr_result(names[name], OcrResult(version="1", lines=lines))
    save_matches(folder / "store", names)
    return PublishedCase(store=folder / "store", originals=originals, **names)


def draw_photo() -> np.ndarray:
    """Return a photograph of gradients and noise with a square, and a mark in its last rows."""
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    noise = np.random.default_rng(3).integers(0, 40, (SIZE[1] // 10, SIZE[0] // 10)).repeat(10, 0).repeat(10, 1)
    photo = np.stack([rows // 2 + noise, columns // 3 + noise, 90 + noise], axis=2).astype(np.uint8)
    left, top, right, bottom = map(int, SQUARE)
    photo[top:bottom, left:right] = COLOUR
    photo[264:284, 252:388:8] = 255
    return photo


def _encode(pixels: np.ndarray, number: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    # Files of equal images are different assets.
    return file.getvalue() + bytes([number])


def _record(name: str, sha: str, content: bytes, pixels: np.ndarray, seen: Sighting) -> IngestRecord:
    properties: dict[str, str | int | float | bool | None] = {"width": pixels.shape[1], "height": pixels.shape[0]}
    if name == "video":
        properties |= {"duration": 9.0, "has_sound": False}
    frames = [pixels.copy() for _ in range(3 if name == "video" else 1)]
    for number, frame in enumerate(frames):
        frame[:16, :16] = 60 * number
    asset = Asset(sha256=sha, kind="video" if name == "video" else "image", bytes=len(content), properties=properties)
    thumbnails = tuple(
        Thumbnail(position=n, seconds=float(n), jpeg=encode_thumbnail(frame, 512)) for n, frame in enumerate(frames)
    )
    return IngestRecord(asset=asset, sightings=(seen,), thumbnails=thumbnails)


def _sightings(name: str, sha: str, uri: str) -> Iterator[Sighting]:
    common = Sighting(sha256=sha, uri=uri, source="table.csv")
    if name in ("photo", "repost"):
        yield replace(
            common, platform="weibo", account=OWNER, account_id="1669879400", posted_at="2021-05-03T10:00:00Z",
            url="https://weibo.com/u/1669879400", title=f"{OWNER} 的照片",
        )  # fmt: skip
    elif name == "copy":
        yield replace(
            common, platform="youtube", account=CHANNEL, posted_at="2026-03-14", captured_at="2026-03-20T08:00:00Z",
            removed_at="2026-09-02", views=1234, url="https://youtube.com/watch?v=abc",
        )  # fmt: skip
    else:
        yield replace(common, platform="youtube", account=OTHER, posted_at="2026-09-11")


def save_matches(folder: Path, names: Mapping[str, str]) -> None:
    """Save the matches of a case as if its files had been compared now."""
    width, height = map(float, SIZE)
    mirrored = ((width, 0.0), (0.0, 0.0), (0.0, float(CUT)), (width, float(CUT)))
    whole = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    cut = sample_placement(
        quad=mirrored, overlap=mirrored, mirrored=True, removed=(0.0, 0.0, 0.0, 1 - CUT / height), removed_text=(MARK,),
        handles=("@雲山攝影",), correspondences=(((60.0, 40.0), (280.0, 80.0)), ((140.0, 50.0), (120.0, 100.0))),
    )  # fmt: skip
    full = sample_placement(quad=whole, overlap=whole)
    half = Segment(channel="picture", query=(0.0, 2.0), reference=(0.0, 2.0), speed=1.0, mirrored=False, score=0.9)
    matches = {
        ("copy", "photo"): sample_match(placement=cut, probability=0.997, why=("230 points agree", f"by {CHANNEL}")),
        ("doubtful", "photo"): sample_match(placement=full, verdict="possible", probability=0.6),
        ("photo", "video"): sample_match(placement=None, kind="video", relation="image_in_video", segments=(half,)),
        ("photo", "repost"): sample_match(placement=full, probability=0.99),
    }
    with SqliteStore(folder) as store:
        kept = [
            KeptMatch(query=names[a], reference=names[b], channel="picture", promise=2.0, match=_of(match, names[b]))
            for (a, b), match in matches.items()
        ]
        versions = comparison_versions()
        for pending in store.pending_comparisons(versions):
            own = [one for one in kept if pending.sha256 in one.pair and pending.channel == "picture"]
            with store.writing():
                store.save_comparison(pending, versions[pending.channel], store.last_log_entry()[0], own)


def _of(match: Match, sha: str) -> Match:
    return replace(match, sha256=sha, uris=())
