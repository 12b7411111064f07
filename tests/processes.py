"""Programs that tests run, and what became of a process."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import imageio_ffmpeg

PATIENCE_SECONDS = 600
"""Wall seconds after which a test gives up on a process: enough on a busy machine, since no test is about speed."""


def ffmpeg(*arguments: object) -> None:
    """Runs ffmpeg to its end; what it makes takes the place of what is there."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_SECONDS)


def child(code: str, *arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Another Python that ran this code."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False, **options)


def gone(pid: int, seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether a process ends within some seconds."""
    until = time.monotonic() + seconds
    while state(pid) not in ("", "X", "Z"):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def with_default_signals(*command: object) -> list[str]:
    """Return a command line that runs a command with the signals that stop a program at their defaults.

    What is started in the background, or by nohup, ignores some of them, and so does all that it starts.
    """
    code = f"""
    import os, signal, sys
    for number in ({signal.SIGHUP:d}, {signal.SIGINT:d}, {signal.SIGQUIT:d}, {signal.SIGTERM:d}):
        signal.signal(number, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
    """
    return [sys.executable, "-c", textwrap.dedent(code), *map(str, command)]


def state(pid: int) -> str:
    """The state of a process, a letter; "" where there is none, and X or Z where it is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
