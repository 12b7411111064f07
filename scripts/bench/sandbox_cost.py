"""What the locks cost: wall time of an ingest with them against one without, pair by pair, into fresh stores.

.venv/bin/python scripts/bench/sandbox_cost.py FOLDER [--rounds 5]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median


def main() -> None:
    """Prints the medians and the median of the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    pairs = []
    for number in range(args.rounds):
        # Each goes first in turn.
        order = (True, False) if number % 2 else (False, True)
        took = {locked: seconds(args.folder, locked=locked) for locked in order}
        pairs.append((took[True], took[False]))
    ratio = median(locked / free for locked, free in pairs)
    locked, free = (median(times) for times in zip(*pairs, strict=True))
    print(f"locked {locked:.2f} s, without {free:.2f} s, ratio {ratio:.3f}")


def seconds(folder: Path, *, locked: bool) -> float:
    """Wall seconds of one ingest."""
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
            "--text",
            "no",
        ]
        began = time.monotonic()
        subprocess.run([*command, *([] if locked else ["--unsafe-no-sandbox"])], stdout=subprocess.DEVNULL, check=True)
        return time.monotonic() - began


if __name__ == "__main__":
    main()
