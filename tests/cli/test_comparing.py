"""Comparing on the command line: what is left to compare, and how long it takes."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.progress import Progress
from typer.testing import CliRunner

from mediafp.cli import comparing
from mediafp.cli.app import app
from mediafp.cli.comparing import SAMPLE_SECONDS, comparison_progress, format_duration
from mediafp.types.kept_matches import UncomparedAssets


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "about 0 seconds"), (119, "about 119 seconds"), (121, "about 2 minutes"), (9000, "about 2 hours")],
)
def test_durations_have_one_unit(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], outdated: int, *steps: tuple[float, int]
) -> str:
    """Return what is printed for a case of 1,000 assets to compare, given how many are done at which time."""
    clock = iter([seconds for seconds, _ in steps])
    monkeypatch.setattr(comparing, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    case: Any = SimpleNamespace(count_uncompared=lambda: UncomparedAssets(1000, outdated))
    with Progress(disable=True) as bar:
        show = comparison_progress(bar, case)
        for _, done in steps:
            show(done, 1000)
        assert (bar.tasks[0].completed, bar.tasks[0].total) == (steps[-1][1], 1000)
    return " ".join(capsys.readouterr().err.split())


def test_a_long_comparison_is_announced_once_after_a_sample(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The 40 seconds before the first result are not part of the rate, which is 10 in 20 seconds.
    steps = ((0, 0), (40, 10), (40 + SAMPLE_SECONDS / 2, 15), (40 + SAMPLE_SECONDS, 20), (70, 90))
    assert printed(monkeypatch, capsys, 0, *steps) == "comparing 1000 files; about 23 minutes"
    expected = "600 files come from an older version and are compared anew; about 23 minutes"
    assert printed(monkeypatch, capsys, 600, *steps) == expected


def test_a_short_comparison_is_not_announced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(monkeypatch, capsys, 0, (0, 0), (1, 10), (2, 500), (3, 1000)) == ""
    assert printed(monkeypatch, capsys, 0, (0, 0), (1, 10), (1 + SAMPLE_SECONDS, 900)) == ""


def test_ingest_states_what_is_left_to_compare(photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    def run(*arguments: object) -> str:
        done = CliRunner().invoke(app, ["--store", str(tmp_path / "case"), *map(str, arguments)])
        assert done.exit_code == 0, done.output
        return done.stdout

    for name in ("cat", "temple"):
        Image.fromarray(photos[name]).save(tmp_path / f"{name}.png", compress_level=1)
    fast = ("--ocr", "no", "--transcribe", "no", "--crops", "no", "--jobs", 1)
    text = run("ingest", tmp_path / "cat.png", "--match", "later", *fast)
    assert "1 files not compared yet; to compare them: mediafp --store" in " ".join(text.split())
    # The next one makes it up.
    summary = json.loads(run("ingest", tmp_path / "temple.png", "--json", *fast).splitlines()[-1])
    assert (summary["compared"], summary["not_compared"]) == (2, 0)
    assert json.loads(run("relate", "--json"))["compared"] == 0
