"""Log records of the local engine, all under the logger `mediafp`."""

import logging
import signal
from pathlib import Path

import pytest
from scripted_workers import image_messages, scripted_file, signal_workers

from mediafp.engine.local import pool
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.messages import DataChunk, MemberStart, encode
from mediafp.engine.local.programs import find_ffmpeg


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "mediafp")
    return caplog


def test_worker_start_and_second_attempt_are_logged(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    pids = signal_workers(monkeypatch, signal.SIGSEGV, 1)
    with scripted_file(tmp_path, "on", image_messages()) as file:
        scripted_engine.analyse(file, "", "image")
    # A system whose seccomp has no listener says so once a run, in whichever test starts the first worker.
    records = [record for record in log.records if not record.name.endswith(".thread_limit")]
    assert all(record.name.startswith("mediafp.engine.") for record in log.records)
    assert all(record.levelno == logging.INFO for record in records), "without --verbose they are not shown"
    started, ended, retried, restarted = [record.getMessage() for record in records]
    assert started.startswith(f"worker {pids[0]} is started in the sandbox")
    assert ended == f"worker {pids[0]} ended with exit status -11"
    assert retried == "another worker is to process 'script.png': the worker crashed (exit status -11)"
    assert restarted.startswith(f"worker {pids[1]} is started")


def test_reason_for_a_worker_restart_is_logged(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pool, "MAX_FILES_PER_WORKER", 1)
    for cpu in (0.0, 901.0):
        with scripted_file(tmp_path, "on", image_messages(cpu=cpu)) as file:
            scripted_engine.analyse(file, "", "image")
        monkeypatch.setattr(pool, "MAX_FILES_PER_WORKER", 512)
    reasons = [message.partition("is ended: ")[2] for message in log.messages if "is ended" in message]
    assert reasons == ["it processed 1 files", "it used 901 CPU seconds"]


def test_lost_member_is_logged_by_its_escaped_name(
    scripted_engine: LocalEngine, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    messages = encode(MemberStart(name=b"a\n\xff.png")) + encode(DataChunk(data=b"secret"))
    with scripted_file(tmp_path, "1", messages) as file:
        members = scripted_engine.unpack_archive(file, lambda name: True)
        assert next(members).error is not None
    (message,) = [message for message in log.messages if "member" in message]
    assert r"'a\n\udcff.png'" in message and "'script.png'" in message
    assert "secret" not in log.text and message.isprintable()


def test_program_run_is_logged(log: pytest.LogCaptureFixture) -> None:
    path = find_ffmpeg(sandboxed=False).path
    (message,) = log.messages
    assert repr(path) in message and message.endswith("exit status 0")
