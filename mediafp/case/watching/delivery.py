"""The delivery of hits to a program of the user, or to an address of this machine."""

import ipaddress
import json
import shlex
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import SplitResult, urlsplit

from mediafp.report.jsonl import json_line, watch_hit_to_json
from mediafp.types.errors import UsageError
from mediafp.types.watches import WatchHit

COMMAND_SECONDS: Final = 60.0
"""Seconds that the command of a user may take before it is ended. Chosen, not measured."""
WEBHOOK_SECONDS: Final = 5.0
"""Seconds that a server may take to accept a connection, and to answer. Chosen, not measured."""
STANDARD_ERROR: Final = 2
"""File descriptor of standard error."""

type Deliver = Callable[[Sequence[WatchHit]], list[str]]
"""Function that delivers hits, and returns the problems in words."""


def open_deliveries(command: str | None, webhook: str | None) -> Deliver:
    """Return the function that delivers hits to a command and to an address, after checking both.

    Args:
        command: Program with its arguments, quoted as for a shell, which none reads; None for no command.
        webhook: Address on this machine; None for no address.

    Raises:
        UsageError: The command is empty or its quotes do not match, or the address is not one of this machine.
    """
    arguments = _split_command(command) if command is not None else None
    url = _check_webhook(webhook) if webhook is not None else None

    def deliver(hits: Sequence[WatchHit]) -> list[str]:
        problems = [_run_command(arguments, hits)] if arguments else []
        problems += [_post(url, hits)] if url else []
        return [problem for problem in problems if problem]

    return deliver


def _split_command(command: str) -> list[str]:
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"cannot run the command {command!r}: {error}; close its quotes") from None
    if not arguments:
        raise UsageError("cannot run an empty command; name a program")
    return arguments


def _run_command(arguments: Sequence[str], hits: Sequence[WatchHit]) -> str | None:
    """Run a program with hits as JSON Lines on its input; return the problem, None if there is none.

    Its output goes to standard error, as standard output is for results alone.
    """
    lines = "".join(f"{json_line(watch_hit_to_json(hit))}\n" for hit in hits)
    try:
        done = subprocess.run(
            arguments,
            input=lines.encode("utf-8", "surrogateescape"),
            stdout=STANDARD_ERROR,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the command {arguments[0]!r} was ended after {COMMAND_SECONDS:.0f} s"
    except (OSError, ValueError) as error:
        return f"the command {arguments[0]!r} did not run: {error}"
    return f"the command {arguments[0]!r} ended with status {done.returncode}" if done.returncode else None


def _check_webhook(webhook: str) -> SplitResult:
    """Return the parts of an address of this machine. Raises UsageError for another one."""

    def fail(reason: str) -> UsageError:
        return UsageError(f"cannot send hits to '{webhook}': {reason}; name an address as http://127.0.0.1:8000/hits")

    try:
        url = urlsplit(webhook)
        host, port = url.hostname, url.port or 80
    except ValueError as error:
        raise fail(str(error)) from None
    if url.scheme != "http" or not host:
        raise fail("it is not an http address")
    if url.username or url.password:
        raise fail("it contains a name or a password")
    if any(character <= " " or character == "\x7f" for character in webhook) or not webhook.isascii():
        raise fail("it contains characters that an address cannot have")
    _resolve(host, port, fail)
    return url


def _resolve(host: str, port: int, fail: Callable[[str], Exception]) -> str:
    """Return a numeric address of a host, all of whose addresses are of this machine; raise what `fail` returns otherwise."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise fail(f"the host is not known ({error})") from None
    addresses = [str(address[0]) for *_, address in found]
    if not addresses or not all(_is_loopback(address) for address in addresses):
        raise fail(f"no data leaves this machine, and {host} is another one")
    return addresses[0]


def _is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def _post(url: SplitResult, hits: Sequence[WatchHit]) -> str | None:
    """Send hits to an address as one JSON object; return the problem, None if there is none. Redirects are not followed."""
    host, port = url.hostname or "", url.port or 80
    body = json.dumps({"hits": [watch_hit_to_json(hit) for hit in hits]}).encode()
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    try:
        # Resolved anew, and connected to by its number: a name may have another address by now.
        address = _resolve(host, port, OSError)
        with closing(HTTPConnection(address, port, timeout=WEBHOOK_SECONDS)) as connection:
            headers = {"Content-Type": "application/json", "Host": url.netloc, "Connection": "close"}
            connection.request("POST", target, body, headers)
            status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"'{url.geturl()}' did not take the hits: {error}"
    return None if 200 <= status < 300 else f"'{url.geturl()}' did not take the hits: it answered {status}"
