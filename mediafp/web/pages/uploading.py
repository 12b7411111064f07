"""The addresses that take files: to ask about one, or to add several to the case."""

from typing import Annotated, Final

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from mediafp.web.asking import Asking
from mediafp.web.page_token import FIELD, HEADER
from mediafp.web.pages.jobs import start_received
from mediafp.web.site import FormFields, Sha256, Site
from mediafp.web.uploads import receive_body, receive_form

Name = Annotated[str, Query(max_length=1_000)]
BLOCK_BYTES: Final = 1 << 20
"""Bytes of a query that are copied at once."""
ADDING_SECONDS: Final = 8.0
"""Seconds that the page waits for a query to be added, before it is shown meanwhile. Chosen: an image takes 1 to 3 s."""


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

    def add_query(sha256: Sha256, form: FormFields) -> Response:
        """Add a file that was asked about to the case, and go back to the page that showed it."""
        saved = site.queries.find(sha256)
        with site.queries.opened(sha256) as file:
            if saved is None or saved.part_of or file is None:
                raise HTTPException(404, "this file is not kept any more; drop it again")
            with site.received.receiving(saved.name) as upload:
                while block := file.read(BLOCK_BYTES):
                    upload.write(block)
        job = start_received(site, [sha256], names=[saved.name])
        site.jobs.wait(job.id, ADDING_SECONDS)
        return site.go_back(form, f"/answer/{sha256}")

    site.add_upload("/ask", ask)
    site.add_upload("/add", add)
    site.add_action("/answer/{sha256}/add", add_query)
    site.add_api_upload("/ask", ask_api)
    site.add_api_upload("/add", add_api)
