"""What a locked process can still do: each probe succeeds before the locks close, and fails behind them."""

import json
import os
import platform
import resource
import shutil
import signal
import socket
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import child, gone

from mediafp.engine.local import sandbox
from mediafp.types.errors import SandboxError

linux = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
REFUSED = {"EPERM", "EACCES"}
"""What seccomp and Landlock answer."""
NOT_HERE = REFUSED | {"ENOSYS", "ENOTSUP"}
"""What a kernel answers that has no such call, or keeps it for the administrator."""

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
"""Numbers of system calls that Python does not make."""
NEW_CALLS = {"pidfd_send_signal": 424, "io_uring_setup": 425, "clone3": 435, "openat2": 437, "pidfd_getfd": 438}
"""The same everywhere."""

PROBES = """
import ctypes, errno, json, mmap, os, signal, socket, sys, threading
from mediafp.engine.local import sandbox

told = json.loads(sys.argv[1])
folder, parent, calls = told["folder"], os.getppid(), told["calls"]
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
NONE, PAGE = ctypes.c_void_p(0), ctypes.c_size_t(4096)
MISSING = f"{folder}/missing".encode()
PRIVATE, MANY = 0x22, 1 << 30  # MAP_PRIVATE | MAP_ANONYMOUS; a process that there is not

def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")
    return result

def raw(name, *arguments):
    # As longs: what is passed on the stack as an int has anything in its upper half.
    whole = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return lambda: checked(libc.syscall(calls[name], *whole))

def closing(descriptor):
    os.close(descriptor)

def run(program):
    if not (child := os.fork()):
        try:
            os.execv(program, [program])
        except OSError as error:
            os._exit(error.errno)
    if status := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise OSError(status, "refused")

def fork():
    if not (child := os.fork()):
        os._exit(0)
    os.waitpid(child, 0)

def write():
    closing(os.open(f"{folder}/known", os.O_WRONLY))

def made(make, unmake):
    def probe():
        make(f"{folder}/new")
        unmake(f"{folder}/new")
    return probe

def rename():
    os.rename(f"{folder}/known", f"{folder}/new")
    os.rename(f"{folder}/new", f"{folder}/known")

def unlink():
    # Landlock's rights differ for making and for removing: what is removed was there before.
    os.unlink(f"{folder}/spare{len(found)}")

def reach(family, address, kind=socket.SOCK_STREAM):
    def probe():
        with socket.socket(family, kind) as end:
            end.settimeout(5)
            end.connect(address)
    return probe

def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.sendto(b"x", ("127.0.0.1", told["datagrams"]))

def bind():
    with socket.socket() as end:
        end.bind(("127.0.0.1", 0))

def execute():
    at = libc.mmap(NONE, PAGE, mmap.PROT_READ | mmap.PROT_EXEC, PRIVATE, -1, ctypes.c_long(0))
    if at in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "refused")

def protect():
    at = libc.mmap(NONE, PAGE, mmap.PROT_READ | mmap.PROT_WRITE, PRIVATE, -1, ctypes.c_long(0))
    checked(libc.mprotect(ctypes.c_void_p(at), PAGE, mmap.PROT_READ | mmap.PROT_EXEC))

def ring():
    parameters = ctypes.create_string_buffer(120)
    closing(raw("io_uring_setup", 1, parameters)())

def handle():
    # struct file_handle with room for 128 bytes
    data, where = ctypes.create_string_buffer((128).to_bytes(4, sys.byteorder), 136), ctypes.c_int()
    raw("name_to_handle_at", -100, f"{folder}/known".encode(), data, ctypes.byref(where), 0)()
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
    "read a file": lambda: closing(os.open(f"{folder}/known", os.O_RDONLY)),
    "read by a link": lambda: closing(os.open(f"{folder}/link", os.O_RDONLY)),
    "read the environment": lambda: closing(os.open("/proc/self/environ", os.O_RDONLY)),
    "write a file": write,
    "make a file": made(lambda path: closing(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)), os.unlink),
    "make a file without a name": lambda: closing(os.open(folder, os.O_TMPFILE | os.O_WRONLY)),
    "make a folder": made(os.mkdir, os.rmdir),
    "make a link": made(lambda path: os.symlink("known", path), os.unlink),
    "make a second name": made(lambda path: os.link(f"{folder}/known", path), os.unlink),
    "make a pipe with a name": made(os.mkfifo, os.unlink),
    "remove a file": unlink,
    "rename": rename,
    "cut a file": lambda: os.truncate(f"{folder}/known", 6),
    "change its mode": lambda: os.chmod(f"{folder}/known", 0o644),
    "change the mode of what was handed in": lambda: os.fchmod(told["file"], 0o644),
    "change its times": lambda: os.utime(f"{folder}/known", (1, 1)),
    "list a folder": lambda: os.listdir(folder),
    "go to a folder": lambda: os.chdir(folder),
    "tell a file": lambda: os.stat(f"{folder}/known"),
    "openat2": raw("openat2", -100, f"{folder}/known".encode(), HOW, ctypes.c_size_t(24)),
    "name_to_handle_at": handle,
    "open_by_handle_at": lambda: closing(raw("open_by_handle_at", INSIDE, KNOWN, 0)()),
    "connect": reach(socket.AF_INET, ("127.0.0.1", told["port"])),
    "connect to a socket file": reach(socket.AF_UNIX, f"{folder}/socket"),
    "connect to an abstract socket": reach(socket.AF_UNIX, chr(0) + told["abstract"]),
    "send a datagram": send,
    "bind a port": bind,
    "ask a descriptor": lambda: __import__("fcntl").ioctl(told["file"], 0x541B, bytes(4)),  # FIONREAD
    "fork": fork,
    "clone3": raw("clone3", NONE, ctypes.c_size_t(0)),
    "run a program": lambda: run(told["true"]),
    "execve": lambda: os.execv(MISSING, [MISSING]),
    "execveat": raw("execveat", -1, MISSING[1:], NONE, NONE, 0),
    "signal the parent": lambda: os.kill(parent, 0),
    "signal a thread of the parent": raw("tgkill", parent, parent, 0),
    "signal all": lambda: os.kill(0, 0),
    "open a process": lambda: closing(os.pidfd_open(parent)),
    "pidfd_send_signal": raw("pidfd_send_signal", -1, 0, NONE, 0),
    "pidfd_getfd": raw("pidfd_getfd", -1, 0, 0),
    "attach to a process": raw("ptrace", 16, MANY, NONE, NONE),
    "read another's memory": raw("process_vm_readv", MANY, VECTOR, 1, VECTOR, 1, 0),
    "set_resource_limits another": raw("prlimit64", parent, 4, NONE, LIMIT),
    "memory that can be run": execute,
    "memory made to be run": protect,
    "memory shared with others": raw("shmget", 0, PAGE, 0),
    "a file in memory": lambda: closing(os.memfd_create("x")),
    "io_uring_setup": ring,
    "userfaultfd": lambda: closing(raw("userfaultfd", 1)()),
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

def tried():
    answers = {}
    for name, probe in probes.items():
        ctypes.set_errno(0)
        try:
            probe()
            answers[name] = ""
        except OSError as error:
            answers[name] = errno.errorcode.get(error.errno, str(error))
        except KeyError:
            answers[name] = "no number"
    found.append(answers)

found = []
tried()
for part in told["left out"]:
    setattr(sandbox, part, lambda *_, **__: None)
sandbox.enter_sandbox()
tried()

started = []
thread = threading.Thread(target=started.append, args=(1,))
thread.start()
thread.join()
works = [os.pread(told["file"], 6, 0).decode(), len(bytearray(50_000_000)), started, sorted([3, 1])]
print(json.dumps([*found, works]), flush=True)
try:
    os.execv(told["true"], [told["true"]])
except OSError:
    os._exit(7)
"""

CONTROLS = {
    "clone3": "EINVAL", "execve": "ENOENT", "execveat": "EBADF",
    "pidfd_send_signal": "EBADF", "pidfd_getfd": "EBADF", "attach to a process": "ESRCH",
    "read another's memory": "ESRCH", "keyctl": "ENOTSUP", "bpf": "EINVAL", "perf_event_open": "EFAULT", "mount": "ENOENT",
    "umount2": "ENOENT", "setns": "EBADF", "chroot": "ENOENT",
}  # fmt: skip
"""Probes that would do harm where they succeed: asked for what there is not, the kernel says so, in these words. All
others succeed before the locks close."""
PRIVILEGED = {
    "open_by_handle_at", "bpf", "perf_event_open", "umount2", "userfaultfd", "io_uring_setup", "keyctl", "pidfd_getfd",
    "memory shared with others", "name_to_handle_at", "make a file without a name", "clone3", "openat2", "setns",
    "read another's memory", "attach to a process",
}  # fmt: skip
"""Probes that some kernels, containers or users are denied anyway."""
LANDLOCK_ALONE = {
    1: (
        "read a file", "read by a link", "write a file", "make a file", "make a folder", "make a link",
        "make a pipe with a name", "remove a file", "rename", "list a folder", "read the environment", "run a program",
        "openat2",
    ),
    3: ("cut a file",),
    4: ("connect", "bind a port"),
    6: ("connect to an abstract socket", "signal the parent", "signal a thread of the parent"),
}  # fmt: skip
"""What Landlock denies without seccomp, by the version that brought it."""
NAMES = [line.split('"')[1] for line in PROBES.split("probes = {")[1].split("\n}")[0].splitlines() if line.strip()]

Answers = dict[str, str]


def probed(folder: Path, *left_out: str) -> tuple[Answers, Answers, list[object]]:
    """What each probe was answered before and behind the locks (an error's name, "" for success), and what works."""
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
    ):
        datagrams.bind(("127.0.0.1", 0))
        for end, address in ((named, f"{folder}/socket"), (unnamed, f"\0{abstract}")):
            end.bind(address)
            end.listen()
        told = {
            "folder": str(folder),
            "file": file.fileno(),
            "port": server.getsockname()[1],
            "datagrams": datagrams.getsockname()[1],
            "abstract": abstract,
            "calls": CALLS.get(platform.machine(), {}) | NEW_CALLS,
            "true": "/bin/true",
            "left out": left_out,
        }
        # Its own process group, so that the signal to all of it reaches nobody else.
        done = child(PROBES, json.dumps(told), pass_fds=(file.fileno(),), process_group=0)
    # 0 is /bin/true's own status: the last act is to become it, and a locked process cannot.
    assert done.returncode == 7, (done.returncode, done.stdout, done.stderr)
    before, after, works = json.loads(done.stdout)
    return before, after, works


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # The path of a socket has 108 bytes at most: pytest's own folders are too deep.
    made = Path(tempfile.mkdtemp(prefix="mediafp-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def answers(folder: Path) -> tuple[Answers, Answers, list[object]]:
    (folder / "both").mkdir()
    return probed(folder / "both")


@linux
@pytest.mark.parametrize("name", NAMES)
def test_a_probe_gets_through_before_the_locks_and_not_behind_them(
    answers: tuple[Answers, Answers, list[object]], name: str
) -> None:
    before, after, _ = answers
    if before[name] == "no number":
        pytest.skip(f"the number of the call on {platform.machine()} is not known here")
    control = CONTROLS.get(name, "")
    if name in PRIVILEGED and before[name] in NOT_HERE - {control}:
        pytest.skip(f"this kernel denies it to this user without any lock ({before[name]})")
    assert before[name] == control, "the control"
    # The C library is told that clone3 is not there, and takes clone.
    assert after[name] in ({"ENOSYS"} if name == "clone3" else REFUSED)


@linux
def test_a_locked_process_reads_what_it_was_handed_and_has_memory_and_threads(
    answers: tuple[Answers, Answers, list[object]],
) -> None:
    assert answers[2] == ["secret", 50_000_000, [1], [1, 3]]


@linux
def test_landlock_holds_without_seccomp(folder: Path) -> None:
    (folder / "landlock").mkdir()
    before, after, _ = probed(folder / "landlock", "_allow_calls")
    version = sandbox._landlock_abi()
    for since, names in LANDLOCK_ALONE.items():
        for name in names if version >= since else ():
            if name == "openat2" and before[name] in NOT_HERE:
                continue
            assert before[name] == "" and after[name] in REFUSED | {"EXDEV"}, (name, before[name], after[name])


@linux
def test_seccomp_holds_without_landlock(folder: Path) -> None:
    (folder / "seccomp").mkdir()
    _, after, _ = probed(folder / "seccomp", "_deny_files")
    through = {name: answer for name, answer in after.items() if answer not in REFUSED | {"no number"}}
    assert through == {"clone3": "ENOSYS"}


@linux
@pytest.mark.parametrize(
    ("act", "number"),
    [
        ("os.abort()", signal.SIGABRT),
        ("__import__('ctypes').string_at(0)", signal.SIGSEGV),
    ],
)
def test_a_locked_process_dies_of_its_own_faults(act: str, number: int) -> None:
    done = child(f"import ctypes, os\nfrom mediafp.ingest import sandbox\nsandbox.lock()\n{act}")
    assert done.returncode == -number, done.stderr


@linux
@pytest.mark.skipif(platform.machine() != "x86_64", reason="other architectures have one way to call the kernel")
def test_the_calls_of_another_architecture_end_the_process() -> None:
    # The 32-bit numbers of x32, where 2 is open, are not those that the filter speaks of.
    done = child(
        """
        import ctypes
        from mediafp.engine.local import sandbox
        libc = ctypes.CDLL(None)
        libc.syscall(0x40000000 | 39)
        print("before", flush=True)
        sandbox.enter_sandbox()
        libc.syscall(0x40000000 | 39)
        print("behind", flush=True)
        """
    )
    assert (done.returncode, done.stdout) == (-signal.SIGSYS, "before\n"), done.stderr


@linux
def test_the_locks_cannot_be_closed_twice_nor_be_opened() -> None:
    done = child(
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
def test_the_locks_do_not_close_beside_another_thread() -> None:
    done = child(
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
        print("locked")
        """
    )
    assert done.stdout.splitlines() == ["the locks would not hold for 1 threads that run already", "locked"], (
        done.stderr
    )


@linux
def test_this_machine_offers_every_lock() -> None:
    assert all(lock.available and lock.detail for lock in sandbox.check_restrictions())


@linux
@pytest.mark.parametrize(
    ("without", "missing"), [("pyseccomp", {"seccomp"}), ("Landlock", {"Landlock"}), ("both", {"Landlock", "seccomp"})]
)
def test_what_is_missing_is_named_and_nothing_is_locked(
    monkeypatch: pytest.MonkeyPatch, without: str, missing: set[str]
) -> None:
    if without in ("pyseccomp", "both"):
        monkeypatch.setattr(sandbox, "pyseccomp", None)
    if without in ("Landlock", "both"):
        monkeypatch.setattr(sandbox, "_landlock_abi", lambda: -1)
    named = {lock.name: lock.detail for lock in sandbox.check_restrictions() if not lock.available}
    assert set(named) == missing
    with pytest.raises(SandboxError) as caught:
        sandbox.enter_sandbox()
    assert all(f"{name}: {detail}" in str(caught.value) for name, detail in named.items())
    assert ("libseccomp2" in str(caught.value)) == ("seccomp" in missing), "how to get it is said"
    assert ("Linux 5.13" in str(caught.value)) == ("Landlock" in missing)
    assert Path(__file__).read_bytes(), "this process is not locked"


def test_another_system_has_no_locks_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    (only,) = sandbox.check_restrictions()
    assert not only.available
    with pytest.raises(SandboxError, match="plan9 has neither Landlock nor seccomp"):
        sandbox.enter_sandbox()


@linux
@pytest.mark.parametrize("version", range(1, 8))
def test_each_version_of_landlock_is_asked_for_what_it_knows(version: int) -> None:
    if version > sandbox._landlock_abi():
        pytest.skip(f"this kernel has Landlock {sandbox._landlock_abi()}")
    done = child(
        """
        import sys
        from mediafp.engine.local import sandbox
        sandbox._landlock_abi = lambda: int(sys.argv[1])
        sandbox._allow_calls = lambda *_, **__: None
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


LIMITED = """
import errno, os, resource, signal, sys
from mediafp.engine.local.sandbox import ResourceLimits; from mediafp.engine.local.sandbox import set_resource_limits
set_resource_limits(ResourceLimits(memory=100 << 20, cpu_seconds=1, file_bytes=int(sys.argv[2])))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no telling what a process has already")
def test_memory_over_the_limit_is_not_had_and_below_it_is() -> None:
    done = child(
        f"""
        {textwrap.indent(LIMITED, " " * 8).strip()}
        print(len(bytearray(60 << 20)))
        try:
            bytearray(110 << 20)
        except MemoryError:
            print("no memory")
        print(len(bytearray(60 << 20)), resource.getrlimit(resource.RLIMIT_CORE))
        try:
            resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))
            print("raised" if os.geteuid() else "root may")
        except (ValueError, OSError):
            print("not raised")
        """,
        "",
        0,
    )
    first, second, third, fourth = done.stdout.splitlines()
    assert (first, second, third) == (str(60 << 20), "no memory", f"{60 << 20} (0, 0)"), done.stderr
    assert fourth in ("not raised", "root may")


@pytest.mark.parametrize("count", [0, 10])
def test_no_more_is_written_than_allowed(tmp_path: Path, count: int) -> None:
    done = child(
        f"""
        {textwrap.indent(LIMITED, " " * 8).strip()}
        with open(sys.argv[1], "wb", buffering=0) as file:
            try:
                while file.write(bytes(4)):
                    pass
            except OSError as error:
                print(errno.errorcode[error.errno])
        """,
        tmp_path / "file",
        count,
    )
    assert done.stdout == "EFBIG\n", done.stderr
    assert (tmp_path / "file").stat().st_size == count


def test_a_process_ends_with_its_cpu_time(tmp_path: Path) -> None:
    done = child(
        f"""
        {textwrap.indent(LIMITED, " " * 8).strip()}
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        print("spinning", flush=True)
        while True:
            pass
        """,
        "",
        0,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "spinning\n"), "not even a handler helps"


def test_limits_that_cannot_be_set_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(what: int, limits: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    with pytest.raises(SandboxError, match="cannot be set: not allowed"):
        sandbox.set_resource_limits(sandbox.ResourceLimits(memory=1 << 40, cpu_seconds=1))


@linux
def test_a_process_that_asked_for_it_dies_with_its_parent() -> None:
    done = child(
        """
        import os, subprocess, sys, time
        asleep = "from mediafp.engine.local import sandbox; import time; sandbox.die_with_parent(); "
        asleep += "print(flush=True); time.sleep(3600)"
        started = subprocess.Popen([sys.executable, "-c", asleep], stdout=subprocess.PIPE)
        started.stdout.readline()
        print(started.pid, flush=True)
        os._exit(0)
        """
    )
    assert done.returncode == 0, done.stderr
    pid = int(done.stdout)
    assert gone(pid)
