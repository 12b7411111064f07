"""Worker processes under the control of a test: fakes that follow a script, and real ones that get a signal."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from mediafp.engine.local import process
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.messages import AnalysisResult, PackedFingerprint, Ready, Task, ThumbnailPart, encode
from mediafp.engine.local.process import WorkerProcess
from mediafp.fingerprints.registry import computed_types
from mediafp.ingest.files import OpenFile, open_file
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.types.arrays import pack_arrays
from mediafp.types.errors import WorkerLost
from mediafp.types.fingerprint_types import OWN_SPANS, VECTOR_DTYPES, no_rows
from mediafp.types.media import Kind

SCRIPTED_WORKER = """
import os, socket, sys, time

connected = socket.socket(fileno=int(sys.argv[1]))
nonce = bytes(16)

def send_about_task(messages):
    # A frame that is not whole is sent as it is, with the nonce in front.
    while messages:
        end = 4 + int.from_bytes(messages[:4], "little")
        connected.sendall(nonce + messages[:end])
        messages = messages[end:]

connected.sendall(b"\\0")
send_about_task(bytes.fromhex("{first_message}"))
while received := socket.recv_fds(connected, 16, 1):
    if not received[0]:
        break
    if not received[1]:
        # A decision about a member, which the script does not wait for; a task comes with its file.
        continue
    nonce = received[0]
    remaining = int.from_bytes(connected.recv(4), "little")
    while remaining:
        remaining -= len(connected.recv(remaining))
    act, _, messages = os.pread(received[1][0], 1 << 24, 0).partition(b"\\n")
    os.close(received[1][0])
    if act == b"stale":
        nonce = bytes(16)
    send_about_task(messages)
    if act == b"sleep":
        time.sleep(3600)
    elif act.isdigit():
        os._exit(int(act))
"""
"""A worker that follows the file of its task: it sends the bytes below the first line and then acts on the
first line: it exits with that status, sleeps ("sleep") or waits for the next task ("on")."""


def use_scripted_workers(folder: Path, monkeypatch: pytest.MonkeyPatch, first_message: bytes = encode(Ready())) -> None:
    """Replace real workers by scripted ones; they start at once and send `first_message`."""
    (folder / "modules").mkdir()
    (folder / "modules" / "scripted.py").write_text(SCRIPTED_WORKER.format(first_message=first_message.hex()))
    monkeypatch.setenv("PYTHONPATH", str(folder / "modules"))
    monkeypatch.setattr(process, "WORKER_MODULE", "scripted")


def scripted_file(folder: Path, act: str, *messages: bytes) -> OpenFile:
    """Open a file with the script of a scripted worker."""
    (folder / "script.png").write_bytes(act.encode() + b"\n" + b"".join(messages))
    return open_file(folder / "script.png")


THUMBNAIL = ThumbnailPart(jpegs=[encode_thumbnail(np.full((8, 8, 3), 128, np.uint8), 8)])
"""The thumbnail of `image_result`, which precedes it."""


def image_messages(**changes: object) -> bytes:
    """Return what a worker sends of an image of 8 x 8 pixels, with changed fields of its result."""
    return encode(THUMBNAIL) + encode(image_result(**changes))


def image_result(**changes: object) -> AnalysisResult:
    """Return the result of an image of 8 x 8 pixels, or of a video of one such frame, with changed fields."""
    quality = np.full(1, 0.5, np.float32)
    rows = [
        (stored.name, np.zeros((1, stored.columns), VECTOR_DTYPES[stored.metric]))
        for stored in computed_types("image", reference_crops=False)
    ]
    kind = changes.get("kind", "image")
    others = [stored for stored in computed_types("video", reference_crops=False) if stored.consumes in OWN_SPANS]
    packed = [PackedFingerprint(name, pack_arrays(vectors, quality)) for name, vectors in rows]
    if kind == "video":
        packed += [PackedFingerprint(stored.name, pack_arrays(*no_rows(stored))) for stored in others]
    fields = {
        "kind": "image",
        "properties": {"format": "png", "width": 8, "height": 8},
        "warnings": [],
        "spans": pack_arrays(np.zeros((1, 2))),
        "fingerprints": packed,
    }
    return AnalysisResult(**(fields | changes))  # type: ignore[arg-type]


def signal_workers(
    monkeypatch: pytest.MonkeyPatch, number: int, times: int, wall_seconds: float | None = None
) -> list[int]:
    """Send a signal to the first workers that receive a file, before they reply.

    Returns the process identifiers of all workers that received a file; the list grows.
    """
    send_file, pids = WorkerProcess.send_file, []

    def send_file_and_signal(self: WorkerProcess, task: Task, file: OpenFile, limit: float) -> None:
        pids.append(self.pid)
        if signalled := len(pids) <= times:
            # The worker is stopped until the signal arrives: otherwise a fast worker could reply first.
            os.kill(self.pid, signal.SIGSTOP)
        send_file(self, task, file, limit if wall_seconds is None else wall_seconds)
        if signalled:
            os.kill(self.pid, number)
            if number != signal.SIGSTOP:
                os.kill(self.pid, signal.SIGCONT)

    monkeypatch.setattr(WorkerProcess, "send_file", send_file_and_signal)
    return pids


def analysis_error(engine: LocalEngine, file: OpenFile, kind: Kind = "image") -> WorkerLost:
    """Return the error of an analysis that loses its worker."""
    with file, pytest.raises(WorkerLost) as caught:
        engine.analyse(file, "", kind)
    assert repr(file.name) in str(caught.value), "the error names the file"
    return caught.value
