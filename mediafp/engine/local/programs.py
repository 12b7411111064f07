"""Other programs, run on untrusted open files: limited, in the sandbox before they start, ended with this process."""

import logging
import math
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from mediafp.engine.local.launcher import LaunchSpec
from mediafp.engine.local.python_command import START_FOLDER, module_command
from mediafp.engine.local.thread_limit import MAX_PROGRAM_THREADS, answer_thread_starts, warn_of_missing_listener
from mediafp.types.errors import MediaError, SandboxError, UsageError, WorkerLost

_logger = logging.getLogger(__name__)

LAUNCHER_MODULE = "mediafp.engine.local.launcher"
MAX_PROGRAM_MEMORY_BYTES = 2_560 << 20
"""Address space of a program, bytes. FFmpeg with two threads takes 0.5 GiB to cut two 1080p videos side by side, 1.6 GiB for
two 8K videos in H.264, 2.1 GiB in 10-bit HEVC."""
WALL_SECONDS_PER_CPU_SECOND = 4.0
"""Wall seconds that a program may take per CPU second that it may use: it shares the machine with others. Chosen, not
measured."""
TRIAL_CPU_SECONDS = 10
"""CPU seconds that a program may use to print its version; FFmpeg takes 0.02."""
MAX_STDERR_BYTES = 4096
"""Last bytes of the standard error of a program that are kept: on a hostile file it may never stop. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxedProgram:
    """A program and the files that it may open."""

    path: str
    allowed_files: list[str] | None
    """The program, its loader and its libraries; None to run it without a sandbox."""

    def run(
        self, arguments: Sequence[str], *, descriptors: Sequence[int] = (), cpu_seconds: float, file_bytes: int = 0
    ) -> None:
        """Run the program to its end.

        Args:
            arguments: Its command line, without the program.
            descriptors: File descriptors that it inherits under the same numbers.
            cpu_seconds: CPU seconds that it may use.
            file_bytes: Bytes that a file which it writes may have.

        Raises:
            MediaError: It failed; the message is the last line of its standard error.
            WorkerLost: It exceeded a limit, or crashed.
        """
        cpu_limit = math.ceil(cpu_seconds)
        wall_limit = cpu_limit * WALL_SECONDS_PER_CPU_SECOND
        started = time.monotonic()
        deadline = started + wall_limit
        own_end, launcher_end = socket.socketpair()
        spec = LaunchSpec(
            parent=os.getpid(),
            memory=MAX_PROGRAM_MEMORY_BYTES,
            cpu_seconds=cpu_limit,
            file_bytes=file_bytes,
            allowed_files=self.allowed_files,
            supervisor=launcher_end.fileno(),
        )
        command, variables = module_command(LAUNCHER_MODULE, spec.to_argument(), self.path, *arguments)
        with (
            own_end,
            launcher_end,
            subprocess.Popen(
                command,
                pass_fds=(*descriptors, spec.supervisor),
                env=variables,
                cwd=START_FOLDER,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            ) as process,
        ):
            assert process.stderr is not None, "it is a pipe"
            try:
                launcher_end.close()
                is_supervised = _supervise_threads(own_end, process.pid, wall_limit)
                stderr = _read_tail(process.stderr, deadline)
                status = process.wait(max(0.0, deadline - time.monotonic()))
            except (TimeoutError, subprocess.TimeoutExpired):
                _logger.info("%r is ended after %.0f s of wall time", self.path, wall_limit)
                raise WorkerLost("timeout", f"it took more than {wall_limit:.0f} s of wall time") from None
            finally:
                process.kill()
        _logger.info("%r ran for %.1f s, exit status %d", self.path, time.monotonic() - started, status)
        if status == -signal.SIGKILL:
            raise WorkerLost("timeout", f"it took more than {cpu_limit} s of CPU time, or the system ran out of memory")
        if status < 0:
            raise WorkerLost("crash", f"it was ended by signal {-status}")
        if status:
            lines = stderr.decode("utf-8", "replace").strip().splitlines()
            raise MediaError(lines[-1] if lines else "no reason given")
        if self.allowed_files is not None and not is_supervised:
            warn_of_missing_listener()


def find_ffmpeg(*, sandboxed: bool) -> SandboxedProgram:
    """Return FFmpeg, after a trial run.

    Args:
        sandboxed: False to run it without a sandbox.

    Raises:
        UsageError: It is missing or does not start.
        SandboxError: It does not start in the sandbox.
    """
    import imageio_ffmpeg

    try:
        executable = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise UsageError(f"cannot cut clips: FFmpeg is missing ({error}); see: mediafp doctor") from error
    path = shutil.which(executable)
    if path is None:
        raise UsageError(f"cannot run {executable!r}: it is not a program; see: mediafp doctor")
    path = os.path.abspath(path)
    program = SandboxedProgram(path=path, allowed_files=_files_of_program(path) if sandboxed else None)
    try:
        program.run(["-version"], cpu_seconds=TRIAL_CPU_SECONDS)
    except MediaError as error:
        if sandboxed:
            raise SandboxError(
                f"cannot run FFmpeg in the sandbox: {error}; to run it without the sandbox, add --unsafe-no-sandbox"
            ) from error
        raise UsageError(f"cannot run {path!r}: {error}; see: mediafp doctor") from error
    return program


def _files_of_program(path: str) -> list[str]:
    """Return the program, its loader and the libraries that the loader finds; the program alone if it is static."""
    # As ldd does. A program without a loader ignores the variable and prints its version.
    traced = subprocess.run(
        [path, "-version"],
        env={"LD_TRACE_LOADED_OBJECTS": "1"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return [path, *re.findall(r"(?:^|=>)\s*(/.*) \(0x[0-9a-f]+\)$", traced.stdout, re.MULTILINE)]


def _supervise_threads(connected: socket.socket, pid: int, seconds: float) -> bool:
    """Answer the thread starts of a program from now on.

    Returns:
        False if nothing answers them: its launcher failed, runs it without a sandbox, or has no listener.
    """
    connected.settimeout(seconds)
    try:
        _, listeners, _, _ = socket.recv_fds(connected, 1, 1)
    except TimeoutError:
        return False
    for listener in listeners:
        answer_thread_starts(listener, pid, MAX_PROGRAM_THREADS)
    return bool(listeners)


def _read_tail(pipe: IO[bytes], deadline: float) -> bytes:
    """Return the last bytes of a pipe at its end. Raises TimeoutError at the deadline, in monotonic seconds."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    tail = b""
    while (seconds_left := deadline - time.monotonic()) > 0 and poll.poll(seconds_left * 1000):
        block = os.read(pipe.fileno(), MAX_STDERR_BYTES)
        if not block:
            return tail
        tail = (tail + block)[-MAX_STDERR_BYTES:]
    raise TimeoutError
