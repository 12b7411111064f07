"""The addresses that take files: to ask about one, or to add several to the case."""

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from mediafp.web.asking import Asking
from mediafp.web.page_token import FIELD, HEADER
from mediafp.web.pages.jobs import start_received
from mediafp.web.site import Site
from mediafp.web.uploads import receive_body, receive_form

Name = Annotated[str, Query(max_length=1_000)]


def add_uploading(site: Site, asking: Asking) -> None:
    """Add the addresses that take files."""

    def check(request: Request, fields: dict[str, str]) -> None:
        site.check_page_token(fields.get(FIELD) or request.headers.get(HEADER))

    async def ask(request: Request) -> Response:
        form = await receive_form(request, site.queries, lambda fields: check(request, fields))
        if len(form.files) != 1:
            raise HTTPException(400, "one file is asked about at a time; name one")
        asking.start(form.files[0])
        await run_in_threadpool(asking.wait, form.files[0])
        return site.go(f"/answer/{form.files[0]}")

    async def ask_api(request: Request, name: Name = "file") -> Response:
        """Ask about the file that is the body; `/api/match/{sha256}` returns what is known of it so far."""
        sha256 = await receive_body(request, site.queries, name)
        asking.start(sha256)
        return JSONResponse({"sha256": sha256}, 202)

    async def add(request: Request) -> Response:
        form = await receive_form(request, site.received, lambda fields: check(request, fields), skip_refused=True)
        if not form.files:
            raise HTTPException(415, "; ".join(form.refused[:5]) or "no file was chosen; name one")
        start_received(site, form.files, names=form.names, refused=form.refused, transcribe="transcribe" in form.fields)
        return site.go("/jobs")

    async def add_api(request: Request, name: Name = "file") -> Response:
        """Keep the file that is the body in the folder of the store; a job of the kind `received` ingests it."""
        return JSONResponse({"sha256": await receive_body(request, site.received, name)}, 202)

    site.add_upload("/ask", ask)
    site.add_upload("/add", add)
    site.add_api_upload("/ask", ask_api)
    site.add_api_upload("/add", add_api)
