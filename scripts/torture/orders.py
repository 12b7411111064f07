"""Ingests in other orders, in several runs, at once and with SIGKILL in between: the kept matches are equal, row by row.

    .venv/bin/python scripts/torture/orders.py [--orders 20] [--seed 1] [--corpus DIR] [--photos 30]

Each order shuffles the files and splits them into up to four runs. A run is killed at a random moment or not, and repeated. In
each third order two processes ingest halves at once, and are killed or not. A last ingest makes up for what the kills left. Kept
rows are compared with all but the time of keeping. Without DIR, the script ingests a folder with media from installed packages.
Quick form: --orders 2 --photos 6.
"""

import contextlib
import random
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import trial

from mediafp.store.sqlite.connection import DATABASE_NAME

ROWS = (
    "SELECT a, b, channel, promise, a_is_query, relation, verdict, probability, coverage_a, coverage_b, evidence, version"
    " FROM kept_match ORDER BY a, b, channel"
)
PENDING = "SELECT count(*) FROM comparison WHERE version = ''"
MAX_RUNS = 4
"""Largest number of runs of one order, besides the last one. Chosen, not measured."""
Row = tuple[object, ...]


def main() -> int:
    """Return 1 if kept rows differ, an asset stays uncompared, a store is not sound, or a process survived a kill."""
    parser = trial.make_corpus_parser(__doc__ or "", photos=30)
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orders-") as scratch:
        work = Path(scratch)
        corpus = trial.corpus_folder(args, work)
        expected_ingest = trial.ingest_undisturbed(work / "expected", corpus)
        expected, _ = kept_rows(work / "expected" / "store")
        files = sorted(path for path in corpus.rglob("*") if path.is_file())
        totals = dict.fromkeys(("kills", "differences", "pending", "unsound", "survivors"), 0)
        failures = 0
        for order in trial.show_progress(range(args.orders), args.orders, "orders"):
            with tempfile.TemporaryDirectory(dir=work) as folder:
                rng = random.Random(args.seed * 1000 + order)
                figures = run_order(Path(folder), rng, files, expected, expected_ingest.seconds, at_once=order % 3 == 2)
            for name in totals:
                totals[name] += figures[name]
            failed = any(figures[name] for name in ("differences", "pending", "unsound", "survivors"))
            failures += trial.print_trial(order, ok=not failed, **figures)
    return trial.print_summary(
        failures, orders=args.orders, seed=args.seed, files=len(files), rows=len(expected), **totals
    )


def run_order(
    folder: Path, rng: random.Random, files: list[Path], expected: list[Row], seconds: float, *, at_once: bool
) -> dict[str, int]:
    """Return the figures of one order.

    Args:
        folder: Empty folder for the store and the output.
        rng: Source of the order and of the moments of the kills.
        files: The files.
        expected: The kept rows of an undisturbed ingest.
        seconds: Wall seconds of that ingest.
        at_once: Ingest two halves at once.
    """
    store = folder / "store"
    shuffled = rng.sample(files, len(files))
    cuts = sorted(rng.sample(range(1, len(files)), rng.randrange(MAX_RUNS))) if not at_once else [len(files) // 2]
    batches = [shuffled[start:end] for start, end in zip((0, *cuts), (*cuts, len(files)), strict=True)]
    kills = survivors = 0
    running: list[tuple[subprocess.Popen[bytes], Path, float]] = []
    for number, batch in enumerate(batches):
        out = folder / f"out{number}"
        process = trial.start_command(trial.ingest_command(store, *batch, jobs=rng.choice((1, 2, 3))), out)
        kill_after = rng.uniform(0, seconds * len(batch) / len(files)) if rng.random() < 0.7 else trial.COMMAND_SECONDS
        running.append((process, out, kill_after))
        if not at_once or number == len(batches) - 1:
            for begun, output, wait_seconds in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    begun.wait(wait_seconds)
                kills += begun.poll() is None
                survivors += trial.kill_command(begun)
                trial.finish_command(begun, output)
            running = []
    completed = trial.run_command(trial.ingest_command(store, *rng.sample(files, len(files))), folder / "last")
    rows, pending = kept_rows(store)
    for row in sorted(set(rows) ^ set(expected))[: trial.MAX_PRINTED_DIFFERENCES]:
        print(*("-" if row in expected else "+", *row), file=sys.stderr)
    return {
        "runs": len(batches) + 1,
        "kills": kills,
        "rows": len(rows),
        "differences": len(set(rows) ^ set(expected)),
        "pending": pending,
        "unsound": int(not trial.is_sound(store)),
        "survivors": survivors + completed.survivors,
    }


def kept_rows(store: Path) -> tuple[list[Row], int]:
    """Return the kept rows of a store, and the number of assets that are not compared."""
    with closing(sqlite3.connect(store / DATABASE_NAME)) as database:
        return database.execute(ROWS).fetchall(), database.execute(PENDING).fetchone()[0]


if __name__ == "__main__":
    sys.exit(main())
