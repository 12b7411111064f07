"""Start of worker processes, and its errors."""

import struct
from pathlib import Path

import pytest
from processes import has_ended
from scripted_workers import image_result, scripted_file, use_scripted_workers

from mediafp.engine.local import process
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.messages import Failure, encode
from mediafp.types.errors import SandboxError


def test_unavailable_restriction_raises_sandbox_error_with_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real worker, on a kernel without Landlock.
    (tmp_path / "without_landlock.py").write_text(
        "import sys\nfrom mediafp.engine.local import sandbox\nsandbox._landlock_abi = lambda: -1\n"
        "from mediafp.engine.local import worker\nworker.main(sys.argv[1:])\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(process, "WORKER_MODULE", "without_landlock")
    with (
        LocalEngine(tmp_path) as engine,
        pytest.raises(SandboxError, match=r"Landlock.*--unsafe-no-sandbox") as caught,
    ):
        engine.start()
    assert "seccomp" not in str(caught.value)


@pytest.mark.parametrize(
    ("first_message", "error"),
    [
        (encode(Failure(kind="crash", message="seccomp: gone")), "seccomp: gone.*--unsafe-no-sandbox"),
        (encode(image_result()), "cannot start.*invalid.*doctor"),
        (struct.pack("<I", 4) + b"\xff" * 4, "doctor"),
        (struct.pack("<I", 2**32 - 1), "doctor"),
    ],
    ids=["a failure", "a result", "not a message", "an impossible length"],
)
def test_worker_with_an_invalid_first_message_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_message: bytes, error: str
) -> None:
    use_scripted_workers(tmp_path, monkeypatch, first_message)
    engine = LocalEngine(tmp_path)
    try:
        with scripted_file(tmp_path, "on") as file, pytest.raises(SandboxError, match=error):
            engine.analyse(file, "", "image")
        assert all(has_ended(worker.pid, 0) for worker in engine._pool._all)
    finally:
        engine.close()


def test_worker_that_cannot_start_raises_sandbox_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WORKER_MODULE", "mediafp.engine.local.missing")
    with LocalEngine(tmp_path) as engine, pytest.raises(SandboxError, match=r"cannot start.*doctor"):
        engine.start()
