"""Real workers whose reading of a file was taken over: each runs the code in its file, within its sandbox."""

import json
import os
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mediafp.engine.local import process
from mediafp.engine.local.engine import LocalEngine
from mediafp.ingest.files import open_file
from mediafp.types.errors import CorruptMedia

SECRET = "hunter2-of-the-analyst"
"""Value of environment variables of the user."""
TAKEN_OVER_WORKER = """
import ctypes, errno, json, mmap, os, resource, signal, socket, sys, threading
from mediafp.engine.local import worker
from mediafp.engine.local.messages import Failure

libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    # As longs: the upper half of an int that is passed on the stack is undefined.
    ctypes.set_errno(0)
    longs = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    if libc.syscall(number, *longs) == -1:
        return errno.errorcode[ctypes.get_errno()]
    return ""

def handle_task(connection, task, descriptor):
    scope = {**globals(), "connection": connection, "descriptor": descriptor}
    exec(os.read(descriptor, 1 << 20).decode(), scope)
    os.close(descriptor)
    connection.send(Failure(kind="corrupt", message=json.dumps(scope["result"])))

worker.handle_task = handle_task
worker.main(sys.argv[1:])
"""
"""A worker that enters the sandbox like any other, and then runs the code in each file with `call` at hand, which makes a
system call and returns the name of its error. The value of `result` is its answer."""


def use_taken_over_workers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace real workers by ones that run the code in their files."""
    (folder / "modules").mkdir()
    (folder / "modules" / "taken_over.py").write_text(TAKEN_OVER_WORKER)
    monkeypatch.setenv("PYTHONPATH", str(folder / "modules"), prepend=os.pathsep)
    monkeypatch.setattr(process, "WORKER_MODULE", "taken_over")


def run_in_worker(engine: LocalEngine, folder: Path, code: str) -> Any:
    """Return the value that code in a taken-over worker assigns to `result`."""
    (folder / "attack.png").write_text(textwrap.dedent(code))
    with open_file(folder / "attack.png") as file, pytest.raises(CorruptMedia) as caught:
        engine.analyse(file, "", "image")
    return json.loads(str(caught.value))
