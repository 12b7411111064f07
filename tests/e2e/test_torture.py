"""Quick forms of the torture tests: each has to pass, and to have tested something."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from local_cluster import require_ray
from processes import PATIENCE_SECONDS

TORTURE = Path(__file__).parents[2] / "scripts" / "torture"
QUICK_FORMS: dict[str, tuple[list[object], Callable[[dict[str, Any]], bool]]] = {
    "kills": (
        ["--points", 4, "--photos", 6],
        lambda summary: summary["before_end"] > 0 and summary["acknowledged"] > 0,
    ),
    "writers": (["--delays", 1, "--rounds", 1, "--photos", 6, "--writers", 8], lambda summary: summary["trials"] == 2),
    "disk": (
        ["--levels", 3, "--photos", 6, "--mishaps", "none"],
        lambda summary: summary["fitted"] < summary["levels"] == 3,
    ),
    "mutations": (
        ["--count", 300],
        lambda summary: min(summary["outcomes"][outcome] for outcome in ("analysed", "corrupt")) > 30,
    ),
    "lies": (
        ["--count", 160, "--batch", 80],
        lambda summary: min(summary["outcomes"][outcome] for outcome in ("added", "failed")) > 20,
    ),
    "lies --unchecked": (
        ["--count", 60],
        lambda summary: summary["outcomes"]["added"] >= 15 and summary["outcomes"]["stores with problems"] > 0,
    ),
    "cluster": (
        ["--photos", 40, "--compared", 24],
        lambda summary: (
            summary["killed"] == summary["before_end"] == summary["compared"]["killed"] == 1
            and summary["acknowledged"] > 0
            and summary["compared"]["pairs"] > summary["compared"]["kept_before_end"] > 0
        ),
    ),
    "probes": ([], lambda summary: len(summary["controls"]) >= 10 and summary["added"] > 10),
}
"""Further arguments of each test, and the check of its summary that it tested something."""
linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox and the resource measurement need Linux")


@linux
@pytest.mark.parametrize("name", QUICK_FORMS)
def test_quick_torture_test_passes(name: str) -> None:
    arguments, has_tested_something = QUICK_FORMS[name]
    script, *options = name.split()
    if script == "cluster":
        require_ray()
    completed = run_torture(script, *options, *arguments)
    assert completed.returncode == 0, f"{completed.stdout[-4000:]}\n{completed.stderr[-4000:]}"
    summary = json.loads(completed.stdout.splitlines()[-1])
    assert summary["failures"] == 0 and has_tested_something(summary), summary


@linux
def test_cost_reports_outcome_cpu_time_and_memory_of_each_file(clips: dict[str, Path], tmp_path: Path) -> None:
    for name, data in {
        "words.txt": b"words",
        "cut.png": b"\x89PNG\r\n\x1a\n",
        "bunny.mp4": clips["bunny"].read_bytes(),
    }.items():
        (tmp_path / name).write_bytes(data)
    completed = run_torture("cost", tmp_path)
    assert completed.returncode == 0, f"{completed.stdout[-4000:]}\n{completed.stderr[-4000:]}"
    summary = json.loads(completed.stdout.splitlines()[-1])
    assert summary["outcomes"] == {"analysed": 1, "corrupt": 1, "not_media": 1}
    assert summary["max_cpu_s"] > 0.05 and summary["max_mib"] > 50


def run_torture(name: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(TORTURE / f"{name}.py"), *map(str, arguments)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
