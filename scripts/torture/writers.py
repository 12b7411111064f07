"""Several ingests into one store at once: each file is one asset, no run fails on a lock, and the store is as usual.

    .venv/bin/python scripts/torture/writers.py [--delays 10] [--writers 16] [--seed 1] [--corpus DIR] [--photos 40]

Two ingests of one folder run at once, the second started a little later, once for each delay; then 16 ingests of one file
start at once, three times. Without DIR, the script ingests a folder with media from installed packages. Stores are compared
by their export, the hash of all fingerprints and thumbnails of each asset, and the failed files.
Quick form: --delays 1 --photos 12 --rounds 1.
"""

import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import trial

LOCK_MESSAGE = "locked"
"""Part of SQLite's messages about a store that another process has locked."""


def main() -> int:
    """Return 1 if a run failed or met a lock, or if a store is not sound, differs, or has a file twice."""
    parser = trial.make_corpus_parser(__doc__ or "", photos=40)
    parser.add_argument("--delays", type=int, default=10)
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3, help="times that all writers ingest one file")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="writers-") as scratch:
        work = Path(scratch)
        folder = trial.ingest_undisturbed(work / "folder", trial.corpus_folder(args, work))
        single_file = trial.ingest_undisturbed(work / "file", _first_file(folder))
        # With the first ingest, just after it, and anywhere in its first half.
        delays = [0.0, 0.05, *(rng.uniform(0, folder.seconds / 2) for _ in range(args.delays))][: args.delays]
        trials = [
            *((folder, (0.0, delay)) for delay in delays),
            *((single_file, (0.0,) * args.writers) for _ in range(args.rounds)),
        ]
        totals = dict.fromkeys(("wrong_exit", "locked", "repeated", "differences", "unsound", "survivors"), 0)
        failures = 0
        for number, (expected, starts) in enumerate(trial.show_progress(trials, len(trials), "writers")):
            with tempfile.TemporaryDirectory(dir=work) as trial_folder:
                figures = run_trial(Path(trial_folder), expected, starts)
            for name in totals:
                totals[name] += figures[name]
            failures += trial.print_trial(
                number,
                ok=not any(figures[name] for name in totals),
                source=expected.source.name,
                writers=len(starts),
                delay_s=round(starts[-1], 2),
                **figures,
            )
    return trial.print_summary(failures, trials=len(trials), seed=args.seed, **totals)


def _first_file(ingested: trial.UndisturbedIngest) -> Path:
    """Return an acknowledged file that is not an archive member."""
    return next(path for path in map(Path, sorted(ingested.acknowledged)) if path.is_file())


def run_trial(folder: Path, expected: trial.UndisturbedIngest, starts: Sequence[float]) -> dict[str, int]:
    """Return the figures of ingests that start at these seconds."""
    store = folder / "store"
    start, runs = time.monotonic(), []
    try:
        for number, seconds in enumerate(starts):
            time.sleep(max(0.0, start + seconds - time.monotonic()))
            out = folder / f"out-{number}"
            runs.append((trial.start_command(trial.ingest_command(store, expected.source), out), out))
        completed = [trial.finish_command(process, out) for process, out in runs]
    finally:
        for process, _ in runs:
            trial.kill_command(process)
    assets = [row["sha256"] for row in trial.export_rows(store)]
    added = sum(run.summary.get("added", 0) for run in completed)
    return {
        "assets": len(assets),
        "wrong_exit": sum(run.code != expected.code for run in completed),
        "locked": sum(_met_lock(run) for run in completed),
        # Each asset is reported as added by exactly one run.
        "repeated": len(assets) - len(set(assets)) + added - len(set(assets)),
        "differences": trial.count_differences(trial.store_content(store), expected.content),
        "unsound": int(not trial.is_sound(store)),
        "survivors": sum(run.survivors for run in completed),
    }


def _met_lock(completed: trial.CompletedCommand) -> bool:
    """Return True if a message of a run, not the name of a file, mentions a lock."""
    messages = (line.get(name, "") for line in completed.lines for name in ("message", "warnings"))
    return any(LOCK_MESSAGE in str(text) for text in (completed.err, *messages))


if __name__ == "__main__":
    sys.exit(main())
