"""Exchange: the case in the formats of other programs, and the lists of hashes that came from elsewhere."""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Annotated, Any, Final

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from mediafp.report import jsonl
from mediafp.types.errors import UsageError
from mediafp.types.hashes import ALGORITHMS, HashAlgorithm
from mediafp.web.asking import Asking
from mediafp.web.jobs import Job
from mediafp.web.page_token import FIELD, HEADER
from mediafp.web.pages.jobs import JobRequest, job_to_json, start_job
from mediafp.web.site import FormFields, Site
from mediafp.web.uploads import receive_body, receive_form
from mediafp.web.views import View
from mediafp.web.work_exports import EXPORT_FORMATS

LISTED_JOBS: Final = 6
"""Exports and imports that the page lists, the latest ones. Chosen, not measured."""
LIBRARIES: Final[Mapping[str, tuple[str, str]]] = {
    "stix": ("stix2", "mediafp[stix]"),
    "misp": ("pymisp", "mediafp[misp]"),
    "parquet": ("pyarrow", "mediafp[parquet]"),
}
"""Library that a format needs, and what installs it."""
MAX_LIST_NAME_CHARS: Final = 200
"""Characters of the name of a list. Chosen, not measured."""
FileName = Annotated[str, Query(max_length=1_000)]
ListName = Annotated[str, Query(max_length=MAX_LIST_NAME_CHARS)]


class ListRequest(BaseModel):
    """A list of hashes by its name."""

    name: Annotated[str, Field(min_length=1, max_length=1_000)]


def add_exchange(site: Site, asking: Asking) -> None:
    """Add the page, what its forms do, and the lists of the API."""
    received = site.case.received_lists()

    def jobs(*, is_part: bool) -> dict[str, object]:
        latest = [job for job in site.jobs.latest() if job.kind in ("export", "hashes")]
        return {"jobs": latest[:LISTED_JOBS], "all_jobs": len(latest), "is_part": is_part}

    def exchange() -> View:
        lists = site.case.hash_lists()
        return View(
            template="exchange.html.j2",
            values={
                "formats": EXPORT_FORMATS,
                "missing": {name: install for name, (library, install) in LIBRARIES.items() if not find_spec(library)},
                "lists": lists,
                "algorithm_choices": ALGORITHMS,
                **jobs(is_part=False),
            },
            json=lambda: map(jsonl.hash_list_to_json, lists),
            columns=("list", "algorithm", "hashes"),
            rows=lambda: ((one.name, algorithm, count) for one in lists for algorithm, count in one.hashes.items()),
        )

    def now() -> Response:
        return site.render("exchange_jobs.html.j2", jobs(is_part=True))

    def export(form: FormFields) -> Response:
        format = form.get("format", "")
        if format not in EXPORT_FORMATS:
            raise UsageError(f"cannot export {format[:40]!r}: choose one of {', '.join(EXPORT_FORMATS)}")
        start_job(site, JobRequest(kind="export", format=format))
        return site.go("/exchange")

    def start_import(sha256: str, file: str, name: str, algorithm: str) -> Job:
        if algorithm and algorithm not in ALGORITHMS:
            raise UsageError(f"cannot import hashes of {algorithm[:40]!r}: choose one of {', '.join(ALGORITHMS)}")
        chosen = name.strip()[:MAX_LIST_NAME_CHARS] or file.rpartition(".")[0] or file
        options: dict[str, Any] = {"file": sha256, "name": file, "list": chosen, "algorithm": algorithm or None}
        return site.jobs.start("hashes", chosen, options)

    async def import_form(request: Request) -> Response:
        def check(fields: dict[str, str]) -> None:
            site.check_page_token(fields.get(FIELD) or request.headers.get(HEADER))

        form = await receive_form(request, received, check)
        if len(form.files) != 1:
            raise HTTPException(400, "one file of hashes is imported at a time; choose one")
        start_import(form.files[0], form.names[0], form.fields.get("list", ""), form.fields.get("algorithm", ""))
        return site.go("/exchange")

    async def import_api(
        request: Request, name: FileName = "hashes", list: ListName = "", algorithm: HashAlgorithm | None = None
    ) -> Response:
        """Import the file of hashes that is the body into a list, as a job, which is returned; `list` is its name."""
        sha256 = await receive_body(request, received, name)
        return JSONResponse(job_to_json(start_import(sha256, name, list, algorithm or "")), 202)

    def remove(form: FormFields) -> Response:
        site.case.remove_hash_list(form.get("name", ""))
        return site.go("/exchange")

    def list_lists() -> Iterable[jsonl.JsonObject]:
        """Return the imported lists of hashes with the numbers of their hashes."""
        return map(jsonl.hash_list_to_json, site.case.hash_lists())

    def remove_api(wanted: ListRequest) -> jsonl.JsonObject:
        """Remove a list of hashes."""
        return {"list": wanted.name, "removed": site.case.remove_hash_list(wanted.name)}

    site.add_view("/exchange", exchange)
    site.add_part("/exchange/now", now)
    site.add_action("/exchange/export", export)
    site.add_upload("/exchange/import", import_form)
    site.add_action("/exchange/remove", remove)
    site.add_api("/hash-lists", list_lists)
    site.add_api("/hash-lists", remove_api, method="DELETE")
    site.add_api_upload("/hash-lists", import_api)
