"""Workers that are lost or cannot start: the kind of the loss is kept, and nothing of them stays behind."""

import gc
import os
import signal
import subprocess
from pathlib import Path

import pytest
from processes import has_ended
from scripted_workers import scripted_file, signal_workers, use_scripted_workers

from mediafp.engine.local import process
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.messages import EXIT_OUT_OF_MEMORY, Failure, MemberDecision, MemberStart, Task, encode
from mediafp.engine.local.pool import WorkerPool
from mediafp.types.errors import SandboxError, WorkerLost


def test_unpack_archive_keeps_the_kind_of_a_timeout(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal_workers(monkeypatch, 0, 0, wall_seconds=0.2)
    with scripted_file(tmp_path, "sleep") as file, pytest.raises(WorkerLost) as caught:
        list(scripted_engine.unpack_archive(file, bool))
    assert caught.value.kind == "timeout"


@pytest.mark.parametrize(("status", "kind"), [(EXIT_OUT_OF_MEMORY, "oom"), (1, "crash")])
def test_unpack_archive_keeps_the_kind_of_a_worker_that_exits(
    scripted_engine: LocalEngine, tmp_path: Path, status: int, kind: str
) -> None:
    with scripted_file(tmp_path, str(status)) as file, pytest.raises(WorkerLost) as caught:
        list(scripted_engine.unpack_archive(file, bool))
    assert caught.value.kind == kind


def test_unpack_archive_keeps_the_kind_of_a_killed_worker(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal_workers(monkeypatch, signal.SIGKILL, 1)
    with scripted_file(tmp_path, "sleep") as file, pytest.raises(WorkerLost) as caught:
        list(scripted_engine.unpack_archive(file, bool))
    assert caught.value.kind == "oom"


@pytest.mark.parametrize("what", ["task", "decision"])
def test_worker_that_reads_nothing_has_a_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """The program waits for it while it sends, too."""
    monkeypatch.setattr(process, "START_SECONDS", 20.0)
    use_scripted_workers(tmp_path, monkeypatch)
    task = Task(what="unpack_archive", name=b"a" * (16 << 20) if what == "task" else b"a")
    with WorkerPool(tmp_path) as pool, pool.worker() as worker, scripted_file(tmp_path, "on") as file:
        os.kill(worker.pid, signal.SIGSTOP)
        with pytest.raises(WorkerLost) as caught:
            worker.send_file(task, file, 0.5)
            while True:
                worker.send(MemberDecision(wanted=False))
    assert caught.value.kind == "timeout" and has_ended(worker.pid)


def test_pool_forgets_a_worker_that_did_not_become_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_scripted_workers(tmp_path, monkeypatch, encode(Failure(kind="unsupported", message="no sandbox", cpu=0.0)))
    with WorkerPool(tmp_path) as pool:
        with pytest.raises(SandboxError, match="no sandbox"):
            pool.start()
        assert not pool._all


def test_worker_process_that_cannot_start_leaves_no_socket_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", fail)
    with WorkerPool(tmp_path) as pool:
        # What earlier tests left to be collected would be closed in between.
        gc.collect()
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(SandboxError, match="cannot start a worker: Resource temporarily unavailable; see"):
            pool.start()
        assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
        assert not pool._all


@pytest.mark.parametrize("wanted", [True, False])
def test_unpack_archive_yields_a_member_whose_worker_ends_before_the_decision(
    scripted_engine: LocalEngine, tmp_path: Path, wanted: bool
) -> None:
    """The name of the member has arrived; the worker is gone when the answer is sent."""
    with scripted_file(tmp_path, "on", encode(MemberStart(name=b"a.png"))) as file:

        def is_wanted(name: str) -> bool:
            for worker in list(scripted_engine._pool._all):
                worker.end()
            return wanted

        member = next(scripted_engine.unpack_archive(file, is_wanted))
    assert member.name == "a.png" and member.file is None
    assert isinstance(member.error, WorkerLost) if wanted else member.error is None
