"""The groups of copies: what hangs together, and what grew."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import Query
from starlette.exceptions import HTTPException

from mediafp.report import jsonl
from mediafp.types.groups import GroupList, GroupSummary
from mediafp.web.asking import Asking
from mediafp.web.derived import Computed, Derived
from mediafp.web.group_facets import FACETS, MAX_CHOICES, NEW_DAYS, SORTS, GroupFacets, Sort
from mediafp.web.group_json import group_to_json
from mediafp.web.paging import Limit, Offset, Page
from mediafp.web.site import Site
from mediafp.web.translation import page_text
from mediafp.web.views import View

GROUPS_ON_PAGE = 60
"""Groups on a page, each with three pictures: 150 kB of HTML. Chosen, not measured."""
API_WAIT_SECONDS = 20.0
"""Time for which the API waits for a first result."""
Values = Annotated[str, Query(max_length=400)]


class _Facets:
    """The facets of the groups as they are now, made when the groups change."""

    def __init__(self) -> None:
        self._made: tuple[int, GroupFacets] | None = None

    def of(self, computed: Computed[GroupList]) -> GroupFacets:
        if self._made is None or self._made[0] != id(computed):
            self._made = id(computed), GroupFacets(computed.value.groups)
        return self._made[1]


def add_groups(site: Site, asking: Asking) -> None:
    """Add the page of all groups, and the groups of the API."""
    facets_of = _Facets().of

    def groups(
        shares: Values = "",
        kind: Values = "",
        platform: Values = "",
        removed: Values = "",
        weakest: Values = "",
        grown: Values = "",
        sort: Sort = "largest",
        view: Annotated[Literal["sheet", "table"], Query(alias="as")] = "sheet",
        page: Page = 1,
    ) -> View:
        computed = site.clustering.get()
        if computed is None:
            return waiting("groups")
        asked = dict(zip(FACETS, (shares, kind, platform, removed, weakest, grown), strict=True))
        chosen = {name: tuple(sorted(set(filter(None, text.split(","))))) for name, text in asked.items()}
        chosen = {name: values for name, values in chosen.items() if values}
        facets = facets_of(computed)
        found = sorted(facets.choose(chosen), key=SORTS[sort])
        shown = found[(page - 1) * GROUPS_ON_PAGE : page * GROUPS_ON_PAGE]
        if page > 1 and not shown:
            raise HTTPException(404, page_text("the list has no such page"))
        state: dict[str, str] = {name: ",".join(values) for name, values in chosen.items()}
        state |= {"sort": sort if sort != "largest" else "", "as": view if view != "sheet" else ""}

        def address(**changes: object) -> str:
            return _address({**state, **changes})

        return View(
            template="groups.html.j2",
            values={
                "computed": computed,
                "is_current": site.clustering.is_current(),
                "groups": shown,
                "found": len(found),
                "total": len(computed.value.groups),
                "alone": computed.value.unclustered,
                "uncompared": computed.value.uncompared,
                "counts": facets.count_grown(),
                "since": facets.since,
                "days": NEW_DAYS,
                "facets": facets.choices(chosen),
                "max_choices": MAX_CHOICES,
                "chosen": chosen,
                "sort": sort,
                "view": view,
                "page": page,
                "first": (page - 1) * GROUPS_ON_PAGE + 1,
                "has_more": page * GROUPS_ON_PAGE < len(found),
                "page_size": GROUPS_ON_PAGE,
                "address": address,
            },
            json=lambda: (group_to_json(*_both(computed.value, group)) for group in found),
            columns=(
                "id",
                "name",
                "kind",
                "members",
                "accounts",
                "platforms",
                "first",
                "last",
                "pictures",
                "voice",
                "script",
                "weakest_link",
                "removed",
                "partly_removed",
                "last_added",
            ),
            rows=lambda: map(_row, found),
        )

    def list_groups(limit: Limit = 50, offset: Offset = 0) -> Iterator[jsonl.JsonObject]:
        """List the groups, largest first: clusters without their edges, with names, what they share and dates.

        The edges of a group are at `/api/groups/{id}`.
        """
        computed = computed_or_conflict(site.clustering)
        found = computed.value.groups[offset : offset + limit]
        return (group_to_json(*_both(computed.value, group)) for group in found)

    site.add_view("/groups", groups)
    site.add_api("/groups", list_groups)


def computed_or_conflict[Value](derived: Derived[Value]) -> Computed[Value]:
    """Return the last result for the API. Raises HTTPException if the first one takes long."""
    computed = derived.get() or derived.wait(API_WAIT_SECONDS)
    if computed is None:
        raise HTTPException(409, "this is being computed for the first time; ask again in a moment")
    return computed


def waiting(of: Literal["groups", "accounts"]) -> View:
    """Return the page while the first result is computed."""
    return View(template="computing.html.j2", values={"of": of}, json=list, columns=("id",), rows=list)


def _both(groups: GroupList, group: GroupSummary) -> tuple[GroupSummary, Any]:
    both = groups.find(group.id)
    assert both, "it is one of them"
    return both


def _address(state: Mapping[str, object]) -> str:
    asked = {name: value for name, value in state.items() if value not in ("", None)}
    return f"/groups?{urlencode(asked, safe=',')}" if asked else "/groups"


def _row(group: GroupSummary) -> tuple[object, ...]:
    return (
        group.id,
        group.name,
        group.kind,
        len(group.members),
        "; ".join(group.accounts),
        "; ".join(group.platforms),
        group.first_at,
        group.last_at,
        *group.shares.values(),
        group.weakest_link,
        group.removed,
        group.partly_removed,
        group.last_added_at,
    )
