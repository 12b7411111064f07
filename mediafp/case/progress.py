"""Progress and work time of files that are processed side by side."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

ProgressCallback = Callable[[float], object]


class _Progress:
    """Adds up the shares of the files underway."""

    def __init__(self, on_progress: ProgressCallback) -> None:
        self._on_progress, self._done, self._lock = on_progress, 0.0, Lock()

    def file(self) -> ProgressCallback:
        """To be told the share of one file that is done, from any thread."""
        last = 0.0

        def told(share: float) -> None:
            nonlocal last
            with self._lock:
                self._done += share - last
                last = share
                self._on_progress(self._done)

        return told


class WorkTimer:
    """Wall time, shared among the files that are worked on side by side; a file is known by its number."""

    def __init__(self) -> None:
        self._lock, self._since = Lock(), time.monotonic()
        self._spent: defaultdict[int, float] = defaultdict(float)
        self._working: list[int] = []

    @contextmanager
    def on(self, file: int) -> Iterator[None]:
        """While a file is worked on, in any thread."""
        with self._lock:
            self._settle()
            self._working.append(file)
        try:
            yield
        finally:
            with self._lock:
                self._settle()
                self._working.remove(file)

    def taken(self, file: int) -> float:
        """Seconds that a file took; to be asked once."""
        with self._lock:
            return self._spent.pop(file, 0.0)

    def _settle(self) -> None:
        now = time.monotonic()
        for file in self._working:
            self._spent[file] += (now - self._since) / len(self._working)
        self._since = now
