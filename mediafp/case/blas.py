"""Limit of the threads of matrix products."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


@cache
def single_threaded_blas() -> "SingleThreadedBlas":
    """Return the limit of this process, which all its threads share."""
    return SingleThreadedBlas()


class SingleThreadedBlas:
    """Block in which BLAS uses one thread, entered by any number of threads at once.

    The products of a query are small: the threads of BLAS wait longer than they compute, which doubles the CPU time of
    a query. `OPENBLAS_NUM_THREADS`, which the command line sets, is not enough: OpenBLAS reads it when NumPy is
    imported, and a program that uses the Python interface may import NumPy first and needs its threads elsewhere.
    """

    def __init__(self) -> None:
        self._controller = ThreadpoolController()
        self._lock = threading.Lock()
        self._inside = 0
        self._limit: Any = None

    @contextmanager
    def limit(self) -> Iterator[None]:
        """Limit BLAS to one thread while any caller is inside `limit`. The limit applies to the whole process."""
        with self._lock:
            if not self._inside:
                self._limit = self._controller.limit(limits=1, user_api="blas")
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._limit.restore_original_limits()
