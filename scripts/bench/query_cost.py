"""CPU seconds of one query image against 10,000 images, without start-up (models, index) and OCR.

    .venv/bin/python scripts/bench/query_cost.py FOLDER

The images of the folder and seeded edits of them (crop, size, brightness, JPEG) make up the 10,000. The queries are other
edits: crops at half size, half of them mirrored. Every hundredth image is not ingested, so that some queries have no match.
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
"""Images in the store."""
QUERIES = 100
SEED = 3


def edit_image(image: Image.Image, rng: random.Random, min_share: float) -> Image.Image:
    """Return a crop of at least that share of each side, brightened or darkened."""
    width, height = (round(side * rng.uniform(min_share, 1)) for side in image.size)
    left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
    cropped = image.crop((left, top, left + width, top + height))
    return ImageEnhance.Brightness(cropped).enhance(rng.uniform(0.8, 1.2))


def main() -> None:
    """Print the mean, median and maximum of the CPU time of a query."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    source = parser.parse_args().folder
    rng = random.Random(SEED)
    files = [f for f in sorted(source.rglob("*")) if f.suffix.lower() in (".jpg", ".jpeg", ".png")]
    ingested = [f for n, f in enumerate(files) if n % 100]
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        references, queries = Path(scratch) / "references", Path(scratch) / "queries"
        references.mkdir()
        queries.mkdir()
        for n in range(COUNT):
            with Image.open(ingested[n % len(ingested)]) as opened:
                image = opened.convert("RGB")
            image.thumbnail((640, 640))
            reference = edit_image(image, rng, 0.7) if n >= len(ingested) else image
            reference.save(references / f"{n:05}.jpg", quality=85)
        for n, file in enumerate(rng.sample(ingested, QUERIES - 10) + files[::100][:10]):
            with Image.open(file) as opened:
                image = edit_image(opened.convert("RGB"), rng, 0.6)
            if n % 2:
                image = ImageOps.mirror(image)
            half = image.resize((max(1, image.width // 2), max(1, image.height // 2)))
            half.save(queries / f"{n:03}.jpg", quality=70)
        with open_case(Path(scratch) / "store", create=True) as case:
            for _ in case.ingest([references], IngestOptions(analysis=AnalysisOptions(ocr=False))):
                pass
            names = sorted(queries.iterdir())
            next(case.match(names[:1], ocr=False))  # loads models and index
            cpu_seconds, matched = [], 0
            for name in names:
                start = time.process_time()
                result = next(case.match([name], ocr=False))
                cpu_seconds.append(time.process_time() - start)
                matched += bool(result.matches)
    print(
        f"{COUNT} images, {len(cpu_seconds)} queries, {matched} of them matched: mean {mean(cpu_seconds):.3f} s CPU,"
        f" median {median(cpu_seconds):.3f}, maximum {max(cpu_seconds):.3f}"
    )


if __name__ == "__main__":
    main()
