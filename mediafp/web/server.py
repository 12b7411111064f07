"""The server of the workbench: it opens the address, prints the link and answers until it is interrupted."""

import errno
import os
import secrets
import socket
import webbrowser
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from mediafp.case import Case
from mediafp.types.errors import UsageError
from mediafp.types.runs import SpeechOptions
from mediafp.web.app import create_app
from mediafp.web.guard import MAX_HEADER_BYTES
from mediafp.web.heaps import share_heaps
from mediafp.web.settings import DEFAULT_PORT, LOOPBACK, ServeSettings

MAX_CONNECTIONS: Final = 100
"""Connections at once; further ones are answered with 503. Chosen: a browser opens six to one host."""
MIN_TOKEN_CHARS: Final = 16
"""Characters of a token that a user chooses: fewer can be guessed."""
IDLE_SECONDS: Final = 10
"""Seconds after which an idle connection is closed. Chosen, not measured."""


def serve(
    case: Case,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    token: str | None = None,
    speech: SpeechOptions = SpeechOptions(),  # noqa: B008
    on_ready: Callable[[ServeSettings], object] = lambda settings: None,
    open_browser: bool = False,
) -> None:
    """Serve a case until the program is interrupted.

    Args:
        case: The case, which is not closed.
        host: Address to listen on.
        port: Port to listen on; None for `DEFAULT_PORT`, or a free one if that is taken; 0 for a free one.
        token: Token of whoever may use it; None for a random one.
        speech: Options of transcription.
        on_ready: Called with the settings once the address is open.
        open_browser: Open the link in the user's browser.

    Raises:
        UsageError: The address cannot be opened, or a host that others reach has no token.
    """
    if host in ("0.0.0.0", "::", ""):
        # Requests state the name that they were sent to, which is checked against DNS rebinding.
        raise UsageError(
            f"cannot serve on {host!r}: it means every address of this machine; name the one that others call it by"
        )
    if host not in LOOPBACK and token is None:
        raise UsageError(
            f"cannot serve on {host!r}: other machines reach it; name a token of your own: --token, or omit --host"
        )
    if token is not None and len(token) < MIN_TOKEN_CHARS:
        raise UsageError(f"cannot use this token: it has fewer than {MIN_TOKEN_CHARS} characters; choose a longer one")
    share_heaps()
    listener = open_listener(host, port)
    settings = ServeSettings(
        host=host, port=listener.getsockname()[1], token=token or secrets.token_urlsafe(32), speech=speech
    )
    on_ready(settings)
    if open_browser:
        webbrowser.open(settings.link)
    new_server(create_app(case, settings)).run(sockets=[listener])


def new_server(app: ASGIApp) -> uvicorn.Server:
    """Return a server of an application, with its limits."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=3,
    )
    return uvicorn.Server(config)


def open_listener(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens on an address. Raises UsageError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":
        # The address of a server that ended a moment ago may be used again.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        try:
            listener.bind((host, DEFAULT_PORT if port is None else port))
        except OSError as error:
            if port is not None or error.errno != errno.EADDRINUSE:
                raise
            listener.bind((host, 0))
        listener.listen(MAX_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"cannot serve on {host!r}, port {port or DEFAULT_PORT}: {error.strerror}; choose another --host or --port"
        ) from error
    return listener
