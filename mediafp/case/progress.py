"""Progress and work time of files that are processed at once."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

ProgressCallback = Callable[[float], object]
"""Function that gets the amount done so far."""


class ProgressSum:
    """Sum of the shares that are done of several files. Files may report from any thread."""

    def __init__(self, on_progress: ProgressCallback) -> None:
        self._on_progress, self._done, self._lock = on_progress, 0.0, Lock()

    def add_file(self) -> ProgressCallback:
        """Return the function that gets the share of one more file that is done, 0..1."""
        last = 0.0

        def report(share: float) -> None:
            nonlocal last
            with self._lock:
                self._done += share - last
                last = share
                self._on_progress(self._done)

        return report


def split_share(report: ProgressCallback, weights: Sequence[float]) -> list[ProgressCallback]:
    """Return the functions that get the shares of the parts of a file that are done, 0..1, each part with its weight.

    Args:
        report: Function that gets the share of the file.
        weights: Weight of each part; at least one is above 0.
    """
    parts = ProgressSum(lambda done: report(done / sum(weights)))

    def weighted(report_part: ProgressCallback, weight: float) -> ProgressCallback:
        return lambda share: report_part(weight * share)

    return [weighted(parts.add_file(), weight) for weight in weights]


class WorkTimer:
    """Wall time, divided at each moment among the files that are worked on; a file is named by its number."""

    def __init__(self) -> None:
        self._lock, self._since = Lock(), time.monotonic()
        self._spent: defaultdict[int, float] = defaultdict(float)
        self._working: list[int] = []

    @contextmanager
    def measure(self, file: int) -> Iterator[None]:
        """Count the time inside the block, in any thread, as work on a file."""
        with self._lock:
            self._settle()
            self._working.append(file)
        try:
            yield
        finally:
            with self._lock:
                self._settle()
                self._working.remove(file)

    def take_seconds(self, file: int) -> float:
        """Return the seconds spent on a file, and forget them."""
        with self._lock:
            return self._spent.pop(file, 0.0)

    def _settle(self) -> None:
        now = time.monotonic()
        for file in self._working:
            self._spent[file] += (now - self._since) / len(self._working)
        self._since = now
