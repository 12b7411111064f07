"""What a locked process can still do: each probe succeeds before the locks close, and fails behind them."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")

PROBES = """
import ctypes, json, os, socket, sys
from mediafp.ingest import sandbox

folder, port, parent = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
libc = ctypes.CDLL(None, use_errno=True)

def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.sendto(b"x", ("127.0.0.1", port))

def bind():
    with socket.socket() as end:
        end.bind(("127.0.0.1", 0))

def fork():
    if not (child := os.fork()):
        os._exit(0)
    os.waitpid(child, 0)

def execute():
    # MAP_PRIVATE | MAP_ANONYMOUS
    libc.mmap.restype = ctypes.c_void_p
    at = libc.mmap(None, ctypes.c_size_t(4096), 7, 0x22, -1, ctypes.c_long(0))
    if at in (None, ctypes.c_void_p(-1).value):
        raise PermissionError

def memory_file():
    os.close(os.memfd_create("x"))

def write():
    with open(f"{folder}/new", "w") as file:
        file.write("x")
    os.unlink(f"{folder}/new")

probes = {
    "read a file": lambda: open(f"{folder}/secret").close(),
    "read by a link": lambda: open(f"{folder}/link").close(),
    "write a file": write,
    "list a folder": lambda: os.listdir(folder),
    "read the environment": lambda: open("/proc/self/environ").close(),
    "connect": lambda: socket.create_connection(("127.0.0.1", port), 2).close(),
    "send a datagram": send,
    "bind a port": bind,
    "fork": fork,
    "signal the parent": lambda: os.kill(parent, 0),
    "memory that can be run": execute,
    "a file in memory": memory_file,
    "rename": lambda: (os.rename(f"{folder}/secret", f"{folder}/s"), os.rename(f"{folder}/s", f"{folder}/secret")),
}

def tried():
    found = {}
    for name, probe in probes.items():
        try:
            probe()
            found[name] = True
        except OSError:
            found[name] = False
    return found

before = tried()
sandbox.lock()
after = tried()
handed = os.pread(int(sys.argv[4]), 6, 0)
print(json.dumps([before, after, handed.decode(), len(bytearray(50_000_000))]))
"""


def child(code: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False, **options,
    )  # fmt: skip


def test_no_probe_gets_through_and_every_control_fires(tmp_path: Path) -> None:
    import json

    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    descriptor = os.open(tmp_path / "secret", os.O_RDONLY)
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = child(PROBES, tmp_path, server.getsockname()[1], os.getpid(), descriptor, pass_fds=(descriptor,))
    os.close(descriptor)
    assert done.returncode == 0, done.stderr
    before, after, handed, allocated = json.loads(done.stdout)
    assert all(before.values()), before
    assert not any(after.values()), after
    assert (handed, allocated) == ("secret", 50_000_000), "what it was handed can be read, and memory be had"


def test_abort_ends_a_locked_process_by_its_signal() -> None:
    done = child("import os\nfrom mediafp.ingest import sandbox\nsandbox.lock()\nos.abort()")
    assert done.returncode == -signal.SIGABRT


def test_the_locks_do_not_close_beside_another_thread() -> None:
    done = child(
        """
        import threading, time
        from mediafp.errors import SandboxError
        from mediafp.ingest import sandbox
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
        try:
            sandbox.lock()
        except SandboxError as error:
            print(error)
        """
    )
    assert "1 threads that run already" in done.stdout, done.stderr


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from mediafp.errors import SandboxError
    from mediafp.ingest import sandbox

    monkeypatch.setattr(sandbox, "pyseccomp", None)
    monkeypatch.setattr(sandbox, "_landlock_abi", lambda: -1)
    missing = {lock.name for lock in sandbox.available() if not lock.holds}
    assert missing == {"Landlock", "seccomp"}
    with pytest.raises(SandboxError, match=r"Landlock.*libseccomp"):
        sandbox.lock()


def test_memory_files_and_time_are_limited(tmp_path: Path) -> None:
    done = child(
        """
        import sys
        from mediafp.ingest.sandbox import Limits, limit
        limit(Limits(memory=100 << 20, cpu_seconds=1))
        try:
            bytearray(200 << 20)
        except MemoryError:
            print("no memory")
        try:
            with open(sys.argv[1], "wb", buffering=0) as file:
                file.write(b"x")
        except OSError as error:
            print("no file")
        while True:
            pass
        """,
        tmp_path / "file",
    )
    assert done.stdout.split("\n")[:2] in (["no memory", "no file"], [""] * 2) or done.returncode < 0
    assert done.returncode in (-signal.SIGXCPU, -signal.SIGKILL), (done.returncode, done.stderr)
    assert not (tmp_path / "file").read_bytes()
