"""A process that limits itself, enters the sandbox, and then executes another program.

Started by `mediafp.engine.local.programs` as `python -m mediafp.engine.local.launcher LAUNCH_SPEC PROGRAM [ARGUMENT...]`.
It is a program of its own because Python code between fork and exec can deadlock if the forking process has threads.
"""

import json
import os
import signal
import socket
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from mediafp.engine.local.sandbox import ResourceLimits, die_with_parent, enter_program_sandbox, set_resource_limits
from mediafp.engine.local.thread_limit import GREETING
from mediafp.types.errors import SandboxError

MALLOC_ARENAS = 2
"""Heaps of the C library. By default it makes one per thread, and each takes 64 MiB of the limited address space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSpec:
    """Limits of a program and the conditions of its start."""

    parent: int
    """Process identifier of the process that starts it."""
    memory: int
    """Bytes of address space."""
    cpu_seconds: int
    file_bytes: int
    """Bytes of a file that it writes."""
    allowed_files: list[str] | None
    """Files that it may open; None to run it without a sandbox."""
    supervisor: int
    """Socket that gets the listener of its thread starts (`thread_limit`)."""

    def to_argument(self) -> str:
        """Return the specification as a command line argument of the launcher."""
        return json.dumps(asdict(self))


def main(arguments: list[str]) -> None:
    """Execute the program in place of this one; if that fails, exit with the reason on standard error."""
    spec = LaunchSpec(**json.loads(arguments[0]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    die_with_parent()
    if os.getppid() != spec.parent:
        sys.exit("the process that started this one has ended")
    try:
        set_resource_limits(
            ResourceLimits(memory=spec.memory, cpu_seconds=spec.cpu_seconds, file_bytes=spec.file_bytes)
        )
        with socket.socket(fileno=spec.supervisor) as supervisor:
            if spec.allowed_files is not None:
                enter_program_sandbox(
                    [Path(file) for file in spec.allowed_files],
                    hand_over=lambda listener: socket.send_fds(supervisor, [GREETING], [listener]),
                )
        os.execve(arguments[1], arguments[1:], _program_environment(spec.allowed_files or []))
    except (SandboxError, OSError) as error:
        sys.exit(str(error))


def _program_environment(allowed_files: list[str]) -> dict[str, str]:
    """Return all environment variables of the program: none of this process, which might change what it does."""
    # In the sandbox its loader can neither read its cache nor resolve the path of the program.
    folders = dict.fromkeys(str(Path(file).parent) for file in allowed_files)
    return {"MALLOC_ARENA_MAX": str(MALLOC_ARENAS), "LD_LIBRARY_PATH": os.pathsep.join(folders)}


if __name__ == "__main__":
    main(sys.argv[1:])
