"""Rectangles of stored images in the comparison of assets, and stores without them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from mediafp.case.case import Case
from mediafp.case.comparison.pair import compare_pair
from mediafp.case.comparison.partners import find_partners
from mediafp.case.references import StoredReferences
from mediafp.engine.comparison.sides import StoredSides
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.matching.promise import RECTANGLE, WHOLE
from mediafp.types.media import Pixels
from mediafp.types.runs import AnalysisOptions, IngestOptions


def screenshot(photo: Pixels, background: Pixels) -> Image.Image:
    """A photograph on 15 % of another one, mirrored, with a frame."""
    page = ImageOps.fit(Image.fromarray(background), (700, 1000))
    inset = ImageOps.expand(ImageOps.mirror(ImageOps.fit(Image.fromarray(photo), (360, 270))), 6, "white")
    page.paste(inset, (180, 400))
    return page


@pytest.mark.parametrize("crops", [True, False])
def test_image_in_a_screenshot_is_found_by_a_rectangle(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path, crops: bool
) -> None:
    Image.fromarray(photos["cat"]).save(tmp_path / "photo.png")
    screenshot(photos["cat"], photos["temple"]).save(tmp_path / "screenshot.png")
    list(case.ingest([tmp_path], IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=crops))))
    by_name = {Path(case._store.uris(asset.sha256)[0]).stem: asset.sha256 for asset in case._store.assets()}
    photo, shot = by_name["photo"], by_name["screenshot"]
    sides = StoredSides(StoredReferences(case._store, decode_thumbnail))
    partners = find_partners(photo, sides)
    assert [partner.sha256 for partner in find_partners(shot, sides)] == [photo for _ in partners]
    if not crops:
        # Neither side has rows of parts, and all else works without them.
        assert {*sides.rows(photo).shows.tolist(), *sides.rows(shot).shows.tolist()} == {WHOLE}
        return
    (partner,) = partners
    assert partner.sha256 == shot and sides.rows(shot).shows[partner.promise.rows[1]] == RECTANGLE
    match = compare_pair(photo, shot, partner.promise, sides, lambda sha256: None).match
    assert match and match.verdict == "copy" and match.placement
    assert match.placement.mirrored
