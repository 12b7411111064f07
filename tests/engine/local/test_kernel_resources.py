"""Limits of what a worker that was taken over can use of the kernel: threads and descriptors."""

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from media_files import noise_frames, write_video
from PIL import Image
from processes import has_ended, run_ffmpeg, run_python
from taken_over_workers import run_in_worker

from mediafp.engine.interface import AnalysisRequest
from mediafp.engine.local import engine as engine_module
from mediafp.engine.local import process, thread_limit
from mediafp.engine.local.capabilities import WorkerCapabilities
from mediafp.engine.local.engine import LocalEngine
from mediafp.ingest.files import open_file
from mediafp.ingest.limits import MAX_WORKER_OPEN_FILES, MAX_WORKER_THREADS
from mediafp.types.errors import WorkerLost
from mediafp.types.media import Kind

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")


def test_worker_can_start_few_threads(taken_over: LocalEngine, scratch: Path) -> None:
    started, again = run_in_worker(
        taken_over,
        scratch,
        """
        result = []
        for _ in range(2):
            end, threads = threading.Event(), []
            try:
                while len(threads) < 200:
                    threads.append(threading.Thread(target=end.wait))
                    threads[-1].start()
            except RuntimeError:
                threads.pop()
            end.set()
            for thread in threads:
                thread.join()
            result.append(len(threads))
        """,
    )
    assert 8 <= started < MAX_WORKER_THREADS, "a HEIC image needs 8"
    assert 8 <= again < MAX_WORKER_THREADS, "threads that ended do not count"


def test_threads_started_at_once_are_few(taken_over: LocalEngine, scratch: Path) -> None:
    # Each thread starts further ones while the answers of others are outstanding.
    alive = run_in_worker(
        taken_over,
        scratch,
        """
        end, lock, alive = threading.Event(), threading.Lock(), [0]

        def breed():
            with lock:
                alive[0] += 1
            for _ in range(20):
                try:
                    threading.Thread(target=breed).start()
                except RuntimeError:
                    pass
            end.wait(10)

        breeder = threading.Thread(target=breed)
        breeder.start()
        import time
        time.sleep(1)
        result = alive[0]
        end.set()
        """,
    )
    assert 0 < alive <= 2 * MAX_WORKER_THREADS


def test_worker_can_open_few_descriptors(taken_over: LocalEngine, scratch: Path) -> None:
    opened, error = run_in_worker(
        taken_over,
        scratch,
        """
        copies, failure = [], ""
        try:
            while len(copies) < 1000:
                copies.append(os.dup(descriptor))
        except OSError as error:
            failure = errno.errorcode[error.errno]
        result = [len(copies), failure]
        for copy in copies:
            os.close(copy)
        """,
    )
    assert error == "EMFILE" and 40 < opened < MAX_WORKER_OPEN_FILES


def test_endless_thread_starts_are_slowed_down_and_logged_once(
    taken_over: LocalEngine, scratch: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(thread_limit, "MAX_ANSWERS_PER_SECOND", 50)
    code = """
    import time
    end, started, refused, start = threading.Event(), 0, 0, time.monotonic()
    while time.monotonic() < start + 1.5:
        try:
            threading.Thread(target=end.wait).start()
        except RuntimeError:
            refused += 1
    end.set()
    result = refused
    """
    with caplog.at_level("INFO", thread_limit.__name__), LocalEngine(scratch) as engine:
        assert 10 < run_in_worker(engine, scratch, code) <= 200
    assert sum("starts no further thread" in record.getMessage() for record in caplog.records) == 1


def test_thread_starts_fail_if_threads_cannot_be_counted(
    taken_over: LocalEngine, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may hide the folder of a process from its user (hidepid)."""
    monkeypatch.setattr(thread_limit, "Path", lambda path: scratch / "hidden")
    monkeypatch.setattr(engine_module, "IMAGE_WALL_SECONDS", 30.0)
    code = """
    result = "started"
    try:
        threading.Thread(target=print).start()
    except RuntimeError as error:
        result = str(error)
    """
    with LocalEngine(scratch) as engine:
        assert run_in_worker(engine, scratch, code) == "can't start new thread"


def test_supervisor_ends_with_its_worker(scratch: Path) -> None:
    with LocalEngine(scratch) as engine:
        engine.start()
        with engine._pool.worker(WorkerCapabilities()) as worker:
            name = f"mediafp-threads-{worker.pid}"
        (supervisor,) = [thread for thread in threading.enumerate() if thread.name == name]
        worker.end()
        assert has_ended(worker.pid)
        supervisor.join(60)
        assert not supervisor.is_alive()


def test_worker_without_a_listener_starts_no_thread() -> None:
    done = run_python(
        """
        import threading
        from mediafp.engine.local import sandbox
        sandbox.listen_to_thread_starts = lambda *_: None
        sandbox.enter_sandbox(lambda listener: print("handed over"))
        try:
            threading.Thread(target=print).start()
        except RuntimeError as error:
            print(error)
        """
    )
    assert done.stdout == "can't start new thread\n", done.stderr


def test_only_heic_images_need_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photos: dict[str, np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "without_threads.py").write_text(
        "import sys\nfrom mediafp.engine.local import sandbox\nsandbox.listen_to_thread_starts = lambda *_: None\n"
        "from mediafp.engine.local import worker\nworker.main(sys.argv[1:])\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(process, "WORKER_MODULE", "without_threads")
    for suffix in ("avif", "jpg", "png", "webp", "tiff"):
        Image.fromarray(photos["temple"]).save(tmp_path / f"temple.{suffix}")
    write_video(tmp_path / "noise.mkv", *noise_frames(3))
    run_ffmpeg("-f", "lavfi", "-i", "sine=sample_rate=44100:duration=2", "-ac", 6, tmp_path / "tone.flac")
    files = [path for path in sorted(tmp_path.iterdir()) if path.suffix != ".py"]
    thread_limit.warn_of_missing_listener.cache_clear()
    with LocalEngine(tmp_path) as engine:
        for path in files:
            kind: Kind = "video" if path.suffix in (".mkv", ".flac") else "image"
            with open_file(path) as file:
                analysis = engine.analyse(file, "", kind, AnalysisRequest(audio=True))
            assert analysis.asset.kind == kind and bool(analysis.audio) is (path.suffix == ".flac")
        with (
            open_file(Path(__file__).parents[3] / "fixtures" / "scene.heic") as file,
            pytest.raises(WorkerLost, match="crash"),
        ):
            engine.analyse(file, "", "image")
    assert len(files) == 7
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith("HEIC images and clips fail: seccomp has no listener here"), (
        "though three workers started"
    )
