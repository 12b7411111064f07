"""A workbench on loopback over a case, for tests."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from mediafp.case.case import Case
from mediafp.web.app import create_app
from mediafp.web.page_token import FIELD, page_token
from mediafp.web.server import new_server, open_listener
from mediafp.web.settings import ServeSettings

TOKEN = "a-token-of-the-tests"


class ServedCase:
    """A running workbench: its settings, and a client with the token of the session."""

    def __init__(self, case: Case, settings: ServeSettings) -> None:
        self.case, self.settings = case, settings
        self.origin = settings.origin
        self.client = httpx.Client(
            base_url=settings.origin,
            headers={"authorization": f"Bearer {TOKEN}", "origin": settings.origin},
            timeout=60,
        )

    def get(self, path: str, **options: object) -> httpx.Response:
        """Return the answer to a request of a page."""
        return self.client.get(path, **options)  # type: ignore[arg-type]

    def post(self, path: str, fields: dict[str, str] | None = None, **options: object) -> httpx.Response:
        """Return the answer to a form of a page."""
        form = {FIELD: page_token(self.settings), **(fields or {})}
        return self.client.post(path, data=form, **options)  # type: ignore[arg-type]


@contextmanager
def served(case: Case) -> Iterator[ServedCase]:
    """Serve a case in a thread while the block runs."""
    listener = open_listener("127.0.0.1", 0)
    settings = ServeSettings(host="127.0.0.1", port=listener.getsockname()[1], token=TOKEN)
    server = new_server(create_app(case, settings))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server ended"
            time.sleep(0.01)
        one = ServedCase(case, settings)
        with one.client:
            yield one
    finally:
        server.should_exit = True
        thread.join()
