"""The start page: a file is dropped here to be asked about."""

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from mediafp.report import jsonl
from mediafp.types.saved_queries import SavedQuery
from mediafp.web.asking import Asking
from mediafp.web.page_token import FIELD, HEADER
from mediafp.web.site import FormFields, Site
from mediafp.web.translation import COOKIE, LANGUAGES
from mediafp.web.uploads import receive_form
from mediafp.web.views import View

LATELY_ASKED = 4
"""Queries that the start page lists. Chosen, not measured."""


def add_start(site: Site, asking: Asking) -> None:
    """Add the start page and what it does."""

    def start() -> View:
        asked = site.queries.recent(LATELY_ASKED)
        return View(
            template="start.html.j2",
            values={"asked": asked, "files": site.case.count_assets()},
            json=lambda: map(query_to_json, asked),
            columns=("sha256", "name", "asked_at", "state", "matches"),
            rows=lambda: (
                (one.sha256, one.name, one.asked_at, one.state, len(one.result.matches) if one.result else None)
                for one in asked
            ),
        )

    async def ask(request: Request) -> Response:
        def check(fields: dict[str, str]) -> None:
            site.check_page_token(fields.get(FIELD) or request.headers.get(HEADER))

        form = await receive_form(request, site.queries, check)
        if len(form.files) != 1:
            raise HTTPException(400, "one file is asked about at a time; name one")
        asking.start(form.files[0])
        await run_in_threadpool(asking.wait, form.files[0])
        return site.go(f"/answer/{form.files[0]}")

    def choose_language(form: FormFields) -> Response:
        response = site.go_back(form)
        if form.get("language") in LANGUAGES:
            response.set_cookie(COOKIE, form["language"], max_age=31_536_000, httponly=True, samesite="strict")
        return response

    site.add_view("/", start, name="/start")
    site.add_upload("/ask", ask)
    site.add_action("/language", choose_language)


def query_to_json(saved: SavedQuery) -> jsonl.JsonObject:
    """Return a saved query as an object: the fields of a query result, and those of the upload."""
    return {
        "query": saved.name,
        "sha256": saved.sha256,
        "asked_at": saved.asked_at,
        "state": saved.state,
        "seconds": saved.seconds,
        "error": saved.error,
        "matches": [jsonl.match_to_json(match) for match in saved.result.matches] if saved.result else [],
    }
