"""Time of comparing photos with each other: by threads of one process, by sandboxed workers of this machine, and by those of Ray.

    .venv/bin/python scripts/bench/relate_cost.py [FOLDER] [--photos 200] [--rounds 3]

The same store is compared by each, with as many pairs at once as there are cores; the kept rows have to be equal. The start of
the workers is timed, that of Ray is not. Without FOLDER, the photos are random parts of photographs of installed packages, of
which each resembles all others of the same photograph.
"""

import argparse
import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any, Final

from ray_cost import copy_photos, cpu_seconds, write_photos

from mediafp.case import open_case
from mediafp.case.comparison import comparer as asset_comparer
from mediafp.case.comparison import run as comparison_run
from mediafp.case.engines import new_engine
from mediafp.store.sqlite.connection import DATABASE_NAME
from mediafp.types.runs import AnalysisOptions, EngineName, EngineOptions, IngestOptions

NAMES: Final[tuple[EngineName | None, ...]] = (None, "local", "ray")
"""Who compares: threads of this process, or the workers of an engine."""


def main() -> None:
    """Print the times of each round, and the median of their ratios to those of one process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    # So that workers of this machine compare, however few cores it has.
    asset_comparer.MIN_SPREAD_ASSETS = asset_comparer.MIN_SPREAD_CORES = 1
    times: dict[EngineName | None, list[tuple[float, float, float]]] = {name: [] for name in NAMES}
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        (work / "photos").mkdir()
        photos = (
            copy_photos(args.folder, work / "photos", args.photos) if args.folder else write_photos(work, args.photos)
        )
        options = IngestOptions(analysis=AnalysisOptions(ocr=False, speech=None), match=False)
        with open_case(work / "store", create=True) as case:
            assert all(outcome.status == "added" for outcome in case.ingest(photos, options))
        for number in range(args.rounds):
            rows = []
            for name in NAMES[number % 3 :] + NAMES[: number % 3]:
                store = Path(shutil.copytree(work / "store", work / f"{number}-{name}"))
                times[name].append(compare_seconds(name, store))
                rows.append(kept_rows(store))
                print(f"{name or 'one process'}: {len(rows[-1])} pairs, seconds {times[name][-1]}", flush=True)
            assert rows[0] == rows[1] == rows[2], "the kept rows are equal"
    for kind, what in enumerate(("wall", "CPU", "driver's CPU")):
        for name in NAMES[1:]:
            ratio = median(own[kind] / one[kind] for own, one in zip(times[name], times[None], strict=True))
            print(f"{what} time: ratio of {name} to one process {ratio:.3f}, {os.cpu_count()} cores")


def compare_seconds(name: EngineName | None, store: Path) -> tuple[float, float, float]:
    """Return the wall seconds of a comparison, the CPU seconds, and those of this process."""
    with open_case(store) as case, ExitStack() as stack:
        # The indexes are built when they are opened for the first time.
        case._references()
        engine = stack.enter_context(new_engine(store, options=EngineOptions(name=name))) if name else None
        if engine:
            # Starts Ray.
            _ = engine.concurrency
        started, cpu_before, own_before = time.monotonic(), cpu_seconds(), time.process_time()
        for done, total in comparison_run.run_comparisons(
            case._store, case._references, start_engine=(lambda: engine) if engine else None
        ):
            if done == total:
                # The workers end behind it, and their times are lost.
                seconds, cpu, own = (
                    time.monotonic() - started,
                    cpu_seconds() - cpu_before,
                    time.process_time() - own_before,
                )
    return round(seconds, 2), round(cpu, 2), round(own, 2)


def kept_rows(store: Path) -> list[tuple[Any, ...]]:
    """Return the rows of kept matches with all but the time of keeping."""
    columns = (
        "a, b, channel, promise, a_is_query, relation, verdict, probability, coverage_a, coverage_b, evidence, version"
    )
    with closing(sqlite3.connect(store / DATABASE_NAME)) as database:
        return database.execute(f"SELECT {columns} FROM kept_match ORDER BY a, b, channel").fetchall()


if __name__ == "__main__":
    main()
