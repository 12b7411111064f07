"""The sandbox: each probe succeeds before a process enters the sandbox, and fails inside."""

import json
import os
import platform
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from processes import has_ended, run_python
from typer.testing import CliRunner

from mediafp.cli.app import app
from mediafp.engine.local import sandbox, thread_limit
from mediafp.engine.local.thread_limit import answer_thread_starts
from mediafp.ingest.limits import MAX_WORKER_THREADS
from mediafp.types.errors import SandboxError

linux = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp need Linux")
DENIED = {"EPERM", "EACCES"}
"""Errors of operations that seccomp and Landlock deny."""
UNAVAILABLE = DENIED | {"ENOSYS", "ENOTSUP"}
"""Errors of a kernel without the call, or that reserves the call for the administrator."""
CALLS = {
    "x86_64": {
        "ptrace": 101, "personality": 135, "chroot": 161, "mount": 165, "umount2": 166, "tgkill": 234, "keyctl": 250,
        "unshare": 272, "perf_event_open": 298, "prlimit64": 302, "name_to_handle_at": 303, "open_by_handle_at": 304,
        "setns": 308, "process_vm_readv": 310, "bpf": 321, "execveat": 322, "userfaultfd": 323, "shmget": 29,
    },
    "aarch64": {
        "ptrace": 117, "personality": 92, "chroot": 51, "mount": 40, "umount2": 39, "tgkill": 131, "keyctl": 219,
        "unshare": 97, "perf_event_open": 241, "prlimit64": 261, "name_to_handle_at": 264, "open_by_handle_at": 265,
        "setns": 268, "process_vm_readv": 270, "bpf": 280, "execveat": 281, "userfaultfd": 282, "shmget": 194,
    },
}  # fmt: skip
"""Numbers of system calls for which Python has no function."""
NEW_CALLS = {"pidfd_send_signal": 424, "io_uring_setup": 425, "clone3": 435, "openat2": 437, "pidfd_getfd": 438}
"""Numbers of system calls that are the same on every architecture."""
PROBES = """
import ctypes, errno, json, mmap, os, signal, socket, sys, threading
from mediafp.engine.local import sandbox

settings = json.loads(sys.argv[1])
folder, parent, calls = settings["folder"], os.getppid(), settings["calls"]
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
NONE, PAGE = ctypes.c_void_p(0), ctypes.c_size_t(4096)
MISSING = f"{folder}/missing".encode()
PRIVATE, MANY = 0x22, 1 << 30  # MAP_PRIVATE | MAP_ANONYMOUS; a process that does not exist

def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "denied")
    return result

def raw(name, *arguments):
    # As longs: the upper half of an int that is passed on the stack is undefined.
    longs = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return lambda: checked(libc.syscall(calls[name], *longs))

def close(descriptor):
    os.close(descriptor)

def run(program):
    if not (child := os.fork()):
        try:
            os.execv(program, [program])
        except OSError as error:
            os._exit(error.errno)
    if status := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise OSError(status, "denied")

def fork():
    if not (child := os.fork()):
        os._exit(0)
    os.waitpid(child, 0)

def write():
    close(os.open(f"{folder}/known", os.O_WRONLY))

def make_and_remove(make, remove):
    def probe():
        make(f"{folder}/new")
        remove(f"{folder}/new")
    return probe

def rename():
    os.rename(f"{folder}/known", f"{folder}/new")
    os.rename(f"{folder}/new", f"{folder}/known")

def unlink():
    # Landlock has separate rights for making and for removing: the removed file exists before.
    os.unlink(f"{folder}/spare{len(results)}")

def connect_to(family, address, kind=socket.SOCK_STREAM):
    def probe():
        with socket.socket(family, kind) as end:
            end.settimeout(5)
            end.connect(address)
    return probe

def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.sendto(b"x", ("127.0.0.1", settings["datagrams"]))

def bind():
    with socket.socket() as end:
        end.bind(("127.0.0.1", 0))

def execute():
    address = libc.mmap(NONE, PAGE, mmap.PROT_READ | mmap.PROT_EXEC, PRIVATE, -1, ctypes.c_long(0))
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "denied")

def protect():
    address = libc.mmap(NONE, PAGE, mmap.PROT_READ | mmap.PROT_WRITE, PRIVATE, -1, ctypes.c_long(0))
    checked(libc.mprotect(ctypes.c_void_p(address), PAGE, mmap.PROT_READ | mmap.PROT_EXEC))

def ring():
    parameters = ctypes.create_string_buffer(120)
    close(raw("io_uring_setup", 1, parameters)())

def handle():
    # struct file_handle with room for 128 bytes
    data, mount_id = ctypes.create_string_buffer((128).to_bytes(4, sys.byteorder), 136), ctypes.c_int()
    raw("name_to_handle_at", -100, f"{folder}/known".encode(), data, ctypes.byref(mount_id), 0)()
    return data

INSIDE = os.open(folder, os.O_RDONLY)
try:
    KNOWN = handle()
except (OSError, KeyError):
    KNOWN = ctypes.create_string_buffer(136)

HOW = (ctypes.c_uint64 * 3)(0, 0, 0)
LIMIT = (ctypes.c_uint64 * 2)()
VECTOR = (ctypes.c_uint64 * 2)(1, 8)

probes = {
    "read a file": lambda: close(os.open(f"{folder}/known", os.O_RDONLY)),
    "read through a link": lambda: close(os.open(f"{folder}/link", os.O_RDONLY)),
    "read the environment": lambda: close(os.open("/proc/self/environ", os.O_RDONLY)),
    "write a file": write,
    "make a file": make_and_remove(lambda path: close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)), os.unlink),
    "make an unnamed file": lambda: close(os.open(folder, os.O_TMPFILE | os.O_WRONLY)),
    "make a folder": make_and_remove(os.mkdir, os.rmdir),
    "make a link": make_and_remove(lambda path: os.symlink("known", path), os.unlink),
    "make a hard link": make_and_remove(lambda path: os.link(f"{folder}/known", path), os.unlink),
    "make a named pipe": make_and_remove(os.mkfifo, os.unlink),
    "remove a file": unlink,
    "rename": rename,
    "truncate a file": lambda: os.truncate(f"{folder}/known", 6),
    "change the mode of a file": lambda: os.chmod(f"{folder}/known", 0o644),
    "change the mode of an open file": lambda: os.fchmod(settings["file"], 0o644),
    "change the times of a file": lambda: os.utime(f"{folder}/known", (1, 1)),
    "list a folder": lambda: os.listdir(folder),
    "change the current folder": lambda: os.chdir(folder),
    "test that a file exists": lambda: os.stat(f"{folder}/known"),
    "openat2": raw("openat2", -100, f"{folder}/known".encode(), HOW, ctypes.c_size_t(24)),
    "name_to_handle_at": handle,
    "open_by_handle_at": lambda: close(raw("open_by_handle_at", INSIDE, KNOWN, 0)()),
    "connect": connect_to(socket.AF_INET, ("127.0.0.1", settings["port"])),
    "connect to a socket file": connect_to(socket.AF_UNIX, f"{folder}/socket"),
    "connect to an abstract socket": connect_to(socket.AF_UNIX, chr(0) + settings["abstract"]),
    "send a datagram": send,
    "bind a port": bind,
    "ioctl on a descriptor": lambda: __import__("fcntl").ioctl(settings["file"], 0x541B, bytes(4)),  # FIONREAD
    "fork": fork,
    "clone3": raw("clone3", NONE, ctypes.c_size_t(0)),
    "run a program": lambda: run(settings["true"]),
    "execve": lambda: os.execv(MISSING, [MISSING]),
    "execveat": raw("execveat", -1, MISSING[1:], NONE, NONE, 0),
    "signal the parent": lambda: os.kill(parent, 0),
    "signal a thread of the parent": raw("tgkill", parent, parent, 0),
    "signal the process group": lambda: os.kill(0, 0),
    "open the parent process": lambda: close(os.pidfd_open(parent)),
    "pidfd_send_signal": raw("pidfd_send_signal", -1, 0, NONE, 0),
    "pidfd_getfd": raw("pidfd_getfd", -1, 0, 0),
    "attach to a process": raw("ptrace", 16, MANY, NONE, NONE),
    "read memory of another process": raw("process_vm_readv", MANY, VECTOR, 1, VECTOR, 1, 0),
    "set the limits of another process": raw("prlimit64", parent, 4, NONE, LIMIT),
    "map executable memory": execute,
    "make memory executable": protect,
    "shared memory": raw("shmget", 0, PAGE, 0),
    "memory file": lambda: close(os.memfd_create("x")),
    "io_uring_setup": ring,
    "userfaultfd": lambda: close(raw("userfaultfd", 1)()),
    "bpf": raw("bpf", 0, NONE, 0),
    "perf_event_open": raw("perf_event_open", NONE, 0, -1, -1, 0),
    "keyctl": raw("keyctl", 9999),
    "mount": raw("mount", NONE, MISSING, NONE, 0, NONE),
    "umount2": raw("umount2", MISSING, 0),
    "unshare": raw("unshare", 0x200),  # CLONE_FS
    "setns": raw("setns", -1, 0),
    "chroot": raw("chroot", MISSING),
    "personality": raw("personality", ctypes.c_ulong(0xFFFFFFFF)),
    "prctl": lambda: checked(libc.prctl(3, 0, 0, 0, 0)),  # PR_GET_DUMPABLE
}

def try_all():
    errors = {}
    for name, probe in probes.items():
        ctypes.set_errno(0)
        try:
            probe()
            errors[name] = ""
        except OSError as error:
            errors[name] = errno.errorcode.get(error.errno, str(error))
        except KeyError:
            errors[name] = "no number"
    results.append(errors)

results = []
try_all()
for part in settings["skipped"]:
    setattr(sandbox, part, lambda *_, **__: None)

def hand_over(listener):
    with socket.socket(fileno=settings["supervisor"]) as supervisor:
        socket.send_fds(supervisor, [str(os.getpid()).encode()], [listener])

sandbox.enter_sandbox(hand_over)
try_all()

started = []
thread = threading.Thread(target=started.append, args=(1,))
thread.start()
thread.join()
works = [os.pread(settings["file"], 6, 0).decode(), len(bytearray(50_000_000)), started, sorted([3, 1])]
print(json.dumps([*results, works]), flush=True)
try:
    os.execv(settings["true"], [settings["true"]])
except OSError:
    os._exit(7)
"""
CONTROLS = {
    "clone3": "EINVAL", "execve": "ENOENT", "execveat": "EBADF",
    "pidfd_send_signal": "EBADF", "pidfd_getfd": "EBADF", "attach to a process": "ESRCH",
    "read memory of another process": "ESRCH", "keyctl": "ENOTSUP", "bpf": "EINVAL", "perf_event_open": "EFAULT",
    "mount": "ENOENT", "umount2": "ENOENT", "setns": "EBADF", "chroot": "ENOENT",
}  # fmt: skip
"""Error before the sandbox of probes that would do harm if they succeeded: they name a missing file or an
invalid number. All other probes succeed before the sandbox."""
PRIVILEGED = {
    "open_by_handle_at", "bpf", "perf_event_open", "umount2", "userfaultfd", "io_uring_setup", "keyctl", "pidfd_getfd",
    "shared memory", "name_to_handle_at", "make an unnamed file", "clone3", "openat2", "setns",
    "read memory of another process", "attach to a process",
}  # fmt: skip
"""Probes that some kernels or containers deny without the sandbox."""
DENIED_BY_LANDLOCK = {
    1: (
        "read a file", "read through a link", "write a file", "make a file", "make a folder", "make a link",
        "make a named pipe", "remove a file", "rename", "list a folder", "read the environment", "run a program",
        "openat2",
    ),
    3: ("truncate a file",),
    4: ("connect", "bind a port"),
    6: ("connect to an abstract socket", "signal the parent", "signal a thread of the parent"),
}  # fmt: skip
"""Probes that Landlock denies without seccomp, by the version that added the right."""
NAMES = [line.split('"')[1] for line in PROBES.split("probes = {")[1].split("\n}")[0].splitlines() if line.strip()]
Errors = dict[str, str]
"""Name of the error of each probe; "" for success."""


def run_probes(folder: Path, *skipped: str) -> tuple[Errors, Errors, list[object]]:
    """Return the errors of all probes before and in the sandbox, and the results of operations that must work inside.

    `skipped` names functions of the sandbox module that do nothing.
    """
    (folder / "known").write_text("secret")
    (folder / "link").symlink_to(folder / "known")
    for n in range(2):
        (folder / f"spare{n}").touch()
    abstract = f"mediafp-{os.getpid()}-{folder.name}"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as unnamed,
        (folder / "known").open("rb") as file,
        supervisor() as supervisor_socket,
    ):
        datagrams.bind(("127.0.0.1", 0))
        for end, address in ((named, f"{folder}/socket"), (unnamed, f"\0{abstract}")):
            end.bind(address)
            end.listen()
        settings = {
            "folder": str(folder),
            "file": file.fileno(),
            "supervisor": supervisor_socket,
            "port": server.getsockname()[1],
            "datagrams": datagrams.getsockname()[1],
            "abstract": abstract,
            "calls": CALLS.get(platform.machine(), {}) | NEW_CALLS,
            "true": "/bin/true",
            "skipped": skipped,
        }
        # The process has its own group, so that the signal to the group reaches no other process.
        done = run_python(PROBES, json.dumps(settings), pass_fds=(file.fileno(), supervisor_socket), process_group=0)
    # At the end the process tries to execute /bin/true, whose status is 0; in the sandbox this fails and it exits with 7.
    assert done.returncode == 7, (done.returncode, done.stdout, done.stderr)
    before, after, works = json.loads(done.stdout)
    return before, after, works


@contextmanager
def supervisor() -> Iterator[int]:
    """Answer the thread starts of the process that sends its identifier and its listener to the socket that this gives."""
    own_end, other_end = socket.socketpair()

    def receive_listener() -> None:
        pid, listeners, _, _ = socket.recv_fds(own_end, 16, 1)
        for listener in listeners:
            answer_thread_starts(listener, int(pid), MAX_WORKER_THREADS)

    with own_end:
        thread = threading.Thread(target=receive_listener)
        thread.start()
        with other_end:
            yield other_end.fileno()
        thread.join()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # The path of a socket has 108 bytes at most: the folders of pytest have longer paths.
    created = Path(tempfile.mkdtemp(prefix="mediafp-"))
    yield created
    shutil.rmtree(created)


@pytest.fixture(scope="module")
def results(folder: Path) -> tuple[Errors, Errors, list[object]]:
    (folder / "complete").mkdir()
    return run_probes(folder / "complete")


@linux
@pytest.mark.parametrize("name", NAMES)
def test_enter_sandbox_denies(results: tuple[Errors, Errors, list[object]], name: str) -> None:
    before, after, _ = results
    if before[name] == "no number":
        pytest.skip(f"the number of the call on {platform.machine()} is unknown")
    control = CONTROLS.get(name, "")
    if name in PRIVILEGED and before[name] in UNAVAILABLE - {control}:
        pytest.skip(f"this kernel denies it to this user without a sandbox ({before[name]})")
    assert before[name] == control, "the control"
    # The C library uses clone if clone3 does not exist.
    assert after[name] in ({"ENOSYS"} if name == "clone3" else DENIED)


@linux
def test_sandboxed_process_reads_open_files_and_has_memory_and_threads(
    results: tuple[Errors, Errors, list[object]],
) -> None:
    assert results[2] == ["secret", 50_000_000, [1], [1, 3]]


@linux
def test_landlock_denies_without_seccomp(folder: Path) -> None:
    (folder / "landlock").mkdir()
    before, after, _ = run_probes(folder / "landlock", "_deny_syscalls")
    version = sandbox._landlock_abi()
    for since, names in DENIED_BY_LANDLOCK.items():
        for name in names if version >= since else ():
            if name == "openat2" and before[name] in UNAVAILABLE:
                continue
            assert before[name] == "" and after[name] in DENIED | {"EXDEV"}, (name, before[name], after[name])


@linux
def test_seccomp_denies_without_landlock(folder: Path) -> None:
    (folder / "seccomp").mkdir()
    _, after, _ = run_probes(folder / "seccomp", "_deny_files")
    other_errors = {name: error for name, error in after.items() if error not in DENIED | {"no number"}}
    assert other_errors == {"clone3": "ENOSYS"}


@linux
@pytest.mark.parametrize(
    ("fault", "number"),
    [
        ("os.abort()", signal.SIGABRT),
        ("__import__('ctypes').string_at(0)", signal.SIGSEGV),
    ],
)
def test_sandboxed_process_ends_by_its_own_fault(fault: str, number: int) -> None:
    done = run_python(f"import ctypes, os\nfrom mediafp.engine.local import sandbox\nsandbox.enter_sandbox()\n{fault}")
    assert done.returncode == -number, done.stderr


@linux
@pytest.mark.skipif(platform.machine() != "x86_64", reason="other architectures have one way to call the kernel")
def test_system_call_of_another_architecture_ends_the_process() -> None:
    # The filter is for call numbers of x86_64; calls of x32 have other numbers.
    done = run_python(
        """
        import ctypes
        from mediafp.engine.local import sandbox
        libc = ctypes.CDLL(None)
        libc.syscall(0x40000000 | 39)
        print("before", flush=True)
        sandbox.enter_sandbox()
        libc.syscall(0x40000000 | 39)
        print("inside", flush=True)
        """
    )
    assert (done.returncode, done.stdout) == (-signal.SIGSYS, "before\n"), done.stderr


@linux
def test_sandboxed_process_cannot_change_its_restrictions() -> None:
    done = run_python(
        """
        import ctypes, errno
        from mediafp.types.errors import SandboxError
        from mediafp.engine.local import sandbox
        sandbox.enter_sandbox()
        libc = ctypes.CDLL(None, use_errno=True)
        # PR_SET_NO_NEW_PRIVS and PR_SET_SECCOMP
        for option in (38, 22):
            assert libc.prctl(option, 0, 0, 0, 0) == -1 and ctypes.get_errno() == errno.EPERM
        """
    )
    assert done.returncode == 0, done.stderr


@linux
def test_enter_sandbox_raises_if_another_thread_runs_and_allows_none_without_supervisor() -> None:
    done = run_python(
        """
        import os, threading
        from mediafp.types.errors import SandboxError
        from mediafp.engine.local import sandbox
        end = threading.Event()
        thread = threading.Thread(target=end.wait)
        thread.start()
        try:
            sandbox.enter_sandbox()
        except SandboxError as error:
            print(error)
        os.close(os.open(os.devnull, os.O_RDONLY))
        end.set()
        thread.join()
        sandbox.enter_sandbox()
        print("entered")
        try:
            threading.Thread(target=end.wait).start()
        except RuntimeError as error:
            print(error)
        """
    )
    assert done.stdout.splitlines() == [
        "cannot enter the sandbox: it would not apply to 1 threads that run already",
        "entered",
        "can't start new thread",
    ], done.stderr


@linux
def test_check_restrictions_reports_all_as_available() -> None:
    restrictions = sandbox.check_restrictions()
    assert all(restriction.available and restriction.detail for restriction in restrictions)
    assert {"thread supervisor", "user and capabilities"} <= {restriction.name for restriction in restrictions}
    assert not sandbox._libc().prctl(sandbox.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), "this process is not changed"


@linux
def test_missing_listener_is_listed_and_printed_but_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_limit, "listen_to_thread_starts", lambda *_: None)
    (missing,) = [restriction for restriction in sandbox.check_restrictions() if not restriction.available]
    assert missing.name == "thread supervisor" and "HEIC" in missing.detail and not missing.required
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0 and "thread supervisor" in done.stdout and "missing" in done.stdout


@linux
@pytest.mark.parametrize(
    ("removed", "missing"), [("pyseccomp", {"seccomp"}), ("Landlock", {"Landlock"}), ("both", {"Landlock", "seccomp"})]
)
def test_enter_sandbox_names_missing_restrictions_and_applies_none(
    monkeypatch: pytest.MonkeyPatch, removed: str, missing: set[str]
) -> None:
    if removed in ("pyseccomp", "both"):
        monkeypatch.setattr(sandbox, "_load_pyseccomp", lambda: None)
    if removed in ("Landlock", "both"):
        monkeypatch.setattr(sandbox, "_landlock_abi", lambda: -1)
    named = {r.name: r.detail for r in sandbox.check_restrictions() if r.required and not r.available}
    assert set(named) == missing
    with pytest.raises(SandboxError) as caught:
        sandbox.enter_sandbox()
    assert all(f"{name}: {detail}" in str(caught.value) for name, detail in named.items())
    assert ("libseccomp2" in str(caught.value)) == ("seccomp" in missing), "the message names the package to install"
    assert ("Linux 5.13" in str(caught.value)) == ("Landlock" in missing)
    assert Path(__file__).read_bytes(), "this process is not sandboxed"


def test_check_restrictions_of_another_system_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    (only,) = sandbox.check_restrictions()
    assert not only.available
    with pytest.raises(SandboxError, match="plan9 has neither Landlock nor seccomp"):
        sandbox.enter_sandbox()


@linux
@pytest.mark.parametrize("version", range(1, 8))
def test_enter_sandbox_supports_landlock_version(version: int) -> None:
    if version > sandbox._landlock_abi():
        pytest.skip(f"this kernel has Landlock {sandbox._landlock_abi()}")
    done = run_python(
        """
        import sys
        from mediafp.engine.local import sandbox
        sandbox._landlock_abi = lambda: int(sys.argv[1])
        sandbox._deny_syscalls = lambda *_, **__: None
        sandbox.enter_sandbox()
        try:
            open(sys.argv[2])
        except PermissionError:
            print("denied")
        """,
        version,
        __file__,
    )
    assert done.stdout == "denied\n", done.stderr


@linux
def test_die_with_parent_ends_the_process() -> None:
    done = run_python(
        """
        import os, subprocess, sys, time
        code = "from mediafp.engine.local import sandbox; import time; sandbox.die_with_parent(); "
        code += "print(flush=True); time.sleep(3600)"
        started = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        started.stdout.readline()
        print(started.pid, flush=True)
        os._exit(0)
        """
    )
    assert done.returncode == 0, done.stderr
    pid = int(done.stdout)
    assert has_ended(pid)
