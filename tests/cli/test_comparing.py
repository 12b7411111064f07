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

from mediafp.case.comparison import comparer as asset_comparer
from mediafp.cli import comparing
from mediafp.cli.app import app
from mediafp.cli.comparing import SAMPLE_SECONDS, comparison_progress, format_duration
from mediafp.cli.exit_status import ExitStatus
from mediafp.engine.comparison.messages import PairTask
from mediafp.engine.local.engine import LocalEngine
from mediafp.types.errors import WorkerLost
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
    assert "1 file not compared yet; to compare them: mediafp --store" in " ".join(text.split())
    # The next one makes it up.
    summary = json.loads(run("ingest", tmp_path / "temple.png", "--json", *fast).splitlines()[-1])
    assert (summary["compared"], summary["not_compared"]) == (2, 0)
    assert json.loads(run("relate", "--json"))["compared"] == 0


def test_relate_lists_the_pairs_that_no_worker_could_compare(
    photos: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(status: int, *arguments: object) -> tuple[str, str]:
        done = CliRunner().invoke(app, ["--store", str(tmp_path / "case"), *map(str, arguments)])
        assert done.exit_code == status, done.output
        return done.stdout, " ".join(done.stderr.split())

    def lose(self: LocalEngine, pair: PairTask, *_: object) -> None:
        raise WorkerLost("oom", f"cannot compare {pair.a} with {pair.b}: no memory")

    paths = [tmp_path / "cat.png", tmp_path / "crop.png"]
    Image.fromarray(photos["cat"]).save(paths[0], compress_level=1)
    Image.fromarray(photos["cat"][40:200, 60:280]).save(paths[1], compress_level=1)
    fast = ("--ocr", "no", "--transcribe", "no", "--jobs", 1)
    for constant in ("MIN_SPREAD_ASSETS", "MIN_SPREAD_CORES"):
        monkeypatch.setattr(asset_comparer, constant, 1)
    with monkeypatch.context() as patch:
        patch.setattr(LocalEngine, "compare", lose)
        output, errors = run(ExitStatus.SOME_FAILED, "ingest", *paths, "--json", *fast)
        summary = json.loads(output.splitlines()[-1])
        (pair,) = summary["pair_errors"]
        assert (summary["added"], summary["not_compared"], summary["errors"]) == (2, 0, [])
        assert {pair["a_uri"], pair["b_uri"]} == set(map(str, paths)) and pair["kind"] == "oom"
        assert errors.count("no memory") == 1
        # Those that are known are not stated by each ingest.
        assert json.loads(run(0, "ingest", *paths, "--json", *fast)[0].splitlines()[-1])["pair_errors"] == []
        output, errors = run(ExitStatus.SOME_FAILED, "relate", "--json")
        assert json.loads(output)["errors"] == [pair] and pair["message"] in errors
        assert "1 pair not compared" in run(ExitStatus.SOME_FAILED, "relate")[0]
        assert pair["message"] in run(ExitStatus.SOME_FAILED, "export", "matches")[1]
        result = json.loads(run(1, "match", paths[0], "--ocr", "no", "--json")[0])
        # Without folders: the page of a trace, which leaves the machine, states it too.
        named = pair["message"].replace(f"{tmp_path}/", "")
        assert result["warnings"] == [named] and "'crop.png'" in named and result["matches"] == []
    relation = json.loads(run(0, "relate", "--json")[0])
    assert (relation["compared"], relation["errors"]) == (1, [])
    assert json.loads(run(0, "match", paths[0], "--ocr", "no", "--json")[0])["warnings"] == []
