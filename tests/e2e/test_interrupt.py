"""Ctrl-C: the first one ends a command with a message, the second one at once."""

import signal
import subprocess
import sys

from processes import PATIENCE_SECONDS

from mediafp.cli.exit_status import ExitStatus

BUSY = """
import time
from mediafp.cli import app

def busy(**_):
    try:
        print("started", flush=True)
        time.sleep(60)
    finally:
        # What the command does until it has ended, such as waiting for a thread.
        print("ending", flush=True)
        time.sleep(60)

app.app = busy
app.main()
"""
"""A command that is busy, and then slow to end."""


def test_second_interrupt_ends_the_program_at_once() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in ("started\n", "ending\n"):
            assert process.stdout.readline() == line
            process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == ExitStatus.INTERRUPTED
