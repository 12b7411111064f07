"""A cache whose values together take a limited number of bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable


class BoundedCache[K: Hashable, V]:
    """Values by their keys; the one that was used longest ago goes first. Several threads may use it."""

    def __init__(self, load: Callable[[K], V], size: Callable[[V], int], max_bytes: int) -> None:
        """Create an empty cache.

        Args:
            load: Returns the value of a key; an exception that it raises is not cached.
            size: Returns the bytes that a value takes.
            max_bytes: Bytes that all values take; a value that takes more is not kept.
        """
        self._load, self._size, self._max_bytes = load, size, max_bytes
        self._lock = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()
        self._bytes = 0

    def get(self, key: K) -> V:
        """Return the value of a key, loaded if it is not in the cache."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = self._load(key)
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._bytes += self._size(value)
            while self._bytes > self._max_bytes:
                self._bytes -= self._size(self._values.popitem(last=False)[1])
        return value
