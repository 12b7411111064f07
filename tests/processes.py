"""Programs that tests run, and what became of a process."""

import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import imageio_ffmpeg


def ffmpeg(*arguments: object) -> None:
    """Runs ffmpeg to its end; what it makes takes the place of what is there."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=60)


def child(code: str, *arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Another Python that ran this code."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def gone(pid: int, seconds: float = 10) -> bool:
    """Whether a process ends within some seconds."""
    until = time.monotonic() + seconds
    while state(pid) not in ("", "X", "Z"):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def state(pid: int) -> str:
    """The state of a process, a letter; "" where there is none, and X or Z where it is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
