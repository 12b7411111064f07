"""The API: the objects of docs/formats.md as JSON."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Query

from mediafp.report import jsonl
from mediafp.web.asking import Asking
from mediafp.web.pages.start import query_to_json
from mediafp.web.site import Site

MAX_PAGE = 1_000
"""Objects of one answer. Chosen, not measured."""
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]


def add_api(site: Site, asking: Asking) -> None:
    """Add the addresses of the API."""

    def case() -> jsonl.JsonObject:
        """State the case: its name and the number of its assets."""
        return {"name": site.case_name, "assets": site.case.count_assets()}

    def asked(limit: Limit = 20) -> Iterator[jsonl.JsonObject]:
        """List the latest queries."""
        return map(query_to_json, site.queries.recent(limit))

    site.add_api("/case", case)
    site.add_api("/asked", asked)
