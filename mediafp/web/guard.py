"""Checks of every request before a page sees it, and the security headers of every response.

The threats: another page in the user's browser that posts to the workbench or reads from it (cross-site requests, DNS
rebinding), and another program on this machine or network without the token.
"""

import asyncio
import hmac
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mediafp.web.settings import ServeSettings

CONTENT_SECURITY_POLICY: Final = "; ".join((
    "default-src 'none'",
    "img-src 'self' blob:",
    "media-src 'self'",
    "style-src 'self'",
    "script-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
))  # fmt: skip
"""Content Security Policy (W3C) of every page: what it shows and runs comes from this server, and nothing is inline."""
SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Headers of every response that has none of its own. Pages relax the referrer to their own origin in a `meta` element:
without a referrer, browsers send the origin `null` with a form."""
SAFE_METHODS: Final = frozenset(("GET", "HEAD"))
"""Methods that change nothing."""
METHODS: Final = SAFE_METHODS | {"POST", "PUT", "DELETE"}
"""Methods that are answered."""
FORM_TYPES: Final = frozenset(("application/x-www-form-urlencoded", "multipart/form-data"))
"""Content types of the forms of pages. The API takes none of them: any page on the web can send them."""
API_TYPES: Final = frozenset(("application/json", "application/octet-stream"))
"""Content types that the API takes."""
HIDDEN_PATH_PARTS: Final = ("%00", "%2e", "%2f", "%5c", "..", "//", "\\", "\0")
"""Parts of a raw path that no address of the workbench contains, in lower case."""
MAX_BODY_BYTES: Final = 1 << 20
"""Bytes of a request body; uploads have limits of their own. Chosen: drafts of publications have 100 kB."""
MAX_HEADER_BYTES: Final = 32 << 10
"""Bytes of the head of a request. Chosen: that of a browser has 1 kB."""
MAX_ADDRESS_BYTES: Final = 8 << 10
"""Bytes of the address of a request. Chosen: the longest one of a page has 2 kB."""
MAX_UPLOAD_BYTES: Final = 2 << 40
"""Bytes of an upload. The limits of `ingest/limits.py` apply to its kind as soon as its first bytes are there."""
MAX_LIST_UPLOAD_BYTES: Final = 257 << 20
"""Bytes of a form with a file of hashes: a megabyte more than the file may have."""
UPLOAD_LIMITS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("/ask", "/add", "/api/ask", "/api/add"), MAX_UPLOAD_BYTES),
    **dict.fromkeys(("/exchange/import", "/api/hash-lists"), MAX_LIST_UPLOAD_BYTES),
}
"""Largest body of the addresses that take files."""
MAX_SILENT_SECONDS: Final = 20.0
"""Seconds without a byte after which a request is dropped. Chosen, not measured."""
MAX_WRONG_TOKENS: Final = 30
"""Wrong tokens in a minute after which further ones are not compared. Chosen: people paste an old link now and then."""


class Guard:
    """ASGI middleware that refuses what the workbench did not ask for.

    Answers: 400 for a path that is not valid, 401 without the token, 403 for another origin, 404 for a path with hidden
    parts, 405, 408 for a body that stops, 413 for one that is too long, 414 and 431 for a head that is, 415 for another content
    type, 421 for another host, 429 for tokens that are guessed.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app, self._settings = app, settings
        self._wrong_tokens: deque[float] = deque(maxlen=MAX_WRONG_TOKENS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # There are no web sockets: the connection is closed before it is accepted.
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(raw=message["headers"])
                message["headers"] = sent.raw
                for name, value in SECURITY_HEADERS.items():
                    sent.setdefault(name, value)
                sent.setdefault("cache-control", "no-store")
            await send(message)

        refused = self._refuse(scope, headers)
        if refused:
            await refused(scope, receive, send_guarded)
            return
        limit = UPLOAD_LIMITS.get(scope["path"], MAX_BODY_BYTES)
        await self._app(scope, _limited(receive, limit), send_guarded)

    def _refuse(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the answer to a request that is refused, or that only brings the token; None to go on."""
        method, path = scope["method"], scope["path"]
        if len(headers.getlist("host")) != 1 or headers["host"].lower() not in self._settings.hosts:
            return _refusal(421, "This server answers to its own address alone.")
        if len(scope["query_string"]) + len(path) > MAX_ADDRESS_BYTES:
            return _refusal(414, "The address is too long.")
        if sum(len(name) + len(value) for name, value in headers.raw) > MAX_HEADER_BYTES:
            return _refusal(431, "The head of the request is too long.")
        if "transfer-encoding" in headers and "content-length" in headers:
            return _refusal(400, "The request states two lengths.")
        if method not in METHODS:
            return _refusal(405, "This method is not supported.")
        raw = scope.get("raw_path", path.encode()).decode("latin-1").lower()
        if any(part in raw for part in HIDDEN_PATH_PARTS) or "\0" in path:
            return _refusal(404, "There is no such page.")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return _refusal(403, "Another site sent this request.")
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in {f"http://{host}" for host in self._settings.hosts}:
            return _refusal(403, "Another site sent this request.")
        return (
            self._refuse_stranger(scope, headers)
            or (None if method in SAFE_METHODS else self._refuse_change(path, origin, headers))
            or self._refuse_length(path, headers)
        )

    def _refuse_stranger(self, scope: Scope, headers: Headers) -> Response | None:
        """Refuse a request without the token; one that has it in its address gets it as a cookie."""
        if scope["path"].startswith("/static/"):
            return None
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = [bearer.strip()] if scheme.lower() == "bearer" else _cookies(headers, self._settings.cookie_name)
        if any(self._is_token(value) for value in given):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        in_address = query.pop("token", [])
        if (given or in_address) and self._are_tokens_guessed():
            return _refusal(429, "Too many wrong tokens; wait a minute.")
        if scope["method"] == "GET" and in_address and self._is_token(in_address[0]):
            rest = urlencode(query, doseq=True)
            # From the raw path, without a host: a path that starts with two slashes was refused.
            response = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
            response.set_cookie(
                self._settings.cookie_name, self._settings.token, httponly=True, samesite="strict", path="/"
            )
            return response
        if given or in_address:
            self._wrong_tokens.append(time.monotonic())
        return _refusal(401, "Open the link that mediafp serve printed: it contains the token of this session.")

    def _refuse_change(self, path: str, origin: str | None, headers: Headers) -> Response | None:
        """Refuse a request that changes something and that a page of another site could have sent."""
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if path.startswith("/api/"):
            if content_type and content_type not in API_TYPES:
                return _refusal(415, "The API takes JSON, or the bytes of a file.")
            if origin is None and "authorization" not in headers:
                return _refusal(403, "Send the token as a bearer, or the origin of this page.")
            return None
        if origin is None:
            return _refusal(403, "This request names no origin.")
        if content_type not in FORM_TYPES:
            return _refusal(415, "Pages take forms alone.")
        return None

    def _refuse_length(self, path: str, headers: Headers) -> Response | None:
        stated = headers.get("content-length")
        if stated is None:
            return None
        if not (stated.isascii() and stated.isdigit()):
            return _refusal(400, "The length of the request is not a number.")
        limit = UPLOAD_LIMITS.get(path, MAX_BODY_BYTES)
        return _refusal(413, f"The request is longer than {limit} bytes.") if int(stated) > limit else None

    def _is_token(self, value: str) -> bool:
        return hmac.compare_digest(value.encode(), self._settings.token.encode())

    def _are_tokens_guessed(self) -> bool:
        wrong = self._wrong_tokens
        return len(wrong) == MAX_WRONG_TOKENS and time.monotonic() - wrong[0] < 60


class BodyRefused(Exception):
    """The body of a request is too long, or stopped. `status` is that of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _limited(receive: Receive, limit: int) -> Receive:
    """Return a function that raises BodyRefused for a body that is longer than a limit, or that stops."""
    read = 0
    is_complete = False

    async def receive_limited() -> Message:
        nonlocal read, is_complete
        if is_complete:
            # What comes after the body is the end of the connection, however long the answer takes.
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), MAX_SILENT_SECONDS)
        except TimeoutError:
            raise BodyRefused(408, "the request stopped") from None
        read += len(message.get("body", b""))
        is_complete = message["type"] != "http.request" or not message.get("more_body", False)
        if read > limit:
            raise BodyRefused(413, f"the request is longer than {limit} bytes")
        return message

    return receive_limited


def _cookies(headers: Headers, name: str) -> list[str]:
    pairs = (pair.strip().partition("=") for line in headers.getlist("cookie") for pair in line.split(";"))
    return [value for key, _, value in pairs if key == name]


def _refusal(status: int, message: str) -> Response:
    answer: dict[str, Any] = {"connection": "close"} if status in (413, 421) else {}
    return PlainTextResponse(message + "\n", status, headers=answer)
