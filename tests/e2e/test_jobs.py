"""Ingest of many files: interrupts, failures, duplicates, archives, dry runs and log files."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archive_files import build_zip
from PIL import Image
from processes import PATIENCE_SECONDS, with_default_signals
from typer.testing import CliRunner

from mediafp.case.case import open_case
from mediafp.case.ingestion import run, tasks
from mediafp.cli.app import app
from mediafp.engine.local.engine import LocalEngine
from mediafp.ingest.files import OpenFile
from mediafp.store import open_store
from mediafp.types.runs import FileAnalysis

COUNT = 36


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "mediafp", *map(str, arguments)]


@pytest.fixture
def folder(tmp_path: Path, photos: dict[str, np.ndarray]) -> Path:
    """A folder of 36 files: one small photograph, with different bytes appended to each."""
    path = tmp_path / "folder"
    path.mkdir()
    encoded = io.BytesIO()
    Image.fromarray(photos["temple"][::4, ::4]).save(encoded, "PNG")
    for n in range(COUNT):
        (path / f"{n:02}.png").write_bytes(encoded.getvalue() + b"%02d" % n)
    return path


def test_ingest_continues_after_an_interrupt(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = subprocess.Popen(
        with_default_signals(*command("--store", store, "ingest", folder, "--json", "--ocr", "no", "--jobs", 1)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # The program blocks after about 20 unread lines, so that it has not finished before the interrupt.
        pipesize=4096,
        start_new_session=True,
    )
    assert first.stdout is not None
    acknowledged = [json.loads(first.stdout.readline()) for _ in range(3)]
    os.killpg(first.pid, signal.SIGINT)
    rest, messages = first.communicate(timeout=PATIENCE_SECONDS)
    assert first.returncode == 130, (rest, messages)
    assert "Traceback" not in messages and "run the same command again" in messages, messages
    acknowledged += [json.loads(line) for line in rest.splitlines()]
    assert all(line["status"] == "added" for line in acknowledged)
    assert 3 <= len(acknowledged) < COUNT
    with open_store(store) as opened:
        stored = {uri for asset in opened.assets() for uri in opened.uris(asset.sha256)}
        assert {line["path"] for line in acknowledged} <= stored
        assert opened.check_integrity() == [] and opened.failures() == []

    second = subprocess.run(
        command("--store", store, "ingest", folder, "--json", "--ocr", "no"),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert second.returncode == 0, second.stderr
    *lines, summary = map(json.loads, second.stdout.splitlines())
    assert {line["path"] for line in lines if line["status"] == "known"} == stored
    assert (summary["added"], summary["known"], summary["failed"]) == (COUNT - len(stored), len(stored), 0)
    verified = CliRunner().invoke(app, ["verify", "--store", str(store), "--json"])
    assert verified.exit_code == 0
    report = json.loads(verified.stdout)
    assert (report["assets"], report["problems"], report["originals"]["same"]) == (COUNT, [], COUNT)


QUIET = ("--transcribe", "no", "--ocr", "no")
"""Options that skip transcription and OCR, which take longest."""


def ingest(store: Path, *arguments: object) -> tuple[int, list[dict[str, object]], dict[str, object]]:
    """Return the exit status of an ingest, the JSON object of each file, and the summary."""
    done = CliRunner().invoke(app, ["--store", str(store), "ingest", *map(str, arguments), "--json", *QUIET])
    *lines, summary = map(json.loads, done.stdout.splitlines())
    return done.exit_code, lines, summary


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_json_lines_reach_stdout_while_stderr_is_a_terminal(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    """The progress bar on the terminal must not contain the output that goes to a file or a pipe."""
    Image.fromarray(photos["temple"]).save(tmp_path / "a.png")
    master, terminal = os.openpty()
    drawn = bytearray()

    def drain() -> None:
        # Linux raises after the last other descriptor of the terminal was closed.
        with suppress(OSError):
            while block := os.read(master, 1 << 16):
                drawn.extend(block)

    reader = threading.Thread(target=drain)
    reader.start()
    done = subprocess.run(
        command("--store", tmp_path / "store", "ingest", tmp_path / "a.png", "--json", *QUIET),
        stdout=subprocess.PIPE,
        stderr=terminal,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    os.close(terminal)
    reader.join()
    os.close(master)
    line, summary = map(json.loads, done.stdout.splitlines())
    assert line["status"] == "added" and summary["added"] == 1
    assert b"\x1b[" in drawn and b"sha256" not in drawn


def test_failed_files_are_skipped_until_they_change_or_are_retried(
    tmp_path: Path, photos: dict[str, np.ndarray]
) -> None:
    folder, store = tmp_path / "files", tmp_path / "store"
    folder.mkdir()
    Image.fromarray(photos["temple"]).save(folder / "a.png")
    whole = (folder / "a.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("words")
    (folder / "=cmd.jpg").write_bytes(b"")
    code, _, summary = ingest(store, folder)
    assert (code, summary["added"], summary["failed"], summary["skipped"]) == (3, 1, 2, 1)

    def attempts() -> dict[str, int]:
        with open_store(store) as opened:
            assert opened.check_integrity() == []
            return {Path(entry.path).name: entry.attempts for entry in opened.failures()}

    assert attempts() == {"cut.png": 1, "=cmd.jpg": 1}
    code, lines, summary = ingest(store, folder)
    assert (code, summary["known"], summary["failed"], summary["skipped"]) == (3, 1, 2, 1)
    assert all(line["error"] for line in lines if line["status"] == "failed")
    assert attempts() == {"cut.png": 1, "=cmd.jpg": 1}
    ingest(store, folder, "--retry-failed")
    assert attempts() == {"cut.png": 2, "=cmd.jpg": 2}
    (folder / "cut.png").write_bytes(whole + b"more")
    code, _, summary = ingest(store, folder)
    assert (summary["added"], summary["failed"]) == (1, 1)
    assert attempts() == {"=cmd.jpg": 2}
    table = CliRunner().invoke(app, ["--store", str(store), "errors", "--csv"]).stdout
    assert table.startswith("path,kind,message,attempts") and "=cmd.jpg" in table


def test_members_of_archives_are_ingested_under_the_path_of_the_archive(
    tmp_path: Path, photos: dict[str, np.ndarray]
) -> None:
    store, path = tmp_path / "store", tmp_path / "files.zip"
    encoded = io.BytesIO()
    Image.fromarray(photos["temple"]).save(encoded, "PNG")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("seen/a.png", encoded.getvalue())
        archive.writestr("seen/a.info.json", json.dumps({"uploader": "@sample", "extractor_key": "Youtube"}))
        archive.writestr("../../b.png", encoded.getvalue() + b"x")
        archive.writestr("cut.png", encoded.getvalue()[:999])
    code, _, summary = ingest(store, path)
    assert (code, summary["seen"], summary["added"], summary["skipped"]) == (3, 4, 2, 1)
    assert [Path(str(error["path"])).name for error in summary["errors"]] == ["cut.png"]  # type: ignore[union-attr, attr-defined]
    with open_store(store) as opened:
        seen = {
            sighting.uri: sighting.account for asset in opened.assets() for sighting in opened.sightings(asset.sha256)
        }
        assert seen == {f"{path}/seen/a.png": "sample", f"{path}/b.png": None}
        assert opened.check_integrity() == []
    _, _, summary = ingest(store, path)
    assert (summary["known"], summary["failed"], summary["skipped"]) == (2, 1, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="open files are counted in /proc")
def test_waiting_duplicates_keep_no_files_open(
    tmp_path: Path, photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files").mkdir()
    Image.fromarray(photos["temple"]).save(tmp_path / "files" / "a.png")
    for n in range(200):
        os.link(tmp_path / "files" / "a.png", tmp_path / "files" / f"{n:03}.png")
    analyse, open_counts = LocalEngine.analyse, []
    original_file_sha256, hashed = tasks.file_sha256, []

    def record_and_hash(file: OpenFile, cancelled: threading.Event) -> str:
        hashed.append(file)
        return original_file_sha256(file, cancelled)

    def count_and_analyse(self: LocalEngine, *arguments: Any, **options: Any) -> FileAnalysis:
        until = time.monotonic() + PATIENCE_SECONDS
        while len(hashed) <= 200 and time.monotonic() < until:
            time.sleep(0.01)
        open_counts.append(sum(1 for _ in Path("/proc/self/fd").iterdir()))
        return analyse(self, *arguments, **options)

    monkeypatch.setattr(tasks, "file_sha256", record_and_hash)
    monkeypatch.setattr(LocalEngine, "analyse", count_and_analyse)
    with open_case(tmp_path / "store", create=True) as case:
        before = sum(1 for _ in Path("/proc/self/fd").iterdir())
        statuses = [outcome.status for outcome in case.ingest([tmp_path / "files"])]
    assert statuses == ["added", *["known"] * 200]
    assert len(hashed) == 201 and len(open_counts) == 1 and open_counts[0] - before < 60


def test_ingest_starts_no_file_while_many_duplicates_wait(
    tmp_path: Path, photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MAX_WAITING_DUPLICATES", 3)
    (tmp_path / "files").mkdir()
    for number, name in enumerate(("temple", "flower")):
        Image.fromarray(photos[name]).save(tmp_path / "files" / f"{number}.png")
        for n in range(20):
            os.link(tmp_path / "files" / f"{number}.png", tmp_path / "files" / f"{number}{n:02}.png")
    with open_case(tmp_path / "store", create=True) as case:
        statuses = [outcome.status for outcome in case.ingest([tmp_path / "files"])]
    assert statuses.count("added") == 2 and statuses.count("known") == 40


def test_failure_of_a_folder_or_an_archive_is_cleared_after_it_was_read(
    tmp_path: Path, photos: dict[str, np.ndarray]
) -> None:
    folder, away = tmp_path / "files", tmp_path / "away"
    (folder / "folder").mkdir(parents=True)
    Image.fromarray(photos["temple"]).save(folder / "folder" / "a.png")
    with zipfile.ZipFile(folder / "whole.zip", "w") as archive:
        archive.write(folder / "folder" / "a.png", "b.png")
    (folder / "cut.zip").write_bytes((folder / "whole.zip").read_bytes()[:-40])
    paths = [folder / "folder", folder / "whole.zip", folder / "cut.zip"]
    with open_case(tmp_path / "store", create=True) as case:

        def failed() -> dict[str, str | None]:
            assert case._store.check_integrity() == []
            return {Path(entry.path).name: entry.kind for entry in case._store.failures()}

        folder.rename(away)
        assert {outcome.status for outcome in case.ingest(paths)} == {"failed"}
        assert failed() == {"folder": "unreadable", "whole.zip": "unreadable", "cut.zip": "unreadable"}
        away.rename(folder)
        list(case.ingest(paths))
        assert failed() == {"cut.zip": "corrupt"}
        before = [entry.what for entry in case._store.iter_log()]
        list(case.ingest(paths))
        assert failed() == {"cut.zip": "corrupt"}
        logged = [entry.what for entry in case._store.iter_log()][len(before) :]
        assert set(logged) == {"ingest", "ingested"}, "unchanged failures are not logged again"


def test_equal_content_is_analysed_once_and_has_a_sighting_for_each_file(
    tmp_path: Path, photos: dict[str, np.ndarray]
) -> None:
    folder, store = tmp_path / "files", tmp_path / "store"
    folder.mkdir()
    Image.fromarray(photos["temple"]).save(folder / "0.png")
    for n in range(1, 9):
        (folder / f"{n}.png").write_bytes((folder / "0.png").read_bytes())
    _, lines, summary = ingest(store, folder)
    assert (summary["added"], summary["known"], len({line["sha256"] for line in lines})) == (1, 8, 1)
    with open_store(store) as opened:
        (asset,) = opened.assets()
        assert len(opened.uris(asset.sha256)) == 9


def test_dry_run_writes_nothing_and_estimates_the_time(folder: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--store", str(tmp_path / "none"), "ingest", str(folder), "--dry-run", "--json"])
    estimate = json.loads(done.stdout)
    assert (estimate["seen"], estimate["new"], estimate["known"]) == (COUNT, COUNT, 0) and estimate["seconds"] > 0
    assert not (tmp_path / "none").exists()


def test_log_file_contains_the_outcome_of_each_file(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    Image.fromarray(photos["temple"]).save(tmp_path / "a.png")
    ingest(tmp_path / "store", tmp_path / "a.png", "--log", tmp_path / "log.jsonl")
    first, last = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert first["status"] == "added" and first["at"].endswith("Z") and last["added"] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="needs symbolic links and named pipes")
def test_entries_that_are_not_files_are_counted_and_logged(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    folder, store = tmp_path / "files", tmp_path / "store"
    folder.mkdir()
    Image.fromarray(photos["temple"]).save(tmp_path / "out.png")
    (folder / "link.png").symlink_to(tmp_path / "out.png")
    (folder / "nowhere.png").symlink_to("nowhere")
    (folder / "loop").symlink_to(".")
    os.mkfifo(folder / "pipe.mp4")
    Image.fromarray(photos["temple"]).save(folder / ".hidden.png")
    Image.fromarray(photos["temple"]).save(folder / "a.png")
    (folder / "harmless.png").symlink_to("a.png")
    code, _, summary = ingest(store, folder, "--log", tmp_path / "log")
    assert (code, summary["seen"], summary["left_out"]) == (0, 2, 5)
    logged = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert {Path(line["path"]).name for line in logged if "left_out" in line and "path" in line} == {
        "link.png", "nowhere.png", "loop", "pipe.mp4", ".hidden.png",
    }  # fmt: skip
    done = CliRunner().invoke(app, ["--store", str(store), "ingest", str(folder), *QUIET])
    assert "5 skipped (hidden names, links" in done.stdout


def test_hidden_names_in_archives_are_counted(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    """A warning named them, and `left_out` was 0."""
    image = io.BytesIO()
    Image.fromarray(photos["temple"]).save(image, "PNG")
    inner = build_zip([(".b.png", image.getvalue()), (".cache/c.png", b"x"), (".cache/d.png", b"x")])
    content = build_zip([("a.png", image.getvalue()), (".a.png", image.getvalue()), ("inner.zip", inner)])
    (tmp_path / "dump.zip").write_bytes(content)
    code, lines, summary = ingest(tmp_path / "store", tmp_path / "dump.zip")
    warned = [warning for line in lines for warning in line["warnings"] if "hidden file" in warning]
    assert (code, summary["added"], summary["left_out"]) == (0, 1, 3) and len(warned) == 2
    done = CliRunner().invoke(app, ["--store", str(tmp_path / "store"), "ingest", str(tmp_path / "dump.zip"), *QUIET])
    assert "3 skipped (hidden names" in done.stdout


def test_unsupported_archives_fail_with_the_reason(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    folder, store = tmp_path / "files", tmp_path / "store"
    folder.mkdir()
    Image.fromarray(photos["temple"]).save(folder / "a.png")
    with zipfile.ZipFile(folder / "b.zip", "w") as archive:
        archive.write(folder / "a.png", "a.png")
    (folder / "c.rar").write_bytes(b"Rar!\x1a\x07\x01\x00" + bytes(90))
    (folder / "d.7z").write_bytes(b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(90))
    (folder / "e.docx").write_bytes((folder / "b.zip").read_bytes())
    code, _, summary = ingest(store, folder)
    kinds = {Path(str(error["path"])).name: error["kind"] for error in summary["errors"]}  # type: ignore[union-attr, attr-defined, call-overload]
    assert code == 3 and kinds == {"c.rar": "unsupported", "d.7z": "unsupported"} and summary["skipped"] == 1
    done = CliRunner().invoke(app, ["--store", str(store), "match", str(folder / "b.zip"), "--json"])
    assert done.exit_code == 3 and "which only ingest reads" in json.loads(done.stdout)["error"]


def test_dry_run_counts_a_path_that_does_not_exist(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--store", str(tmp_path / "none"), "ingest", str(tmp_path / "nope"), "--dry-run"])
    assert "1 that cannot be opened, 0 to analyse" in done.stdout


def test_ingest_without_the_sandbox_warns_and_logs_it(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    Image.fromarray(photos["temple"]).save(tmp_path / "a.png")
    store = tmp_path / "a store"
    for options, is_warned in (([], False), (["--unsafe-no-sandbox"], True)):
        done = CliRunner().invoke(app, ["--store", str(store), "ingest", str(tmp_path / "a.png"), *QUIET, *options])
        assert done.exit_code == 0 and ("without the sandbox" in done.stderr) is is_warned
    with open_store(store) as opened:
        assert [entry.details["locked"] for entry in opened.iter_log("ingest")] == [True, False]
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = CliRunner().invoke(app, ["--store", str(store), "ingest", str(tmp_path / "cut.png")])
    assert f"see: mediafp --store '{store}' errors" in done.stdout


def test_output_contains_no_terminal_control_characters(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    name = "a\x1b[31m\u202egpj.exe.png"
    Image.fromarray(photos["temple"]).save(tmp_path / name)
    ingest(tmp_path / "store", tmp_path / name)
    for kind in ("csv", "jsonl"):
        done = CliRunner().invoke(app, ["--store", str(tmp_path / "store"), "export", kind])
        assert "gpj.exe" in done.stdout and not {"\x1b", "\u202e"} & set(done.stdout)
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["sightings"][0]["uri"].endswith(name)


def test_names_are_escaped_in_any_locale(tmp_path: Path) -> None:
    code = "from mediafp.report.escaping import escape_unprintable; print(ascii(escape_unprintable('\\u5b66\\udcff\\x1b')))"
    variables = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ascii("学\\xff\\x1b")
