"""A page as a PDF, printed by the browser of the user, without a network and for a limited time."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from mediafp.types.errors import UsageError

BROWSERS: Final = (
    *(
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "chrome",
        "microsoft-edge",
        "msedge",
        "brave",
    ),
)
"""Programs that print a page without a window, in the order in which they are tried."""
APPLICATIONS: Final = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
"""The same on macOS, where they are on no search path."""
PRINT_SECONDS: Final = 90
"""Wall seconds that a browser may take; Chromium takes 3 for a page of 20 cards. Chosen, not measured."""
_CREATOR: Final = re.compile(rb"(/Creator \()((?:[^()\\]|\\.)*)\)")
"""Entry of a PDF in which a browser states itself and its operating system; it keeps its length, on which the file depends."""
MAX_MESSAGE_CHARS: Final = 200
"""Last characters of what a browser says that are repeated in an error."""


def print_pdf(page: bytes) -> bytes:
    """Return a page as a PDF.

    Args:
        page: HTML that loads nothing.

    Raises:
        UsageError: There is no browser, or it fails.
    """
    browser = find_browser()
    # Under a name that says nothing: a PDF may contain the address that it was printed from.
    with tempfile.TemporaryDirectory(prefix="print-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        source, output = folder / "page.html", folder / "page.pdf"
        source.write_bytes(page)
        _run([browser, *_options(folder, output), source.as_uri()], folder)
        try:
            return _CREATOR.sub(lambda found: found[1] + b" " * len(found[2]) + b")", output.read_bytes())
        except OSError as error:
            raise UsageError(
                f"cannot print the page: '{browser}' wrote no PDF; print it from a browser by hand"
            ) from error


def find_browser() -> str:
    """Return the path of a browser that can print. Raises UsageError if none is installed."""
    found = next(filter(None, map(shutil.which, (*BROWSERS, *APPLICATIONS))), None)
    if found is None:
        raise UsageError(
            "cannot print the page: no Chromium, Chrome, Edge or Brave is on PATH;"
            " install one, or open the HTML page and print it to a PDF"
        )
    return found


def _options(folder: Path, output: Path) -> list[str]:
    """Return the options of a browser: no window, no state of the user, no network."""
    options = [
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-extensions",
        "--disable-sync",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-default-apps",
        "--no-pings",
        # Whatever it asks for, no name has an address, and no proxy answers.
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--proxy-server=127.0.0.1:9",
        "--proxy-bypass-list=<-loopback>",
        f"--user-data-dir={folder / 'profile'}",
        "--no-pdf-header-footer",
        "--print-to-pdf-no-header",
        f"--print-to-pdf={output}",
    ]
    # As root, Chromium does not start with its sandbox.
    return [*options, "--no-sandbox"] if sys.platform == "linux" and os.geteuid() == 0 else options


def _run(command: list[str], folder: Path) -> None:
    """Run a browser to its end. Raises UsageError if it fails or takes too long."""
    variables = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    variables |= {"HOME": str(folder), "TMPDIR": str(folder)}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            _, messages = process.communicate(timeout=PRINT_SECONDS)
        except subprocess.TimeoutExpired:
            raise UsageError(
                f"cannot print the page: '{command[0]}' took more than {PRINT_SECONDS} s; print it from a browser by hand"
            ) from None
        finally:
            _end_group(process)
    if process.returncode:
        last = messages.decode("utf-8", "replace").strip()[-MAX_MESSAGE_CHARS:]
        raise UsageError(f"cannot print the page: '{command[0]}' failed: {last}; print it from a browser by hand")


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End a browser with all of its processes, which are a session of their own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
