"""Style sheet, scripts and icon of the pages."""

from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.exceptions import HTTPException

TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""Content types of the files that are served, by suffix; no other file is."""


def add_static_files(app: FastAPI) -> None:
    """Serve the files of `static/`, which are the same for everybody."""
    app.add_api_route("/static/{name}", _read, methods=["GET"], include_in_schema=False)
    app.add_api_route("/favicon.ico", lambda: _read("icon.svg"), methods=["GET"], include_in_schema=False)


def _read(name: str) -> Response:
    content = static_files().get(name)
    if content is None:
        raise HTTPException(404, "there is no such file")
    suffix = name[name.rindex(".") :]
    return Response(
        content, media_type=f"{TYPES[suffix]}; charset=utf-8", headers={"cache-control": "private, max-age=3600"}
    )


@cache
def static_files() -> dict[str, bytes]:
    """Return the content of each file of `static/` that is served, by name."""
    folder = files("mediafp.web").joinpath("static")
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith(tuple(TYPES))}
