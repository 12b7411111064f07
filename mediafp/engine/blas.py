"""Limit of the threads of matrix products."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import OpenBLASController, ThreadpoolController


class SingleThreadedBlas:
    """Block in which BLAS uses one thread, entered by any number of threads at once.

    The products of a query are small: the threads of BLAS wait longer than they compute, which doubles the CPU time of
    a query. `OPENBLAS_NUM_THREADS`, which the command line sets, is not enough: OpenBLAS reads it when NumPy is
    imported, and a program that uses the Python interface may import NumPy first and needs its threads elsewhere.
    """

    def __init__(self) -> None:
        self._controller: ThreadpoolController | None = None
        self._lock = threading.Lock()
        self._inside = 0
        self._limit: Any = None

    @contextmanager
    def limit(self) -> Iterator[None]:
        """Limit BLAS to one thread while any caller is inside `limit`. The limit applies to the whole process."""
        with self._lock:
            if not self._inside:
                # NumPy and OpenCV each have a BLAS, which must be loaded by now.
                import cv2  # noqa: F401

                self._controller = self._controller or ThreadpoolController()
                _let_this_thread_control()
                self._limit = self._controller.limit(limits=1, user_api="blas")
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    _let_this_thread_control()
                    self._limit.restore_original_limits()


def _let_this_thread_control() -> None:
    """Let the current thread set the number of threads: from threadpoolctl 3.8 on, any but the first one to do so is ignored."""
    clear = getattr(OpenBLASController, "clear_controlling_thread", None)
    if clear:
        clear(force=True)


_LIMIT = SingleThreadedBlas()


def single_threaded_blas() -> SingleThreadedBlas:
    """Return the limit of this process, which all its threads share.

    Products by several threads differ in the last digits, and with them the placement of equal images.
    """
    return _LIMIT
