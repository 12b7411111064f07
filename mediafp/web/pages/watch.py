"""The watch list: what is watched, and what it has found since."""

from collections.abc import Iterable
from typing import Annotated, Final

from fastapi import Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from mediafp.report import jsonl
from mediafp.types.errors import UsageError
from mediafp.types.sha256 import is_sha256
from mediafp.types.watches import WatchHit, WatchKind
from mediafp.web.asking import Asking
from mediafp.web.paging import Limit, Offset, Page
from mediafp.web.site import FormFields, Site
from mediafp.web.views import View

HITS_PER_PAGE: Final = 50
"""Hits on one page. Chosen, not measured."""
MAX_VALUE_CHARS: Final = 4_096
"""Characters of what is watched. Chosen, not measured."""


class WatchRequest(BaseModel):
    """A new entry of the watch list."""

    value: Annotated[str, Field(min_length=1, max_length=MAX_VALUE_CHARS)]
    name: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    kind: WatchKind


class WatchName(BaseModel):
    """A watch by its name."""

    name: Annotated[str, Field(min_length=1, max_length=400)]


def add_watch(site: Site, asking: Asking) -> None:
    """Add the watch list, and what its forms and the API change."""

    def watch(
        name: Annotated[str, Query(max_length=400)] = "",
        every: Annotated[bool, Query(alias="all")] = False,
        page: Page = 1,
    ) -> View:
        watches = site.case.watches()
        hits = site.case.watch_hits(name or None, only_new=not every)[::-1]
        shown = hits[(page - 1) * HITS_PER_PAGE : page * HITS_PER_PAGE]
        return View(
            template="watch.html.j2",
            values={
                "watches": watches,
                "news": sum(one.new_hits for one in watches),
                "name": name,
                "every": every,
                "hits": shown,
                "found": len(hits),
                "page": page,
                "pages": -(-len(hits) // HITS_PER_PAGE),
            },
            json=lambda: map(jsonl.watch_hit_to_json, hits),
            columns=("watch", "sha256", "uri", "why", "relation", "verdict", "probability", "found_at", "reported_at"),
            rows=lambda: map(_row, hits),
        )

    def add(form: FormFields) -> Response:
        # A form of the search gives words, one of an answer an asset.
        kinds: dict[str, WatchKind] = {"text": "text", "sha256": "asset", "account": "account", "hashes": "hashes"}
        for field, kind in kinds.items():
            if value := form.get(field, "").strip()[:MAX_VALUE_CHARS]:
                site.case.add_watch(_checked(value, kind), form.get("name", "").strip() or None, kind)
                return site.go("/watch")
        raise UsageError("cannot watch for nothing: give words, an account, an asset or a list of hashes")

    def remove(form: FormFields) -> Response:
        site.case.remove_watch(form.get("name", ""))
        return site.go("/watch")

    def resume(form: FormFields) -> Response:
        site.case.resume_watch(form.get("name", ""))
        return site.go("/watch")

    def mark_seen(form: FormFields) -> Response:
        site.case.mark_hits_seen(site.case.watch_hits(form.get("name") or None, only_new=True))
        return site.go("/watch")

    def check(form: FormFields) -> Response:
        site.jobs.start("watch", "watch check", {})
        return site.go("/watch")

    def list_watches() -> Iterable[jsonl.JsonObject]:
        """Return the watch list with the number of hits of each watch."""
        return map(jsonl.watch_summary_to_json, site.case.watches())

    def list_hits(
        *,
        name: Annotated[str, Query(max_length=400)] = "",
        new: bool = False,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Iterable[jsonl.JsonObject]:
        """Return the hits of a watch, or of all; with `new`, those that no person has seen yet."""
        hits = site.case.watch_hits(name or None, only_new=new)
        return map(jsonl.watch_hit_to_json, hits[offset : offset + limit])

    def save(wanted: WatchRequest) -> jsonl.JsonObject:
        """Watch for an asset by its SHA-256, for words, an account or a list of hashes."""
        added = site.case.add_watch(_checked(wanted.value, wanted.kind), wanted.name, wanted.kind)
        return jsonl.added_watch_to_json(added)

    def delete(wanted: WatchName) -> jsonl.JsonObject:
        """Remove a watch and its hits."""
        site.case.remove_watch(wanted.name)
        return {"removed": wanted.name}

    site.page_values["new_hits"] = lambda: sum(one.new_hits for one in site.case.watches())
    site.add_view("/watch", watch)
    site.add_action("/watch/add", add)
    site.add_action("/watch/remove", remove)
    site.add_action("/watch/resume", resume)
    site.add_action("/watch/seen", mark_seen)
    site.add_action("/watch/check", check)
    site.add_api("/watches", list_watches)
    site.add_api("/watches", save, method="POST")
    site.add_api("/watches", delete, method="DELETE")
    site.add_api("/watches/hits", list_hits)


def _checked(value: str, kind: WatchKind) -> str:
    """Return what is watched; an asset is named by its SHA-256, never by a path of this machine. Raises UsageError."""
    if kind == "asset" and not is_sha256(value):
        raise UsageError(f"cannot watch for the asset {value[:80]!r}: it is no SHA-256; give 64 hexadecimal digits")
    return value


def _row(hit: WatchHit) -> tuple[object, ...]:
    return (
        *(hit.watch, hit.sha256, hit.uri, hit.why, hit.relation, hit.verdict, hit.probability),
        *(hit.found_at, hit.reported_at),
    )
