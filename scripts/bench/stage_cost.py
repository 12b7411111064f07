"""CPU milliseconds of an image by stage: what `ingest` computes from it, alone and with its parts and its text.

    .venv/bin/python scripts/bench/stage_cost.py FOLDER

Each stage is the difference between two analyses of the same images in this process, one thread, without the sandbox; the
comparison is that of the same images in a case of themselves.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from mediafp import AnalysisOptions, IngestOptions
from mediafp import open as open_case
from mediafp.engine.analysis import analyse_file
from mediafp.ingest.files import file_sha256, open_file

IMAGES = 100
"""Images of the folder that are analysed."""


def seconds_per_image(files: list[Path], work: Callable[[Path], object]) -> float:
    """Return the mean CPU seconds of a function of a file."""
    started = time.process_time()
    for file in files:
        work(file)
    return (time.process_time() - started) / len(files)


def analyse(file: Path, *, crops: bool, ocr: bool) -> None:
    """Analyse an image as a worker does."""
    with open_file(file) as opened:
        analyse_file(opened, "0" * 64, reference_crops=crops, ocr=ocr)


def read(file: Path) -> None:
    """Read an image and compute its SHA-256."""
    with open_file(file) as opened:
        file_sha256(opened)


def main() -> None:
    """Print the cost of each stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    found = sorted(parser.parse_args().folder.rglob("*"))
    files = [file for file in found if file.suffix.lower() in (".jpg", ".jpeg", ".png")][:IMAGES]
    # The models load.
    analyse(files[0], crops=True, ocr=True)
    whole = seconds_per_image(files, lambda file: analyse(file, crops=False, ocr=False))
    crops = seconds_per_image(files, lambda file: analyse(file, crops=True, ocr=False)) - whole
    ocr = seconds_per_image(files, lambda file: analyse(file, crops=False, ocr=True)) - whole
    stages = {
        "reading and SHA-256": seconds_per_image(files, read),
        "decoding, thumbnail, fingerprints of the whole": whole,
        "reference crops and rectangles": crops,
        "OCR": ocr,
    }
    with TemporaryDirectory() as folder, open_case(Path(folder) / "case", create=True, sandboxed=False) as case:
        options = IngestOptions(match=False, analysis=AnalysisOptions(ocr=False))
        list(case.ingest(files, options))
        started = time.process_time()
        case.relate()
        stages["comparing, of images that resemble no other"] = (time.process_time() - started) / len(files)
    for name, seconds in stages.items():
        print(f"{name}: {1000 * seconds:.1f} ms")


if __name__ == "__main__":
    main()
