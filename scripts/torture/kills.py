"""SIGKILL of an ingest at random moments: what was acknowledged is there, and the resumed store is the undisturbed one.

.venv/bin/python scripts/torture/kills.py FOLDER [--points 100] [--seed 1]
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

VOLATILE = ("id", "run", "seconds")
"""Fields that may differ between two runs, beside those named *_at that are no sighting's."""


def main() -> int:
    """1 where a row was lost or a store differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    lost = differ = unsound = acknowledged = 0
    with tempfile.TemporaryDirectory() as scratch:
        began = time.monotonic()
        ingest(Path(scratch) / "whole", args.folder).wait()
        duration = time.monotonic() - began
        whole = rows(Path(scratch) / "whole")
        for point in range(args.points):
            store = Path(scratch) / f"store-{point}"
            process = ingest(store, args.folder)
            try:
                process.wait(rng.uniform(0, duration))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            told = [line for line in process.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]
            safe = {found["sha256"] for found in map(json.loads, told) if found.get("sha256")}
            kept = set() if not (store / "case.sqlite").exists() else {json.loads(row)["sha256"] for row in rows(store)}
            unsound += bool(kept) and mediafp(store, "verify").returncode != 0
            ingest(store, args.folder).communicate()
            acknowledged, lost = acknowledged + len(safe), lost + len(safe - kept)
            differ += rows(store) != whole
            unsound += mediafp(store, "verify").returncode != 0
            print(f"{point + 1}/{args.points}: {len(safe)} acknowledged, {len(safe - kept)} lost", file=sys.stderr)
    found = {"points": args.points, "acknowledged": acknowledged, "lost": lost, "differ": differ, "unsound": unsound}
    print(json.dumps(found))
    return int(bool(lost or differ or unsound))


def ingest(store: Path, folder: Path) -> "subprocess.Popen[str]":
    """An ingest underway, the leader of its process group."""
    command = [sys.executable, "-m", "mediafp", "--store", str(store), "ingest", str(folder), "--json"]
    return subprocess.Popen(
        [*command, "--transcribe", "no"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        pipesize=1 << 20,
        start_new_session=True,
    )


def mediafp(store: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """A command on a store, once it has ended."""
    command = [sys.executable, "-m", "mediafp", "--store", str(store), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rows(store: Path) -> list[str]:
    """The lines of the export without what may differ, sorted."""
    done = mediafp(store, "export", "jsonl")
    return sorted(json.dumps(steady(json.loads(line)), sort_keys=True) for line in done.stdout.splitlines())


def steady(value: Any) -> Any:
    """The value without volatile fields."""
    if isinstance(value, dict):
        return {name: steady(one) for name, one in value.items() if name not in VOLATILE and not name.endswith("_at")}
    return [steady(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
