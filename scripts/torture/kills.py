"""SIGKILL of an ingest at random moments: acknowledged files are stored, and resuming gives the undisturbed store.

    .venv/bin/python scripts/torture/kills.py [--points 100] [--seed 1] [--corpus DIR] [--photos 120]

The moments are spread over the time that an undisturbed ingest takes. Every second one is counted from the first
acknowledged file, and spread over the time after it. Two kills in three hit the whole process group, the third one the main
process only, whose workers then have to end by themselves. Without DIR, the script ingests a folder with media from
installed packages. Stores are compared by their export, the hash of all fingerprints and thumbnails of each asset, and the
failed files. Quick form: --points 2 --photos 12.
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
    """Moment and target of a kill: `seconds` after the start, or after the first acknowledged file."""

    after_first: bool
    seconds: float
    main_only: bool


def main() -> int:
    """Return 1 if an acknowledged file was lost, a store differs or is not sound, or a process survived the kill."""
    parser = trial.make_corpus_parser(__doc__ or "", photos=120)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="kills-") as scratch:
        work = Path(scratch)
        corpus = trial.corpus_folder(args, work)
        # The first ingest warms the caches, so that the second takes as long as those that are killed.
        first, expected = (trial.ingest_undisturbed(work / name, corpus) for name in ("a", "b"))
        if trial.count_differences(expected.content, first.content):
            sys.exit(f"two undisturbed ingests differ: {trial.sample_differences(expected.content, first.content)}")
        # All moments are drawn before the first trial, so that they do not depend on its result.
        after_first = expected.seconds - expected.first_seconds
        kills = [
            Kill(
                after_first=point % 2 == 1,
                seconds=rng.uniform(0, after_first if point % 2 else expected.seconds),
                main_only=point % 3 == 2,
            )
            for point in range(args.points)
        ]
        totals = dict.fromkeys(
            ("acknowledged", "lost", "differences", "unsound", "survivors", "analysed_again", "before_end"), 0
        )
        failures = 0
        for point, kill in enumerate(trial.show_progress(kills, len(kills), "kills")):
            with tempfile.TemporaryDirectory(dir=work) as folder:
                figures = run_trial(Path(folder), kill, expected)
            for name in totals:
                totals[name] += figures[name]
            failed = any(
                figures[name]
                for name in ("lost", "differences", "unsound", "survivors", "analysed_again", "wrong_exit")
            )
            moment = f"{kill.seconds:.2f} s after {'the first file' if kill.after_first else 'the start'}"
            killed = "main process" if kill.main_only else "group"
            failures += trial.print_trial(point, ok=not failed, killed=killed, at=moment, **figures)
    if not totals["before_end"]:
        print("note: every ingest had ended before its kill", file=sys.stderr)
    return trial.print_summary(
        failures, points=args.points, seed=args.seed, seconds=round(expected.seconds, 2), **totals
    )


def run_trial(folder: Path, kill: Kill, expected: trial.UndisturbedIngest) -> dict[str, int]:
    """Return the figures of one kill and of the ingest that resumes after it."""
    store, out = folder / "store", folder / "out"
    command = trial.ingest_command(store, expected.source)
    process = trial.start_command(command, out)
    try:
        if kill.after_first:
            trial.wait_for_acknowledgement(process, out)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(kill.seconds)
        before_end = process.poll() is None
    finally:
        survivors = trial.kill_command(process, main_only=kill.main_only)
    killed = trial.finish_command(process, out)
    acknowledged = set(killed.acknowledged.values())
    was_sound = trial.is_sound(store)
    stored = {row["sha256"] for row in trial.export_rows(store)}
    resumed = trial.run_command(command, out)
    status = {line["path"]: line["status"] for line in resumed.lines if "status" in line}
    return {
        "before_end": int(before_end),
        "acknowledged": len(acknowledged),
        "stored": len(stored),
        "lost": len(acknowledged - stored),
        "analysed_again": sum(status.get(path) != "known" for path in killed.acknowledged),
        "wrong_exit": int(resumed.code != expected.code),
        "differences": trial.count_differences(trial.store_content(store), expected.content),
        "unsound": (not was_sound) + (not trial.is_sound(store)),
        "survivors": survivors + resumed.survivors,
    }


if __name__ == "__main__":
    sys.exit(main())
