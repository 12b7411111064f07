"""The application of the workbench: its parts joined, and its errors as pages."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from mediafp.case import Case
from mediafp.types.decisions import DecisionConflict
from mediafp.types.errors import MediafpError, OutdatedDraft, StoreError, UsageError
from mediafp.types.version import __version__
from mediafp.web import api, media, work
from mediafp.web.asking import Asking
from mediafp.web.guard import BodyRefused, Guard
from mediafp.web.jobs import Jobs
from mediafp.web.pages import PAGES
from mediafp.web.settings import ServeSettings
from mediafp.web.site import Site, json_response, note_request
from mediafp.web.static_files import add_static_files
from mediafp.web.store_messages import public_text, store_status
from mediafp.web.translation import page_text

_logger = logging.getLogger(__name__)
NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""Setting of FastAPI by which it records no request for OpenTelemetry, whose exporters an environment variable would start:
no data may leave this machine."""
TITLES: Final = {
    400: "This cannot be done as it was asked.",
    401: "This needs the link that mediafp serve printed.",
    403: "This is not allowed.",
    404: "There is nothing at this address.",
    405: "This address does not do that.",
    408: "The request stopped.",
    409: "Somebody else was faster.",
    413: "This is too large.",
    415: "This cannot be read.",
    422: "This cannot be done as it was asked.",
    500: "Something went wrong here.",
    503: "The case cannot be read.",
    507: "The disk is full.",
}
"""Headings of the pages of errors, by the HTTP status."""


def create_app(case: Case, settings: ServeSettings) -> ASGIApp:
    """Return the application over an open case, which it does not close.

    Args:
        case: The case.
        settings: Where it listens, and the token.
    """
    jobs = Jobs(case.folder, work.work_of(case, settings.speech))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        site.warming.start()
        yield
        site.close()
        asking.close()
        jobs.close()
        site.warming.join()

    app = FastAPI(
        title="mediafp",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(note_request)],
        telemetry=NO_TELEMETRY,
    )
    site = Site(app, case, settings, jobs)
    asking = Asking(site.queries, settings.speech)
    add_static_files(app)
    for kind in (HTTPException, RequestValidationError, BodyRefused, MediafpError, Exception):
        app.add_exception_handler(kind, partial(_answer_error, site))
    media.add_media(site)
    api.add_api(site, asking)
    for add_page in PAGES:
        add_page(site, asking)
    return Guard(app, settings)


async def _answer_error(site: Site, request: Request, error: Exception) -> Response:
    """Return an error as a page or, of the API, as an object; never with a traceback or a path of this machine."""
    await note_request(request)
    status, message = _status_of(error, site.case.folder)
    if status >= 500:
        _logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    if request.url.path.startswith("/api/") or request.url.path.endswith((".json", ".csv")):
        return json_response({"error": message, "status": status}, status)
    title = TITLES.get(status, TITLES[400 if status < 500 else 500])
    text = site.translation().gettext(message)
    values = {"title": title, "message": text, "is_english": text == message, "status": status}
    if not isinstance(error, StoreError) or error.kind in ("read_only", "unknown"):
        with suppress(StoreError):
            return site.render("error.html.j2", values, status=status)
    return site.render("error.html.j2", values, status=status, states_case=False)


def _status_of(error: Exception, folder: Path) -> tuple[int, str]:
    """Return the HTTP status and the message of an error, which does not state the folder of the case."""
    match error:
        case HTTPException():
            # Starlette's own words for an unknown address are those of the standard.
            start = page_text("check the address, or begin at the start page")
            detail = start if error.detail == "Not Found" else error.detail
            return error.status_code, str(detail)
        case BodyRefused():
            return error.status, str(error)
        case RequestValidationError():
            # An address with a parameter that is not valid names nothing.
            is_address = any(part["loc"][:1] == ("path",) for part in error.errors())
            names = ", ".join(sorted({str(part["loc"][-1])[:40] for part in error.errors()}))
            return (
                (404, page_text("there is no such page")) if is_address else (400, f"cannot use the value of: {names}")
            )
        case DecisionConflict() | OutdatedDraft():
            return 409, public_text(error, folder)
        case StoreError():
            return store_status(error), public_text(error, folder)
        case UsageError():
            return 400, public_text(error, folder)
        case MediafpError():
            return 415, public_text(error, folder)
        case _:
            return 500, "an internal error; the terminal of mediafp serve states it"
