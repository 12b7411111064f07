"""The scripts in scripts/torture in their quick forms: each must pass, and must have tested something."""

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
    "kills": (
        ["--points", 3, "--photos", 12],
        lambda summary: summary["before_end"] > 0 and summary["acknowledged"] > 0,
    ),
    "writers": (["--delays", 1, "--rounds", 1, "--photos", 12], lambda summary: summary["trials"] == 2),
    "disk": (
        ["--levels", 3, "--photos", 12, "--mishaps", "none"],
        lambda summary: summary["fitted"] < summary["levels"] == 3,
    ),
    "mutations": (
        ["--count", 300],
        lambda summary: min(summary["outcomes"][kind] for kind in ("read", "corrupt")) > 30,
    ),
    "probes": ([], lambda summary: len(summary["controls"]) >= 10 and summary["added"] > 10),
}
"""Arguments of each script, and a function that returns True if its summary states that it tested something."""
linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox and the measurements are those of Linux")


@linux
@pytest.mark.parametrize("name", QUICK)
def test_torture_script_finds_no_failure(name: str) -> None:
    arguments, has_tested = QUICK[name]
    done = run_script(name, *arguments)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["short"] == 0 and has_tested(summary), summary


@linux
def test_cost_script_measures_files(clips: dict[str, Path], tmp_path: Path) -> None:
    for name, data in {
        "words.txt": b"words",
        "cut.png": b"\x89PNG\r\n\x1a\n",
        "bunny.mp4": clips["bunny"].read_bytes(),
    }.items():
        (tmp_path / name).write_bytes(data)
    done = run_script("cost", tmp_path)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["outcomes"] == {"read": 1, "corrupt": 1, "no_media": 1}
    assert summary["most_cpu_s"] > 0.05 and summary["most_mib"] > 50


def run_script(name: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Return a script that has ended."""
    command = [sys.executable, str(TORTURE / f"{name}.py"), *map(str, arguments)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
