"""On the development corpora, where they are: other pictures of one person or one room are no copies, crops are."""

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mediafp.case.case import Case
from mediafp.ingest.files import open_file
from mediafp.ingest.open_media import open_media


def take_in(case: Case, folder: Path) -> None:
    assert {outcome.status for outcome in case.ingest([folder])} == {"added"}


def test_another_photograph_of_the_person_is_no_copy(corpora: Path, case: Case, tmp_path: Path) -> None:
    images = corpora / "images"
    pairs = json.loads((images / "negatives" / "same_person.json").read_text(encoding="utf-8"))[:25]
    references, crops = tmp_path / "references", tmp_path / "crops"
    references.mkdir()
    crops.mkdir()
    for pair in pairs:
        data = (images / "gallery" / pair["reference"]).read_bytes()
        (references / pair["reference"]).write_bytes(data)
        with Image.open(references / pair["reference"]) as opened:
            image = ImageOps.mirror(opened.convert("RGB"))
        wide, tall = image.size
        cut = image.crop((wide // 10, 0, wide, tall * 7 // 8)).resize((300, 300))
        cut.save(crops / (pair["reference"] + ".png"))
    take_in(case, references)
    others = [images / "negatives" / pair["query"] for pair in pairs]
    wrong = [
        (a.query, m.uris)
        for a in case.match(others, min_probability=0.0, ocr=False)
        for m in a.matches
        if m.verdict == "copy"
    ]
    assert not wrong
    for answer in case.match([crops]):
        best = answer.matches[0]
        assert best.verdict == "copy" and Path(best.uris[0]).name + ".png" == Path(answer.query).name


def test_a_frame_of_another_clip_of_the_room_is_no_copy(corpora: Path, case: Case, tmp_path: Path) -> None:
    references, queries = tmp_path / "references", tmp_path / "queries"
    references.mkdir()
    queries.mkdir()
    for path in sorted((corpora / "videos").glob("asl_*")):
        media = open_media(open_file(path), full_decode=True)
        assert media is not None
        frames = list(media.frames)
        Image.fromarray(frames[len(frames) // 2].pixels).save(references / f"{path.stem}.jpg", quality=92)
        cut = np.ascontiguousarray(frames[len(frames) // 2].pixels[10:, 20:])
        Image.fromarray(cut).save(queries / f"{path.stem}.jpg", quality=60)
    take_in(case, references)
    for answer in case.match([queries], min_probability=0.0, ocr=False):
        copies = [Path(m.uris[0]).name for m in answer.matches if m.verdict == "copy"]
        assert copies == [Path(answer.query).name]
