"""Ingest of 1,000 photos against `immaculate --method sscd_distilled` on the same files, wall seconds, one run.

    .venv/bin/python scripts/bench/ingest_photos.py FOLDER

The folder's pictures are repeated as new JPEGs (slightly cropped, so that no bytes are equal) until there are 1,000.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

COUNT = 1000
SETTINGS = (("no", "no"), ("yes", "no"), ("yes", "yes"))
"""Whether reference views are kept, and whether text is read."""
BIN = Path(sys.executable).parent


def photos(source: Path, target: Path, count: int) -> None:
    """Writes `count` JPEGs made of the folder's pictures."""
    files = [f for f in sorted(source.rglob("*")) if f.suffix.lower() in (".jpg", ".jpeg", ".png")]
    for n in range(count):
        with Image.open(files[n % len(files)]) as opened:
            image = opened.convert("RGB")
        cut = n // len(files) * 8
        image.crop((cut, 0, image.width, image.height)).save(target / f"{n:05}.jpg", quality=90)


def seconds(*command: object) -> float:
    """Wall seconds of a command. Raises CalledProcessError where it fails."""
    start = time.monotonic()
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return time.monotonic() - start


def main() -> None:
    """Prints both times and their ratio for each setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    source = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        (work / "photos").mkdir()
        photos(source, work / "photos", COUNT)
        theirs = seconds(BIN / "immaculate", work / "photos", "--method", "sscd_distilled")
        for views, text in SETTINGS:
            store = work / f"{views}-{text}"
            options = ("--views", views, "--text", text, work / "photos")
            ours = seconds(BIN / "mediafp", "--store", store, "ingest", *options)
            told = f"mediafp {ours:.1f} s, immaculate {theirs:.1f} s, ratio {ours / theirs:.2f}"
            print(f"views {views}, text {text}: {told}", flush=True)


if __name__ == "__main__":
    main()
