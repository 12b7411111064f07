"""Overhead of a Ray cluster on this machine: time of an ingest of photos by its workers and by those of the local engine.

    .venv/bin/python scripts/bench/ray_cost.py [FOLDER] [--photos 1000] [--rounds 3] [--ocr]

The start is not timed: both engines have as many workers as there are cores, each of which has analysed a photo before. Photos
are not compared with each other, which Ray does not do. Without FOLDER, they are random parts of photographs of installed
packages.
"""

import argparse
import io
import os
import random
import resource
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from PIL import Image

from mediafp.case.case import Case
from mediafp.case.engines import new_engine
from mediafp.cli.demo.media import PHOTOS, packaged_file
from mediafp.engine.interface import AnalysisRequest, Engine
from mediafp.ingest.files import file_sha256, open_file
from mediafp.store import open_store
from mediafp.types.runs import AnalysisOptions, EngineName, EngineOptions, IngestOptions


def main() -> None:
    """Print the times of each round, and the median of their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ocr", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        (work / "photos").mkdir()
        photos = (
            copy_photos(args.folder, work / "photos", args.photos) if args.folder else write_photos(work, args.photos)
        )
        options = IngestOptions(analysis=AnalysisOptions(ocr=args.ocr), match=False)
        pairs = []
        for number in range(args.rounds):
            # Alternating which goes first keeps a warming cache from favouring one of them.
            order: tuple[EngineName, EngineName] = ("local", "ray") if number % 2 else ("ray", "local")
            seconds = {name: ingest_seconds(name, photos, work / f"{number}-{name}", options) for name in order}
            pairs.append((seconds["ray"], seconds["local"]))
            print(f"{len(photos)} photos, seconds of wall time, of CPU time, and of the driver: {seconds}", flush=True)
    # On a machine that others use too, the wall time says little.
    for kind, what in enumerate(("wall", "CPU", "driver's CPU")):
        ratio = median(on_ray[kind] / local[kind] for on_ray, local in pairs)
        print(f"{what} time: ratio {ratio:.3f}, OCR {'on' if args.ocr else 'off'}, {os.cpu_count()} cores")
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")


def ingest_seconds(
    name: EngineName, photos: list[Path], folder: Path, options: IngestOptions
) -> tuple[float, float, float]:
    """Return the wall seconds of an ingest by an engine whose workers run, the CPU seconds, and those of this process."""
    folder.mkdir()
    with new_engine(folder, options=EngineOptions(name=name)) as engine:
        warm_up(engine, photos, AnalysisRequest(ocr=options.analysis.ocr, reference_crops=True))
        with Case(open_store(folder / "store", create=True), lambda: engine) as case:
            # The engine is closed with the last outcome, and its processes with it.
            started, cpu_before, own_before, statuses = time.monotonic(), cpu_seconds(), time.process_time(), []
            for outcome in case.ingest(photos, options):
                statuses.append(outcome.status)
                if len(statuses) == len(photos):
                    seconds, cpu = time.monotonic() - started, cpu_seconds() - cpu_before
                    own = time.process_time() - own_before
    assert statuses == ["added"] * len(photos), "all photos are new and differ"
    return round(seconds, 2), round(cpu, 2), round(own, 2)


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and all below it, with those of ended ones that their parent waited for."""
    parents, ticks = {}, {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(file.parent.name)
        parents[pid], ticks[pid] = int(fields[1]), sum(map(int, fields[11:15]))

    def is_own(pid: int) -> bool:
        while pid and pid != os.getpid():
            pid = parents.get(pid, 0)
        return bool(pid)

    return sum(count for pid, count in ticks.items() if is_own(pid)) / os.sysconf("SC_CLK_TCK")


def warm_up(engine: Engine, photos: list[Path], request: AnalysisRequest) -> None:
    """Let each worker of an engine analyse a photo."""
    count = engine.concurrency
    together = threading.Barrier(count)

    def analyse(photo: Path) -> None:
        for _ in range(2):
            together.wait()
            with open_file(photo) as file:
                engine.analyse(file, file_sha256(file), "image", request)

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(analyse, photos[:1] * count))


def copy_photos(source: Path, target: Path, count: int) -> list[Path]:
    """Copy the images of a folder, and return their paths."""
    found = (file for file in sorted(source.rglob("*")) if file.suffix.lower() in (".jpg", ".jpeg", ".png"))
    return [
        Path(shutil.copy(file, target / f"{n:05}{file.suffix}")) for n, file in zip(range(count), found, strict=False)
    ]


def write_photos(work: Path, count: int) -> list[Path]:
    """Write JPEGs of random parts of photographs, and return their paths."""
    rng = random.Random(1)
    images = [Image.open(packaged_file(*location)).convert("RGB") for location in PHOTOS.values()]
    paths = []
    for number in range(count):
        image = images[number % len(images)]
        left, top = rng.randrange(image.width // 4), rng.randrange(image.height // 4)
        part = image.crop((left, top, left + image.width * 3 // 4, top + image.height * 3 // 4))
        encoded = io.BytesIO()
        part.save(encoded, "JPEG", quality=rng.randrange(75, 95))
        paths.append(work / "photos" / f"{number:05}.jpg")
        # A byte behind the image makes equal parts different files.
        paths[-1].write_bytes(encoded.getvalue() + number.to_bytes(4, "big"))
    return paths


if __name__ == "__main__":
    main()
