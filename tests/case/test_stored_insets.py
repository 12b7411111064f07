"""Insets in the frames of stored videos: another video is found by them, from both sides."""

from pathlib import Path

import numpy as np
from media_files import write_video
from PIL import Image, ImageOps

import mediafp
from mediafp import AnalysisOptions, IngestOptions
from mediafp.case.comparison.pair import compare_pair
from mediafp.case.comparison.partners import find_partners
from mediafp.case.references import StoredReferences
from mediafp.engine.comparison.sides import StoredSides
from mediafp.fingerprints.insets import MAX_FRAME_SHARE, MIN_INSET_FRAMES, Insets
from mediafp.fingerprints.registry import frame_type
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.matching.promise import RECTANGLE
from mediafp.types.media import Pixels

RATE = 5
OPTIONS = IngestOptions(jobs=1, match=False, analysis=AnalysisOptions(ocr=False))


def footage(photo: Pixels, count: int, step: tuple[float, float]) -> list[Pixels]:
    """Frames of a camera that moves over a photograph."""
    scaled = ImageOps.fit(Image.fromarray(photo), (560, 330))
    corners = [(round(120 + 110 * np.sin(step[0] * n)), round(70 + 70 * np.cos(step[1] * n))) for n in range(count)]
    return [np.asarray(scaled.crop((left, top, left + 320, top + 180))) for left, top in corners]


def with_inset(host: list[Pixels], shown: list[Pixels], start: int, corner: tuple[int, int]) -> list[Pixels]:
    """The host with other footage in a corner, from one of its frames on."""
    frames = [Image.fromarray(one) for one in host]
    for number, one in enumerate(shown):
        frames[start + number].paste(Image.fromarray(one).resize((144, 80), Image.Resampling.BOX), corner)
    return [np.asarray(one) for one in frames]


def test_footage_in_an_inset_is_found_from_both_sides(photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    shown = footage(photos["cat"], 8 * RATE, (0.13, 0.21))
    host = footage(photos["temple"], 9 * RATE, (0.09, 0.05))
    write_video(tmp_path / "shown.mkv", *shown, rate=RATE)
    write_video(tmp_path / "host.mkv", *with_inset(host, shown[2 * RATE : 7 * RATE], 2 * RATE, (160, 90)), rate=RATE)
    with mediafp.open(tmp_path / "store", create=True) as case:
        list(case.ingest([tmp_path / "shown.mkv", tmp_path / "host.mkv"], OPTIONS))
        names = {Path(case._store.uris(asset.sha256)[0]).stem: asset.sha256 for asset in case._store.assets()}
        sides = StoredSides(StoredReferences(case._store, decode_thumbnail))
        (partner,) = find_partners(names["shown"], sides)
        (other,) = find_partners(names["host"], sides)
        assert sides.rows(names["host"]).shows[partner.promise.rows[1]] == RECTANGLE
        assert (partner.promise.value, partner.sha256) == (other.promise.value, names["host"])
        kept = [
            compare_pair(*pair, promise, sides, lambda sha256: None)
            for pair, promise in (
                ((names["shown"], names["host"]), partner.promise),
                ((names["host"], names["shown"]), other.promise),
            )
        ]
    assert kept[0].match == kept[1].match and kept[0].query == kept[1].query
    match = kept[0].match
    assert match and match.verdict == "copy" and match.relation in ("shares_footage", "contains", "contained_in")
    (segment,) = match.segments
    times = np.array([segment.query, segment.reference])
    assert np.abs(times - (2, 7)).max() <= 0.5


def test_insets_of_a_part_of_many_frames_are_embedded(photos: dict[str, np.ndarray]) -> None:
    inset = footage(photos["cat"], 1, (0, 0))
    host = footage(photos["temple"], 3, (0.2, 0.3))
    frames = [with_inset(host, inset, number, (20, 20))[number] for number in range(3)] * 20
    spans = np.stack((np.arange(60.0), np.arange(1.0, 61.0)), 1)
    kind = Insets(frame_type("sscd_distilled"))
    rows = kind.extract(frames, spans)
    starts = np.unique(rows.spans[:, 0])
    assert len(starts) == MAX_FRAME_SHARE * 60 > MIN_INSET_FRAMES and len(rows.vectors) <= 2 * len(starts)
    assert starts[0] == 0 and starts[-1] == 59 and (np.diff(rows.spans[:, 0]) >= 0).all()
    (whole, outside), _ = frame_type("sscd_distilled").extract([inset[0], host[0]])
    similarities = rows.vectors.astype(np.float32) @ np.stack((whole, outside)).astype(np.float32).T
    best = similarities[[similarities[rows.spans[:, 0] == start, 0].argmax() for start in starts]]
    assert best[:, 0].min() > 0.6 > best[:, 1].max() + 0.2
    assert len(kind.extract([], np.empty((0, 2))).vectors) == 0
