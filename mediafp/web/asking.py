"""Answers to queries, found in threads beside the requests: a page shows what is known so far."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import Final

from mediafp.case.saved_queries import SavedQueries
from mediafp.types.errors import MediafpError
from mediafp.types.runs import SpeechOptions
from mediafp.types.saved_queries import SavedQuery

_logger = logging.getLogger(__name__)
CONCURRENT_ANSWERS: Final = 2
"""Queries that are answered at once; the others wait. Chosen: laptops have two cores or more."""
REDIRECT_SECONDS: Final = 1.2
"""Seconds for which an upload waits for its answer before it leads to the page, which then shows what is known so far."""


class Asking:
    """The queries that are being answered."""

    def __init__(self, queries: SavedQueries, speech: SpeechOptions) -> None:
        """Use the saved queries, and options of their transcription; those that another program left have failed."""
        self.queries, self._speech = queries, speech
        queries.fail_interrupted()
        self._threads = ThreadPoolExecutor(CONCURRENT_ANSWERS, "answer")
        self._lock = Lock()
        self._running: dict[str, Future[SavedQuery | None]] = {}

    def start(self, sha256: str) -> "Future[SavedQuery | None]":
        """Begin to answer a query that was received; one that is being answered is not begun again."""
        with self._lock:
            future = self._running.get(sha256)
            if future is None or future.done():
                future = self._running[sha256] = self._threads.submit(self._answer, sha256)
            self._running = {key: one for key, one in self._running.items() if not one.done() or key == sha256}
        return future

    def wait(self, sha256: str, seconds: float = REDIRECT_SECONDS) -> None:
        """Return when a query is answered, or after some seconds."""
        with self._lock:
            future = self._running.get(sha256)
        if future:
            wait([future], seconds)

    def close(self) -> None:
        """Answer no further queries, and return when those that are being answered have ended."""
        self._threads.shutdown(cancel_futures=True)

    def _answer(self, sha256: str) -> SavedQuery | None:
        try:
            return self.queries.run(sha256, speech=self._speech)
        except MediafpError as error:
            # The saved query states it.
            _logger.info("%s", error)
        except Exception:
            _logger.exception("a query could not be answered")
            self.queries.fail(sha256, "internal error; the terminal of mediafp serve states it")
        return None
