"""Verdicts on the development corpora, if they are present: other images of one person or room are not copies."""

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mediafp.case.case import Case
from mediafp.ingest.files import open_file
from mediafp.ingest.open_media import open_media


def ingest(case: Case, folder: Path) -> None:
    assert {outcome.status for outcome in case.ingest([folder])} == {"added"}


def test_match_reports_a_crop_as_copy_but_not_another_photograph_of_the_person(
    corpora: Path, case: Case, tmp_path: Path
) -> None:
    images = corpora / "images"
    pairs = json.loads((images / "negatives" / "same_person.json").read_text(encoding="utf-8"))[:25]
    references, crops = tmp_path / "references", tmp_path / "crops"
    references.mkdir()
    crops.mkdir()
    for pair in pairs:
        data = (images / "gallery" / pair["reference"]).read_bytes()
        (references / pair["reference"]).write_bytes(data)
        with Image.open(references / pair["reference"]) as opened:
            mirrored = ImageOps.mirror(opened.convert("RGB"))
        width, height = mirrored.size
        cropped = mirrored.crop((width // 10, 0, width, height * 7 // 8)).resize((300, 300))
        cropped.save(crops / (pair["reference"] + ".png"))
    ingest(case, references)
    other_photographs = [images / "negatives" / pair["query"] for pair in pairs]
    wrong_copies = [
        (result.query, match.uris)
        for result in case.match(other_photographs, min_probability=0.0, ocr=False)
        for match in result.matches
        if match.verdict == "copy"
    ]
    assert not wrong_copies
    results = list(case.match([crops]))
    assert len(results) == len(list(crops.iterdir())) > 0
    for result in results:
        best = result.matches[0]
        assert best.verdict == "copy" and Path(best.uris[0]).name + ".png" == Path(result.query).name


def test_match_reports_only_the_frame_of_the_same_clip_as_copy(corpora: Path, case: Case, tmp_path: Path) -> None:
    """All clips show the same room."""
    references, queries = tmp_path / "references", tmp_path / "queries"
    references.mkdir()
    queries.mkdir()
    for path in sorted((corpora / "videos").glob("asl_*")):
        media = open_media(open_file(path), full_decode=True)
        assert media is not None
        frames = list(media.frames)
        middle_frame = frames[len(frames) // 2].pixels
        Image.fromarray(middle_frame).save(references / f"{path.stem}.jpg", quality=92)
        cropped = np.ascontiguousarray(middle_frame[10:, 20:])
        Image.fromarray(cropped).save(queries / f"{path.stem}.jpg", quality=60)
    ingest(case, references)
    results = list(case.match([queries], min_probability=0.0, ocr=False))
    assert len(results) == len(list(queries.iterdir())) > 0
    for result in results:
        copies = [Path(match.uris[0]).name for match in result.matches if match.verdict == "copy"]
        assert copies == [Path(result.query).name]
