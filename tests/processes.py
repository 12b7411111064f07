"""Programs that tests run, and states of processes."""

import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import imageio_ffmpeg


def ffmpeg(*arguments: object) -> None:
    """Run FFmpeg to its end; its output replaces an existing file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=120)


def child(code: str, *arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run code in another Python to its end."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


def gone(pid: int, seconds: float = 60) -> bool:
    """Return True if a process ends within some seconds."""
    until = time.monotonic() + seconds
    while state(pid) not in ("", "X", "Z"):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def state(pid: int) -> str:
    """Return the state of a process, a letter: X or Z if it is dead, "" if it does not exist."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
