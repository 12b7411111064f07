"""Ingests into one store at the same time: each file is one asset, and nobody meets a locked store.

    .venv/bin/python scripts/torture/writers.py FOLDER [--writers 16]

First all take in one and the same file of the folder, then all take in the folder.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """1 where a run failed, met a lock, or the store is not sound or holds something twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--writers", type=int, default=16)
    args = parser.parse_args()
    one = next(path for path in sorted(args.folder.iterdir()) if path.suffix in (".jpg", ".png"))
    short = [trial(what, args.writers) for what in (one, args.folder)]
    return int(any(short))


def trial(what: Path, writers: int) -> bool:
    """Whether something fell short."""
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, "-m", "mediafp", "--store", store]
        ingest = [*command, "ingest", str(what), "--json", "--jobs", "1", "--transcribe", "no"]
        runs = [
            subprocess.Popen(ingest, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(writers)
        ]
        ends = [(run.communicate(), run.returncode) for run in runs]
        summaries = [json.loads(out.splitlines()[-1]) for (out, _), code in ends if code in (0, 3)]
        locked = sum("locked" in out + err for (out, err), _ in ends)
        added = sum(summary["added"] for summary in summaries)
        exported = subprocess.run([*command, "export", "jsonl"], capture_output=True, text=True, check=True).stdout
        assets = [json.loads(line)["sha256"] for line in exported.splitlines()]
        verified = subprocess.run([*command, "verify"], stdout=subprocess.DEVNULL, check=False).returncode
    found = {
        "what": what.name,
        "writers": writers,
        "ended": len(summaries),
        "locked": locked,
        "added": added,
        "assets": len(assets),
        "twice": len(assets) - len(set(assets)),
        "verify": verified,
    }
    short = len(summaries) != writers or bool(locked or verified or found["twice"]) or added != len(assets)
    print(json.dumps({**found, "short": short}), flush=True)
    return short


if __name__ == "__main__":
    sys.exit(main())
