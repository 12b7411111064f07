"""The parts that the pages and the API of the workbench share, and the ways to add a page, an action or an API object."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from functools import wraps
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, HTTPException, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from mediafp.case import Case
from mediafp.report import jsonl
from mediafp.report.names import display_name
from mediafp.types.sightings import Sighting
from mediafp.web.derived import Derived
from mediafp.web.jobs import Jobs
from mediafp.web.page_token import FIELD, HEADER, is_page_token, page_token
from mediafp.web.settings import ServeSettings
from mediafp.web.store_messages import STORE_MESSAGES
from mediafp.web.templating import render_template
from mediafp.web.translation import COOKIE, LANGUAGES, Translation, choose_language, load_translation
from mediafp.web.views import View
from mediafp.web.warming import Warming

_request: ContextVar[Request] = ContextVar("request")
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
"""SHA-256 in an address."""
CSV_TYPE: Final = "text/csv; charset=utf-8"
JSON_LINES_TYPE: Final = "application/x-ndjson"
MAX_FORM_FIELDS: Final = 5_000
"""Fields of a form. Chosen: a group whose members are picked has one for each."""


async def note_request(request: Request) -> None:
    """Keep the request for the page that is built from it; a dependency of every address."""
    # Not in a thread: only what is set in the task of the request reaches the thread that builds the page.
    _request.set(request)


def current_request() -> Request:
    """Return the request that is being answered."""
    return _request.get()


async def _form_fields(request: Request) -> Mapping[str, str]:
    form = await request.form(max_fields=MAX_FORM_FIELDS)
    return {name: value for name, value in form.items() if isinstance(value, str)}


FormFields = Annotated[Mapping[str, str], Depends(_form_fields)]
"""Fields of the form of an action."""


class Site:
    """An open case with what its pages share.

    Attributes:
        app: The application, to which pages are added.
        case: The case, held open.
        settings: The settings.
        queries: The uploaded queries.
        jobs: The long work.
        received: The files that were uploaded to be ingested.
        clustering: The groups of the case.
        accounts: The accounts of the case.
        warming: The start of what the first requests need.
    """

    def __init__(self, app: FastAPI, case: Case, settings: ServeSettings, jobs: Jobs) -> None:
        self.app, self.case, self.settings, self.jobs = app, case, settings, jobs
        self._closers: list[Callable[[], None]] = []
        self.queries, self.received = case.saved_queries(), case.received_files()
        self.clustering = self.derive(case.load_groups, case.revision)
        self.accounts = self.derive(case.load_overview, case.revision)
        self.warming = Warming(self.queries.warm_up, [self.clustering.latest, self.accounts.latest])
        self.page_values: dict[str, Callable[[], object]] = {"to_review": lambda: 0, "new_hits": lambda: 0}
        """Functions that return further values of every page, such as the number of pairs that wait for a decision."""

    def derive[Value](self, compute: Callable[[], Value], revision: Callable[[], int]) -> Derived[Value]:
        """Return a result over the whole case, which is computed beside the requests until the server ends."""
        derived = Derived(compute, revision)
        self.on_close(derived.close)
        return derived

    def on_close(self, close: Callable[[], None]) -> None:
        """Call a function when the server ends."""
        self._closers.append(close)

    def close(self) -> None:
        """End what the pages began beside the requests."""
        for close in self._closers:
            close()

    @property
    def case_name(self) -> str:
        """Name of the case: that of its folder, or of the one above if the folder is named `store`."""
        folder = self.case.folder.resolve()
        return folder.parent.name if folder.name == "store" else folder.name

    def file_name(self, uri: str) -> str:
        """Return the name of a file from its path; of a received one, the name that it had before."""
        return display_name(self.received.name_of(uri) or uri)

    def title_of(self, sightings: Sequence[Sighting], sha256: str) -> str:
        """Return what a file is called on pages: a title, else its name, else the beginning of its SHA-256."""
        titles = [seen.title for seen in sightings if seen.title]
        return titles[0] if titles else self.file_name(sightings[0].uri) if sightings else sha256[:12]

    def translation(self) -> Translation:
        """Return the texts in the language of the current request."""
        request = current_request()
        return load_translation(
            choose_language(request.cookies.get(COOKIE), request.headers.get("accept-language", ""))
        )

    def render(
        self, template: str, values: Mapping[str, Any], *, status: int = 200, states_case: bool = True
    ) -> HTMLResponse:
        """Return a page, or a part of one, in the language of the request, with the numbers of the case if `states_case`.

        Raises:
            StoreError: The case cannot be read.
        """
        request = current_request()
        query = request.url.query
        page = {
            "path": request.url.path,
            "here": request.url.path + (f"?{query}" if query else ""),
            "json_address": "",
            "csv_address": "",
            "page_token": page_token(self.settings),
            "token_field": FIELD,
            "token_header": HEADER,
            "case_name": self.case_name,
            "languages": LANGUAGES,
            "files_in_case": self.case.count_assets() if states_case else None,
            "file_name": self.file_name,
            "read_only_message": STORE_MESSAGES["read_only"] if self.case.is_read_only else "",
            **{name: value() if states_case else 0 for name, value in self.page_values.items()},
        }
        return HTMLResponse(render_template(template, self.translation(), {**page, **values}), status)

    def add_view(self, path: str, build: Callable[..., View], *, name: str | None = None) -> None:
        """Add a page, and the same as JSON and as CSV at its address with a suffix.

        Args:
            path: Address, with parameters in braces.
            build: Function of the parameters, declared as FastAPI declares them, that returns the view.
            name: Name before the suffix if it is not the path, as that of the start page.
        """
        stem = name or path

        @wraps(build)
        def html(*args: Any, **kwargs: Any) -> Response:
            view = build(*args, **kwargs)
            query = current_request().url.query
            suffix = f"?{query}" if query else ""
            shown = name or current_request().url.path
            addresses = {"json_address": f"{shown}.json{suffix}", "csv_address": f"{shown}.csv{suffix}"}
            return self.render(view.template, {**addresses, **view.values}, status=view.status)

        @wraps(build)
        def json(*args: Any, **kwargs: Any) -> Response:
            view = build(*args, **kwargs)
            return StreamingResponse(view.json_lines(), view.status, media_type=JSON_LINES_TYPE)

        @wraps(build)
        def csv(*args: Any, **kwargs: Any) -> Response:
            view = build(*args, **kwargs)
            headers = {"content-disposition": 'attachment; filename="mediafp.csv"'}
            return Response(view.csv_text().encode("utf-8", "replace"), view.status, headers, CSV_TYPE)

        # Those with a suffix first: a parameter at the end of the path would take the suffix too.
        for address, endpoint in ((f"{stem}.json", json), (f"{stem}.csv", csv), (path, html)):
            endpoint.__annotations__["return"] = Response
            self._add(address, endpoint, "GET", in_schema=False)

    def add_part(self, path: str, build: Callable[..., Response]) -> None:
        """Add a part of a page, a picture or a file, which is fetched on its own."""
        self._add(path, build, "GET", in_schema=False)

    def add_action(self, path: str, act: Callable[..., Response | Awaitable[Response]], *, writes: bool = True) -> None:
        """Add what a form of a page does, which contains no files; it is refused without the token of the page.

        Args:
            path: Address.
            act: Function that gets the `FormFields`, and returns where to go next.
            writes: It writes to the folder of the case: refused if that is read only.
        """
        checks = [Depends(self._check_form)] + ([Depends(self.case.check_writable)] if writes else [])
        self._add(path, act, "POST", in_schema=False, dependencies=checks)

    def add_upload(self, path: str, act: Callable[..., Awaitable[Response]]) -> None:
        """Add an action whose form contains files; `act` reads it, and checks the token of the page."""
        self._add(path, act, "POST", in_schema=False, dependencies=[Depends(self.case.check_writable)])

    def add_api(self, path: str, build: Callable[..., Any], *, method: str = "GET", writes: bool | None = None) -> None:
        """Add an address of the API below `/api`; `build` returns an object, an iterable of them, or a response.

        What `writes` is refused if the case is read only; None for all methods but GET.
        """

        @wraps(build)
        def answer(*args: Any, **kwargs: Any) -> Response:
            value = build(*args, **kwargs)
            return value if isinstance(value, Response) else json_response(value)

        answer.__annotations__["return"] = Response
        is_writing = method != "GET" if writes is None else writes
        checks = [Depends(self.case.check_writable)] if is_writing else []
        self._add(f"/api{path}", answer, method, in_schema=True, dependencies=checks)

    def add_api_upload(self, path: str, receive: Callable[..., Awaitable[Response]]) -> None:
        """Add an address of the API whose body is a file; `receive` reads it as it comes."""
        body = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
        checks = [Depends(self.case.check_writable)]
        self._add(
            f"/api{path}", receive, "POST", in_schema=True, openapi_extra={"requestBody": body}, dependencies=checks
        )

    def go(self, path: str, **query: object) -> RedirectResponse:
        """Return the answer that leads to a page of this site."""
        asked = {name: str(value) for name, value in query.items() if value is not None}
        return RedirectResponse(path + (f"?{urlencode(asked)}" if asked else ""), 303)

    def go_back(self, form: Mapping[str, str], otherwise: str = "/") -> RedirectResponse:
        """Return the answer that leads to the page which a form names as `back`, if it is one of this site."""
        path = form.get("back", otherwise)
        is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
        return RedirectResponse(path if is_local else otherwise, 303)

    def _add(self, path: str, endpoint: Callable[..., Any], method: str, *, in_schema: bool, **options: Any) -> None:
        self.app.add_api_route(
            path,
            endpoint,
            methods=[method],
            response_class=Response,
            response_model=None,
            include_in_schema=in_schema,
            **options,
        )

    async def _check_form(self, request: Request) -> None:
        """Refuse a form with files, or without the token of the page."""
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise HTTPException(415, "this form contains no files")
        form = await request.form(max_fields=MAX_FORM_FIELDS)
        self.check_page_token(form.get(FIELD) or request.headers.get(HEADER))

    def check_page_token(self, token: object) -> None:
        """Refuse an action without the token of the page. Raises HTTPException."""
        if not is_page_token(self.settings, token):
            raise HTTPException(403, "the form is not of this session; reload the page")


def json_response(value: jsonl.JsonObject | Iterable[jsonl.JsonObject], status: int = 200) -> Response:
    """Return an object, or several as an array, as JSON."""
    items = [value] if isinstance(value, dict) else value
    text = ", ".join(map(jsonl.json_line, items))
    text = text if isinstance(value, dict) else f"[{text}]"
    return Response(text, status, media_type="application/json")
