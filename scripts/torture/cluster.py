"""An ingest on a Ray cluster of this machine, two workers: one is killed, then the driver; the same command then completes it.

    .venv/bin/python scripts/torture/cluster.py [--corpus DIR] [--photos 480] [--kill node|worker]

The first kill hits, after a quarter of the files, the process of Ray that holds a worker (`node`), or the worker itself. The
second one hits the driver after half of them: all processes of the cluster have to end by themselves. The store then has to
equal that of an undisturbed ingest on one machine, by its export, the hash of all fingerprints and thumbnails of each asset, and
the failed files. Files are not compared with each other, which the driver does alone. Without DIR, the script ingests a folder
with media from installed packages, with some 20 files more than --photos. Quick form: --photos 40.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import trial

WORKER = "mediafp.engine.local.worker"
NODE = "ray::NodeWorker"
"""Parts of the command lines of a worker, and of the process that holds it."""


def main() -> int:
    """Return 1 if an acknowledged file was lost, the store differs or is not sound, or a process survived the driver."""
    parser = trial.make_corpus_parser(__doc__ or "", photos=480)
    parser.add_argument("--kill", choices=("node", "worker"), default="node")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster-") as scratch:
        work = Path(scratch)
        expected = trial.ingest_undisturbed(work / "a", trial.corpus_folder(args, work), compare=False)
        figures = run_trial(work, expected, NODE if args.kill == "node" else WORKER)
    failures = figures["lost"] + figures["differences"] + figures["unsound"] + figures["survivors"]
    failures += figures["other_output"] + figures["analysed_again"] + figures["wrong_exit"] + (figures["killed"] != 1)
    trial.print_trial(args.kill, ok=not failures, **figures)
    return trial.print_summary(failures, files=len(expected.acknowledged), **figures)


def run_trial(folder: Path, expected: trial.UndisturbedIngest, target: str) -> dict[str, int]:
    """Return the figures of an ingest that loses one process and its driver, and of the ingest that resumes after it."""
    store, out = folder / "store", folder / "out"
    command = [*trial.ingest_command(store, expected.source, jobs=2, compare=False), "--engine", "ray"]
    process = trial.start_command(command, out)
    try:
        killed = 0
        if wait_for(lambda: process.poll() is not None or count_acknowledged(out) >= len(expected.acknowledged) // 4):
            for pid in descendants(process.pid, target)[:1]:
                os.kill(pid, signal.SIGKILL)
                killed += 1
        wait_for(lambda: process.poll() is not None or count_acknowledged(out) >= len(expected.acknowledged) // 2)
        before_end = process.poll() is None
        started = descendants(process.pid)
    finally:
        trial.kill_command(process, main_only=True)
    wait_for(lambda: not any(map(is_alive, started)), trial.WORKER_EXIT_SECONDS)
    survivors = [pid for pid in started if is_alive(pid)]
    for pid in survivors:
        os.kill(pid, signal.SIGKILL)
    killed_run = trial.finish_command(process, out)
    acknowledged = killed_run.acknowledged
    was_sound = trial.is_sound(store)
    stored = {row["sha256"] for row in trial.export_rows(store)}
    resumed = trial.run_command(command, out)
    status = {line["path"]: line["status"] for line in resumed.lines if "status" in line}
    return {
        "killed": killed,
        "before_end": int(before_end),
        "acknowledged": len(acknowledged),
        "lost": len(set(acknowledged.values()) - stored),
        "analysed_again": sum(status.get(path) != "known" for path in acknowledged),
        "wrong_exit": int(resumed.code != expected.code),
        "differences": trial.count_differences(trial.store_content(store), expected.content),
        "unsound": (not was_sound) + (not trial.is_sound(store)),
        "other_output": sum(not line.startswith("{") for line in (killed_run.out + resumed.out).splitlines()),
        "survivors": len(survivors) + resumed.survivors,
    }


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
