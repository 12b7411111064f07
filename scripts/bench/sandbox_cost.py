"""Cost of the sandbox: time of an ingest with it and without it, in pairs, each into a new store.

.venv/bin/python scripts/bench/sandbox_cost.py FOLDER [--rounds 5]
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median


def main() -> None:
    """Print the median times and the median of the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    pairs = []
    for number in range(args.rounds):
        # Alternating which goes first keeps a warming cache from favouring one of them.
        order = (True, False) if number % 2 else (False, True)
        seconds = {sandboxed: ingest_seconds(args.folder, sandboxed=sandboxed) for sandboxed in order}
        pairs.append((seconds[True], seconds[False]))
    # On a machine that others use too, the wall time says little.
    for kind, name in enumerate(("wall", "CPU")):
        ratio = median(sandboxed[kind] / free[kind] for sandboxed, free in pairs)
        sandboxed, free = (median(times[kind] for times in column) for column in zip(*pairs, strict=True))
        print(f"{name} time with sandbox {sandboxed:.2f} s, without {free:.2f} s, ratio {ratio:.3f}")


def ingest_seconds(folder: Path, *, sandboxed: bool) -> tuple[float, float]:
    """Return the wall seconds and the CPU seconds of one ingest with its workers."""
    with tempfile.TemporaryDirectory() as store:
        command = [
            sys.executable,
            "-m",
            "mediafp",
            "--store",
            store,
            "ingest",
            str(folder),
            "--transcribe",
            "no",
            "--ocr",
            "no",
        ]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        options = [] if sandboxed else ["--unsafe-no-sandbox"]
        subprocess.run([*command, *options], stdout=subprocess.DEVNULL, check=True)
        wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
