"""CPU seconds and peak memory of the worker for each file of some folders, compared with the limits of one file.

    .venv/bin/python scripts/torture/cost.py FOLDER... [--jobs N]

Meant for a hostile corpus. The files are analysed as in an ingest, archives member by member. Several at a time (`--jobs`)
do not change the cost of a file, only the wall time. Every file has one outcome; folders and links that lead out of a FOLDER
are not followed, as in an ingest.
"""

import os
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gauge
import trial
from gauge import MeasuredPool, Result

from mediafp.ingest.files import open_file
from mediafp.ingest.walk import FoundFile, walk
from mediafp.types.errors import MediaError

MAX_PRINTED = 10
"""Most expensive files that the summary lists."""


def main() -> int:
    """Return 1 if a file broke the program, hung, or exceeded the limits of a file."""
    parser = trial.make_parser(__doc__ or "")
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    files = list(walk(args.folders))
    results: list[tuple[Path, Result]] = []
    counts: Counter[Path] = Counter()
    with (
        tempfile.TemporaryDirectory(prefix="cost-") as scratch,
        MeasuredPool(Path(scratch)) as workers,
        ThreadPoolExecutor(args.jobs) as threads,
    ):
        analysed = threads.map(lambda file: (file.path, analyse(workers, file)), files)
        for path, file_results in trial.show_progress(analysed, len(files), "files"):
            counts[path] += 1
            for number, result in enumerate(file_results):
                results.append((path, result))
                name = f"{path}/{result.name}" if number else str(path)
                trial.print_trial(
                    result.outcome,
                    ok=not (result.is_over_limit or result.outcome in (gauge.HUNG, gauge.UNEXPECTED)),
                    cpu_s=round(result.cost.cpu, 2),
                    mib=result.cost.memory >> 20,
                    file=ascii(name),
                    **({"message": result.message} if result.outcome in gauge.LOST_WORKER else {}),
                )
        resets_peak = workers.resets_peak
    most_expensive = {
        figure: [
            f"{getattr(result.cost, figure) / scale:.1f} {unit} {result.outcome} {str(path)!a}"
            for path, result in sorted(results, key=lambda item: -getattr(item[1].cost, figure))[:MAX_PRINTED]
        ]
        for figure, scale, unit in (("cpu", 1, "s"), ("memory", 1 << 20, "MiB"))
    }
    broken = sum(result.outcome in (gauge.HUNG, gauge.UNEXPECTED) for _, result in results)
    over_limit = [ascii(str(path)) for path, result in results if result.is_over_limit]
    unaccounted = len(files) - len(counts)
    repeated = sum(count > 1 for count in counts.values())
    return trial.print_summary(
        broken + len(over_limit) + unaccounted + repeated,
        files=len(files),
        unaccounted=unaccounted,
        repeated=repeated,
        broken=broken,
        outcomes=dict(Counter(result.outcome for _, result in results).most_common()),
        over_limit=over_limit,
        max_cpu_s=round(max((result.cost.cpu for _, result in results), default=0.0), 2),
        max_mib=max((result.cost.memory for _, result in results), default=0) >> 20,
        memory_of="file" if resets_peak else "whole life of the worker",
        most_expensive=most_expensive,
    )


def analyse(workers: MeasuredPool, file: FoundFile) -> list[Result]:
    """Return the result of a file and, for an archive, of its members."""
    try:
        with open_file(file.path, file.root) as opened:
            return list(gauge.analyse_file(workers, opened))
    except MediaError as error:
        return [Result(name=file.path.name, outcome=error.kind, message=str(error))]


if __name__ == "__main__":
    sys.exit(main())
