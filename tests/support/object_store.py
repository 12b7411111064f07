"""A local S3 server for tests, which can fail some of its calls."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

BUCKET = "mediafp-tests"
SECRET = "SECRET-of-the-tests-0123456789"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDOFTHETESTS",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_REGION": "us-east-1",
}


class ObjectStore:
    """A server of moto on loopback.

    Attributes:
        url: Its address.
        is_failing: Given the number of a call, from 0, True if it fails.
        calls: Number of calls so far.
    """

    def __init__(self) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._answer = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self.calls = 0
        self.is_failing: Callable[[int], bool] = lambda call: False
        self._server = make_server("127.0.0.1", 0, self._handle, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _handle(self, environ: dict[str, Any], start_response: Any) -> Any:
        with self._lock:
            call, self.calls = self.calls, self.calls + 1
        if self.is_failing(call):
            start_response("503 Slow Down", [("Content-Length", "0")])
            return [b""]
        return self._answer(environ, start_response)

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def skip_without_lance() -> None:
    """Skip the test if the extra `cluster` is not installed."""
    pytest.importorskip("lance", reason="the extra 'cluster' is not installed: pip install 'mediafp[cluster]'")


def skip_without_server() -> None:
    """Skip the test if there is no local S3 server."""
    skip_without_lance()
    pytest.importorskip("moto.server", reason="moto is not installed: pip install 'mediafp[dev]'")


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Give a server with an empty bucket `BUCKET`."""
    import boto3

    server = ObjectStore()
    try:
        boto3.client(
            "s3",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=SECRET,
        ).create_bucket(Bucket=BUCKET)
        yield server
    finally:
        server.close()
