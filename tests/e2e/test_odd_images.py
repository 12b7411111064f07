"""Images through ingest and match that are hard to decode: odd sizes, modes, depths and metadata."""

from pathlib import Path

import numpy as np
from PIL import Image

from mediafp.case.case import Case
from mediafp.types.runs import AnalysisOptions, IngestOptions

WITHOUT_OCR = IngestOptions(analysis=AnalysisOptions(ocr=False))


def write_odd_images(flat: Path, textured: Path, photo: np.ndarray) -> None:
    """Images of odd sizes, modes and metadata: flat ones in one folder, copies of a photograph in the other."""
    flat.mkdir()
    textured.mkdir()
    for name, colour in (("white", "white"), ("grey", "#777777"), ("red", "#cc0000")):
        Image.new("RGB", (400, 300), colour).save(flat / f"{name}.png")
        Image.new("RGB", (8, 8), colour).save(flat / f"tiny_{name}.png")
        Image.new("RGB", (20_000, 50), colour).save(flat / f"long_{name}.png")
    Image.fromarray(np.full((300, 400), 40_000, np.uint16)).save(flat / "deep_blank.png")
    Image.new("P", (64, 64), 3).save(flat / "one_frame.gif")
    image = Image.fromarray(photo)
    image.resize((8, 8)).save(textured / "tiny.png")
    image.resize((20_000, 50)).save(textured / "long.png")
    image.convert("CMYK").save(textured / "cmyk.jpg", quality=90)
    Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257).save(textured / "deep.png")
    image.quantize(64).save(textured / "palette.png", transparency=0)
    image.quantize(128).save(textured / "one_frame.gif")
    image.save(textured / "bad_exif.jpg", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff broken", quality=90)


def test_odd_images_are_ingested_and_flat_ones_match_nothing(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    flat, textured = tmp_path / "flat", tmp_path / "textured"
    write_odd_images(flat, textured, photos["temple"])
    outcomes = list(case.ingest([flat, textured], WITHOUT_OCR))
    assert len(outcomes) == 18
    assert all(outcome.status in ("added", "known") for outcome in outcomes), outcomes
    results = list(case.match([flat], min_probability=0.0, ocr=False))
    assert len(results) == 11
    for result in results:
        assert result.error is None
        wrong = [m for m in result.matches if m.sha256 != result.sha256 and m.probability >= 0.5]
        assert not wrong, (result.query, wrong)
    Image.fromarray(photos["temple"]).save(tmp_path / "query.jpg", quality=85)
    (result,) = case.match([tmp_path / "query.jpg"], ocr=False, top=20)
    matched = {Path(uri).stem for m in result.matches for uri in m.uris}
    assert {"cmyk", "deep", "palette", "one_frame", "bad_exif"} <= matched
