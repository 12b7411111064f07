"""Workers that behave oddly: they process no further file, and what they prepared is no answer about another file."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import PATIENCE_SECONDS, has_ended
from scripted_workers import analysis_error, image_messages, scripted_file, signal_workers

from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.messages import ArchiveEnd, DataChunk, Failure, MemberEnd, MemberStart, Result, encode
from mediafp.engine.local.process import WorkerProcess
from mediafp.types.errors import MediaError

GOOD = image_messages()
PREPARED = image_messages(properties={"format": "prepared", "width": 8, "height": 8})
"""Answer that a worker sends about a file which it does not have yet."""


def wait_until_sent(engine: LocalEngine) -> None:
    """Wait until the idle worker of an engine has sent what its last file makes it send."""
    until = time.monotonic() + PATIENCE_SECONDS
    while any(worker.is_silent() for worker in engine._pool._idle):
        assert time.monotonic() < until
        time.sleep(0.01)


ODDITIES: dict[str, bytes] = {
    "the answer of the next file": PREPARED,
    "half an answer": PREPARED[:9],
    "one byte": b"x",
    "the failure of the next file": encode(Failure(kind="corrupt", message="prepared")),
    "data": encode(DataChunk(data=b"xx")),
}


@pytest.mark.parametrize("name", ODDITIES)
def test_worker_that_sends_more_than_its_answer_gets_no_further_file(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pids = signal_workers(monkeypatch, 0, 0)
    with scripted_file(tmp_path, "on", GOOD, ODDITIES[name]) as file:
        assert scripted_engine.analyse(file, "", "image").asset.properties["format"] == "png"
    wait_until_sent(scripted_engine)
    with scripted_file(tmp_path, "on", GOOD) as file:
        assert scripted_engine.analyse(file, "", "image").asset.properties["format"] == "png"
    assert len(pids) == len(set(pids)) == 2, "the second file is analysed once, by another worker"
    assert has_ended(pids[0], 0) and not has_ended(pids[1], 0)


def test_answer_that_arrives_behind_the_next_task_is_not_taken_for_its_answer(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The bytes arrive after the last check: only the number of the task shows that they do not belong to it.
    monkeypatch.setattr(WorkerProcess, "is_silent", lambda self: not self.ended)
    pids = signal_workers(monkeypatch, 0, 0)
    with scripted_file(tmp_path, "on", GOOD, PREPARED) as file:
        scripted_engine.analyse(file, "", "image")
    with scripted_file(tmp_path, "on", GOOD) as file:
        assert scripted_engine.analyse(file, "", "image").asset.properties["format"] == "png"
    assert len(pids) == 3 and pids[0] == pids[1] != pids[2] and has_ended(pids[0], 0)


def test_answer_with_the_number_of_another_task_costs_both_attempts_and_no_more(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = signal_workers(monkeypatch, 0, 0)
    error = analysis_error(scripted_engine, scripted_file(tmp_path, "stale", GOOD))
    assert "belongs to no task" in str(error) and (error.kind, error.attempts) == ("crash", 2)
    assert len(set(pids)) == 2 and all(has_ended(pid, 0) for pid in pids)


def test_number_of_a_task_is_random(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nonces: list[bytes] = []
    send_file = WorkerProcess.send_file

    def send_and_record(worker: WorkerProcess, *arguments: object) -> None:
        send_file(worker, *arguments)  # type: ignore[arg-type]
        nonces.append(worker._nonce)

    monkeypatch.setattr(WorkerProcess, "send_file", send_and_record)
    for _ in range(3):
        with scripted_file(tmp_path, "on", GOOD) as file:
            scripted_engine.analyse(file, "", "image")
    assert len(set(nonces)) == 3 and all(len(nonce) == 16 and any(nonce) for nonce in nonces)


@pytest.mark.parametrize("kind", ["crash", "oom", "timeout"])
def test_worker_that_reports_an_error_of_its_own_gets_no_further_file(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    pids = signal_workers(monkeypatch, 0, 0)
    failure = encode(Failure(kind=kind, message="'script.png': broken"))  # type: ignore[arg-type]
    assert analysis_error(scripted_engine, scripted_file(tmp_path, "on", failure)).kind == kind
    assert has_ended(pids[0], 0)
    with scripted_file(tmp_path, "on", GOOD) as file:
        scripted_engine.analyse(file, "", "image")
    assert len(set(pids)) == 2


@pytest.mark.parametrize("kind", ["corrupt", "unsupported", "too_large", "unreadable"])
def test_worker_that_reports_an_error_of_its_file_is_kept(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    pids = signal_workers(monkeypatch, 0, 0)
    for _ in range(2):
        failure = encode(Failure(kind=kind, message="cut"))  # type: ignore[arg-type]
        with scripted_file(tmp_path, "on", failure) as file, pytest.raises(MediaError, match="cut"):
            scripted_engine.analyse(file, "", "image")
    assert len(set(pids)) == 1 and not has_ended(pids[0], 0)


def test_idle_worker_that_died_costs_no_attempt(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_engine.start()
    (worker,) = scripted_engine._pool._idle
    os.kill(worker.pid, 9)
    wait_until_sent(scripted_engine)
    pids = signal_workers(monkeypatch, 0, 0)
    with scripted_file(tmp_path, "on", GOOD) as file:
        scripted_engine.analyse(file, "", "image")
    assert len(pids) == 1 and pids[0] != worker.pid and has_ended(worker.pid, 0)


ARCHIVE = encode(MemberStart(name=b"a.png"))


@pytest.mark.parametrize(
    ("end", "is_kept"),
    [
        ([MemberEnd(), ArchiveEnd()], True),
        ([MemberEnd(kind="corrupt", message="cut"), ArchiveEnd()], True),
        ([MemberEnd(kind="crash", message="broken"), ArchiveEnd()], False),
        ([MemberEnd(), Failure(kind="corrupt", message="cut")], True),
        ([MemberEnd(), Failure(kind="timeout", message="broken")], False),
    ],
    ids=["good", "a damaged member", "a broken member", "a damaged archive", "a broken archive"],
)
def test_worker_that_unpacks_is_kept_unless_it_reports_an_error_of_its_own(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: list[Result], is_kept: bool
) -> None:
    pids = signal_workers(monkeypatch, 0, 0)
    with scripted_file(tmp_path, "on", ARCHIVE, *map(encode, end)) as file:
        members = scripted_engine.unpack_archive(file, bool)
        assert next(members).name == "a.png"
        try:
            assert list(members) == []
        except MediaError as error:
            assert "cut" in str(error) or not is_kept
    assert has_ended(pids[0], 0) is not is_kept


def test_worker_that_unpacks_archives_processes_no_other_file(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = signal_workers(monkeypatch, 0, 0)

    def unpack() -> None:
        with scripted_file(tmp_path, "on", encode(ArchiveEnd())) as file:
            assert list(scripted_engine.unpack_archive(file, bool)) == []

    def analyse() -> None:
        with scripted_file(tmp_path, "on", GOOD) as file:
            scripted_engine.analyse(file, "", "image")

    steps: list[Callable[[], None]] = [unpack, analyse, unpack, analyse]
    for step in steps:
        step()
    assert [pids.index(pid) for pid in pids] == [0, 1, 0, 1]
    assert not any(has_ended(pid, 0) for pid in pids), "neither replaces the other"
