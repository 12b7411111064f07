"""Ratio of wall times: ingest of 1,000 photos by mediafp and by `immaculate --method sscd_distilled`, one run each.

    .venv/bin/python scripts/bench/ingest_photos.py FOLDER

The images of the folder are repeated as new JPEGs, slightly cropped so that no two files are equal, until there are 1,000.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

COUNT = 1000
"""Photos that are ingested."""
SETTINGS = (("no", "no"), ("yes", "no"), ("yes", "yes"))
"""Settings of mediafp that are measured: reference crops and OCR."""
BIN = Path(sys.executable).parent


def write_photos(source: Path, target: Path, count: int) -> None:
    """Write `count` JPEGs made from the images of a folder."""
    files = [f for f in sorted(source.rglob("*")) if f.suffix.lower() in (".jpg", ".jpeg", ".png")]
    for n in range(count):
        with Image.open(files[n % len(files)]) as opened:
            image = opened.convert("RGB")
        left = n // len(files) * 8
        image.crop((left, 0, image.width, image.height)).save(target / f"{n:05}.jpg", quality=90)


def run_seconds(*command: object) -> float:
    """Return the wall seconds that a command takes.

    Raises:
        subprocess.CalledProcessError: If the command fails.
    """
    start = time.monotonic()
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return time.monotonic() - start


def main() -> None:
    """Print both times and their ratio for each setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    source = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        (work / "photos").mkdir()
        write_photos(source, work / "photos", COUNT)
        immaculate = run_seconds(BIN / "immaculate", work / "photos", "--method", "sscd_distilled")
        for crops, ocr in SETTINGS:
            store = work / f"{crops}-{ocr}"
            options = ("--crops", crops, "--ocr", ocr, work / "photos")
            mediafp = run_seconds(BIN / "mediafp", "--store", store, "ingest", *options)
            times = f"mediafp {mediafp:.1f} s, immaculate {immaculate:.1f} s, ratio {mediafp / immaculate:.2f}"
            print(f"reference crops {crops}, OCR {ocr}: {times}", flush=True)


if __name__ == "__main__":
    main()
