"""Ingest and comparison on a Ray cluster of this machine: a worker is killed, then the driver; the same command completes it.

    .venv/bin/python scripts/torture/cluster.py [--corpus DIR] [--photos 480] [--compared 120] [--kill node|worker]

The first kill hits, after a quarter of the files, the process of Ray that holds a worker (`node`), or the worker itself. The
second one hits the driver after half of them: all processes of the cluster have to end by themselves. The store then has to
equal that of an undisturbed ingest on one machine, by its export, the hash of all fingerprints and thumbnails of each asset, and
the failed files. Without DIR, the script ingests a folder with media from installed packages, with some 20 files more than
--photos.

A folder of --compared photographs is then ingested, and `mediafp relate` compares it on the cluster with the same two kills. All
rows of kept matches have to equal those of one process. Quick form: --photos 40 --compared 24.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import trial

from mediafp.case import open_case
from mediafp.case.comparison.run import run_comparisons
from mediafp.store.sqlite.connection import DATABASE_NAME

WORKER = "mediafp.engine.local.worker"
NODE = "ray::NodeWorker"
"""Parts of the command lines of a worker, and of the process that holds it."""


def main() -> int:
    """Return 1 if an acknowledged file was lost, the store differs or is not sound, or a process survived the driver."""
    parser = trial.make_corpus_parser(__doc__ or "", photos=480)
    parser.add_argument("--compared", type=int, default=120, help="photographs that are compared")
    parser.add_argument("--kill", choices=("node", "worker"), default="node")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster-") as scratch:
        work = Path(scratch)
        expected = trial.ingest_undisturbed(work / "a", trial.corpus_folder(args, work), compare=False)
        target = NODE if args.kill == "node" else WORKER
        figures = run_trial(work, expected, target)
        failures = figures["lost"] + figures["differences"] + figures["unsound"] + figures["survivors"]
        failures += (
            figures["other_output"] + figures["analysed_again"] + figures["wrong_exit"] + (figures["killed"] != 1)
        )
        trial.print_trial(args.kill, ok=not failures, **figures)
        compared = run_comparison_trial(work, args.compared, target)
    wrong = compared["differences"] + compared["unsound"] + compared["survivors"] + compared["wrong_exit"]
    wrong += compared["killed"] != 1 or compared["kept_before_end"] in (0, compared["pairs"])
    trial.print_trial("compared", ok=not wrong, **compared)
    return trial.print_summary(failures + wrong, files=len(expected.acknowledged), **figures, compared=compared)


def run_trial(folder: Path, expected: trial.UndisturbedIngest, target: str) -> dict[str, int]:
    """Return the figures of an ingest that loses one process and its driver, and of the ingest that resumes after it."""
    store, out = folder / "store", folder / "out"
    command = [*trial.ingest_command(store, expected.source, jobs=2, compare=False), "--engine", "ray"]
    process = trial.start_command(command, out)
    kills = kill_twice(process, target, lambda: count_acknowledged(out) / len(expected.acknowledged))
    killed_run = trial.finish_command(process, out)
    acknowledged = killed_run.acknowledged
    was_sound = trial.is_sound(store)
    stored = {row["sha256"] for row in trial.export_rows(store)}
    resumed = trial.run_command(command, out)
    status = {line["path"]: line["status"] for line in resumed.lines if "status" in line}
    return {
        "killed": kills.killed,
        "before_end": int(kills.before_end),
        "acknowledged": len(acknowledged),
        "lost": len(set(acknowledged.values()) - stored),
        "analysed_again": sum(status.get(path) != "known" for path in acknowledged),
        "wrong_exit": int(resumed.code != expected.code),
        "differences": trial.count_differences(trial.store_content(store), expected.content),
        "unsound": (not was_sound) + (not trial.is_sound(store)),
        "other_output": sum(not line.startswith("{") for line in (killed_run.out + resumed.out).splitlines()),
        "survivors": kills.survivors + resumed.survivors,
    }


def run_comparison_trial(folder: Path, photos: int, target: str) -> dict[str, int]:
    """Return the figures of a comparison that loses one process and its driver, and of the one that resumes after it."""
    trial.make_corpus(folder / "compared", photos)
    one, store, out = folder / "one", folder / "spread", folder / "out"
    trial.run_command(trial.ingest_command(one, folder / "compared", compare=False), out)
    shutil.copytree(one, store)
    with open_case(one) as case:
        for _ in run_comparisons(case._store, case._references):
            pass
    expected = kept_rows(one)
    total = count_compared(one)
    command = trial.mediafp_command(store, "relate", "--json", "--engine", "ray")
    process = trial.start_command(command, out)
    kills = kill_twice(process, target, lambda: count_compared(store) / total)
    trial.finish_command(process, out)
    kept_before_end, was_sound = len(kept_rows(store)), trial.is_sound(store)
    resumed = trial.run_command(command, out)
    rows = kept_rows(store)
    return {
        "killed": kills.killed,
        "pairs": len(expected),
        "kept_before_end": kept_before_end,
        "differences": len(set(rows) ^ set(expected)),
        "wrong_exit": int(resumed.code != 0),
        "unsound": (not was_sound) + (not trial.is_sound(store)),
        "survivors": kills.survivors + resumed.survivors,
    }


def kept_rows(store: Path) -> list[tuple[Any, ...]]:
    """Return the rows of kept matches with all but the time of keeping."""
    columns = (
        "a, b, channel, promise, a_is_query, relation, verdict, probability, coverage_a, coverage_b, evidence, version"
    )
    with closing(sqlite3.connect(store / DATABASE_NAME)) as database:
        return database.execute(f"SELECT {columns} FROM kept_match ORDER BY a, b, channel").fetchall()


def count_compared(store: Path) -> int:
    """Return the number of assets that were compared, by each channel."""
    with closing(sqlite3.connect(store / DATABASE_NAME, timeout=60)) as database:
        (count,) = database.execute("SELECT count(*) FROM comparison WHERE version != ''").fetchone()
    return int(count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kills:
    """What two kills hit: a process of the cluster, the driver before its end, and processes that survived it."""

    killed: int
    before_end: bool
    survivors: int


def kill_twice(process: "subprocess.Popen[bytes]", target: str, share_done: Callable[[], float]) -> Kills:
    """Kill a process of a cluster after a quarter of the work of a command, and the command after half of it."""

    def is_done(share: float) -> bool:
        return process.poll() is not None or share_done() >= share

    try:
        killed = 0
        if wait_for(partial(is_done, 0.25)):
            for pid in descendants(process.pid, target)[:1]:
                os.kill(pid, signal.SIGKILL)
                killed += 1
        wait_for(partial(is_done, 0.5))
        before_end = process.poll() is None
        started = descendants(process.pid)
    finally:
        trial.kill_command(process, main_only=True)
    wait_for(lambda: not any(map(is_alive, started)), trial.WORKER_EXIT_SECONDS)
    survivors = [pid for pid in started if is_alive(pid)]
    for pid in survivors:
        os.kill(pid, signal.SIGKILL)
    return Kills(killed=killed, before_end=before_end, survivors=len(survivors))


def count_acknowledged(out: Path) -> int:
    """Return the number of files that a running ingest has reported as stored."""
    text = out.read_bytes().decode("utf-8", "surrogateescape")
    return len(trial.CompletedCommand(code=None, out=text, err="").acknowledged)


def wait_for(condition: Callable[[], bool], seconds: float = trial.COMMAND_SECONDS) -> bool:
    """Return True once a condition holds, or False after some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def descendants(root: int, part: str = "") -> list[int]:
    """Return the processes below a process whose command line contains a text."""
    parents: dict[int, int] = {}
    matching = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            if part.encode() in (folder / "cmdline").read_bytes():
                matching.append(int(folder.name))
        except OSError:
            continue

    def is_below(pid: int) -> bool:
        while pid := parents.get(pid, 0):
            if pid == root:
                return True
        return False

    return [pid for pid in matching if is_below(pid)]


def is_alive(pid: int) -> bool:
    """Return True if a process is neither gone nor a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
