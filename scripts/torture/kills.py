"""SIGKILL of an ingest at random moments: what was acknowledged is there, and the resumed store is the undisturbed one.

    .venv/bin/python scripts/torture/kills.py [--points 100] [--seed 1] [--corpus DIR] [--photos 120]

The moments are spread over the time that an undisturbed ingest takes; every second one over the part of it behind the
first file that is acknowledged, and is counted from there. Two kills in three hit the whole process group, one the
program alone, whose workers then have to end by themselves. Without DIR, a dump is made of media that packages ship. A
store is compared by its export, the digest of all its fingerprints and thumbnails, and the files that failed.
Quick form: --points 2 --photos 12.
"""

import contextlib
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """So many seconds after the start, or after the first file that is acknowledged; of the program alone, or of all."""

    after_first: bool
    at: float
    alone: bool


def main() -> int:
    """1 where an acknowledged row was lost, a store differs or is not sound, or a process outlived the kill."""
    parser = trial.corpus_parser(__doc__ or "", photos=120)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="kills-") as scratch:
        work = Path(scratch)
        corpus = trial.corpus(args, work)
        # The first one warms the caches, so that the second takes as long as those that are killed.
        other, usual = (trial.undisturbed(work / name, corpus) for name in ("a", "b"))
        if trial.differing(usual.held, other.held):
            sys.exit(f"two undisturbed ingests differ: {trial.unlike(usual.held, other.held)}")
        # Drawn at once, so that a point is the same whatever came of those before it.
        kills = [
            Kill(
                after_first=point % 2 == 1,
                at=rng.uniform(0, usual.seconds - usual.first if point % 2 else usual.seconds),
                alone=point % 3 == 2,
            )
            for point in range(args.points)
        ]
        totals = dict.fromkeys(("acknowledged", "lost", "differ", "unsound", "left", "read_again", "before_end"), 0)
        short = 0
        for point, kill in enumerate(trial.counted(kills, len(kills), "kills")):
            with tempfile.TemporaryDirectory(dir=work) as place:
                figures = killed(Path(place), kill, usual)
            for name in totals:
                totals[name] += figures[name]
            bad = any(figures[name] for name in ("lost", "differ", "unsound", "left", "read_again", "failed"))
            when = f"{kill.at:.2f} s after {'the first file' if kill.after_first else 'its start'}"
            short += trial.say(point, ok=not bad, of="one" if kill.alone else "all", at=when, **figures)
    if not totals["before_end"]:
        print("note: every ingest had ended before it was to be killed", file=sys.stderr)
    return trial.finish(short, points=args.points, seed=args.seed, seconds=round(usual.seconds, 2), **totals)


def killed(place: Path, kill: Kill, usual: trial.Usual) -> dict[str, int]:
    """The figures of one kill."""
    store, out = place / "store", place / "out"
    words = trial.ingest(store, usual.what)
    process = trial.start(words, out)
    try:
        if kill.after_first:
            trial.wait_for_output(process, out)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(kill.at)
        before_end = process.poll() is None
    finally:
        left = trial.kill(process, alone=kill.alone)
    first = trial.end(process, out)
    safe = set(first.acknowledged.values())
    sound = trial.verified(store)
    kept = {row["sha256"] for row in trial.exported(store)}
    again = trial.run(words, out)
    status = {line["path"]: line["status"] for line in again.lines if "status" in line}
    return {
        "before_end": int(before_end),
        "acknowledged": len(safe),
        "kept": len(kept),
        "lost": len(safe - kept),
        "read_again": sum(status.get(path) != "known" for path in first.acknowledged),
        "failed": int(again.code != usual.code),
        "differ": trial.differing(trial.held(store), usual.held),
        "unsound": (not sound) + (not trial.verified(store)),
        "left": left + again.left,
    }


if __name__ == "__main__":
    sys.exit(main())
