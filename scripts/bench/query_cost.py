"""CPU seconds of one query picture against 10,000 pictures, start-up (models, index) excluded.

    .venv/bin/python scripts/bench/query_cost.py FOLDER

The folder's pictures and seeded edits of them (crop, size, brightness, JPEG) make up the 10,000; the queries are other
edits: crops, half of them mirrored, at half size. Every hundredth source is held back, so that some find nothing.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path
from statistics import mean, median

import cv2
from PIL import Image, ImageEnhance, ImageOps

from mediafp.case.case import open_case
from mediafp.types.runs import AnalysisOptions, IngestOptions

COUNT = 10_000
QUERIES = 100
SEED = 3


def edited(image: Image.Image, chance: random.Random, least: float) -> Image.Image:
    """A crop of at least that share of each side, brightened or darkened."""
    wide, tall = (round(side * chance.uniform(least, 1)) for side in image.size)
    left, top = chance.randint(0, image.width - wide), chance.randint(0, image.height - tall)
    cut = image.crop((left, top, left + wide, top + tall))
    return ImageEnhance.Brightness(cut).enhance(chance.uniform(0.8, 1.2))


def main() -> None:
    """Prints the mean, median and worst CPU time of a query."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    source = parser.parse_args().folder
    chance = random.Random(SEED)
    files = [f for f in sorted(source.rglob("*")) if f.suffix.lower() in (".jpg", ".jpeg", ".png")]
    kept = [f for n, f in enumerate(files) if n % 100]
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        pictures, queries = Path(scratch) / "pictures", Path(scratch) / "queries"
        pictures.mkdir()
        queries.mkdir()
        for n in range(COUNT):
            with Image.open(kept[n % len(kept)]) as opened:
                image = opened.convert("RGB")
            image.thumbnail((640, 640))
            (edited(image, chance, 0.7) if n >= len(kept) else image).save(pictures / f"{n:05}.jpg", quality=85)
        for n, file in enumerate(chance.sample(kept, QUERIES - 10) + files[::100][:10]):
            with Image.open(file) as opened:
                image = edited(opened.convert("RGB"), chance, 0.6)
            if n % 2:
                image = ImageOps.mirror(image)
            image.resize((max(1, image.width // 2), max(1, image.height // 2))).save(
                queries / f"{n:03}.jpg", quality=70
            )
        with open_case(Path(scratch) / "store", create=True) as case:
            for _ in case.ingest([pictures], IngestOptions(analysis=AnalysisOptions(ocr=False))):
                pass
            names = sorted(queries.iterdir())
            next(case.match(names[:1], ocr=False))  # models and index
            spent, found = [], 0
            for name in names:
                start = time.process_time()
                answer = next(case.match([name], ocr=False))
                spent.append(time.process_time() - start)
                found += bool(answer.matches)
    print(
        f"{COUNT} pictures, {len(spent)} queries, {found} answered: mean {mean(spent):.3f} s CPU,"
        f" median {median(spent):.3f}, worst {max(spent):.3f}"
    )


if __name__ == "__main__":
    main()
