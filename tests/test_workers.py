"""Files read by locked workers: the same as read here, and a worker that is lost costs one file at most."""

import io
import os
import random
import re
import signal
import struct
import subprocess
import sys
import tarfile
import threading
import time
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from processes import PATIENCE_SECONDS, ffmpeg, gone, state

from mediafp.engine import analysis
from mediafp.engine.local import pool, process, unpack
from mediafp.engine.local.messages import (
    AnalysisResult,
    ArchiveEnd,
    AudioResult,
    DataChunk,
    Failure,
    MemberStart,
    PackedFingerprint,
    Ready,
    Task,
    encode,
)
from mediafp.engine.local.pool import WorkerPool
from mediafp.engine.local.process import WorkerProcess
from mediafp.engine.local.unpack import UnpackedMember, unpack_archive
from mediafp.ingest.audio import read_audio
from mediafp.ingest.files import OpenFile, file_sha256, open_file
from mediafp.types.arrays import pack_arrays
from mediafp.types.errors import CorruptMedia, NotMedia, SandboxError, TooLargeMedia, WorkerLost
from mediafp.types.media import Kind

ACTOR = """
import os, socket, sys, time

end = socket.socket(fileno=int(sys.argv[1]))
end.sendall(bytes.fromhex("{hello}"))
while head := socket.recv_fds(end, 4, 1):
    if not head[0]:
        break
    left = int.from_bytes(head[0], "little")
    while left:
        left -= len(end.recv(left))
    act, _, said = os.pread(head[1][0], 1 << 24, 0).partition(b"\\n")
    os.close(head[1][0])
    end.sendall(said)
    if act == b"sleep":
        time.sleep(3600)
    elif act.isdigit():
        os._exit(int(act))
"""
"""A worker that does as its file says: sends the rest of it, and then ends with this status, sleeps or goes on."""
FIXTURES = Path(__file__).parent.parent / "fixtures"
TRAP = "import pathlib\npathlib.Path({mark!r}).write_text(__name__)\n"


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    """Locked workers, which start once for all tests that do not wear them out."""
    with WorkerPool(tmp_path_factory.mktemp("workers")) as made:
        yield made


@pytest.fixture
def photo(tmp_path: Path, photos: dict[str, np.ndarray]) -> Path:
    Image.fromarray(photos["temple"]).save(tmp_path / "temple.png", compress_level=1)
    return tmp_path / "temple.png"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Has actors take the place of workers; they start at once, with these first words."""

    def set(hello: bytes = encode(Ready())) -> None:
        (tmp_path / "stage").mkdir()
        (tmp_path / "stage" / "actor.py").write_text(ACTOR.format(hello=hello.hex()))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "stage"))
        monkeypatch.setattr(process, "WORKER", "actor")

    return set


@pytest.fixture
def actors(stage: Callable[[], None], tmp_path: Path) -> Iterator[WorkerPool]:
    stage()
    with WorkerPool(tmp_path) as made:
        yield made


def script(folder: Path, act: str, *said: bytes) -> OpenFile:
    """A file that tells an actor what to do."""
    (folder / "script.png").write_bytes(act.encode() + b"\n" + b"".join(said))
    return open_file(folder / "script.png")


def picture(**changed: object) -> AnalysisResult:
    """A picture that was read, as a worker says it."""
    quality = np.full(1, 0.5, np.float32)
    rows = [("sscd_distilled", np.zeros((1, 512), np.float16)), ("pdq", np.zeros((1, 32), np.uint8))]
    told = {
        "kind": "image",
        "properties": {"format": "png", "width": 8, "height": 8},
        "warnings": [],
        "spans": pack_arrays(np.zeros((1, 2))),
        "rows": [PackedFingerprint(name, pack_arrays(vectors, quality)) for name, vectors in rows],
        "thumbnails": [b"\xff\xd8\xff\xff\xd9"],
    }
    return AnalysisResult(**(told | changed))  # type: ignore[arg-type]


def harm(monkeypatch: pytest.MonkeyPatch, number: int, times: int, wall: float | None = None) -> list[int]:
    """Has the first workers that are handed a file get a signal before they answer; the pids of all that were."""
    real, pids = WorkerProcess.send_file, []

    def hand_in(self: WorkerProcess, task: Task, file: OpenFile, given: float) -> None:
        pid = self._process.pid
        pids.append(pid)
        if harmed := len(pids) <= times:
            # It stands still until the signal is there: else a quick one would be done before.
            os.kill(pid, signal.SIGSTOP)
        real(self, task, file, given if wall is None else wall)
        if harmed:
            os.kill(pid, number)
            if number != signal.SIGSTOP:
                os.kill(pid, signal.SIGCONT)

    monkeypatch.setattr(WorkerProcess, "send_file", hand_in)
    return pids


def lost(workers: WorkerPool, file: OpenFile, kind: Kind = "image") -> WorkerLost:
    """How the reading of a file fails."""
    with file, pytest.raises(WorkerLost) as caught:
        workers.analyse(file, "", kind)
    assert repr(file.name) in str(caught.value), "it names the file"
    return caught.value


# What is read -------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["photo", "bikes", "bunny"])
def test_a_worker_reads_what_is_read_here(workers: WorkerPool, photo: Path, clips: dict[str, Path], name: str) -> None:
    path, kind = (photo, "image") if name == "photo" else (clips[name], "video")
    with open_file(path) as file:
        sha256 = file_sha256(file)
        there = workers.analyse(file, sha256, kind, audio=True, image=True)  # type: ignore[arg-type]
        here = analysis.analyse_file(file, sha256, audio=True)
    assert here is not None
    assert there.asset == here.asset and there.warnings == here.warnings and there.thumbnails == here.thumbnails
    assert len(here.thumbnails) >= 1 + (kind == "video")
    for one, other in zip(there.fingerprints, here.fingerprints, strict=True):
        assert (one.sha256, one.type, one.version) == (other.sha256, other.type, other.version)
        for field in ("vectors", "spans", "quality"):
            assert np.array_equal(getattr(one, field), getattr(other, field))
            assert getattr(one, field).dtype == getattr(other, field).dtype
    assert (there.image is None) == (here.image is None) == (kind == "video")
    assert here.image is None or np.array_equal(there.image, here.image)  # type: ignore[arg-type]
    assert (there.audio is None) == (here.audio is None) == (name != "bunny")
    if here.audio:
        assert there.audio and there.audio.start == here.audio.start and there.audio.sha256 == here.audio.sha256
        assert np.array_equal(there.audio.samples, here.audio.samples)


def test_full_decoding_is_asked_for_and_done(workers: WorkerPool, clips: dict[str, Path]) -> None:
    with open_file(clips["carphone"]) as file:
        there = workers.analyse(file, "", "video", full_decode=True)
        here = analysis.analyse_file(file, "", full_decode=True)
    assert here and [t.jpeg for t in there.thumbnails] == [t.jpeg for t in here.thumbnails]
    assert there.image is None and there.audio is None, "what was not asked for does not come"


def test_the_sound_of_a_file_is_read_alone(
    workers: WorkerPool, photo: Path, clips: dict[str, Path], tmp_path: Path
) -> None:
    with open_file(clips["bunny"]) as file:
        sound, warnings = workers.read_audio(file)
        here, said = read_audio(file)
    assert sound and here and warnings == said
    assert sound.start == here.start and np.array_equal(sound.samples, here.samples)
    assert sound.duration == pytest.approx(5.3, abs=0.1)
    assert not any(tmp_path.glob("tmp*")), "it lies in a file without a name"
    for silent in (clips["bikes"], photo):
        with open_file(silent) as file:
            assert workers.read_audio(file) == (None, [])


def bits(side: int) -> bytes:
    """A white PNG of so many pixels each way, one bit each."""
    row = b"\0" + b"\xff" * -(-side // 8)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(1)
    data = b"".join([*(packer.compress(row * 100) for _ in range(side // 100)), packer.flush()])
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_a_file_that_is_at_fault_is_told_as_ever(workers: WorkerPool, tmp_path: Path, photo: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(50))
    (tmp_path / "half.png").write_bytes(photo.read_bytes()[:100_000])
    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "vast.png").write_bytes(bits(11_000))
    for name, error in (("cut.jpg", CorruptMedia), ("half.png", CorruptMedia), ("vast.png", TooLargeMedia)):
        with open_file(tmp_path / name) as file, pytest.raises(error, match=name) as caught:
            workers.analyse(file, "", "image")
        assert type(caught.value) is error
    with open_file(tmp_path / "a.txt") as file:
        with pytest.raises(NotMedia):
            workers.analyse(file, "", "image")
        with pytest.raises(NotMedia):
            workers.read_audio(file)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_of_any_bytes_reaches_the_worker_and_comes_back_in_its_message(
    workers: WorkerPool, tmp_path: Path
) -> None:
    path = tmp_path / os.fsdecode(b"a\nb\xff\xed\xa0\x80.jpg")
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(50))
    with open_file(path) as file, pytest.raises(CorruptMedia) as caught:
        workers.analyse(file, "", "image")
    assert str(caught.value).isprintable() and "b\\udcff" in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="the locks are Linux's")
def test_a_worker_is_locked_in_and_without_locks_it_reads_too(workers: WorkerPool, tmp_path: Path, photo: Path) -> None:
    def locks(some: WorkerPool) -> set[str]:
        lines = [Path(f"/proc/{one._process.pid}/status").read_text().splitlines() for one in some._all]
        return {line for told in lines for line in told if line.startswith(("NoNewPrivs", "Seccomp:"))}

    workers.start()
    assert locks(workers) == {"NoNewPrivs:\t1", "Seccomp:\t2"}
    with WorkerPool(tmp_path, sandboxed=False) as free, open_file(photo) as file:
        there, here = free.analyse(file, "", "image"), workers.analyse(file, "", "image")
        assert locks(free) == {"NoNewPrivs:\t0", "Seccomp:\t0"}
    assert np.array_equal(there.fingerprint("pdq").vectors, here.fingerprint("pdq").vectors)


# A worker that is lost ----------------------------------------------------------------------------
def test_a_worker_that_dies_while_it_reads_is_replaced(
    workers: WorkerPool, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = harm(monkeypatch, signal.SIGSEGV, 1)
    with open_file(photo) as file:
        assert workers.analyse(file, "", "image").asset.properties["format"] == "png"
        assert len(set(pids)) == 2 and gone(pids[0], 0) and not gone(pids[1], 0)
        assert workers.analyse(file, "", "image").asset.bytes == file.bytes
    assert pids[2] == pids[1], "the fresh one goes on"


@pytest.mark.parametrize(
    ("number", "kind"),
    [(signal.SIGSEGV, "crash"), (signal.SIGABRT, "crash"), (signal.SIGSYS, "crash"), (signal.SIGKILL, "oom")],
)
def test_a_file_that_ends_two_workers_is_given_up(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: str
) -> None:
    with monkeypatch.context() as patch:
        pids = harm(patch, number, 1)
        with script(tmp_path, "on", encode(picture())) as file:
            assert actors.analyse(file, "", "image").asset.kind == "image"
        assert len(set(pids)) == 2
    pids = harm(monkeypatch, number, 2)
    error = lost(actors, script(tmp_path, "on", encode(picture())))
    assert (error.kind, error.attempts, len(set(pids))) == (kind, 2, 2)
    assert all(gone(pid, 0) for pid in pids)


@pytest.mark.parametrize(("status", "kind"), [(0, "crash"), (1, "crash"), (71, "oom"), (-1, "crash")])
def test_the_exit_status_tells_how_a_worker_ended(actors: WorkerPool, tmp_path: Path, status: int, kind: str) -> None:
    error = lost(actors, script(tmp_path, str(status & 0xFF)))
    assert (error.kind, error.attempts) == (kind, 2)


def test_a_worker_without_memory_is_lost_for_want_of_it(actors: WorkerPool, tmp_path: Path) -> None:
    assert "not enough memory" in str(lost(actors, script(tmp_path, "71")))


def test_time_that_was_spent_is_not_spent_again(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = harm(monkeypatch, signal.SIGXCPU, 9)
    error = lost(actors, script(tmp_path, "on"))
    assert (error.kind, error.attempts, error.final, len(pids)) == ("timeout", 1, False, 1)


def test_a_worker_that_stands_still_is_given_up(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actors.start()
    pids = harm(monkeypatch, signal.SIGSTOP, 9, wall=0.2)
    start = time.monotonic()
    error = lost(actors, script(tmp_path, "on"))
    assert (error.kind, error.attempts) == ("timeout", 2)
    assert time.monotonic() - start >= 0.4 and all(gone(pid, 0) for pid in pids)


def test_a_worker_that_only_trickles_gets_no_more_time(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harm(monkeypatch, 0, 0, wall=0.2)
    assert lost(actors, script(tmp_path, "sleep", encode(picture())[:-1])).kind == "timeout"


NONSENSE: dict[str, bytes] = {
    "a length past all bounds": struct.pack("<I", 2**32 - 1),
    "bytes that are no message": struct.pack("<I", 4) + b"\xff" * 4,
    "an empty message": struct.pack("<I", 0),
    "a list in a list, often": struct.pack("<I", 100_011) + b"\x82\xa4type\xa5Ready\xa1x" + b"\x91" * 99_998 + b"\xc0",
    "a first word once more": encode(Ready()),
    "the end of an archive": encode(ArchiveEnd()),
    "an entry": encode(MemberStart(name=b"x")),
    "sound alone": encode(AudioResult(warnings=[], audio_start=None)),
    "a video": encode(picture(kind="video")),
    "no rows": encode(picture(rows=[])),
    "spans that are none": encode(picture(spans=pack_arrays(np.array([[1.0, 0.0]])))),
    "spans of no dimension": encode(picture(spans=pack_arrays(np.array(1.0)))),
    "sound that was not asked for": encode(DataChunk(data=b"xx")) + encode(picture(audio_start=0.0)),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_is_no_answer_and_is_asked_for_once(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    pids = harm(monkeypatch, 0, 0)
    error = lost(actors, script(tmp_path, "on", NONSENSE[what]))
    assert "nonsense" in str(error)
    assert (error.kind, error.attempts, len(pids)) == ("crash", 1, 1)
    assert gone(pids[0], 0), "it is not asked again"


@pytest.mark.parametrize(("samples", "start"), [(b"", 0.0), (b"x", 0.0), (b"xx", float("nan")), (b"xx", float("-inf"))])
def test_a_sound_that_is_none_is_nonsense(actors: WorkerPool, tmp_path: Path, samples: bytes, start: float) -> None:
    said = encode(DataChunk(data=samples)) + encode(picture(audio_start=start))
    with script(tmp_path, "on", said) as file, pytest.raises(WorkerLost, match=r"nonsense \(a sound that is none"):
        actors.analyse(file, "", "image", audio=True)
    heard = encode(DataChunk(data=samples)) + encode(AudioResult(warnings=[], audio_start=start))
    with script(tmp_path, "on", heard) as file, pytest.raises(WorkerLost, match=r"nonsense \(a sound that is none"):
        actors.read_audio(file)


def test_more_sound_than_there_may_be_is_nonsense(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "AUDIO_BYTES", 1_000)
    assert "more sound" in str(lost(actors, script(tmp_path, "sleep", encode(DataChunk(data=bytes(600))) * 2)))


def test_an_answer_that_cannot_be_understood_is_nonsense(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actors.start()

    def bent(*_: object) -> None:
        raise ValueError("bent")

    for name in ("validate_analysis", "decode_result"):
        with monkeypatch.context() as patch:
            actors.start()
            patch.setattr(pool, name, bent)
            error = lost(actors, script(tmp_path, "on", encode(picture())))
        assert (error.kind, error.attempts) == ("crash", 1) and "nonsense (bent)" in str(error)


@pytest.mark.parametrize("kind", ["timeout", "crash", "oom"])
def test_a_failure_that_the_worker_tells_itself_keeps_its_kind(actors: WorkerPool, tmp_path: Path, kind: str) -> None:
    failed = Failure(kind=kind, message="'script.png': too much")  # type: ignore[arg-type]
    assert lost(actors, script(tmp_path, "on", encode(failed))).kind == kind


# Their life ---------------------------------------------------------------------------------------
def test_a_worker_is_replaced_after_its_files_and_none_is_left(
    tmp_path: Path, stage: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage()
    monkeypatch.setattr(pool, "MAX_FILES_PER_WORKER", 2)
    pids = harm(monkeypatch, 0, 0)
    with WorkerPool(tmp_path) as workers, script(tmp_path, "on", encode(picture())) as file:
        for _ in range(5):
            workers.analyse(file, "", "image")
        assert [pids.index(pid) for pid in pids] == [0, 0, 2, 2, 4]
        assert all(gone(pid, 0) for pid in pids[:4]) and not gone(pids[4], 0)
    assert workers.closed and not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_worker_that_is_tired_is_replaced(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = harm(monkeypatch, 0, 0)
    for cpu in (899.0, 901.0, 0.0):
        with script(tmp_path, "on", encode(picture(cpu=cpu))) as file:
            actors.analyse(file, "", "image")
    assert [pids.index(pid) for pid in pids] == [0, 0, 2]


def test_a_file_that_is_at_fault_costs_no_worker(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = harm(monkeypatch, 0, 0)
    for _ in range(3):
        failed = encode(Failure(kind="corrupt", message="cut"))
        with script(tmp_path, "on", failed) as file, pytest.raises(CorruptMedia, match="cut"):
            actors.analyse(file, "", "image")
    assert len(set(pids)) == 1


def test_as_many_workers_as_are_read_in_at_once(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = harm(monkeypatch, 0, 0)
    together = threading.Barrier(3)
    failures: list[BaseException] = []

    def read() -> None:
        try:
            # Each has a descriptor of its own.
            with open_file(tmp_path / "script.png") as file:
                with actors.worker() as worker:
                    together.wait(PATIENCE_SECONDS)
                    worker.request(Task(what="read", name=b"x"), file, PATIENCE_SECONDS, io.BytesIO())
                together.wait(PATIENCE_SECONDS)
        except BaseException as error:
            failures.append(error)

    script(tmp_path, "on", encode(picture())).close()
    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and len(set(pids)) == 3


def test_workers_outlive_the_threads_that_started_them(tmp_path: Path) -> None:
    with WorkerPool(tmp_path) as workers:
        thread = threading.Thread(target=workers.start)
        thread.start()
        thread.join()
        (worker,) = workers._all
        assert not gone(worker._process.pid, 0.2)


def test_closing_ends_a_read_in_progress(actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = harm(monkeypatch, 0, 0)
    actors.start()
    closer = threading.Timer(0.2, actors.close)
    closer.start()
    error = lost(actors, script(tmp_path, "sleep"))
    closer.join()
    # One that was not ended answers nothing, and its time is up some day: that would be said instead.
    assert "was ended" in str(error) and (error.attempts, len(pids)) == (1, 1) and gone(pids[0], 0)


def test_what_is_asked_of_closed_workers_is_lost_and_no_process_stays(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    real = WorkerProcess.__init__

    def init(self: WorkerProcess, *, locked: bool, text: bool) -> None:
        real(self, sandboxed=locked, text=text)
        started.append(self._process.pid)

    monkeypatch.setattr(WorkerProcess, "__init__", init)
    actors.close()
    with (
        script(tmp_path, "on", encode(picture())) as file,
        pytest.raises(WorkerLost, match="was ended"),
    ):
        actors.analyse(file, "", "image")
    assert started and all(gone(pid, 0) for pid in started)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel has to see to it")
def test_a_worker_dies_with_the_program(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys, time\nfrom pathlib import Path\nfrom mediafp.workers.supervisor import WorkerPool\n"
        "workers = Workers(Path(sys.argv[1]))\nworkers.start()\n(worker,) = workers._all\n"
        # Stopped, it cannot notice by itself that the program has hung up.
        "os.kill(worker._process.pid, signal.SIGSTOP)\nprint(worker._process.pid, flush=True)\ntime.sleep(3600)\n"
    )
    started = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with started:
        assert started.stdout
        pid = int(started.stdout.readline())
        # The signal is there once it next runs.
        until = time.monotonic() + PATIENCE_SECONDS
        while state(pid) not in "Tt" and time.monotonic() < until:
            time.sleep(0.01)
        assert state(pid) in "Tt"
        started.kill()
    assert gone(pid)


def test_modules_in_the_current_folder_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photo: Path
) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "here").mkdir()
    for name in ("av", "numpy", "cv2", "socket", "msgspec", "mediafp", "sitecustomize"):
        (tmp_path / "here" / f"{name}.py").write_text(TRAP.format(mark=str(mark)))
    monkeypatch.chdir(tmp_path / "here")
    subprocess.run([sys.executable, "-c", "import av"], check=True, timeout=PATIENCE_SECONDS)
    assert mark.read_text() == "av", "the trap works"
    mark.unlink()
    with WorkerPool(tmp_path) as workers, open_file(photo) as file:
        assert workers.analyse(file, "", "image").asset.kind == "image"
    assert not mark.exists()


def test_a_picture_in_cielab_is_read_behind_the_locks(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    srgb, cielab = (ImageCms.createProfile(space) for space in ("sRGB", "LAB"))
    lab = ImageCms.buildTransform(srgb, cielab, "RGB", "LAB").apply(Image.fromarray(photos["temple"]))
    lab.save(tmp_path / "a.tif")
    with WorkerPool(tmp_path) as workers, open_file(tmp_path / "a.tif") as file:
        reading = workers.analyse(file, file_sha256(file), "image", image=True)
    assert reading.image is not None
    shown = np.asarray(Image.fromarray(photos["temple"]).resize(reading.image.shape[1::-1]), np.float32)
    assert np.abs(shown - reading.image).mean() < 8


@pytest.mark.skipif(sys.platform != "linux", reason="its address space is told by /proc")
@pytest.mark.parametrize("name", ["scene.heic", "layers.heic"])
def test_a_heic_picture_is_read_behind_the_locks(tmp_path: Path, name: str) -> None:
    """In a fresh worker, whose decoder has read the small file of the package and no other."""
    with WorkerPool(tmp_path) as workers, open_file(FIXTURES / name) as file:
        assert workers.analyse(file, "", "image").asset.properties["format"] == "heif"


def test_what_was_heard_leaves_no_threads_and_no_memory(workers: WorkerPool, tmp_path: Path) -> None:
    rate = 11_025  # It is resampled.
    with wave.open(str(tmp_path / "a.wav"), "wb") as made:
        made.setparams((1, 2, rate, 0, "NONE", ""))
        made.writeframes((8000 * np.sin(np.arange(rate) / 5)).astype("<i2").tobytes())

    def hear() -> None:
        with open_file(tmp_path / "a.wav") as file:
            workers.analyse(file, "", "video", audio=True)

    def figures() -> tuple[int, int]:
        (worker,) = workers._all
        told = Path(f"/proc/{worker._process.pid}/status").read_text()
        return int(re.findall(r"Threads:\s+(\d+)", told)[0]), int(re.findall(r"VmSize:\s+(\d+)", told)[0])

    workers.start()
    hear()
    most = figures()[1] + 40_000
    for _ in range(10):
        hear()
    # It answers first and puts away then.
    until = time.monotonic() + PATIENCE_SECONDS
    while (found := figures()) > (1, most) and time.monotonic() < until:
        time.sleep(0.01)
    assert found[0] == 1 and found[1] < most


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(".mkv", "srt"), (".mkv", "ass"), (".mp4", "mov_text"), (".mov", "mov_text"), (".webm", "webvtt")],
)
def test_a_video_with_subtitles_is_read_behind_the_locks(
    suffix: str, codec: str, tmp_path: Path, clips: dict[str, Path]
) -> None:
    path = tmp_path / f"a{suffix}"
    (tmp_path / "lines.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\n字幕\n")
    lines = ["-i", str(tmp_path / "lines.srt"), "-map", "0:v", "-map", "1:s", "-c:s", codec]
    pictures = ["-c:v", "libvpx" if suffix == ".webm" else "libx264", "-t", "2", "-s", "160x90", "-pix_fmt", "yuv420p"]
    ffmpeg("-i", clips["bikes"], *lines, *pictures, path)
    # In a fresh worker, which no other file has warmed up.
    with WorkerPool(tmp_path) as workers, open_file(path) as file:
        assert workers.analyse(file, file_sha256(file), "video").asset.properties["height"] == 90


def test_a_lock_that_does_not_close_says_how_to_go_on_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The real worker, on a machine whose kernel has no Landlock.
    (tmp_path / "lockless.py").write_text(
        "import sys\nfrom mediafp.ingest import sandbox\nsandbox._landlock_abi = lambda: -1\n"
        "from mediafp.engine.local import worker\nworker.main(sys.argv[1:])\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(process, "WORKER", "lockless")
    with WorkerPool(tmp_path) as workers, pytest.raises(SandboxError, match=r"Landlock.*--unsafe-no-sandbox") as caught:
        workers.start()
    assert "seccomp" not in str(caught.value)


@pytest.mark.parametrize(
    ("hello", "said"),
    [
        (encode(Failure(kind="crash", message="seccomp: gone")), "seccomp: gone.*--unsafe-no-sandbox"),
        (encode(picture()), "started with nonsense.*doctor"),
        (struct.pack("<I", 4) + b"\xff" * 4, "doctor"),
        (struct.pack("<I", 2**32 - 1), "doctor"),
    ],
    ids=["a failure", "an answer", "no message", "no length"],
)
def test_a_worker_that_does_not_start_well_is_a_sandbox_error_and_is_ended(
    tmp_path: Path, stage: Callable[[bytes], None], hello: bytes, said: str
) -> None:
    stage(hello)
    workers = WorkerPool(tmp_path)
    try:
        with script(tmp_path, "on") as file, pytest.raises(SandboxError, match=said):
            workers.analyse(file, "", "image")
        assert all(gone(worker._process.pid, 0) for worker in workers._all)
    finally:
        workers.close()


def test_a_worker_that_cannot_be_started_is_a_sandbox_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WORKER", "mediafp.workers.nothing")
    with WorkerPool(tmp_path) as workers, pytest.raises(SandboxError, match=r"could not start.*doctor"):
        workers.start()


# Archives -----------------------------------------------------------------------------------------
@pytest.fixture
def archives(tmp_path: Path, photo: Path) -> dict[str, Path]:
    """Three copies of a photograph with a text among them, packed in each way."""
    files = {"1.png": photo.read_bytes(), "folder/2.png": photo.read_bytes() + b"2", "notes.txt": b"words"}
    files["3.png"] = photo.read_bytes() + b"3"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made, tarfile.open(tmp_path / "a.tar.gz", "w:gz") as packed:
        for name, data in files.items():
            made.writestr(name, data)
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
    return {"a.zip": tmp_path / "a.zip", "a.tar.gz": tmp_path / "a.tar.gz"}


def pictures(name: str) -> bool:
    return name.endswith(".png")


def taken(entry: UnpackedMember) -> bytes | None:
    """The bytes of an entry, which is closed then; None where it has none."""
    if entry.file is None:
        return None
    with entry.file, entry.file.reader() as reader:
        return reader.read()


@pytest.mark.parametrize("archive", ["a.zip", "a.tar.gz"])
def test_archives_come_entry_by_entry(
    workers: WorkerPool, archives: dict[str, Path], photo: Path, archive: str
) -> None:
    asked: list[str] = []

    def wanted(name: str) -> bool:
        asked.append(name)
        return pictures(name) and name != "3.png"

    with open_file(archives[archive]) as file:
        source = unpack_archive(workers, file, wanted)
        first = next(source)
        assert asked == ["1.png"], "one at a time"
        assert (first.name, first.error, taken(first)) == ("1.png", None, photo.read_bytes())
        second, notes, third = source
    assert asked == ["1.png", "folder/2.png", "notes.txt", "3.png"]
    assert second.file and second.file.name == "2.png" and second.file.bytes == photo.stat().st_size + 1
    assert (second.name, taken(second)) == ("folder/2.png", photo.read_bytes() + b"2")
    assert [(one.name, one.file, one.error) for one in (notes, third)] == [
        ("notes.txt", None, None), ("3.png", None, None),
    ]  # fmt: skip


def test_an_unpacked_entry_is_read_by_another_worker_while_the_archive_is_open(
    workers: WorkerPool, archives: dict[str, Path]
) -> None:
    with open_file(archives["a.zip"]) as file:
        for entry in unpack_archive(workers, file, lambda name: name == "folder/2.png"):
            if entry.file:
                with entry.file:
                    assert (
                        workers.analyse(entry.file, file_sha256(entry.file), "image").asset.properties["width"] == 640
                    )


def test_an_entry_that_is_at_fault_is_told_and_the_rest_follow(
    workers: WorkerPool, archives: dict[str, Path], photo: Path
) -> None:
    bent = bytearray(archives["a.zip"].read_bytes())
    bent[bent.index(photo.read_bytes() + b"2") + 1_000] ^= 1
    archives["a.zip"].write_bytes(bent)
    with open_file(archives["a.zip"]) as file:
        found = {entry.name: (type(entry.error), taken(entry)) for entry in unpack_archive(workers, file, pictures)}
    assert found["folder/2.png"] == (CorruptMedia, None)
    assert found["3.png"] == (type(None), photo.read_bytes() + b"3")


def harm_at(monkeypatch: pytest.MonkeyPatch, name: str, number: int, times: int) -> list[int]:
    """Has workers end in the middle of the entry of this name; the pids of all that were handed the archive."""
    pids = harm(monkeypatch, 0, 0)
    real, harmed = unpack._unpacked, []

    def unpacked(worker: WorkerProcess, entry: str, folder: Path) -> UnpackedMember:
        keep = unpack.write_data

        def kept(file: io.BufferedRandom, data: bytes) -> None:
            keep(file, data)
            if entry == name and len(harmed) < times:
                harmed.append(worker._process.pid)
                os.kill(worker._process.pid, number)

        with monkeypatch.context() as patch:
            patch.setattr(unpack, "write_data", kept)
            return real(worker, entry, folder)

    monkeypatch.setattr(unpack, "_unpacked", unpacked)
    return pids


def test_a_worker_that_dies_in_an_entry_costs_that_entry_alone(
    workers: WorkerPool, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.write(photo, "1.png")
        # More than the socket holds, so that its worker is still at it.
        made.writestr("deadly.png", random.Random(0).randbytes(4_000_000))
        made.write(photo, "2.png")
        made.writestr("a.txt", "words")
    pids = harm_at(monkeypatch, "deadly.png", signal.SIGSEGV, 1)
    asked: list[str] = []
    with open_file(tmp_path / "a.zip") as file:
        found = list(unpack_archive(workers, file, lambda name: asked.append(name) is None and pictures(name)))
    assert [entry.name for entry in found] == ["1.png", "deadly.png", "2.png", "a.txt"] == asked, "each once"
    assert isinstance(found[1].error, WorkerLost) and found[1].error.kind == "crash" and found[1].file is None
    assert [taken(entry) for entry in found] == [photo.read_bytes(), None, photo.read_bytes(), None]
    assert len(set(pids)) == 2


@pytest.mark.parametrize("archive", ["cut.zip", "cut.tar.gz"])
def test_an_archive_that_breaks_off_gives_what_lies_before_and_raises_last(
    workers: WorkerPool, archives: dict[str, Path], photo: Path, tmp_path: Path, archive: str
) -> None:
    whole = archives[archive.replace("cut", "a")].read_bytes()
    (tmp_path / archive).write_bytes(whole[: len(whole) // 2])
    found = []
    with open_file(tmp_path / archive) as file, pytest.raises(CorruptMedia, match="cut"):
        for entry in unpack_archive(workers, file, pictures):
            found.append((entry.name, taken(entry)))
    assert found[0] == ("1.png", photo.read_bytes())


def test_a_worker_that_dies_before_any_entry_is_the_archives_end(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = harm(monkeypatch, signal.SIGSEGV, 1)
    with script(tmp_path, "on") as file, pytest.raises(WorkerLost, match=r"script\.png") as caught:
        list(unpack_archive(actors, file, pictures))
    assert caught.value.kind == "crash" and len(pids) == 1


@pytest.mark.parametrize(
    "said",
    [encode(picture()), encode(DataChunk(data=b"x")), struct.pack("<I", 4) + b"\xff" * 4],
    ids=["a picture", "bytes of no entry", "no message"],
)
def test_nonsense_in_an_archives_place_ends_it(actors: WorkerPool, tmp_path: Path, said: bytes) -> None:
    with script(tmp_path, "on", said) as file, pytest.raises(WorkerLost) as caught:
        list(unpack_archive(actors, file, pictures))
    assert caught.value.kind == "crash"


@pytest.mark.parametrize(
    "said",
    [encode(MemberStart(name=b"b.png")), encode(ArchiveEnd()), struct.pack("<I", 4) + b"\xff" * 4],
    ids=["another entry", "the end", "no message"],
)
def test_nonsense_in_an_entry_costs_that_entry(actors: WorkerPool, tmp_path: Path, said: bytes) -> None:
    said = encode(MemberStart(name=b"a.png")) + encode(DataChunk(data=b"x")) + said
    with script(tmp_path, "on", said) as file:
        source = unpack_archive(actors, file, pictures)
        entry = next(source)
        assert (entry.name, entry.file) == ("a.png", None) and isinstance(entry.error, WorkerLost)
        source.close()


def test_an_entry_that_grows_past_all_bounds_costs_that_entry(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "MAX_MEMBER_BYTES", 1_000)
    said = encode(MemberStart(name=b"a.png")) + encode(DataChunk(data=bytes(600))) * 2
    with script(tmp_path, "sleep", said) as file:
        source = unpack_archive(actors, file, pictures)
        assert "nonsense" in str(next(source).error)
        source.close()


def test_what_is_left_of_an_archive_when_its_reader_goes_is_nothing(
    actors: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = harm(monkeypatch, 0, 0)
    with script(tmp_path, "sleep", encode(MemberStart(name=b"a.txt"))) as file:
        source = unpack_archive(actors, file, pictures)
        assert next(source).name == "a.txt"
        source.close()
    assert gone(pids[0], 0), "the worker had more to say, and is not asked again"


def test_closing_ends_an_archive_in_progress(actors: WorkerPool, tmp_path: Path) -> None:
    said = encode(MemberStart(name=b"a.png")) + encode(DataChunk(data=b"x"))
    actors.start()
    closer = threading.Timer(0.2, actors.close)
    closer.start()
    with script(tmp_path, "sleep", said) as file, pytest.raises(WorkerLost, match="was ended"):
        list(unpack_archive(actors, file, pictures))
    closer.join()
