"""Threads of a search in an index: one, where several threads search at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_THIS_THREAD = threading.local()


@contextmanager
def single_threaded_search() -> Iterator[None]:
    """Have the searches of this thread use no other one, since it is one of several that search at once."""
    before = getattr(_THIS_THREAD, "searches_alone", False)
    _THIS_THREAD.searches_alone = True
    try:
        yield
    finally:
        _THIS_THREAD.searches_alone = before


def searches_alone() -> bool:
    """Return True if the searches of this thread use no other one."""
    return bool(getattr(_THIS_THREAD, "searches_alone", False))
