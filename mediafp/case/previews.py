"""Small copies of videos that browsers play: made one at a time beside the requests, and kept beside the store."""

import logging
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from mediafp.case.pairs import Pairs
from mediafp.case.preview_files import FOLDER_NAME, SUFFIX, preview_path, remove_oldest_previews
from mediafp.engine.interface import Engine, PreviewMaker
from mediafp.types.errors import NO_ACCESS, MediafpError, UnreadableMedia, UsageError

_logger = logging.getLogger(__name__)
PreviewState = Literal["none", "waiting", "ready", "failed"]
"""`none`: it was not asked for."""
DENIED: Final = "nothing may be written to the folder of the case"
"""Reason of a preview that cannot be kept."""
MAX_WAITING: Final = 32
"""Previews that wait to be made. Chosen, not measured."""
MAX_KEPT_ERRORS: Final = 200
"""Videos whose failure is kept in memory. Chosen, not measured."""


class Previews:
    """The previews of a case. Several threads may use one object."""

    def __init__(self, store_folder: Path, pairs: Pairs, open_engine: Callable[[], Engine]) -> None:
        self._folder, self._pairs, self._open_engine = store_folder, pairs, open_engine
        self._threads = ThreadPoolExecutor(1, "preview")
        self._lock = threading.Lock()
        self._running: dict[str, Future[None]] = {}
        self._errors: OrderedDict[str, str] = OrderedDict()
        self._make: PreviewMaker | None = None

    def find(self, sha256: str) -> Path | None:
        """Return the preview of a video; None if there is none."""
        path = preview_path(self._folder, sha256)
        return path if path.is_file() else None

    def state(self, sha256: str) -> tuple[PreviewState, str]:
        """Return how far the preview of a video is, and the reason if there is none."""
        if self.find(sha256):
            return "ready", ""
        with self._lock:
            if sha256 in self._running:
                return "waiting", ""
            error = self._errors.get(sha256)
        return ("failed", error) if error else ("none", "")

    def start(self, sha256: str) -> None:
        """Make the preview of a video unless there is one; one that failed is tried again.

        Raises:
            UsageError: Too many wait already.
        """
        with self._lock:
            if sha256 in self._running or self.find(sha256):
                return
            if len(self._running) >= MAX_WAITING:
                raise UsageError(f"cannot prepare more than {MAX_WAITING} videos at once; wait for those")
            self._errors.pop(sha256, None)
            self._running[sha256] = self._threads.submit(self._run, sha256)

    def close(self) -> None:
        """Make no further previews; the one that is being made ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, sha256: str) -> None:
        error = ""
        try:
            self._write(sha256)
        except MediafpError as failure:
            error = str(failure)
        except OSError as failure:
            is_denied = failure.errno in NO_ACCESS
            error = DENIED if is_denied else failure.strerror or "the disk cannot be written"
        except Exception:
            _logger.exception("a preview could not be made")
            error = "internal error; the terminal of mediafp serve states it"
        finally:
            with self._lock:
                del self._running[sha256]
                if error:
                    self._errors[sha256] = error
                while len(self._errors) > MAX_KEPT_ERRORS:
                    self._errors.popitem(last=False)

    def _write(self, sha256: str) -> None:
        if self._make is None:
            self._make = self._open_engine().preview_maker()
        asset = self._pairs.asset(sha256)
        with self._pairs.opened(sha256) as file:
            if file is None or asset is None:
                raise UnreadableMedia("the file is gone from where it was seen, or was changed")
            folder = self._folder / FOLDER_NAME
            folder.mkdir(mode=0o700, exist_ok=True)
            part = folder / f".{sha256}.{secrets.token_hex(4)}"
            try:
                with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
                    self._make(file, asset, output)
                part.replace(folder / f"{sha256}{SUFFIX}")
            finally:
                with suppress(FileNotFoundError):
                    part.unlink()
        remove_oldest_previews(self._folder)
