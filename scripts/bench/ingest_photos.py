"""Ratio of wall times: ingest of photos by mediafp and by `immaculate --method sscd_distilled`, one run each.

    .venv/bin/python scripts/bench/ingest_photos.py FOLDER...

The images of the folders, at most 1,000, should resemble no other: what resembles another image is compared closely.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COUNT = 1000
"""Largest number of photos that are ingested."""
SETTINGS = (
    ("no", "no", "later"),
    ("no", "no", "now"),
    ("yes", "no", "later"),
    ("yes", "no", "now"),
    ("yes", "yes", "now"),
)
"""Settings of mediafp that are measured: reference crops, OCR and comparing."""
BIN = Path(sys.executable).parent


def copy_photos(folders: list[Path], target: Path) -> int:
    """Copy the images of some folders, and return their number."""
    found = [file for folder in folders for file in sorted(folder.rglob("*"))]
    photos = [file for file in found if file.suffix.lower() in (".jpg", ".jpeg", ".png")][:COUNT]
    for number, file in enumerate(photos):
        shutil.copy(file, target / f"{number:05}{file.suffix}")
    return len(photos)


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
    parser.add_argument("folders", type=Path, nargs="+")
    folders = parser.parse_args().folders
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        (work / "photos").mkdir()
        print(f"{copy_photos(folders, work / 'photos')} photos")
        immaculate = run_seconds(BIN / "immaculate", work / "photos", "--method", "sscd_distilled")
        for crops, ocr, match in SETTINGS:
            store = work / f"{crops}-{ocr}-{match}"
            options = ("--crops", crops, "--ocr", ocr, "--match", match, work / "photos")
            mediafp = run_seconds(BIN / "mediafp", "--store", store, "ingest", *options)
            times = f"mediafp {mediafp:.1f} s, immaculate {immaculate:.1f} s, ratio {mediafp / immaculate:.2f}"
            print(f"reference crops {crops}, OCR {ocr}, comparing {match}: {times}", flush=True)


if __name__ == "__main__":
    main()
