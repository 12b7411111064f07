"""Query crops and reference crops through ingest and match: collages, screenshots, stores with and without crops."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from mediafp.case.case import Case
from mediafp.fingerprints.rectangles import RECTANGLES
from mediafp.fingerprints.reduced_image import REDUCED_IMAGE
from mediafp.fingerprints.reference_crops import REFERENCE_CROPS
from mediafp.types.matches import Match
from mediafp.types.media import Pixels
from mediafp.types.runs import AnalysisOptions, IngestOptions

FRAME_TYPES = {"sscd_distilled", "pdq", "phash", "dhash"}


def save(pixels: Pixels, path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path, quality=85)
    return path


def screenshot(photo: Pixels, left: int, top: int, longest_side: int) -> Pixels:
    """A page with a photograph on it."""
    image = Image.fromarray(photo)
    page = Image.new("RGB", (640, 1000), (245, 245, 245))
    page.paste(ImageOps.scale(image, longest_side / max(image.size), Image.Resampling.LANCZOS), (left, top))
    return np.asarray(page)


def ingest(case: Case, folder: Path, *, crops: bool) -> list[str]:
    options = IngestOptions(jobs=1, analysis=AnalysisOptions(sidecars=False, reference_crops=crops))
    return [outcome.status for outcome in case.ingest([folder], options)]


def copies(case: Case, query: Path) -> dict[str, Match]:
    """The matches with the verdict `copy`, by file name."""
    (result,) = case.match([query])
    return {Path(match.uris[0]).stem: match for match in result.matches if match.verdict == "copy"}


def stored_types(case: Case) -> list[set[str]]:
    return [{type for type, _ in case._store.fingerprint_types(asset.sha256)} for asset in case._store.assets()]


def test_ingest_adds_reference_crops_to_assets_without_them(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    folder = tmp_path / "references"
    save(photos["cat"], folder / "cat.jpg")
    assert ingest(case, folder, crops=False) == ["added"]
    assert stored_types(case) == [FRAME_TYPES]
    save(photos["temple"], folder / "temple.jpg")
    assert sorted(ingest(case, folder, crops=True)) == ["added", "known"]
    assert stored_types(case) == [FRAME_TYPES | {REFERENCE_CROPS, RECTANGLES, REDUCED_IMAGE}] * 2
    # A later run without crops keeps them, and analyses no file again.
    before = len(list(case._store.iter_log("refreshed")))
    assert ingest(case, folder, crops=False) == ingest(case, folder, crops=True) == ["known"] * 2
    assert stored_types(case) == [FRAME_TYPES | {REFERENCE_CROPS, RECTANGLES, REDUCED_IMAGE}] * 2
    assert len(list(case._store.iter_log("refreshed"))) == before == 1
    assert case.verify().problems == ()


def test_store_with_crops_of_some_assets_matches_all(case: Case, photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    save(photos["cat"], tmp_path / "a" / "cat.jpg")
    save(photos["temple"], tmp_path / "b" / "temple.jpg")
    ingest(case, tmp_path / "a", crops=False)
    ingest(case, tmp_path / "b", crops=True)
    for name in ("cat", "temple"):
        assert set(copies(case, save(photos[name][20:, 20:], tmp_path / "query.jpg"))) == {name}


@pytest.mark.parametrize("crops", [False, True])
def test_collage_matches_each_of_its_images(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path, crops: bool
) -> None:
    names = list(photos)[:4]
    for name in photos:
        save(photos[name], tmp_path / "references" / f"{name}.jpg")
    ingest(case, tmp_path / "references", crops=crops)
    tiles = [np.asarray(ImageOps.fit(Image.fromarray(photos[name]), (300, 300))) for name in names]
    collage = np.vstack((np.hstack(tiles[:2]), np.hstack(tiles[2:])))
    matches = copies(case, save(collage, tmp_path / "query.jpg"))
    assert set(matches) == set(names)
    # Each tile shows its reference on a quarter of the query; a reference that the tile cut extends beyond it.
    assert all(match.placement and match.placement.shown < 0.5 for match in matches.values())


def test_photograph_matches_a_screenshot_of_it(case: Case, photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    for name in photos:
        save(screenshot(photos[name], 40, 260, 560), tmp_path / "references" / f"{name}.jpg")
    ingest(case, tmp_path / "references", crops=True)
    (match,) = copies(case, save(photos["cat"], tmp_path / "query.jpg")).values()
    assert Path(match.uris[0]).stem == "cat"
    # The placement is in pixels of the whole screenshot.
    assert match.placement is not None
    assert np.abs(np.array(match.placement.quad[0]) - (40, 260)).max() < 4


@pytest.mark.parametrize("order", [("whole", "part"), ("part", "whole")])
def test_small_part_is_found_among_stored_images_in_either_order(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path, order: tuple[str, str]
) -> None:
    height, width = photos["temple"].shape[:2]
    part = photos["temple"][int(height * 0.36) : int(height * 0.64), int(width * 0.36) : int(width * 0.64)]
    images = {"whole": photos["temple"], "part": np.asarray(ImageOps.scale(Image.fromarray(part), 2))}
    for name in order:
        save(images[name], tmp_path / name / f"{name}.jpg")
        assert ingest(case, tmp_path / name, crops=True) == ["added"]
    (kept,) = case._store.kept_pair(*sorted(asset.sha256 for asset in case._store.assets()))
    assert kept.match and kept.match.verdict == "copy"
