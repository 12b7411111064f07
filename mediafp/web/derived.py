"""Results over the whole case, computed beside the requests: pages show the last ones, with their time."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mediafp.types.errors import MediafpError
from mediafp.types.timestamps import utc_now

_logger = logging.getLogger(__name__)
FIRST_WAIT_SECONDS: Final = 2.0
"""Time for which a page waits for a first result; then it says that it is being computed. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed[Value]:
    """A result, and the state of the case that it is of."""

    value: Value
    at: str
    """ISO 8601 in UTC."""
    revision: int
    """Number of the last entry of the custody log before it was computed."""


class Derived[Value]:
    """One result over the whole case, computed again in a thread of its own when the case has changed."""

    def __init__(self, compute: Callable[[], Value], revision: Callable[[], int]) -> None:
        self._compute, self._revision = compute, revision
        self._changed = threading.Condition()
        self._last: Computed[Value] | None = None
        self._is_running = self._is_closed = False

    def close(self) -> None:
        """Start nothing more, and return when what runs has ended: the case may be closed only then."""
        with self._changed:
            self._is_closed = True
            self._changed.wait_for(lambda: not self._is_running)

    def get(self) -> Computed[Value] | None:
        """Return the last result, and start a new one if the case has changed; None if the first one takes long."""
        last = self._last
        if last is None or last.revision != self._revision():
            self._start()
        if last is None:
            with self._changed:
                self._changed.wait_for(lambda: self._last is not None or not self._is_running, FIRST_WAIT_SECONDS)
        return self._last

    @property
    def last(self) -> Computed[Value] | None:
        """The last result, whatever has changed since; nothing is computed for it."""
        return self._last

    def latest(self) -> Computed[Value] | None:
        """Return what `get` returns, without waiting for a first result."""
        return self.wait(0)

    def wait(self, seconds: float) -> Computed[Value] | None:
        """Return a result of the case as it is now, or the last one if that takes longer than some seconds."""
        if self._last is None or self._last.revision != self._revision():
            self._start()
            with self._changed:
                self._changed.wait_for(lambda: not self._is_running, seconds)
        return self._last

    def is_current(self) -> bool:
        """Return True if the last result is of the case as it is now."""
        return self._last is not None and self._last.revision == self._revision()

    def _start(self) -> None:
        with self._changed:
            if self._is_running or self._is_closed:
                return
            self._is_running = True
        threading.Thread(target=self._run, name="derived", daemon=True).start()

    def _run(self) -> None:
        try:
            before = self._revision()
            value = self._compute()
            self._last = Computed(value=value, at=utc_now(), revision=before)
        except MediafpError as error:
            _logger.warning("%s", error)
        except Exception:
            _logger.exception("a result of the case could not be computed")
        finally:
            with self._changed:
                self._is_running = False
                self._changed.notify_all()
