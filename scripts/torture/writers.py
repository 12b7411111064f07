"""Several ingests into one store at once: each file is one asset, nobody meets a lock, and the store is the usual one.

    .venv/bin/python scripts/torture/writers.py [--delays 10] [--writers 16] [--seed 1] [--corpus DIR] [--photos 40]

Two ingests take in one folder, the second started a little later, once for each of so many delays; then so many ingests
take in one and the same file at once, three times. Without DIR, a dump is made of media that packages ship. A store is
compared by its export, the digest of all its fingerprints and thumbnails, and the files that failed. Quick form:
--delays 1 --photos 12 --rounds 1.
"""

import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import trial

LOCKED = "locked"
"""What SQLite, and so a program that passes its errors on, says of a store that another one has locked."""


def main() -> int:
    """1 where a run failed or met a lock, or where a store is not sound, differs, or was given something twice."""
    parser = trial.corpus_parser(__doc__ or "", photos=40)
    parser.add_argument("--delays", type=int, default=10)
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3, help="times that one file is taken in by all writers")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="writers-") as scratch:
        work = Path(scratch)
        folder = trial.undisturbed(work / "folder", trial.corpus(args, work))
        one = trial.undisturbed(work / "file", _one_file(folder))
        # Beside the first, just after it, and anywhere in its first half.
        delays = [0.0, 0.05, *(rng.uniform(0, folder.seconds / 2) for _ in range(args.delays))][: args.delays]
        trials = [
            *((folder, (0.0, delay)) for delay in delays),
            *((one, (0.0,) * args.writers) for _ in range(args.rounds)),
        ]
        totals = dict.fromkeys(("failed", "locked", "twice", "differ", "unsound", "left"), 0)
        short = 0
        for number, (usual, starts) in enumerate(trial.counted(trials, len(trials), "writers")):
            with tempfile.TemporaryDirectory(dir=work) as place:
                figures = together(Path(place), usual, starts)
            for name in totals:
                totals[name] += figures[name]
            bad = any(figures[name] for name in totals)
            delay = round(starts[-1], 2)
            short += trial.say(number, ok=not bad, what=usual.what.name, writers=len(starts), delay_s=delay, **figures)
    return trial.finish(short, trials=len(trials), seed=args.seed, **totals)


def _one_file(usual: trial.Usual) -> Path:
    """A file on disk that was taken in."""
    return next(path for path in map(Path, sorted(usual.acknowledged)) if path.is_file())


def together(place: Path, usual: trial.Usual, starts: Sequence[float]) -> dict[str, int]:
    """The figures of ingests that start so many seconds after the first."""
    store = place / "store"
    began, runs = time.monotonic(), []
    try:
        for number, at in enumerate(starts):
            time.sleep(max(0.0, began + at - time.monotonic()))
            out = place / f"out-{number}"
            runs.append((trial.start(trial.ingest(store, usual.what), out), out))
        ends = [trial.end(process, out) for process, out in runs]
    finally:
        for process, _ in runs:
            trial.kill(process)
    assets = [row["sha256"] for row in trial.exported(store)]
    return {
        "assets": len(assets),
        "failed": sum(ended.code != usual.code for ended in ends),
        "locked": sum(_met_lock(ended) for ended in ends),
        # Of all that say that they added it, one is right.
        "twice": len(assets) - len(set(assets)) + sum(e.summary.get("added", 0) for e in ends) - len(set(assets)),
        "differ": trial.differing(trial.held(store), usual.held),
        "unsound": int(not trial.verified(store)),
        "left": sum(ended.left for ended in ends),
    }


def _met_lock(ended: trial.Ended) -> bool:
    """Whether a run speaks of a lock, the names of files apart."""
    told = (line.get(name, "") for line in ended.lines for name in ("message", "warnings"))
    return any(LOCKED in str(text) for text in (ended.err, *told))


if __name__ == "__main__":
    sys.exit(main())
