"""The privileges that a process gives up before it enters the sandbox: those of the administrator."""

import ctypes
import os
from contextlib import suppress
from typing import Final

from mediafp.types.errors import SandboxError

NOBODY: Final = 65_534
"""User and group without files and rights."""
CAPABILITY_VERSION: Final = 0x20080522
"""Version 3 of the kernel's capability structures: 64 bits in two halves."""
CAP_KILL, CAP_SETGID, CAP_SETUID = 1 << 5, 1 << 6, 1 << 7
PR_SET_PDEATHSIG, PR_GET_PDEATHSIG = 1, 2


def become_nobody() -> None:
    """Change the user of this process from root to `NOBODY`, where that is possible; other users keep theirs.

    It stays root if its parent could not end it afterwards, or if the container has no such user. The limit on open files
    and memory binds it in any case: `drop_capabilities` takes the right to exceed it.
    """
    if not _may_become_nobody():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    death_signal = ctypes.c_int()
    libc.prctl(PR_GET_PDEATHSIG, ctypes.byref(death_signal), 0, 0, 0)
    with suppress(OSError):
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    # The kernel clears it when the user changes.
    libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)


def worker_user() -> str:
    """Return the user of a sandboxed worker that this process starts, in words."""
    if _may_become_nobody():
        return f"user {NOBODY} (nobody) if there is one, else root"
    return f"user {os.geteuid()}"


def _may_become_nobody() -> bool:
    needed = CAP_KILL | CAP_SETGID | CAP_SETUID
    return os.geteuid() == 0 and _effective_capabilities() & needed == needed


def drop_capabilities() -> None:
    """Give up all capabilities of this process, among them the right to raise its own limits.

    Raises:
        SandboxError: The kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(ctypes.byref(_Header(CAPABILITY_VERSION, 0)), ctypes.byref((ctypes.c_uint32 * 6)())):
        raise SandboxError(f"cannot drop the capabilities: {os.strerror(ctypes.get_errno())}")


def _effective_capabilities() -> int:
    """Return the first 32 effective capabilities of this process, one bit each."""
    data = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    return int(data[0]) if not libc.capget(ctypes.byref(_Header(CAPABILITY_VERSION, 0)), ctypes.byref(data)) else 0


class _Header(ctypes.Structure):
    """The kernel's `struct __user_cap_header_struct`."""

    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]
