"""The start of workers, models, indexes and results beside the first requests, so that these need not wait for it."""

import logging
import threading
from collections.abc import Callable, Iterable

from mediafp.types.errors import MediafpError

_logger = logging.getLogger(__name__)


class Warming:
    """Functions that are called in a thread once the server starts; pages say until the first one is over."""

    def __init__(self, load_models: Callable[[], object], others: Iterable[Callable[[], object]]) -> None:
        """Take the function that loads what the first question needs, and those that compute what pages show."""
        self._functions = [load_models, *others]
        self._thread = threading.Thread(target=self._run, name="warming", daemon=True)
        self._done = threading.Event()

    @property
    def is_done(self) -> bool:
        """True once the models are loaded, also if that failed: the first question then states why."""
        return self._done.is_set()

    def add(self, function: Callable[[], object]) -> None:
        """Call a further function; before `start`."""
        self._functions.append(function)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self) -> None:
        """Return when it is over."""
        self._thread.join()

    def _run(self) -> None:
        for function in self._functions:
            try:
                function()
            except MediafpError as error:
                _logger.warning("%s", error)
            except Exception:
                _logger.exception("what the first requests need could not be loaded beforehand")
            self._done.set()
