"""A process that limits itself, locks itself in, and then becomes another program.

Started by `mediafp.engine.local.programs` as `python -m mediafp.engine.local.launcher ORDER PROGRAM [ARGUMENT...]`. It is a
program of its own, since Python code that runs between fork and exec may hang where the process that forks has threads.
"""

import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from mediafp.engine.local.sandbox import ResourceLimits, die_with_parent, enter_program_sandbox, set_resource_limits
from mediafp.types.errors import SandboxError

ARENAS = 2
"""Heaps of the C library. Each takes 64 MiB of the address space, which is what is limited, and it makes one a thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSpec:
    """How a program is started; `made_of` are the files that it may open, None where it is not to be locked in."""

    parent: int
    memory: int
    cpu_seconds: int
    file_bytes: int
    allowed_files: list[str] | None

    def argument(self) -> str:
        """The order as an argument of `launch`."""
        return json.dumps(asdict(self))


def main(arguments: list[str]) -> None:
    """Becomes the program; where that cannot be, says so and exits."""
    order = LaunchSpec(**json.loads(arguments[0]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's business
    die_with_parent()
    if os.getppid() != order.parent:
        sys.exit("the program that started this one has ended")
    try:
        set_resource_limits(
            ResourceLimits(memory=order.memory, cpu_seconds=order.cpu_seconds, file_bytes=order.file_bytes)
        )
        if order.allowed_files is not None:
            enter_program_sandbox([Path(file) for file in order.allowed_files])
        os.execve(arguments[1], arguments[1:], _environment(order.allowed_files or []))
    except (SandboxError, OSError) as error:
        sys.exit(str(error))


def _environment(made_of: list[str]) -> dict[str, str]:
    """All variables that the program gets: none of ours, which might change what it does."""
    # Behind the locks its loader can neither read its cache nor ask where the program lies.
    folders = dict.fromkeys(str(Path(file).parent) for file in made_of)
    return {"MALLOC_ARENA_MAX": str(ARENAS), "LD_LIBRARY_PATH": os.pathsep.join(folders)}


if __name__ == "__main__":
    main(sys.argv[1:])
