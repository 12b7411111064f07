"""Worker processes of a pool: a lost worker fails at most one file, and no process remains."""

import io
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import PATIENCE_SECONDS, has_ended, process_state
from scripted_workers import THUMBNAIL, analysis_error, image_messages, scripted_file, signal_workers

from mediafp.engine.interface import AnalysisRequest
from mediafp.engine.local import pool, process, received_results, validation
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.messages import (
    ArchiveEnd,
    AudioResult,
    DataChunk,
    Failure,
    FramesResult,
    MemberStart,
    PackedAudio,
    Ready,
    Task,
    encode,
)
from mediafp.engine.local.process import WorkerProcess
from mediafp.ingest.files import open_file
from mediafp.types.arrays import pack_arrays
from mediafp.types.errors import CorruptMedia, WorkerLost


def test_file_is_analysed_again_after_its_worker_crashed(
    engine: LocalEngine, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = signal_workers(monkeypatch, signal.SIGSEGV, 1)
    with open_file(photo) as file:
        assert engine.analyse(file, "", "image").asset.properties["format"] == "png"
        assert len(set(pids)) == 2 and has_ended(pids[0], 0) and not has_ended(pids[1], 0)
        assert engine.analyse(file, "", "image").asset.bytes == file.bytes
    assert pids[2] == pids[1], "the fresh worker is used again"


@pytest.mark.parametrize(
    ("number", "kind"),
    [(signal.SIGSEGV, "crash"), (signal.SIGABRT, "crash"), (signal.SIGSYS, "crash"), (signal.SIGKILL, "oom")],
)
def test_file_that_ends_two_workers_fails(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: str
) -> None:
    with monkeypatch.context() as patch:
        pids = signal_workers(patch, number, 1)
        with scripted_file(tmp_path, "on", image_messages()) as file:
            assert scripted_engine.analyse(file, "", "image").asset.kind == "image"
        assert len(set(pids)) == 2
    pids = signal_workers(monkeypatch, number, 2)
    error = analysis_error(scripted_engine, scripted_file(tmp_path, "on", image_messages()))
    assert (error.kind, error.attempts, len(set(pids))) == (kind, 2, 2)
    assert all(has_ended(pid, 0) for pid in pids)


@pytest.mark.parametrize(("status", "kind"), [(0, "crash"), (1, "crash"), (71, "oom"), (-1, "crash")])
def test_exit_status_of_a_worker_decides_the_kind_of_failure(
    scripted_engine: LocalEngine, tmp_path: Path, status: int, kind: str
) -> None:
    error = analysis_error(scripted_engine, scripted_file(tmp_path, str(status & 0xFF)))
    assert (error.kind, error.attempts) == (kind, 2)


def test_error_of_a_worker_without_memory_states_it(scripted_engine: LocalEngine, tmp_path: Path) -> None:
    assert "not enough memory" in str(analysis_error(scripted_engine, scripted_file(tmp_path, "71")))


def test_file_over_its_cpu_time_is_not_analysed_again(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = signal_workers(monkeypatch, signal.SIGXCPU, 9)
    error = analysis_error(scripted_engine, scripted_file(tmp_path, "on"))
    assert (error.kind, error.attempts, error.final, len(pids)) == ("timeout", 1, True, 1)


def test_hanging_worker_is_ended_at_its_deadline(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_engine.start()
    pids = signal_workers(monkeypatch, signal.SIGSTOP, 9, wall_seconds=0.2)
    start = time.monotonic()
    error = analysis_error(scripted_engine, scripted_file(tmp_path, "on"))
    assert (error.kind, error.attempts) == ("timeout", 2)
    assert time.monotonic() - start >= 0.4 and all(has_ended(pid, 0) for pid in pids)


def test_partial_message_does_not_extend_the_deadline(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal_workers(monkeypatch, 0, 0, wall_seconds=0.2)
    assert analysis_error(scripted_engine, scripted_file(tmp_path, "sleep", image_messages()[:-1])).kind == "timeout"


JPEG = THUMBNAIL.jpegs[0]
INVALID_RESULTS: dict[str, bytes] = {
    "a length over the limit": struct.pack("<I", 2**32 - 1),
    "bytes that are not a message": struct.pack("<I", 4) + b"\xff" * 4,
    "an empty message": struct.pack("<I", 0),
    "deeply nested lists": struct.pack("<I", 100_011) + b"\x82\xa4type\xa5Ready\xa1x" + b"\x91" * 99_998 + b"\xc0",
    "a second ready message": encode(Ready()),
    "the end of an archive": encode(ArchiveEnd()),
    "a member": encode(MemberStart(name=b"x")),
    "audio without an analysis": encode(AudioResult(warnings=[], audio=[])),
    "a video": image_messages(kind="video"),
    "no fingerprints": image_messages(fingerprints=[]),
    "a span that ends before it starts": image_messages(spans=pack_arrays(np.array([[1.0, 0.0]]))),
    "spans without dimensions": image_messages(spans=pack_arrays(np.array(1.0))),
    "audio that was not requested": encode(DataChunk(data=b"xx"))
    + image_messages(audio=[PackedAudio(1, 0.0, 0, None)]),
}


@pytest.mark.parametrize("name", INVALID_RESULTS)
def test_invalid_result_fails_the_file_without_a_second_attempt(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pids = signal_workers(monkeypatch, 0, 0)
    error = analysis_error(scripted_engine, scripted_file(tmp_path, "on", INVALID_RESULTS[name]))
    assert "invalid data" in str(error)
    assert (error.kind, error.attempts, len(pids)) == ("crash", 1, 1)
    assert has_ended(pids[0], 0), "the worker is not used again"


@pytest.mark.parametrize("jpegs", [[], [JPEG], [JPEG, None, None], [JPEG, b"<script>"], [JPEG, JPEG + b"x"]], ids=len)
def test_invalid_frames_fail_the_file(scripted_engine: LocalEngine, tmp_path: Path, jpegs: list[bytes | None]) -> None:
    """Two are requested: each is a thumbnail, or None."""
    with (
        scripted_file(tmp_path, "on", encode(FramesResult(jpegs=jpegs))) as file,
        pytest.raises(WorkerLost, match="invalid data"),
    ):
        scripted_engine.read_frames(file, (0.0, 1.0))
    with scripted_file(tmp_path, "on", encode(FramesResult(jpegs=[JPEG, None]))) as file:
        assert scripted_engine.read_frames(file, (0.0, 1.0)) == [JPEG, None]


INVALID_AUDIO: dict[str, tuple[bytes, list[PackedAudio]]] = {
    "no samples": (b"", [PackedAudio(1, 0.0, 0, None)]),
    "half a sample": (b"x", [PackedAudio(1, 0.0, 0, None)]),
    "a sample too many": (bytes(4), [PackedAudio(1, 0.0, 0, None)]),
    "a sample of no track": (bytes(2), []),
    "a sample of the second track missing": (bytes(4), [PackedAudio(1, 0.0, 0, None), PackedAudio(2, 0.0, 1, None)]),
    "no number as start": (b"xx", [PackedAudio(1, float("nan"), 0, None)]),
    "an infinite start": (b"xx", [PackedAudio(1, float("-inf"), 0, None)]),
    "a vast start": (b"xx", [PackedAudio(1, 1e306, 0, None)]),
    "a start far before the frames": (b"xx", [PackedAudio(1, -1e10, 0, None)]),
    "an end beyond the limit": (bytes(64_000), [PackedAudio(32_000, 1e9, 0, None)]),
    "a second track that starts too late": (bytes(4), [PackedAudio(1, 0.0, 0, None), PackedAudio(1, 1e10, 1, None)]),
    "a track twice": (bytes(4), [PackedAudio(1, 0.0, 1, None), PackedAudio(1, 0.0, 1, None)]),
    "one channel of two": (bytes(2), [PackedAudio(1, 0.0, 0, 1)]),
    "a channel beside the mix": (bytes(4), [PackedAudio(1, 0.0, 0, None), PackedAudio(1, 0.0, 0, 0)]),
    "a channel twice": (bytes(4), [PackedAudio(1, 0.0, 0, 0), PackedAudio(1, 0.0, 0, 0)]),
}


@pytest.mark.parametrize("name", INVALID_AUDIO)
def test_invalid_audio_fails_the_file(scripted_engine: LocalEngine, tmp_path: Path, name: str) -> None:
    samples, stated = INVALID_AUDIO[name]
    data = encode(DataChunk(data=samples)) if samples else b""
    invalid = r"invalid data \(\d+ bytes of audio|the (start|end) of the audio|audio that is neither"
    messages = data + image_messages(kind="video", audio=stated)
    with scripted_file(tmp_path, "on", messages) as file, pytest.raises(WorkerLost, match=invalid):
        scripted_engine.analyse(file, "", "video", AnalysisRequest(audio=True))
    messages = data + encode(AudioResult(warnings=[], audio=stated))
    with scripted_file(tmp_path, "on", messages) as file, pytest.raises(WorkerLost, match=invalid):
        scripted_engine.read_audio(file)


def test_audio_of_several_tracks_and_channels_keeps_its_samples_and_times(
    scripted_engine: LocalEngine, tmp_path: Path
) -> None:
    stated = [PackedAudio(3, 0.5, 1, 0), PackedAudio(2, 0.5, 1, 1), PackedAudio(4, -1.0, 0, None)]
    data = b"".join(encode(DataChunk(data=part)) for part in (bytes(range(7)), bytes(range(7, 18))))
    with scripted_file(tmp_path, "on", data + encode(AudioResult(warnings=[], audio=stated))) as file:
        audio, _ = scripted_engine.read_audio(file)
    assert [(one.track, one.channel, one.start) for one in audio] == [(1, 0, 0.5), (1, 1, 0.5), (0, None, -1.0)]
    assert b"".join(one.samples.tobytes() for one in audio) == bytes(range(18))
    assert [len(one.samples) for one in audio] == [3, 2, 4] and not any(one.samples.flags.writeable for one in audio)


def test_too_much_audio_fails_the_file(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received_results, "MAX_AUDIO_BYTES", 1_000)
    assert "bytes of audio" in str(
        analysis_error(scripted_engine, scripted_file(tmp_path, "sleep", encode(DataChunk(data=bytes(600))) * 2))
    )


def test_result_that_fails_validation_fails_the_file(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_engine.start()

    def reject(*_: object) -> None:
        raise ValueError("rejected")

    for module, name in ((validation, "validate_analysis"), (process, "decode_result")):
        with monkeypatch.context() as patch:
            scripted_engine.start()
            patch.setattr(module, name, reject)
            error = analysis_error(scripted_engine, scripted_file(tmp_path, "on", image_messages()))
        assert (error.kind, error.attempts) == ("crash", 1) and "invalid data (rejected)" in str(error)


@pytest.mark.parametrize("kind", ["timeout", "crash", "oom"])
def test_failure_reported_by_a_worker_keeps_its_kind(scripted_engine: LocalEngine, tmp_path: Path, kind: str) -> None:
    failed = Failure(kind=kind, message="'script.png': too much")  # type: ignore[arg-type]
    assert analysis_error(scripted_engine, scripted_file(tmp_path, "on", encode(failed))).kind == kind


def test_worker_is_replaced_after_its_maximum_of_files(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MAX_FILES_PER_WORKER", 2)
    pids = signal_workers(monkeypatch, 0, 0)
    with scripted_engine, scripted_file(tmp_path, "on", image_messages()) as file:
        for _ in range(5):
            scripted_engine.analyse(file, "", "image")
        assert [pids.index(pid) for pid in pids] == [0, 0, 2, 2, 4]
        assert all(has_ended(pid, 0) for pid in pids[:4]) and not has_ended(pids[4], 0)
    assert scripted_engine._pool.closed and not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_worker_is_replaced_after_its_cpu_seconds(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = signal_workers(monkeypatch, 0, 0)
    for cpu in (899.0, 901.0, 0.0):
        with scripted_file(tmp_path, "on", image_messages(cpu=cpu)) as file:
            scripted_engine.analyse(file, "", "image")
    assert [pids.index(pid) for pid in pids] == [0, 0, 2]


def test_faulty_file_does_not_end_its_worker(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = signal_workers(monkeypatch, 0, 0)
    for _ in range(3):
        failed = encode(Failure(kind="corrupt", message="cut"))
        with scripted_file(tmp_path, "on", failed) as file, pytest.raises(CorruptMedia, match="cut"):
            scripted_engine.analyse(file, "", "image")
    assert len(set(pids)) == 1


def test_pool_has_one_worker_per_concurrent_task(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = signal_workers(monkeypatch, 0, 0)
    all_running = threading.Barrier(3)
    failures: list[BaseException] = []

    def run_task() -> None:
        try:
            # Each thread has its own descriptor.
            with open_file(tmp_path / "script.png") as file:
                with scripted_engine._pool.worker() as worker:
                    all_running.wait(PATIENCE_SECONDS)
                    worker.request(Task(what="analyse", name=b"x"), file, PATIENCE_SECONDS, io.BytesIO())
                all_running.wait(PATIENCE_SECONDS)
        except BaseException as error:
            failures.append(error)

    scripted_file(tmp_path, "on", image_messages()).close()
    threads = [threading.Thread(target=run_task) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and len(set(pids)) == 3


def test_worker_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    with LocalEngine(tmp_path) as engine:
        thread = threading.Thread(target=engine.start)
        thread.start()
        thread.join()
        (worker,) = engine._pool._all
        assert not has_ended(worker.pid, 0.2)


def test_close_ends_a_task_in_progress(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = signal_workers(monkeypatch, 0, 0)
    scripted_engine.start()
    closer = threading.Timer(0.2, scripted_engine.close)
    closer.start()
    error = analysis_error(scripted_engine, scripted_file(tmp_path, "sleep"))
    closer.join()
    # A worker that was not ended would fail by its deadline instead.
    assert "was ended" in str(error) and (error.attempts, len(pids)) == (1, 1) and has_ended(pids[0], 0)


def test_closed_engine_raises_worker_lost_and_leaves_no_process(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    start = WorkerProcess.__init__

    def init(self: WorkerProcess, **options: Any) -> None:
        start(self, **options)
        started.append(self.pid)

    monkeypatch.setattr(WorkerProcess, "__init__", init)
    scripted_engine.close()
    with (
        scripted_file(tmp_path, "on", image_messages()) as file,
        pytest.raises(WorkerLost, match="was ended"),
    ):
        scripted_engine.analyse(file, "", "image")
    assert started and all(has_ended(pid, 0) for pid in started)


@pytest.mark.skipif(sys.platform != "linux", reason="the Linux kernel ends the worker")
def test_worker_ends_with_its_parent_process(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys, time\nfrom pathlib import Path\nfrom mediafp.engine.local.pool import WorkerPool\n"
        "workers = WorkerPool(Path(sys.argv[1]))\nworkers.start()\n(worker,) = workers._all\n"
        # A stopped worker cannot detect that the connection was closed.
        "os.kill(worker.pid, signal.SIGSTOP)\nprint(worker.pid, flush=True)\ntime.sleep(3600)\n"
    )
    started = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with started:
        assert started.stdout
        pid = int(started.stdout.readline())
        # The signal takes effect when the worker runs next.
        until = time.monotonic() + PATIENCE_SECONDS
        while process_state(pid) not in "Tt" and time.monotonic() < until:
            time.sleep(0.01)
        assert process_state(pid) in "Tt"
        started.kill()
    assert has_ended(pid)
