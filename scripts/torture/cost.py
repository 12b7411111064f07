"""CPU seconds and peak memory of the worker for each file of folders, against what a file may take.

    .venv/bin/python scripts/torture/cost.py FOLDER... [--jobs N]

For a hostile corpus. The files go the way that an ingest goes with them, archives entry by entry. More than one at a time
(`--jobs`) makes them no dearer but slower. Every file has one outcome; what is no file (a folder, a link that leads out)
is not walked into, as in an ingest.
"""

import os
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gauge
import trial
from gauge import Gauge, Result

from mediafp.ingest.files import open_file
from mediafp.ingest.walk import FoundFile, walk
from mediafp.types.errors import MediaError

WORST = 10


def main() -> int:
    """1 where a file broke the program, hung, or took more than a file may."""
    parser = trial.parser(__doc__ or "")
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    files = list(walk(args.folders))
    every: list[tuple[Path, Result]] = []
    answered: Counter[Path] = Counter()
    with (
        tempfile.TemporaryDirectory(prefix="cost-") as scratch,
        Gauge(Path(scratch)) as readers,
        ThreadPoolExecutor(args.jobs) as pool,
    ):
        found = pool.map(lambda file: (file.path, examined(readers, file)), files)
        for path, results in trial.counted(found, len(files), "files"):
            answered[path] += 1
            for number, result in enumerate(results):
                every.append((path, result))
                name = f"{path}/{result.name}" if number else str(path)
                trial.say(
                    result.outcome,
                    ok=not (result.over or result.outcome in (gauge.HUNG, gauge.SUPERVISOR)),
                    cpu_s=round(result.cost.cpu, 2),
                    mib=result.cost.memory >> 20,
                    file=ascii(name),
                    **({"message": result.message} if result.outcome in gauge.LOST else {}),
                )
        resets = readers.resets
    worst = {
        figure: [
            f"{getattr(result.cost, figure) / scale:.1f} {unit} {result.outcome} {str(path)!a}"
            for path, result in sorted(every, key=lambda one: -getattr(one[1].cost, figure))[:WORST]
        ]
        for figure, scale, unit in (("cpu", 1, "s"), ("memory", 1 << 20, "MiB"))
    }
    broken = sum(result.outcome in (gauge.HUNG, gauge.SUPERVISOR) for _, result in every)
    over = [ascii(str(path)) for path, result in every if result.over]
    unaccounted = len(files) - len(answered)
    twice = sum(count > 1 for count in answered.values())
    return trial.finish(
        broken + len(over) + unaccounted + twice,
        files=len(files),
        unaccounted=unaccounted,
        twice=twice,
        broken=broken,
        outcomes=dict(Counter(result.outcome for _, result in every).most_common()),
        over=over,
        most_cpu_s=round(max((result.cost.cpu for _, result in every), default=0.0), 2),
        most_mib=max((result.cost.memory for _, result in every), default=0) >> 20,
        memory_is="of a file" if resets else "of a worker's life",
        worst=worst,
    )


def examined(readers: Gauge, file: FoundFile) -> list[Result]:
    """What becomes of a file and, where it is an archive, of its entries."""
    try:
        with open_file(file.path, file.root) as opened:
            return list(gauge.examine(readers, opened))
    except MediaError as error:
        return [Result(name=file.path.name, outcome=error.kind, message=str(error))]


if __name__ == "__main__":
    sys.exit(main())
