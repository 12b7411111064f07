"""The torture tests in their quick forms: each must end well, and must have put something to the test."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import PATIENCE_SECONDS

TORTURE = Path(__file__).parents[2] / "scripts" / "torture"
QUICK: dict[str, tuple[list[object], Callable[[dict[str, Any]], bool]]] = {
    "kills": (["--points", 3, "--photos", 12], lambda told: told["before_end"] > 0 and told["acknowledged"] > 0),
    "writers": (["--delays", 1, "--rounds", 1, "--photos", 12], lambda told: told["trials"] == 2),
    "disk": (["--levels", 3, "--photos", 12, "--mishaps", "none"], lambda told: told["fitted"] < told["levels"] == 3),
    "mutations": (["--count", 300], lambda told: min(told["outcomes"][kind] for kind in ("read", "corrupt")) > 30),
    "probes": ([], lambda told: len(told["controls"]) >= 10 and told["added"] > 10),
}
"""Words of each, and whether its summary says that there was something to withstand."""
linux = pytest.mark.skipif(sys.platform != "linux", reason="the locks and the gauges are Linux's")


@linux
@pytest.mark.parametrize("name", QUICK)
def test_nothing_breaks_it(name: str) -> None:
    words, tried = QUICK[name]
    done = torture(name, *words)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["short"] == 0 and tried(summary), summary


@linux
def test_the_cost_of_files_is_told(clips: dict[str, Path], tmp_path: Path) -> None:
    for name, data in {
        "words.txt": b"words",
        "cut.png": b"\x89PNG\r\n\x1a\n",
        "bunny.mp4": clips["bunny"].read_bytes(),
    }.items():
        (tmp_path / name).write_bytes(data)
    done = torture("cost", tmp_path)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["outcomes"] == {"read": 1, "corrupt": 1, "no_media": 1}
    assert summary["most_cpu_s"] > 0.05 and summary["most_mib"] > 50


def torture(name: str, *words: object) -> "subprocess.CompletedProcess[str]":
    """A torture test that has ended."""
    command = [sys.executable, str(TORTURE / f"{name}.py"), *map(str, words)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
