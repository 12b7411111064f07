"""Programs that tests run, and the state of processes."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import imageio_ffmpeg

PATIENCE_SECONDS = 600
"""Wall seconds after which a test fails because a process did not end: enough on a busy machine."""


def run_ffmpeg(*arguments: object) -> None:
    """Run FFmpeg to its end; its output replaces an existing file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_SECONDS)


def run_python(code: str, *arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run code in another Python to its end."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False, **options)


def run_mediafp(*arguments: object, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of mediafp to its end, with further environment variables."""
    return subprocess.run(
        [sys.executable, "-m", "mediafp", *map(str, arguments)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        errors="surrogateescape",
        check=False,
    )


def json_lines(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    """Return the objects that a command printed, one a line."""
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def has_ended(pid: int, seconds: float = PATIENCE_SECONDS) -> bool:
    """Return True if a process ends within some seconds."""
    until = time.monotonic() + seconds
    while process_state(pid) not in ("", "X", "Z"):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def with_default_signals(*command: object) -> list[str]:
    """Return a command line that runs a command with the signals that stop a program at their defaults.

    A process that was started in the background or by nohup ignores some of them, and its children inherit that.
    """
    code = f"""
    import os, signal, sys
    for number in ({signal.SIGHUP:d}, {signal.SIGINT:d}, {signal.SIGQUIT:d}, {signal.SIGTERM:d}):
        signal.signal(number, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
    """
    return [sys.executable, "-c", textwrap.dedent(code), *map(str, command)]


def process_state(pid: int) -> str:
    """Return the state of a process, a letter: X or Z if it is dead, "" if it does not exist."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
