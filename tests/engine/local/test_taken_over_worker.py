"""A worker that was taken over: what it holds, and which system calls it can make."""

import os
import platform
import sys
from pathlib import Path

import pytest
from processes import run_python
from taken_over_workers import SECRET, run_in_worker

from mediafp.engine.local import privileges, python_command
from mediafp.engine.local.capabilities import WorkerCapabilities
from mediafp.engine.local.engine import LocalEngine

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64",
    reason="the numbers of the calls are those of Linux on x86_64",
)


def worker_file(engine: LocalEngine, name: str) -> Path:
    """Return a file of procfs about the idle worker of an engine."""
    with engine._pool.worker(WorkerCapabilities()) as worker:
        return Path(f"/proc/{worker.pid}/{name}")


# What it holds ------------------------------------------------------------------------------------


def test_worker_has_no_environment_variable_of_the_user(taken_over: LocalEngine, scratch: Path) -> None:
    names = run_in_worker(taken_over, scratch, "result = sorted(os.environ)")
    assert set(names) <= {*python_command.FIXED_VARIABLES, *python_command.FOLDER_VARIABLES, "ORT_DISABLE_TELEMETRY"}
    # The kernel's copy, which the stack of the process holds.
    assert SECRET.encode() not in worker_file(taken_over, "environ").read_bytes()


def test_worker_gets_absolute_search_folders_only(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in python_command.FOLDER_VARIABLES:
        monkeypatch.setenv(name, os.pathsep.join(("", "relative", ".", str(scratch), "../up", "~/home")))
    _, variables = python_command.module_command("module")
    root = str(Path(python_command.__file__).parents[3])
    assert variables["PYTHONPATH"] == os.pathsep.join((root, str(scratch)))
    assert variables["LD_LIBRARY_PATH"] == str(scratch)
    monkeypatch.setenv("LD_LIBRARY_PATH", "relative")
    assert "LD_LIBRARY_PATH" not in python_command.module_command("module")[1]


def test_memory_of_a_worker_holds_no_secret_of_its_parent(taken_over: LocalEngine) -> None:
    memory = worker_file(taken_over, "mem")
    regions = [line.split() for line in memory.with_name("maps").read_text().splitlines()]
    try:
        file = memory.open("rb", buffering=0)
    except PermissionError:
        pytest.skip("this user may not read the memory of a process")
    with file:

        def holds(text: str) -> bool:
            found = False
            for start, end in (region[0].split("-") for region in regions if region[1].startswith("rw")):
                file.seek(int(start, 16))
                found = found or text.encode() in file.read(int(end, 16) - int(start, 16))
            return found

        assert holds("taken_over"), "the control: the name of its own module"
        assert not holds(SECRET)


def test_worker_holds_no_descriptor_but_its_socket(taken_over: LocalEngine) -> None:
    with (Path(__file__)).open("rb") as opened_in_parent:
        os.set_inheritable(opened_in_parent.fileno(), True)
        taken_over._pool.start(WorkerCapabilities(video=True))
        folder = worker_file(taken_over, "fd")
        targets = {descriptor.name: str(descriptor.readlink()) for descriptor in folder.iterdir()}
    standard = [targets.pop(name) for name in ("0", "1", "2")]
    assert standard == [os.devnull] * 3
    assert [target.partition(":")[0] for target in targets.values()] == ["socket"]


def test_worker_is_in_no_folder_of_the_user(taken_over: LocalEngine) -> None:
    assert worker_file(taken_over, "cwd").readlink() == Path("/")
    assert "Umask:\t0077" in worker_file(taken_over, "status").read_text()


def test_worker_has_no_capability_and_is_not_root(taken_over: LocalEngine) -> None:
    status = dict(
        line.split(":\t", 1) for line in worker_file(taken_over, "status").read_text().splitlines() if ":\t" in line
    )
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    needed = privileges.CAP_KILL | privileges.CAP_SETGID | privileges.CAP_SETUID
    if os.geteuid() == 0 and privileges._effective_capabilities() & needed == needed:
        assert status["Uid"].split() == status["Gid"].split() == [str(privileges.NOBODY)] * 4
        assert status["Groups"].strip() == ""


def test_process_that_becomes_nobody_still_ends_with_its_parent() -> None:
    # The kernel clears the signal when the user changes. It cannot be read in the sandbox.
    code = """
    import ctypes
    from mediafp.engine.local import privileges, sandbox
    sandbox.die_with_parent()
    privileges.become_nobody()
    number = ctypes.c_int()
    ctypes.CDLL(None).prctl(2, ctypes.byref(number), 0, 0, 0)
    assert number.value == 9, number.value
    """
    done = run_python(code)
    assert done.returncode == 0, done.stderr


# What it can ask ----------------------------------------------------------------------------------

PATH_CALLS = {
    "stat": "call(4, path, buffer)",
    "lstat": "call(6, path, buffer)",
    "newfstatat": "call(262, -100, path, buffer, 0)",
    "newfstatat without following": "call(262, -100, path, buffer, 0x100)",
    "newfstatat as fstat": "call(262, -100, path, buffer, 0x1000)",
    "newfstatat as fstat of a file": "call(262, descriptor, path, buffer, 0x1000)",
    "statx": "call(332, -100, path, 0, 0x7ff, buffer)",
    "statx as fstat": "call(332, -100, path, 0x1000, 0x7ff, buffer)",
    "statx without automount": "call(332, -100, path, 0x1800, 0x7ff, buffer)",
    "access": "call(21, path, 0)",
    "faccessat": "call(269, -100, path, 0)",
    "faccessat2": "call(439, -100, path, 0, 0x1000)",
    "readlink": "call(89, path, buffer, 512)",
    "readlinkat": "call(267, -100, path, buffer, 512)",
    "open": "call(2, path, 0)",
    "open of a path": "call(2, path, 0x200000)",
    "openat": "call(257, -100, path, 0)",
    "openat2": "call(437, -100, path, bytes(24), 24)",
    "chdir": "call(80, path)",
    "statfs": "call(137, path, buffer)",
    "getxattr": "call(191, path, b'user.x', buffer, 512)",
    "listxattr": "call(194, path, buffer, 512)",
    "name_to_handle_at": "call(303, -100, path, buffer, buffer, 0x1000)",
    "inotify_add_watch": "call(254, 0, path, 1)",
    "execve": "call(59, path, 0, 0)",
    "execveat": "call(322, descriptor, path, 0, 0, 0x1000)",
    "utimensat": "call(280, -100, path, 0, 0)",
    "truncate": "call(76, path, 1)",
    "mknod": "call(133, path, 0o10600, 0)",
    "connect": "call(42, 3, path, 20)",
    "sendto an address": "call(44, connection._socket.fileno(), b'x', 1, 0, path, 20)",
    "sendmsg": "call(46, connection._socket.fileno(), buffer, 0)",
    "mount": "call(165, path, path, path, 0, 0)",
    "open_tree": "call(428, -100, path, 0)",
    "fspick": "call(433, -100, path, 0)",
    "quotactl": "call(179, 0x80000100, path, 0, buffer)",
    "acct": "call(163, path)",
    "swapon": "call(167, path, 0)",
    "uselib": "call(134, path)",
    "fanotify_mark": "call(301, 0, 1, 1, -100, path)",
    "statmount": "call(457, buffer, buffer, 512, 0)",
    "file_getattr": "call(468, -100, path, buffer, 24, 0x1000)",
    "getxattrat": "call(464, -100, path, 0x1000, b'user.x', buffer, 16)",
}  # fmt: skip
"""System calls that look up a path, as expressions."""


@pytest.mark.parametrize("name", PATH_CALLS)
def test_worker_cannot_tell_an_existing_path_from_a_missing_one(
    taken_over: LocalEngine, scratch: Path, name: str
) -> None:
    (scratch / "known").touch()
    results = run_in_worker(
        taken_over,
        scratch,
        f"""
        buffer = ctypes.create_string_buffer(512)
        result = []
        for path in ({os.fsencode(scratch / "known")!r}, {os.fsencode(scratch / "missing")!r}, b"/", b"/proc/self", b""):
            result.append({PATH_CALLS[name]})
        """,
    )
    assert set(results) == {"EPERM"}


@pytest.mark.parametrize(
    "code",
    [
        "os.stat({path!r})",
        "os.lstat({path!r})",
        "os.access({path!r}, os.F_OK) or 1 / 0",
        "os.readlink({path!r})",
        "os.listdir({path!r})",
        "os.getxattr({path!r}, 'user.x')",
        "os.statvfs({path!r})",
        "os.stat({path!r}, dir_fd=descriptor)",
        "open({path!r})",
    ],
)
def test_functions_of_the_c_library_fail_alike_for_existing_and_missing_paths(
    taken_over: LocalEngine, scratch: Path, code: str
) -> None:
    (scratch / "known").touch()
    errors = []
    for path in ("known", "missing", "."):
        errors.append(
            run_in_worker(
                taken_over,
                scratch,
                f"""
                try:
                    {code.format(path=str(scratch / path))}
                    result = "success"
                except OSError as error:
                    result = errno.errorcode[error.errno]
                except ZeroDivisionError:
                    result = "no access"
                """,
            )
        )
    assert len(set(errors)) == 1 and errors[0] in ("EPERM", "EACCES", "ENOSYS", "no access"), errors


HARMFUL_CALLS = {
    "a namespace": "call(56, 0x3d0f00 | 0x40000000 | 0x200 | 0x20000, 0, 0, 0, 0)",
    "a thread with other flags": "call(56, 0x10000, 0, 0, 0, 0)",
    "a thread with a namespace": "call(56, 0x10000 | 0x40000000, 0, 0, 0, 0)",
    "a process": "call(56, 17, 0, 0, 0, 0)",
    "a higher memory limit": "call(302, 0, 9, (ctypes.c_uint64 * 2)(1 << 40, 1 << 40), 0)",
    "a higher limit on files": "call(302, 0, 7, (ctypes.c_uint64 * 2)(1 << 16, 1 << 16), 0)",
    "a higher CPU limit": "call(302, 0, 0, (ctypes.c_uint64 * 2)(1 << 40, 1 << 40), 0)",
    "poisoned memory": "call(28, mmap_address, 0, 100)",
    "memory taken offline": "call(28, mmap_address, 0, 101)",
    "merged memory": "call(28, mmap_address, 4096, 12)",
    "huge pages": "call(9, 0, 4096, 3, 0x40022, -1, 0)",
    "a lock with priority inheritance": "call(202, word, 8, 0, 0, 0, 0)",
    "a requeue with priority inheritance": "call(202, word, 12, 0, 0, word, 0)",
    "a queued signal": "call(234, os.getpid(), os.getpid(), 40)",
    "descriptors in a message": "call(46, connection._socket.fileno(), message, 0)",
    "urgent data": "call(44, connection._socket.fileno(), b'x', 1, 1, 0, 0)",
    "the reading of urgent data": "call(45, connection._socket.fileno(), buffer, 1, 0x41, 0, 0)",
    "the reading of urgent messages": "call(47, connection._socket.fileno(), message, 0x41)",
    "a pipe": "call(22, buffer)",
    "a pair of sockets": "call(53, 1, 1, 0, buffer)",
    "an event": "call(290, 0, 0)",
    "a timer": "call(283, 1, 0)",
    "epoll": "call(291, 0)",
    "inotify": "call(294, 0)",
    "a memory file": "call(319, b'x', 0)",
    "a secret memory file": "call(447, 0)",
    "locked memory": "call(149, mmap_address, 4096)",
    "a message queue": "call(240, b'/x', 0o102, 0o600, 0)",
    "a key": "call(248, b'user', b'x', b'y', 1, -3)",
    "a higher priority": "call(141, 0, 0, -20)",
    "another scheduler": "call(144, 0, 1, buffer)",
    "other processors": "call(203, 0, 8, b'\\xff' * 8)",
    "a barrier on all processors": "call(324, 1, 0, 0)",
    "the name of the machine": "call(63, buffer)",
    "the number of processes": "call(99, buffer)",
    "a further filter": "call(317, 1, 8, buffer)",
}  # fmt: skip
"""System calls that would harm the machine or read what is not the worker's, as expressions."""


@pytest.mark.parametrize("name", HARMFUL_CALLS)
def test_worker_cannot_make_a_harmful_call(taken_over: LocalEngine, scratch: Path, name: str) -> None:
    error = run_in_worker(
        taken_over,
        scratch,
        f"""
        buffer, message, word = ctypes.create_string_buffer(512), ctypes.create_string_buffer(56), ctypes.c_int()
        word = ctypes.byref(word)
        memory = mmap.mmap(-1, 4096)
        mmap_address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        result = {HARMFUL_CALLS[name]}
        """,
    )
    assert error == "EPERM"


def test_worker_may_still_set_its_cpu_limit_lock_and_advise(taken_over: LocalEngine, scratch: Path) -> None:
    results = run_in_worker(
        taken_over,
        scratch,
        """
        memory = mmap.mmap(-1, 4096)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        limits = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, limits)
        lock = threading.Lock()
        result = [call(28, address, 4096, 4), lock.acquire(), lock.acquire(timeout=0.01), limits[1]]
        """,
    )
    assert results[:3] == ["", True, False] and results[3] > 0
