"""The limit on the threads of a sandboxed process: each start waits until a process outside allows it.

No other limit fits: RLIMIT_NPROC counts all processes of a user and does not bind root, and the decoder of HEIC ends its
process if it may not start a thread. The kernel passes each call of `clone` to the process that holds the listener
(seccomp_unotify(2)). Its arguments are in registers, so they cannot change while it waits.
"""

import ctypes
import errno
import fcntl
import logging
import os
import select
import struct
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Final

_logger = logging.getLogger(__name__)

MAX_PROGRAM_THREADS: Final = 64
"""Threads of one program; FFmpeg cuts two videos with 24."""
MAX_ANSWERS_PER_SECOND: Final = 1_000
"""Thread starts of one process that are answered in a second: endless ones would slow this process down, and each takes it
0.05 ms. A HEIC image of 48 tiles starts 96."""
GREETING: Final = b"\0"
"""First byte that a started process sends, with its listener if it is in the sandbox."""
NO_LISTENER: Final = "seccomp has no listener here, so sandboxed processes start no threads"
"""Reason why the decoder of HEIC images, and FFmpeg, which cuts clips, fail."""
PR_SET_NO_NEW_PRIVS: Final = 38
SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER = 1, 1 << 3
SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ALLOW = 0x7FC00000, 0x7FFF0000
SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND = 0xC0502100, 0xC0182101
SECCOMP_USER_NOTIF_FLAG_CONTINUE: Final = 1
BPF_LOAD_WORD, BPF_JUMP_IF_EQUAL, BPF_RETURN = 0x20, 0x15, 0x06
REQUEST_BYTES: Final = 80
"""Size of the kernel's `struct seccomp_notif`; its identifier comes first."""
RESPONSE: Final = struct.Struct("=QqiI")
"""The kernel's `struct seccomp_notif_resp`: identifier, value, error, flags."""


def listen_to_thread_starts(seccomp_number: int, clone_number: int) -> int | None:
    """Make every `clone` of this process wait for an answer, and return the descriptor of the listener that gives it.

    Args:
        seccomp_number: Number of the system call `seccomp` on this architecture.
        clone_number: Number of the system call `clone`.

    Returns:
        The descriptor; None if the kernel allows no listener: some containers hold one already, and there is one at most.
    """
    program = b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (BPF_LOAD_WORD, 0, 0, 0),  # the number of the call; other architectures are denied by the allowlist
            (BPF_JUMP_IF_EQUAL, 0, 1, clone_number),
            (BPF_RETURN, 0, 0, SECCOMP_RET_USER_NOTIF),
            (BPF_RETURN, 0, 0, SECCOMP_RET_ALLOW),
        )
    )
    code = ctypes.create_string_buffer(program, len(program))
    filter_program = _FilterProgram(len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    listener = int(
        libc.syscall(
            seccomp_number,
            SECCOMP_SET_MODE_FILTER,
            SECCOMP_FILTER_FLAG_NEW_LISTENER,
            ctypes.byref(filter_program),
        )
    )
    return listener if listener >= 0 else None


def can_listen(seccomp_number: int, clone_number: int) -> bool:
    """Return True if the kernel allows a listener of thread starts; the other threads of this process are not changed.

    It is tried in a thread that ends then: some containers hold the only listener, which no query shows.
    """
    listeners: list[int] = []

    def listen() -> None:
        # Both bind the calling thread alone.
        ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        listener = listen_to_thread_starts(seccomp_number, clone_number)
        if listener is not None:
            listeners.append(listener)

    trial = Thread(target=listen)
    trial.start()
    trial.join()
    for listener in listeners:
        os.close(listener)
    return bool(listeners)


@cache
def warn_of_missing_listener() -> None:
    """Print on standard error, once per run, that sandboxed processes start no threads."""
    _logger.warning("HEIC images and clips fail: %s; see: mediafp doctor", NO_LISTENER)


class _FilterProgram(ctypes.Structure):
    """The kernel's `struct sock_fprog`."""

    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def answer_thread_starts(listener: int, pid: int, max_threads: int) -> None:
    """Answer the thread starts of a process in a thread of this one, until it ends; the listener is closed then."""
    arguments = (listener, pid, max_threads)
    Thread(target=_answer_until_end, args=arguments, name=f"mediafp-threads-{pid}", daemon=True).start()


def _answer_until_end(listener: int, pid: int, max_threads: int) -> None:
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    answers, second, refused = 0, time.monotonic(), False
    try:
        while poll.poll()[0][1] & select.POLLIN:
            answers += 1
            if answers % MAX_ANSWERS_PER_SECOND == 0:
                time.sleep(max(0.0, second + 1 - time.monotonic()))
                second = time.monotonic()
            # The process may be killed before its request is read, or answered.
            with suppress(FileNotFoundError):
                allowed = _answer(listener, pid, max_threads)
                if not allowed and not refused:
                    refused = True
                    _logger.info("process %d starts no further thread: it has %d, or hides them", pid, max_threads)
    except OSError as error:
        _logger.info("process %d can start no more threads: %s", pid, error.strerror)
    finally:
        os.close(listener)


def _answer(listener: int, pid: int, max_threads: int) -> bool:
    """Allow the next thread start if the process has fewer than `max_threads`, else make it fail with EAGAIN.

    It fails too if the threads cannot be counted.

    Returns:
        True if it is allowed.
    """
    request = bytearray(REQUEST_BYTES)
    fcntl.ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request)
    identifier = int.from_bytes(request[:8], sys.byteorder)
    try:
        allowed = sum(1 for _ in Path(f"/proc/{pid}/task").iterdir()) < max_threads
    except OSError:
        # The system may hide the folder (hidepid), and without an answer the process would wait.
        allowed = False
    answer = (identifier, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE) if allowed else (identifier, 0, -errno.EAGAIN, 0)
    fcntl.ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, bytearray(RESPONSE.pack(*answer)))
    return allowed
