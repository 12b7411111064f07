"""Locks that a process puts on itself before it touches untrusted media; nothing takes them off again.

Landlock (kernel documentation, userspace-api/landlock) denies every file, TCP port and signal outside; seccomp denies
every system call but those that decoding needs. What was open before stays open: the media file comes as a descriptor.
"""

import ctypes
import errno
import fcntl
import os
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mediafp.types.errors import SandboxError

if sys.platform == "linux":
    # It finds libseccomp when it is imported, and says that it cannot with a RuntimeError.
    try:
        import pyseccomp
    except (ImportError, RuntimeError, OSError):
        pyseccomp = None
else:
    pyseccomp = None
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS = 1, 38, 39
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
"""System call numbers, the same on every architecture."""
LANDLOCK_ABI_QUERY: Final = 1
LANDLOCK_RULE_PATH_BENEATH: Final = 1
LANDLOCK_EXECUTE, LANDLOCK_READ_FILE = 1 << 0, 1 << 2
LANDLOCK_ACCESS: Final = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
"""Rights over files by the version of Landlock that brought them: all of 1, refer, truncate, ioctl of devices."""
LANDLOCK_NET: Final = (4, 0b11)
"""Bind and connect of TCP."""
LANDLOCK_SCOPED: Final = (6, 0b11)
"""Abstract UNIX sockets and signals outside."""
CLONE_THREAD: Final = 0x00010000
PROT_WRITE, PROT_EXEC = 0x2, 0x4
AT_EMPTY_PATH: Final = 0x1000
UNKNOWN_CALL: Final = -1
ALLOWED_SYSCALLS: Final = (
    "read pread64 readv write writev sendto sendmsg recvfrom recvmsg lseek _llseek fstat fstat64 close dup munmap "
    "mremap madvise brk futex sched_yield sched_getaffinity clock_gettime clock_getres clock_nanosleep nanosleep "
    "gettimeofday getpid gettid getrandom rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack exit exit_group "
    "set_robust_list rseq getrusage poll ppoll restart_syscall fadvise64 times membarrier"
)
"""System calls that decoding, the models and Python's own upkeep make. Not among them: open, socket, exec, kill."""
PROGRAM_SYSCALLS: Final = "execve openat arch_prctl set_tid_address uname time"
"""Those that a program and its loader make besides, by strace of FFmpeg 9.0.2 (dynamic) and 7.0.2 (static, glibc 2.28:
uname, time). Others that they try may fail: access, ioctl, prctl, readlink, stat of a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceLimits:
    """What a process may take: bytes of memory on top of what it has, CPU seconds in its life, bytes of a file it writes.

    `memory` bounds the address space, which is more than what is resident.
    """

    memory: int
    cpu_seconds: int
    file_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """One lock and whether this kernel offers it."""

    name: str
    available: bool
    detail: str


def check_restrictions() -> list[Restriction]:
    """The locks, and which of them this machine offers. Changes nothing."""
    if sys.platform != "linux":
        return [Restriction(name="sandbox", available=False, detail=f"{sys.platform} has neither Landlock nor seccomp")]
    abi = _landlock_abi()
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
        Restriction(name="resource limits", available=True, detail="memory, CPU, file size, core"),
    ]


def die_with_parent() -> None:
    """Nothing; has the kernel kill this process when the thread that started it ends."""
    if sys.platform == "linux":
        _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def set_resource_limits(limits: ResourceLimits) -> None:
    """Nothing; sets the resource limits, soft and hard. Works on every UNIX; raises SandboxError where it does not."""
    try:
        if sys.platform == "linux":
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            room = pages * resource.getpagesize() + limits.memory
            resource.setrlimit(resource.RLIMIT_AS, (room, room))
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        raise SandboxError(f"the resource limits cannot be set: {error}") from error


def enter_sandbox() -> None:
    """Nothing; the process can open no file, reach no address, start no program and signal no other process any more.

    Landlock holds for the calling thread and those it starts, so there may be no other yet.
    Raises SandboxError where a lock does not close.
    """
    _check()
    _no_new_privileges()
    _deny_files()
    _allow_calls()


def enter_program_sandbox(files: Sequence[Path]) -> None:
    """Nothing; as `lock`, for a process that is about to become a program: it can open `files` and start them, no others.

    They are what the program is made of: itself, and where it is not static, its loader and its libraries.
    """
    _check()
    _no_new_privileges()
    _deny_files(files)
    _allow_calls(program=True)


def _check() -> None:
    """Nothing; raises SandboxError where a lock is missing or would not hold."""
    missing = [lock for lock in check_restrictions() if not lock.available]
    if missing:
        raise SandboxError("; ".join(f"{lock.name}: {lock.detail}" for lock in missing))
    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    if threads != 1:
        raise SandboxError(f"the locks would not hold for {threads - 1} threads that run already")


def _no_new_privileges() -> None:
    if _libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise SandboxError("no_new_privs cannot be set")


def _deny_files(but: Sequence[Path] = ()) -> None:
    """Nothing; Landlock without a rule but those for files that may be read and executed."""
    libc, abi = _libc(), _landlock_abi()
    access = 0
    for version, rights in LANDLOCK_ACCESS:
        access |= rights if abi >= version else 0
    attributes = (ctypes.c_uint64 * 3)(
        access, LANDLOCK_NET[1] if abi >= LANDLOCK_NET[0] else 0, LANDLOCK_SCOPED[1] if abi >= LANDLOCK_SCOPED[0] else 0
    )
    # An older kernel refuses a structure with fields that it does not know, even of zeros behind its own size.
    size = 8 * (3 if abi >= LANDLOCK_SCOPED[0] else 2 if abi >= LANDLOCK_NET[0] else 1)
    rules = libc.syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    if rules < 0:
        raise SandboxError(f"Landlock gives no rules: {os.strerror(ctypes.get_errno())}")
    for path in but:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = _PathBeneath(LANDLOCK_EXECUTE | LANDLOCK_READ_FILE, file)
        if libc.syscall(LANDLOCK_ADD_RULE, rules, LANDLOCK_RULE_PATH_BENEATH, ctypes.byref(rule), 0):
            raise SandboxError(f"Landlock refuses the rule for {path}: {os.strerror(ctypes.get_errno())}")
        os.close(file)
    if libc.syscall(LANDLOCK_RESTRICT_SELF, rules, 0):
        raise SandboxError(f"Landlock does not close: {os.strerror(ctypes.get_errno())}")
    os.close(rules)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def _allow_calls(*, program: bool = False) -> None:
    """Nothing; seccomp denies all system calls but those NEEDED with EPERM, in all threads.

    Threads may be made, processes not; signals reach the process itself alone, so that abort() works. A `program` may
    be started in place of this one, and code be mapped from files, never into memory that can be written.
    """
    assert pyseccomp, "the caller has looked"
    try:
        calls = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
        calls.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)
        for name in (f"{ALLOWED_SYSCALLS} {PROGRAM_SYSCALLS}" if program else ALLOWED_SYSCALLS).split():
            _add(calls, name)
        for name in ("mmap", "mmap2", "mprotect"):
            _add(calls, name, pyseccomp.Arg(2, pyseccomp.MASKED_EQ, PROT_EXEC, 0))
        for name in ("mmap", "mmap2") if program else ():
            _add(calls, name, pyseccomp.Arg(2, pyseccomp.MASKED_EQ, PROT_WRITE | PROT_EXEC, PROT_EXEC))
        _add(calls, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, CLONE_THREAD, CLONE_THREAD))
        # os.dup(), which is how a reader is made.
        _add(calls, "fcntl", pyseccomp.Arg(1, pyseccomp.EQ, fcntl.F_DUPFD_CLOEXEC))
        # What fstat is made of: with this flag it is meant for a descriptor. A path still shows that a file exists.
        for name, flags in (("newfstatat", 3), ("statx", 2)):
            _add(calls, name, pyseccomp.Arg(flags, pyseccomp.MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH))
        # Its flags lie in memory, where a filter cannot look; told that there is none, the C library takes clone.
        calls.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
        _add(calls, "tgkill", pyseccomp.Arg(0, pyseccomp.EQ, os.getpid()))
        # The soft CPU limit is moved before each file; 0 is the process itself. A program may look at its limits alone.
        to = (pyseccomp.Arg(2, pyseccomp.EQ, 0),) if program else ()
        _add(calls, "prlimit64", pyseccomp.Arg(0, pyseccomp.EQ, 0), *to)
        calls.load()
    except OSError as error:
        raise SandboxError(f"seccomp does not close: {error}") from error


def _add(calls: "pyseccomp.SyscallFilter", name: str, *arguments: "pyseccomp.Arg") -> None:
    # What this architecture or libseccomp does not know needs no rule.
    if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) != UNKNOWN_CALL:
        calls.add_rule(pyseccomp.ALLOW, name, *arguments)


def _landlock_abi() -> int:
    """The version of Landlock, negative where there is none."""
    return int(_libc().syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), LANDLOCK_ABI_QUERY))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
