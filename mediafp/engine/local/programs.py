"""Another's program, run on open files of an adversary: limited, locked in before it starts, and ended with us."""

import math
import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import imageio_ffmpeg

from mediafp.engine.local.launcher import LaunchSpec
from mediafp.engine.local.python_command import module_command
from mediafp.types.errors import MediaError, SandboxError, UsageError, WorkerLost

LAUNCHER = "mediafp.engine.local.launcher"
MAX_PROGRAM_MEMORY_BYTES = 2_560 << 20
"""Address space that a program may take. FFmpeg with two threads takes .5 GiB to cut two 1080p videos side by side, 1.6 GiB
for two 8K ones in H.264, 2.1 GiB in 10-bit HEVC."""
WALL_PER_CPU_SECOND = 4.0
"""Wall seconds for each CPU second that a program may take: on a machine that is shared with others."""
TRIAL_CPU_SECONDS = 10
"""CPU seconds in which a program says its version; FFmpeg takes .02."""
SAID_BYTES = 4096
"""Bytes kept of what a program says: on a hostile file it may never stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxedProgram:
    """A program; `made_of` are the files that it may open, None where it is not to be locked in."""

    path: str
    made_of: list[str] | None

    def run(
        self, arguments: Sequence[str], *, descriptors: Sequence[int] = (), cpu_seconds: float, file_bytes: int = 0
    ) -> None:
        """Nothing; runs the program to its end. It has the descriptors under the numbers that they have here.

        Raises MediaError with what it said last, or with why it was ended.
        """
        cpu = math.ceil(cpu_seconds)
        order = LaunchSpec(
            parent=os.getpid(),
            memory=MAX_PROGRAM_MEMORY_BYTES,
            cpu_seconds=cpu,
            file_bytes=file_bytes,
            allowed_files=self.made_of,
        )
        until = time.monotonic() + cpu * WALL_PER_CPU_SECOND
        words, variables = module_command(LAUNCHER, order.argument(), self.path, *arguments)
        with subprocess.Popen(
            words,
            pass_fds=descriptors,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stderr is not None, "it was asked for"
            try:
                said = _read_stderr(process.stderr, until)
                status = process.wait(max(0.0, until - time.monotonic()))
            except (TimeoutError, subprocess.TimeoutExpired):
                raise WorkerLost("timeout", f"it took more than {cpu * WALL_PER_CPU_SECOND:.0f} s of time") from None
            finally:
                process.kill()
        if status == -signal.SIGKILL:
            raise WorkerLost("timeout", f"it took more than {cpu} s of CPU time, or the system had no memory left")
        if status < 0:
            raise WorkerLost("crash", f"it was ended by signal {-status}")
        if status:
            lines = said.decode("utf-8", "replace").strip().splitlines()
            raise MediaError(lines[-1] if lines else "no reason given")


def find_ffmpeg(*, sandboxed: bool) -> SandboxedProgram:
    """FFmpeg, after a trial. Raises UsageError where there is none that starts, SandboxError where it cannot be locked in."""
    try:
        path = shutil.which(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise UsageError(f"clips need FFmpeg: {error}") from error
    if path is None:
        raise UsageError(f"{imageio_ffmpeg.get_ffmpeg_exe()} is no program; see: mediafp doctor")
    path = os.path.abspath(path)
    program = SandboxedProgram(path=path, made_of=_made_of(path) if sandboxed else None)
    try:
        program.run(["-version"], cpu_seconds=TRIAL_CPU_SECONDS)
    except MediaError as error:
        if sandboxed:
            message = f"FFmpeg cannot be locked in ({error}); to go on without the locks, add --unsafe-no-sandbox"
            raise SandboxError(message) from error
        raise UsageError(f"{path} does not start: {error}") from error
    return program


def _made_of(path: str) -> list[str]:
    """The program's file, its loader and the libraries that the loader finds for it; the first alone of a static one."""
    # What ldd does. A program without a loader takes no notice and says its version.
    asked = {"LD_TRACE_LOADED_OBJECTS": "1"}
    told = subprocess.run([path, "-version"], env=asked, capture_output=True, text=True, errors="replace", check=False)
    return [path, *re.findall(r"(?:^|=>)\s*(/.*) \(0x[0-9a-f]+\)$", told.stdout, re.MULTILINE)]


def _read_stderr(pipe: IO[bytes], until: float) -> bytes:
    """The last bytes that come out of a pipe before its end. Raises TimeoutError."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    said = b""
    while (left := until - time.monotonic()) > 0 and poll.poll(left * 1000):
        block = os.read(pipe.fileno(), SAID_BYTES)
        if not block:
            return said
        said = (said + block)[-SAID_BYTES:]
    raise TimeoutError
