"""Taking in many files: what is interrupted goes on, and a worker that dies is one failed file."""

import io
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pebble
import pytest
from PIL import Image
from typer.testing import CliRunner

from mediafp import jobs
from mediafp.cli import app
from mediafp.jobs import FILE_SECONDS, Work
from mediafp.store.records import Store

COUNT = 60


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "mediafp", *map(str, arguments)]


@pytest.fixture
def dump(tmp_path: Path, photos: dict[str, np.ndarray]) -> Path:
    """Sixty pictures: one photograph, made another file each time by what lies behind its end."""
    folder = tmp_path / "dump"
    folder.mkdir()
    out = io.BytesIO()
    Image.fromarray(photos["temple"]).save(out, "PNG", compress_level=1)
    for n in range(COUNT):
        (folder / f"{n:02}.png").write_bytes(out.getvalue() + b"%02d" % n)
    return folder


def test_an_interrupted_ingest_goes_on_where_it_was(dump: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = subprocess.Popen(
        command("--store", store, "ingest", dump, "--json", "--jobs", 1),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What is not read stops the program after some 20 lines, so that it cannot be done before it is interrupted.
        pipesize=4096,
        start_new_session=True,
    )
    assert first.stdout is not None
    acknowledged = [json.loads(first.stdout.readline()) for _ in range(3)]
    os.killpg(first.pid, signal.SIGINT)
    rest, told = first.communicate(timeout=60)
    assert first.returncode == 130, (rest, told)
    assert "Traceback" not in told and "goes on" in told, told
    acknowledged += [json.loads(line) for line in rest.splitlines()]
    assert all(line["status"] == "added" for line in acknowledged)
    assert 3 <= len(acknowledged) < COUNT
    with Store(store) as kept:
        safe = {uri for asset in kept.assets() for uri in kept.uris(asset.sha256)}
        assert {line["path"] for line in acknowledged} <= safe
        assert kept.problems() == [] and kept.failures() == []

    second = subprocess.run(
        command("--store", store, "ingest", dump, "--json"), capture_output=True, text=True, check=False, timeout=120
    )
    assert second.returncode == 0, second.stderr
    *lines, summary = map(json.loads, second.stdout.splitlines())
    assert {line["path"] for line in lines if line["status"] == "known"} == safe
    assert (summary["added"], summary["known"], summary["failed"]) == (COUNT - len(safe), len(safe), 0)
    verified = CliRunner().invoke(app, ["verify", "--store", str(store), "--json"])
    assert verified.exit_code == 0
    assert json.loads(verified.stdout) == {"assets": COUNT, "problems": []}


# A worker's end -----------------------------------------------------------------------------------


def failed(error: BaseException) -> jobs._Failed:
    future: Future[Work] = Future()
    future.set_exception(error)
    made = jobs._result(future)
    assert isinstance(made, jobs._Failed)
    return made


def test_a_worker_that_died_is_a_crash_with_its_status() -> None:
    made = failed(pebble.ProcessExpired("Abnormal termination", code=-9))
    assert made.kind == "crash" and "-9" in made.message


def test_a_worker_that_took_too_long_is_a_timeout() -> None:
    made = failed(TimeoutError("Task timeout", FILE_SECONDS))
    assert made.kind == "timeout" and str(FILE_SECONDS) in made.message


def test_a_worker_without_memory_is_told_apart() -> None:
    assert failed(MemoryError()).kind == "oom"


@pytest.mark.parametrize("error", [ValueError("bad shape"), OSError(5, "Input/output error"), RecursionError("deep")])
def test_anything_else_is_a_crash_that_names_what_it_was(error: Exception) -> None:
    made = failed(error)
    assert made.kind == "crash"
    assert type(error).__name__ in made.message and str(error) in made.message


def test_what_a_worker_made_is_handed_on() -> None:
    for work in (None, jobs._Failed("corrupt", "cut short")):
        future: Future[Work] = Future()
        future.set_result(work)
        assert jobs._result(future) is work
