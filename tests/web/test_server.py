"""The settings of a server that cannot be used are refused before it listens."""

import socket

import pytest

from mediafp.case.case import Case
from mediafp.types.errors import UsageError
from mediafp.web.server import DEFAULT_PORT, open_listener, serve


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": "192.0.2.1"}, "--token"),
        ({"host": "0.0.0.0", "token": "x" * 32}, "every address"),
        ({"host": "192.0.2.1", "token": "x" * 32}, "cannot serve on '192.0.2.1'"),
        ({"token": "short"}, "fewer than 16"),
    ],
)
def test_server_that_others_reach_or_that_cannot_listen_is_refused(
    options: dict[str, str], message: str, case: Case
) -> None:
    with pytest.raises(UsageError, match=message):
        serve(case, port=0, **options)  # type: ignore[arg-type]


def test_taken_port_is_replaced_unless_it_was_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match="choose another"):
            open_listener("127.0.0.1", port)
    with open_listener("127.0.0.1", None) as one, open_listener("127.0.0.1", None) as other:
        assert one.getsockname()[1] != other.getsockname()[1] != DEFAULT_PORT
