"""The sandbox that a process enters before it parses untrusted media, and cannot leave.

Landlock (kernel documentation, userspace-api/landlock) denies all files, TCP ports and signals to processes outside.
seccomp denies all system calls but those that decoding needs. Files that are open already stay open: a media file is
passed in as a descriptor.
"""

import ctypes
import errno
import fcntl
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from mediafp.engine.local.privileges import become_nobody, drop_capabilities, worker_user
from mediafp.engine.local.thread_limit import NO_LISTENER, can_listen, listen_to_thread_starts
from mediafp.ingest.limits import MAX_WORKER_OPEN_FILES
from mediafp.types.errors import SandboxError

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS = 1, 38, 39
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
"""System call numbers, the same on every architecture."""
RLIMIT_SIGPENDING: Final = 11
"""Number of the limit on queued signals, which the module resource lacks; the same on every architecture but MIPS."""
LANDLOCK_ABI_QUERY: Final = 1
LANDLOCK_RULE_PATH_BENEATH: Final = 1
LANDLOCK_EXECUTE, LANDLOCK_READ_FILE = 1 << 0, 1 << 2
LANDLOCK_ACCESS: Final = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
"""File access rights that each Landlock version added: all of version 1, refer, truncate, device ioctl."""
LANDLOCK_NET: Final = (4, 0b11)
"""Version that added network rights, and the rights: bind and connect of TCP."""
LANDLOCK_SCOPED: Final = (6, 0b11)
"""Version that added scopes, and the scopes: abstract UNIX sockets and signals to processes outside."""
THREAD_CLONE_FLAGS: Final = 0x3D0F00
"""Flags with which the C libraries start a thread: memory, files, signals and identity are shared. None makes a namespace."""
CLONE_DETACHED: Final = 0x400000
"""Flag without effect that musl adds."""
PROT_WRITE, PROT_EXEC = 0x2, 0x4
MAP_HUGETLB: Final = 0x40000
AT_EMPTY_PATH: Final = 0x1000
UNKNOWN_SYSCALL: Final = -1
ALLOWED_SYSCALLS: Final = (
    "read pread64 write lseek _llseek fstat fstat64 close munmap mremap brk sched_yield "
    "sched_getaffinity clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday getpid gettid getrandom "
    "rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack exit exit_group set_robust_list rseq getrusage poll ppoll "
    "restart_syscall fadvise64 times"
)
"""System calls that decoding, the models and the Python runtime make, with any arguments. None of them takes a path, an
address or another process: they read and write open files, and manage the memory, the clocks, the signals and the end of
this process. It has no open, stat, socket, exec, kill, and no sendmsg, which would pass descriptors on."""
PROGRAM_SYSCALLS: Final = "execve openat arch_prctl set_tid_address uname time readv writev dup"
"""Further system calls that a program and its loader make, by strace of FFmpeg 9.0.2 (dynamic) and 7.0.2 (static, glibc
2.28: uname, time); musl writes by writev. Others that they try may fail: access, ioctl, prctl, readlink, stat of a path."""
SOCKET_SYSCALLS: Final = {"sendto": (3, 4), "recvfrom": (3,), "recvmsg": (2,)}
"""System calls by which a worker uses its socket, with the positions of the arguments that have to be 0: flags, address."""
MEMORY_ADVICE: Final = (4, 8, 14, 15, 102, 103)
"""Advice on memory that allocators and thread stacks give: DONTNEED, FREE, HUGEPAGE, NOHUGEPAGE, GUARD_INSTALL,
GUARD_REMOVE. Not HWPOISON, by which root takes memory from the whole system, and not MERGEABLE, which shows by its time
what other processes hold."""
FUTEX_OPERATIONS: Final = (0, 1, 3, 4, 5, 9, 10)
"""Operations of locks and conditions: wait, wake, requeue. Not those with priority inheritance, which only real-time programs
need."""
FUTEX_OPERATION_MASK: Final = 0x7F


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceLimits:
    """Resources that a process may use."""

    memory: int
    """Bytes of address space on top of what the process has; more than what is resident."""
    cpu_seconds: int
    """CPU seconds in its whole life."""
    file_bytes: int = 0
    """Bytes of a file that it writes."""
    open_files: int = MAX_WORKER_OPEN_FILES
    """Number above those of all new descriptors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """One part of the sandbox, and whether this system offers it."""

    name: str
    available: bool
    detail: str
    required: bool = True
    """False if a process enters the sandbox without it."""


def check_restrictions() -> list[Restriction]:
    """Return the parts of the sandbox and whether this system offers them; the process is not changed."""
    if sys.platform != "linux":
        return _check_required()
    pyseccomp = _load_pyseccomp()
    listens = pyseccomp is not None and can_listen(*_listener_syscalls(pyseccomp))
    return [
        *_check_required(),
        Restriction(
            name="thread supervisor",
            available=listens,
            detail="seccomp listener" if listens else f"HEIC images and clips fail: {NO_LISTENER}",
            required=False,
        ),
        Restriction(name="user and capabilities", available=True, detail=f"{worker_user()}, without capabilities"),
    ]


def _check_required() -> list[Restriction]:
    """Return the restrictions without which no process enters the sandbox."""
    if sys.platform != "linux":
        return [Restriction(name="sandbox", available=False, detail=f"{sys.platform} has neither Landlock nor seccomp")]
    abi, pyseccomp = _landlock_abi(), _load_pyseccomp()
    return [
        Restriction(
            name="no new privileges", available=_libc().prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0, detail="prctl"
        ),
        Restriction(
            name="Landlock",
            available=abi >= 1,
            detail=f"version {abi}" if abi >= 1 else "the kernel has none (Linux 5.13 or later, built with Landlock)",
        ),
        Restriction(
            name="seccomp",
            available=pyseccomp is not None,
            detail=f"libseccomp level {pyseccomp.get_api()}"
            if pyseccomp
            else "libseccomp is missing (on Debian: apt install libseccomp2)",
        ),
        Restriction(name="resource limits", available=True, detail="memory, CPU, file size, open files, core"),
    ]


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends; no effect outside Linux."""
    if sys.platform == "linux":
        _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def set_resource_limits(limits: ResourceLimits) -> None:
    """Set the resource limits of this process, soft and hard; memory is limited on Linux only.

    Raises:
        SandboxError: The system refuses.
    """
    try:
        if sys.platform == "linux":
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            address_space = pages * resource.getpagesize() + limits.memory
            resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))
        _set_limit(resource.RLIMIT_NOFILE, limits.open_files)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if sys.platform == "linux":
            # Queued signals and locked memory are the kernel's memory too.
            _set_limit(RLIMIT_SIGPENDING, 0)
            _set_limit(resource.RLIMIT_MEMLOCK, 0)
    except (OSError, ValueError) as error:
        raise SandboxError(f"cannot set the resource limits: {error}") from error


def _set_limit(what: int, value: int) -> None:
    """Set a limit of this process, soft and hard, unless it is lower already."""
    _, hard_limit = resource.getrlimit(what)
    limit = value if hard_limit == resource.RLIM_INFINITY else min(value, hard_limit)
    resource.setrlimit(what, (limit, limit))


def enter_sandbox(hand_over: Callable[[int], object] | None = None) -> None:
    """Enter the sandbox: deny this process files, network, new programs and signals to other processes, irreversibly.

    Landlock applies to the calling thread and to threads that it starts, so no other thread may be running. A process of
    root becomes that of a user without rights, where that is possible.

    Args:
        hand_over: Passes the listener of thread starts to the process that answers them (`thread_limit`). Without it, and
            if the system has no listeners, this process can start no thread.

    Raises:
        SandboxError: A restriction is unavailable.
    """
    _require_restrictions()
    become_nobody()
    drop_capabilities()
    _set_no_new_privileges()
    threads = hand_over is not None and _hand_over_listener(hand_over)
    _deny_files()
    _deny_syscalls(threads=threads)


def enter_program_sandbox(files: Sequence[Path], hand_over: Callable[[int], object]) -> None:
    """Enter the sandbox of a process that is about to execute a program: it may open and execute `files` only.

    Args:
        files: The program, and its loader and libraries if it is not linked statically.
        hand_over: As of `enter_sandbox`.

    Raises:
        SandboxError: A restriction is unavailable.
    """
    _require_restrictions()
    drop_capabilities()
    _set_no_new_privileges()
    threads = _hand_over_listener(hand_over)
    _deny_files(allowed=files)
    _deny_syscalls(for_program=True, threads=threads)


def _require_restrictions() -> None:
    """Raise SandboxError if a restriction is unavailable, or would not apply to the whole process."""
    missing = [restriction for restriction in _check_required() if not restriction.available]
    if missing:
        raise SandboxError("; ".join(f"{restriction.name}: {restriction.detail}" for restriction in missing))
    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    if threads != 1:
        raise SandboxError(f"cannot enter the sandbox: it would not apply to {threads - 1} threads that run already")


def _set_no_new_privileges() -> None:
    if _libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise SandboxError("cannot set no_new_privs")


def _deny_files(allowed: Sequence[Path] = ()) -> None:
    """Restrict this process by Landlock: all rights are denied, but reading and executing `allowed` files."""
    libc, abi = _libc(), _landlock_abi()
    access = 0
    for version, rights in LANDLOCK_ACCESS:
        access |= rights if abi >= version else 0
    attributes = (ctypes.c_uint64 * 3)(
        access, LANDLOCK_NET[1] if abi >= LANDLOCK_NET[0] else 0, LANDLOCK_SCOPED[1] if abi >= LANDLOCK_SCOPED[0] else 0
    )
    # An older kernel refuses a structure that is longer than its own, even if the further fields are zero.
    size = 8 * (3 if abi >= LANDLOCK_SCOPED[0] else 2 if abi >= LANDLOCK_NET[0] else 1)
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        raise SandboxError(f"cannot create a Landlock ruleset: {os.strerror(ctypes.get_errno())}")
    for path in allowed:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = _PathBeneath(LANDLOCK_EXECUTE | LANDLOCK_READ_FILE, file)
        if libc.syscall(LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, ctypes.byref(rule), 0):
            raise SandboxError(f"cannot add the Landlock rule for {path}: {os.strerror(ctypes.get_errno())}")
        os.close(file)
    if libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0):
        raise SandboxError(f"cannot enforce the Landlock ruleset: {os.strerror(ctypes.get_errno())}")
    os.close(ruleset)


class _PathBeneath(ctypes.Structure):
    """The kernel's `struct landlock_path_beneath_attr`."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def _deny_syscalls(*, for_program: bool = False, threads: bool = False) -> None:
    """Restrict all threads of this process by seccomp: calls that are not on the allowlist fail with EPERM.

    New processes are denied. Signals reach this process only, so that abort() works.

    Args:
        for_program: True to also allow executing a program in place of this one, and mapping code from files; memory is
            never writable and executable at once.
        threads: True to allow new threads.
    """
    pyseccomp = _load_pyseccomp()
    assert pyseccomp, "the caller checks that it is available"
    arg, equal, masked = pyseccomp.Arg, pyseccomp.EQ, pyseccomp.MASKED_EQ
    try:
        syscalls = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
        syscalls.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)
        for name in (f"{ALLOWED_SYSCALLS} {PROGRAM_SYSCALLS}" if for_program else ALLOWED_SYSCALLS).split():
            _allow(syscalls, name)
        _allow(syscalls, "mprotect", arg(2, masked, PROT_EXEC, 0))
        for name in ("mmap", "mmap2"):
            # Huge pages are few, and shared by all processes.
            own_pages = arg(3, masked, MAP_HUGETLB, 0)
            _allow(syscalls, name, arg(2, masked, PROT_EXEC, 0), own_pages)
            if for_program:
                _allow(syscalls, name, arg(2, masked, PROT_WRITE | PROT_EXEC, PROT_EXEC), own_pages)
        for advice in MEMORY_ADVICE:
            _allow(syscalls, "madvise", arg(2, equal, advice))
        for operation in FUTEX_OPERATIONS:
            _allow(syscalls, "futex", arg(1, masked, FUTEX_OPERATION_MASK, operation))
        # The socket of a worker: send() without an address, which could be a path, and nothing with flags. Urgent data
        # (MSG_OOB) was a way out of such a sandbox (CVE-2025-38236).
        for name, conditions in () if for_program else SOCKET_SYSCALLS.items():
            _allow(syscalls, name, *(arg(position, equal, 0) for position in conditions))
        if threads:
            _allow(syscalls, "clone", arg(0, masked, 0xFFFFFFFF ^ CLONE_DETACHED, THREAD_CLONE_FLAGS))
        # Its flags are in memory, which a filter cannot read. If it does not exist, the C library uses clone.
        syscalls.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
        # os.dup(), by which the reader of an open file is made, calls it.
        _allow(syscalls, "fcntl", arg(1, equal, fcntl.F_DUPFD_CLOEXEC))
        # By a path, stat shows that a file exists, and brings chosen bytes to a file system outside the kernel. A filter
        # cannot read the path, so a worker has neither call: fstat() of glibc 2.33 to 2.38 fails there, which Python
        # tolerates. The loader of a program needs fstat().
        for name, flags in (("newfstatat", 3), ("statx", 2)) if for_program else ():
            _allow(syscalls, name, arg(flags, masked, AT_EMPTY_PATH, AT_EMPTY_PATH))
        _allow(syscalls, "tgkill", arg(0, equal, os.getpid()), arg(2, equal, signal.SIGABRT))
        # 0 is this process. It may read all limits; a worker sets its soft CPU limit before each file.
        _allow(syscalls, "prlimit64", arg(0, equal, 0), arg(2, equal, 0))
        if not for_program:
            _allow(syscalls, "prlimit64", arg(0, equal, 0), arg(1, equal, resource.RLIMIT_CPU))
        syscalls.load()
    except OSError as error:
        raise SandboxError(f"cannot load the seccomp filter: {error}") from error


def _hand_over_listener(hand_over: Callable[[int], object]) -> bool:
    """Pass the listener of the thread starts of this process on; return False if the system has none."""
    pyseccomp = _load_pyseccomp()
    assert pyseccomp, "the caller checks that it is available"
    listener = listen_to_thread_starts(*_listener_syscalls(pyseccomp))
    if listener is None:
        return False
    hand_over(listener)
    os.close(listener)
    return True


def _listener_syscalls(pyseccomp: ModuleType) -> list[int]:
    """Return the numbers of the system calls `seccomp` and `clone` on this architecture."""
    return [pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) for name in ("seccomp", "clone")]


def _allow(syscalls: Any, name: str, *arguments: Any) -> None:
    """Allow a system call if its arguments pass; a name that this architecture lacks needs no rule."""
    pyseccomp = _load_pyseccomp()
    assert pyseccomp, "the caller checks that it is available"
    if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) != UNKNOWN_SYSCALL:
        syscalls.add_rule(pyseccomp.ALLOW, name, *arguments)


@cache
def _load_pyseccomp() -> ModuleType | None:
    """Return the module pyseccomp, None if it or libseccomp is missing."""
    # It looks for libseccomp on import, which starts programs: only a process that needs the sandbox should do so.
    try:
        import pyseccomp
    except (ImportError, RuntimeError, OSError):
        return None
    return pyseccomp  # type: ignore[no-any-return]


def _landlock_abi() -> int:
    """Return the version of Landlock, negative if there is none."""
    return int(_libc().syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), LANDLOCK_ABI_QUERY))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
