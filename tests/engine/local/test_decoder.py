"""Thumbnails that workers decode: their pixels, which worker decodes them, and the loss of one that does."""

import os
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from odd_decoders import CRASH, use_odd_decoders

from mediafp.engine.interface import AnalysisRequest
from mediafp.engine.local import pool
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.process import WorkerProcess
from mediafp.ingest.files import open_file
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.types.errors import CorruptMedia, SandboxError, WorkerLost
from mediafp.types.jpeg import MAX_THUMBNAIL_SIDE, thumbnail_size

SEED = 7


def noise(width: int, height: int) -> bytes:
    """Return a thumbnail of random pixels."""
    pixels = np.random.default_rng(SEED).integers(0, 256, (height, width, 3), np.uint8)
    return encode_thumbnail(pixels, MAX_THUMBNAIL_SIDE)


JPEG = noise(64, 48)


def workers(engine: LocalEngine) -> list[str]:
    """Return what the workers of an engine do."""
    return sorted(str(worker.capabilities) for worker in engine._pool._all)


def analyse(engine: LocalEngine, photo: Path) -> None:
    """Analyse an image as a query."""
    with open_file(photo) as file:
        engine.analyse(file, "", "image", AnalysisRequest(image=True, matched_only=True))


@pytest.mark.parametrize("size", [(1, 1), (1, 512), (512, 1), (7, 9), (512, 512), (320, 180)])
def test_pixels_are_those_that_this_process_would_decode(engine: LocalEngine, size: tuple[int, int]) -> None:
    jpeg = noise(*size)
    for apart in (False, True):
        pixels = engine.decode_thumbnail(jpeg, apart=apart)
        assert pixels.dtype == np.uint8 and np.array_equal(pixels, decode_thumbnail(jpeg))
        assert not pixels.flags.writeable


def test_damaged_scans_have_the_pixels_that_this_process_would_decode(engine: LocalEngine) -> None:
    rng, decoded = random.Random(SEED), 0
    for _ in range(200):
        changed = bytearray(JPEG)
        changed[rng.randrange(620, len(changed))] ^= 1 << rng.randrange(8)
        try:
            thumbnail_size(bytes(changed))
        except ValueError:
            continue
        decoded += 1
        assert np.array_equal(engine.decode_thumbnail(bytes(changed)), decode_thumbnail(bytes(changed)))
    assert decoded > 100


@pytest.mark.parametrize("jpeg", [b"", b"\xff\xd8\xff\xd9", JPEG[:-2], b"\x89PNG\r\n\x1a\n" + bytes(99)])
def test_other_bytes_start_no_worker(tmp_path: Path, jpeg: bytes) -> None:
    with LocalEngine(tmp_path) as engine, pytest.raises(CorruptMedia, match=r"damaged \(.*mediafp verify"):
        engine.decode_thumbnail(jpeg)
    assert workers(engine) == []


def test_query_starts_no_further_worker_and_pages_start_one_of_their_own(tmp_path: Path, photo: Path) -> None:
    with LocalEngine(tmp_path) as engine:
        analyse(engine, photo)
        engine.decode_thumbnail(JPEG)
        assert workers(engine) == ["images, matched fingerprint types"]
        engine.decode_thumbnail(JPEG, apart=True)
        assert workers(engine) == ["images, matched fingerprint types", "thumbnails"]
        (decoder,) = [worker for worker in engine._pool._all if worker.capabilities.decodes]
        engine.decode_thumbnail(JPEG)
        assert decoder.files == 2, "it decodes for queries too once it is there"
        decoder.end()
        engine.decode_thumbnail(JPEG)
        assert decoder not in engine._pool._all, "and so does its successor"
        analyse(engine, photo)
        assert workers(engine) == ["images, matched fingerprint types", "thumbnails"]


def test_command_that_decodes_alone_starts_a_small_worker(tmp_path: Path, photo: Path) -> None:
    with LocalEngine(tmp_path) as engine:
        engine.decode_thumbnail(JPEG)
        assert workers(engine) == ["thumbnails"]
        analyse(engine, photo)
        assert workers(engine) == ["images, matched fingerprint types", "thumbnails"]


def test_thumbnails_do_not_wear_out_a_worker_that_analyses(
    tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MAX_FILES_PER_WORKER", 3)
    with LocalEngine(tmp_path) as engine:
        analyse(engine, photo)
        (worker,) = engine._pool._all
        for _ in range(5):
            engine.decode_thumbnail(JPEG)
        assert engine._pool._all == {worker} and worker.files == 1


def test_decoder_is_replaced_by_its_thumbnails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAX_THUMBNAILS_PER_WORKER", 3)
    with LocalEngine(tmp_path) as engine:
        pids = set()
        for _ in range(7):
            pids |= {worker.pid for worker in engine._pool._all}
            engine.decode_thumbnail(JPEG)
        assert len(pids) == 2 and len(engine._pool._all) == 1


def test_threads_share_one_decoder(tmp_path: Path) -> None:
    with LocalEngine(tmp_path) as engine, ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda _: engine.decode_thumbnail(JPEG), range(60)))
        assert workers(engine) == ["thumbnails"]
    assert all(np.array_equal(pixels, decode_thumbnail(JPEG)) for pixels in found)


def test_thumbnail_that_ends_its_workers_is_damaged_and_others_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadly = noise(40, 40)
    use_odd_decoders(tmp_path / "modules", f"if jpeg == {deadly!r}: {CRASH}", monkeypatch)
    with LocalEngine(tmp_path) as engine:
        assert np.array_equal(engine.decode_thumbnail(JPEG), decode_thumbnail(JPEG))
        with pytest.raises(CorruptMedia, match=r"crashed.*mediafp verify") as caught:
            engine.decode_thumbnail(deadly)
        assert isinstance(caught.value.__cause__, WorkerLost)
        assert np.array_equal(engine.decode_thumbnail(JPEG), decode_thumbnail(JPEG))


def test_thumbnail_that_ends_one_worker_is_decoded_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids, decode = [], WorkerProcess.decode

    def decode_or_end(self: WorkerProcess, jpeg: bytes, wall_seconds: float) -> object:
        pids.append(self.pid)
        if len(pids) == 1:
            self._process.kill()
        return decode(self, jpeg, wall_seconds)

    monkeypatch.setattr(WorkerProcess, "decode", decode_or_end)
    with LocalEngine(tmp_path) as engine:
        assert np.array_equal(engine.decode_thumbnail(JPEG), decode_thumbnail(JPEG))
    assert len(set(pids)) == 2


@pytest.mark.parametrize(
    "code",
    [
        "return decode(jpeg)[1:]",
        "return decode(jpeg).repeat(2, 0)",
        "return decode(jpeg)[:0]",
        "import numpy; return numpy.zeros(1 << 20, 'u1')",
        "connection_ = sys._getframe(1).f_locals['self']; connection_.send(Ready())",
        "connection_ = sys._getframe(1).f_locals['self']; connection_.send(FramesResult(jpegs=[jpeg]))",
        "connection_ = sys._getframe(1).f_locals['self']; connection_._socket.sendall(b'x' * 100)",
        "connection_ = sys._getframe(1).f_locals['self']; connection_.send(Failure(kind='oom', message='x'))",
        "raise RuntimeError",
        "os._exit(71)",
    ],
)
def test_answer_that_no_thumbnail_has_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    use_odd_decoders(tmp_path / "modules", f"if len(jpeg) == {len(JPEG)}: {code}", monkeypatch)
    pids: set[int] = set()
    start = WorkerProcess.wait_until_ready
    monkeypatch.setattr(WorkerProcess, "wait_until_ready", lambda self: (pids.add(self.pid), start(self))[1])
    with LocalEngine(tmp_path) as engine:
        with pytest.raises(CorruptMedia, match="verify"):
            engine.decode_thumbnail(JPEG)
        assert len(pids) == pool.MAX_ATTEMPTS and not engine._pool._idle, "both workers are ended"
        other = noise(20, 30)
        assert np.array_equal(engine.decode_thumbnail(other), decode_thumbnail(other))


def test_second_answer_ends_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "self_ = sys._getframe(1).f_locals['self']; self_.send(PixelsResult(pixels=decode(jpeg).tobytes()))"
    use_odd_decoders(tmp_path / "modules", f"if len(jpeg) == {len(JPEG)}: {code}", monkeypatch)
    with LocalEngine(tmp_path) as engine:
        for _ in range(3):
            # The second one may come before or after the worker is given back.
            assert np.array_equal(engine.decode_thumbnail(JPEG), decode_thumbnail(JPEG))
        other = noise(20, 30)
        assert np.array_equal(engine.decode_thumbnail(other), decode_thumbnail(other))


@pytest.mark.parametrize(
    "attempt", ["open('/etc/passwd')", "os.listdir('/')", "__import__('socket').socket()", "os.kill(os.getppid(), 0)"]
)
def test_decoder_is_in_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attempt: str) -> None:
    code = f"""
    try:
        {attempt}
    except OSError as error:
        from mediafp.types.errors import CorruptMedia
        raise CorruptMedia(errno.errorcode[error.errno])
    """
    use_odd_decoders(tmp_path / "modules", code, monkeypatch)
    with LocalEngine(tmp_path) as engine, pytest.raises(CorruptMedia, match=r"^(EACCES|EPERM|ENOSYS)$"):
        engine.decode_thumbnail(JPEG)
    with LocalEngine(tmp_path, sandboxed=False) as engine:
        # So that each attempt is known to be one that succeeds elsewhere.
        assert np.array_equal(engine.decode_thumbnail(JPEG), decode_thumbnail(JPEG))


def test_decoder_without_a_sandbox_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "without_landlock.py").write_text(
        "import sys\nfrom mediafp.engine.local import sandbox\nsandbox._landlock_abi = lambda: -1\n"
        "from mediafp.engine.local import decoder\ndecoder.main(sys.argv[1:])\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("mediafp.engine.local.process.DECODER_MODULE", "without_landlock")
    with LocalEngine(tmp_path) as engine, pytest.raises(SandboxError, match=r"Landlock.*--unsafe-no-sandbox"):
        engine.decode_thumbnail(JPEG)
    with LocalEngine(tmp_path, sandboxed=False) as engine:
        assert np.array_equal(engine.decode_thumbnail(JPEG), decode_thumbnail(JPEG))


def test_closed_engine_decodes_nothing(tmp_path: Path) -> None:
    with LocalEngine(tmp_path) as engine:
        engine.decode_thumbnail(JPEG)
    with pytest.raises(WorkerLost, match="ended"):
        engine.decode_thumbnail(JPEG)


def test_engine_that_is_closed_while_its_decoder_starts_is_not_said_to_lack_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, start = LocalEngine(tmp_path), WorkerProcess.wait_until_ready

    def close_and_start(worker: WorkerProcess) -> None:
        engine.close()
        start(worker)

    monkeypatch.setattr(WorkerProcess, "wait_until_ready", close_and_start)
    with pytest.raises(WorkerLost, match="ended"):
        engine.decode_thumbnail(JPEG)
    assert not engine._pool._all


def test_threads_get_their_error_when_the_engine_is_closed_and_leave_nothing_open(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path)
    engine.decode_thumbnail(JPEG)
    descriptors, begun = len(list(Path("/proc/self/fd").iterdir())), threading.Barrier(5)

    def decode_until_closed(apart: bool) -> str:
        begun.wait()
        while True:
            try:
                engine.decode_thumbnail(JPEG, apart=apart)
            except WorkerLost as lost:
                return str(lost)

    with ThreadPoolExecutor(4) as threads:
        found = threads.map(decode_until_closed, [False, True] * 2)
        begun.wait()
        engine.close()
        assert all("ended" in message for message in found)
    assert not engine._pool._all and len(list(Path("/proc/self/fd").iterdir())) < descriptors, "the socket is closed"


@pytest.mark.parametrize("analysed", [False, True])
def test_this_process_calls_no_decoder(
    tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch, analysed: bool
) -> None:
    expected = decode_thumbnail(JPEG)
    fail: Callable[..., object] = lambda *_: pytest.fail("this process decodes")  # noqa: E731
    monkeypatch.setattr(cv2, "imdecode", fail)
    with LocalEngine(tmp_path) as engine:
        if analysed:
            analyse(engine, photo)
        assert np.array_equal(engine.decode_thumbnail(JPEG), expected)
