"""The limit of the threads of matrix products."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from processes import PATIENCE_SECONDS
from threadpoolctl import ThreadpoolController

from mediafp.engine.blas import SingleThreadedBlas


def blas_threads() -> set[int]:
    """Return the number of threads of each BLAS that is loaded, but for that of FAISS: OpenMP counts by thread."""
    libraries = ThreadpoolController().select(user_api="blas").info()
    return {library["num_threads"] for library in libraries if library["threading_layer"] != "openmp"}


def test_limit_holds_in_whichever_thread_enters_first_and_ends_with_the_last_one() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))
    # A limit of its own, which knows each library that other tests have loaded.
    before, blas = blas_threads(), SingleThreadedBlas()

    def limited_threads() -> set[int]:
        with blas.limit():
            return blas_threads()

    assert limited_threads() == {1}
    for _ in range(2):
        # A thread of its own each time.
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(limited_threads).result(PATIENCE_SECONDS) == {1}
        assert blas_threads() == before


def test_limit_holds_until_the_last_of_several_threads_leaves() -> None:
    before, entered, leave = blas_threads(), threading.Event(), threading.Event()
    blas = SingleThreadedBlas()

    def stay() -> set[int]:
        with blas.limit():
            entered.set()
            leave.wait(PATIENCE_SECONDS)
            return blas_threads()

    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(stay)
        entered.wait(PATIENCE_SECONDS)
        try:
            with blas.limit():
                assert blas_threads() == {1}
            assert blas_threads() == {1}
        finally:
            leave.set()
        assert future.result(PATIENCE_SECONDS) == {1}
    assert blas_threads() == before
