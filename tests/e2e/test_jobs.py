"""Taking in many files: what is interrupted goes on, and a worker that dies is one failed file."""

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
        with_default_signals(*command("--store", store, "ingest", dump, "--json", "--text", "no", "--jobs", 1)),
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
    rest, told = first.communicate(timeout=PATIENCE_SECONDS)
    assert first.returncode == 130, (rest, told)
    assert "Traceback" not in told and "run the same command again" in told, told
    acknowledged += [json.loads(line) for line in rest.splitlines()]
    assert all(line["status"] == "added" for line in acknowledged)
    assert 3 <= len(acknowledged) < COUNT
    with open_store(store) as kept:
        safe = {uri for asset in kept.assets() for uri in kept.uris(asset.sha256)}
        assert {line["path"] for line in acknowledged} <= safe
        assert kept.check_integrity() == [] and kept.failures() == []

    second = subprocess.run(
        command("--store", store, "ingest", dump, "--json", "--text", "no"),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert second.returncode == 0, second.stderr
    *lines, summary = map(json.loads, second.stdout.splitlines())
    assert {line["path"] for line in lines if line["status"] == "known"} == safe
    assert (summary["added"], summary["known"], summary["failed"]) == (COUNT - len(safe), len(safe), 0)
    verified = CliRunner().invoke(app, ["verify", "--store", str(store), "--json"])
    assert verified.exit_code == 0
    told = json.loads(verified.stdout)
    assert (told["assets"], told["problems"], told["originals"]["same"]) == (COUNT, [], COUNT)


QUIET = ("--transcribe", "no", "--text", "no")
"""Without what takes longest."""


def taken(store: Path, *words: object) -> tuple[int, list[dict[str, object]], dict[str, object]]:
    """How an ingest ended, its lines by file, and its summary."""
    done = CliRunner().invoke(app, ["--store", str(store), "ingest", *map(str, words), "--json", *QUIET])
    *lines, summary = map(json.loads, done.stdout.splitlines())
    return done.exit_code, lines, summary


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_json_lines_reach_stdout_while_stderr_is_a_terminal(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    """A bar on the terminal must not draw what goes to a file or a pipe."""
    Image.fromarray(photos["temple"]).save(tmp_path / "a.png")
    ours, theirs = os.openpty()
    drawn = bytearray()

    def drain() -> None:
        # Linux raises once nobody else has the terminal open.
        with suppress(OSError):
            while block := os.read(ours, 1 << 16):
                drawn.extend(block)

    reader = threading.Thread(target=drain)
    reader.start()
    done = subprocess.run(
        command("--store", tmp_path / "store", "ingest", tmp_path / "a.png", "--json", *QUIET),
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    os.close(theirs)
    reader.join()
    os.close(ours)
    line, summary = map(json.loads, done.stdout.splitlines())
    assert line["status"] == "added" and summary["added"] == 1
    assert b"\x1b[" in drawn and b"sha256" not in drawn


def test_what_failed_is_left_until_it_changes_or_is_asked_for(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    dump, store = tmp_path / "dump", tmp_path / "store"
    dump.mkdir()
    Image.fromarray(photos["temple"]).save(dump / "a.png")
    whole = (dump / "a.png").read_bytes()
    (dump / "cut.png").write_bytes(whole[: len(whole) // 2])
    (dump / "notes.txt").write_text("words")
    (dump / "=cmd.jpg").write_bytes(b"")
    code, _, summary = taken(store, dump)
    assert (code, summary["added"], summary["failed"], summary["skipped"]) == (3, 1, 2, 1)

    def attempts() -> dict[str, int]:
        with open_store(store) as kept:
            assert kept.check_integrity() == []
            return {Path(entry.path).name: entry.attempts for entry in kept.failures()}

    assert attempts() == {"cut.png": 1, "=cmd.jpg": 1}
    code, lines, summary = taken(store, dump)
    assert (code, summary["known"], summary["failed"], summary["skipped"]) == (3, 1, 2, 1)
    assert all(line["error"] for line in lines if line["status"] == "failed")
    assert attempts() == {"cut.png": 1, "=cmd.jpg": 1}
    taken(store, dump, "--retry-failed")
    assert attempts() == {"cut.png": 2, "=cmd.jpg": 2}
    (dump / "cut.png").write_bytes(whole + b"more")
    code, _, summary = taken(store, dump)
    assert (summary["added"], summary["failed"]) == (1, 1)
    assert attempts() == {"=cmd.jpg": 2}
    table = CliRunner().invoke(app, ["--store", str(store), "errors", "--csv"]).stdout
    assert table.startswith("path,kind,message,attempts") and "=cmd.jpg" in table


def test_files_in_archives_are_taken_in_where_they_lie(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    store, dump = tmp_path / "store", tmp_path / "dump.zip"
    picture = io.BytesIO()
    Image.fromarray(photos["temple"]).save(picture, "PNG")
    with zipfile.ZipFile(dump, "w") as made:
        made.writestr("seen/a.png", picture.getvalue())
        made.writestr("seen/a.info.json", json.dumps({"uploader": "@sample", "extractor_key": "Youtube"}))
        made.writestr("../../b.png", picture.getvalue() + b"x")
        made.writestr("cut.png", picture.getvalue()[:999])
    code, _, summary = taken(store, dump)
    assert (code, summary["seen"], summary["added"], summary["skipped"]) == (3, 4, 2, 1)
    assert [Path(str(error["path"])).name for error in summary["errors"]] == ["cut.png"]  # type: ignore[union-attr, attr-defined]
    with open_store(store) as kept:
        seen = {sighting.uri: sighting.account for asset in kept.assets() for sighting in kept.sightings(asset.sha256)}
        assert seen == {f"{dump}/seen/a.png": "@sample", f"{dump}/b.png": None}
        assert kept.check_integrity() == []
    _, _, summary = taken(store, dump)
    assert (summary["known"], summary["failed"], summary["skipped"]) == (2, 1, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="open files are counted in /proc")
def test_copies_that_wait_for_the_first_hold_no_files_open(
    tmp_path: Path, photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dump").mkdir()
    Image.fromarray(photos["temple"]).save(tmp_path / "dump" / "a.png")
    for n in range(200):
        os.link(tmp_path / "dump" / "a.png", tmp_path / "dump" / f"{n:03}.png")
    real, opened = LocalEngine.analyse, []
    real_file_sha256, looked_at = tasks.file_sha256, []

    def file_sha256(file: OpenFile) -> str:
        looked_at.append(file)
        return real_file_sha256(file)

    def read(self: LocalEngine, *arguments: Any, **options: Any) -> FileAnalysis:
        until = time.monotonic() + PATIENCE_SECONDS
        while len(looked_at) <= 200 and time.monotonic() < until:
            time.sleep(0.01)
        opened.append(sum(1 for _ in Path("/proc/self/fd").iterdir()))
        return real(self, *arguments, **options)

    monkeypatch.setattr(tasks, "file_sha256", file_sha256)
    monkeypatch.setattr(LocalEngine, "analyse", read)
    with open_case(tmp_path / "store", create=True) as case:
        before = sum(1 for _ in Path("/proc/self/fd").iterdir())
        statuses = [outcome.status for outcome in case.ingest([tmp_path / "dump"])]
    assert statuses == ["added", *["known"] * 200]
    assert len(looked_at) == 201 and len(opened) == 1 and opened[0] - before < 60


def test_no_more_is_begun_while_many_copies_wait(
    tmp_path: Path, photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MAX_WAITING_DUPLICATES", 3)
    (tmp_path / "dump").mkdir()
    for number, name in enumerate(("temple", "flower")):
        Image.fromarray(photos[name]).save(tmp_path / "dump" / f"{number}.png")
        for n in range(20):
            os.link(tmp_path / "dump" / f"{number}.png", tmp_path / "dump" / f"{number}{n:02}.png")
    with open_case(tmp_path / "store", create=True) as case:
        statuses = [outcome.status for outcome in case.ingest([tmp_path / "dump"])]
    assert statuses.count("added") == 2 and statuses.count("known") == 40


def test_a_folder_or_an_archive_that_can_be_read_again_is_no_failure_any_more(
    tmp_path: Path, photos: dict[str, np.ndarray]
) -> None:
    dump, away = tmp_path / "dump", tmp_path / "away"
    (dump / "folder").mkdir(parents=True)
    Image.fromarray(photos["temple"]).save(dump / "folder" / "a.png")
    with zipfile.ZipFile(dump / "whole.zip", "w") as made:
        made.write(dump / "folder" / "a.png", "b.png")
    (dump / "cut.zip").write_bytes((dump / "whole.zip").read_bytes()[:-40])
    paths = [dump / "folder", dump / "whole.zip", dump / "cut.zip"]
    with open_case(tmp_path / "store", create=True) as case:

        def failed() -> dict[str, str | None]:
            assert case._store.check_integrity() == []
            return {Path(entry.path).name: entry.kind for entry in case._store.failures()}

        dump.rename(away)
        assert {outcome.status for outcome in case.ingest(paths)} == {"failed"}
        assert failed() == {"folder": "unreadable", "whole.zip": "unreadable", "cut.zip": "unreadable"}
        away.rename(dump)
        list(case.ingest(paths))
        assert failed() == {"cut.zip": "corrupt"}
        told = [entry.what for entry in case._store.iter_log()]
        list(case.ingest(paths))
        assert failed() == {"cut.zip": "corrupt"}
        again = [entry.what for entry in case._store.iter_log()][len(told) :]
        assert set(again) == {"ingest", "ingested"}, "what is as it was is not told anew"


def test_the_same_bytes_are_read_once_and_seen_everywhere(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    dump, store = tmp_path / "dump", tmp_path / "store"
    dump.mkdir()
    Image.fromarray(photos["temple"]).save(dump / "0.png")
    for n in range(1, 9):
        (dump / f"{n}.png").write_bytes((dump / "0.png").read_bytes())
    _, lines, summary = taken(store, dump)
    assert (summary["added"], summary["known"], len({line["sha256"] for line in lines})) == (1, 8, 1)
    with open_store(store) as kept:
        (asset,) = kept.assets()
        assert len(kept.uris(asset.sha256)) == 9


def test_a_dry_run_writes_nothing_and_says_how_long(dump: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--store", str(tmp_path / "none"), "ingest", str(dump), "--dry-run", "--json"])
    found = json.loads(done.stdout)
    assert (found["seen"], found["new"], found["known"]) == (COUNT, COUNT, 0) and found["seconds"] > 0
    assert not (tmp_path / "none").exists()


def test_a_log_file_keeps_what_became_of_each_file(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    Image.fromarray(photos["temple"]).save(tmp_path / "a.png")
    taken(tmp_path / "store", tmp_path / "a.png", "--log", tmp_path / "log.jsonl")
    first, last = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert first["status"] == "added" and first["at"].endswith("Z") and last["added"] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="pipes")
def test_what_is_left_out_is_told(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    dump, store = tmp_path / "dump", tmp_path / "store"
    dump.mkdir()
    Image.fromarray(photos["temple"]).save(tmp_path / "out.png")
    (dump / "link.png").symlink_to(tmp_path / "out.png")
    (dump / "nowhere.png").symlink_to("nowhere")
    (dump / "loop").symlink_to(".")
    os.mkfifo(dump / "pipe.mp4")
    Image.fromarray(photos["temple"]).save(dump / "a.png")
    (dump / "harmless.png").symlink_to("a.png")
    code, _, summary = taken(store, dump, "--log", tmp_path / "log")
    assert (code, summary["seen"], summary["left_out"]) == (0, 2, 4)
    told = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert {Path(line["path"]).name for line in told if "left_out" in line and "path" in line} == {
        "link.png", "nowhere.png", "loop", "pipe.mp4",
    }  # fmt: skip
    done = CliRunner().invoke(app, ["--store", str(store), "ingest", str(dump), *QUIET])
    assert "4 skipped (links" in done.stdout


def test_archives_that_are_not_opened_are_told(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    dump, store = tmp_path / "dump", tmp_path / "store"
    dump.mkdir()
    Image.fromarray(photos["temple"]).save(dump / "a.png")
    with zipfile.ZipFile(dump / "b.zip", "w") as made:
        made.write(dump / "a.png", "a.png")
    (dump / "c.rar").write_bytes(b"Rar!\x1a\x07\x01\x00" + bytes(90))
    (dump / "d.7z").write_bytes(b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(90))
    (dump / "e.docx").write_bytes((dump / "b.zip").read_bytes())
    code, _, summary = taken(store, dump)
    kinds = {Path(str(error["path"])).name: error["kind"] for error in summary["errors"]}  # type: ignore[union-attr, attr-defined, call-overload]
    assert code == 3 and kinds == {"c.rar": "unsupported", "d.7z": "unsupported"} and summary["skipped"] == 1
    done = CliRunner().invoke(app, ["--store", str(store), "match", str(dump / "b.zip"), "--json"])
    assert done.exit_code == 3 and "which only ingest reads" in json.loads(done.stdout)["error"]


def test_a_dry_run_tells_a_wrong_name(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--store", str(tmp_path / "none"), "ingest", str(tmp_path / "nope"), "--dry-run"])
    assert "1 that cannot be opened, 0 to analyse" in done.stdout


def test_reading_without_locks_is_warned_of_and_logged(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    Image.fromarray(photos["temple"]).save(tmp_path / "a.png")
    store = tmp_path / "a store"
    for words, warned in (([], False), (["--unsafe-no-sandbox"], True)):
        line = ["--store", str(store), "ingest", str(tmp_path / "a.png"), *QUIET, *words]
        done = CliRunner().invoke(app, line)
        assert done.exit_code == 0 and ("without the sandbox" in done.stderr) is warned
    with open_store(store) as kept:
        assert [entry.details["locked"] for entry in kept.iter_log("ingest")] == [True, False]
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = CliRunner().invoke(app, ["--store", str(store), "ingest", str(tmp_path / "cut.png")])
    assert f"see: mediafp --store '{store}' errors" in done.stdout


def test_no_character_that_a_terminal_obeys_is_printed(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    name = "a\x1b[31m\u202egpj.exe.png"
    Image.fromarray(photos["temple"]).save(tmp_path / name)
    taken(tmp_path / "store", tmp_path / name)
    for kind in ("csv", "jsonl"):
        done = CliRunner().invoke(app, ["--store", str(tmp_path / "store"), "export", kind])
        assert "gpj.exe" in done.stdout and not {"\x1b", "\u202e"} & set(done.stdout)
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["sightings"][0]["uri"].endswith(name)


def test_names_are_shown_whatever_the_locale(tmp_path: Path) -> None:
    code = "from mediafp.report.escaping import escape_unprintable; print(ascii(escape_unprintable('\\u5b66\\udcff\\x1b')))"
    variables = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ascii("学\\xff\\x1b")
