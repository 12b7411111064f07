"""The time line of an account, a file or a group: what was posted, captured and removed, in order."""

import re
from collections import Counter, defaultdict
from typing import Annotated, Any, Final

from fastapi import Path
from starlette.exceptions import HTTPException

from mediafp.case.account_overview import AccountOverview
from mediafp.report import jsonl
from mediafp.types.sha256 import is_sha256
from mediafp.types.timelines import EventKind, Timeline
from mediafp.web.asking import Asking
from mediafp.web.drawings.lanes import draw_lanes
from mediafp.web.pages.groups import computed_or_conflict, waiting
from mediafp.web.paging import Limit, Offset, Page, rows_of_page
from mediafp.web.site import Site
from mediafp.web.translation import page_text
from mediafp.web.views import View

Target = Annotated[str, Path(max_length=400)]
EVENTS_ON_PAGE: Final = 100
"""Events on a page. Chosen, not measured."""
MAX_DRAWN_LANES: Final = 40
"""Accounts that are drawn, the first ones. Chosen, not measured."""
_GROUP: Final = re.compile("c[1-9][0-9]{0,9}")


def add_timeline(site: Site, asking: Asking) -> None:
    """Add the page of a time line, and the time line of the API."""

    def timeline(target: Target, page: Page = 1) -> View:
        overview = site.accounts.get()
        if overview is None:
            return waiting("accounts")
        found, title, kind = _load(site, overview.value, target)
        shown = rows_of_page(found.events, page, EVENTS_ON_PAGE)
        events: defaultdict[str, list[tuple[str, EventKind, str]]] = defaultdict(list)
        for event in found.events:
            if event.account_key:
                events[event.account_key].append((event.at, event.event, event.sha256))
        # The line of an account contains events of the accounts after it, which are not its own.
        keys = overview.value.find_own(target) if kind == "account" else ()
        own = [event for event in found.events if kind != "account" or event.account_key in keys]
        chart = draw_lanes(found.accounts[:MAX_DRAWN_LANES], events, overview.value.takeovers)
        return View(
            template="timeline.html.j2",
            values={
                "target": target,
                "title": title,
                "kind": kind,
                "timeline": found,
                "chart": chart,
                "drawn": min(len(found.accounts), MAX_DRAWN_LANES),
                "own": own,
                "counts": Counter(event.event for event in own),
                "events": shown,
                "page": page,
                "first": (page - 1) * EVENTS_ON_PAGE + 1,
                "has_more": page * EVENTS_ON_PAGE < len(found.events),
                "is_current": site.accounts.is_current(),
                "computed": overview,
            },
            json=lambda: map(jsonl.event_to_json, found.events),
            columns=("at", "precision", "event", "account", "platform", "sha256", "uri", "url", "post_id", "gap_days"),
            rows=lambda: (
                (
                    one.at,
                    one.precision,
                    one.event,
                    one.account,
                    one.platform,
                    one.sha256,
                    one.uri,
                    one.url,
                    one.post_id,
                    one.gap_days,
                )
                for one in found.events
            ),
        )

    def list_events(target: Target, limit: Limit = 100, offset: Offset = 0) -> Any:
        """List the events of an account (with those in its line), a file (SHA-256) or a group (`c12`), oldest first."""
        return map(
            jsonl.event_to_json,
            _load(site, computed_or_conflict(site.accounts).value, target)[0].events[offset : offset + limit],
        )

    site.add_view("/timeline/{target:path}", timeline)
    site.add_api("/timeline/{target:path}", list_events)


def _load(site: Site, overview: AccountOverview, target: str) -> tuple[Timeline, str, str]:
    """Return a time line, the name of what it is of, and the kind of that: file, group or account."""
    if is_sha256(target):
        found = site.case.assets_with_sightings([target]).get(target)
        if found:
            return overview.timeline(assets={target}), site.title_of(found[1], target), "file"
    if _GROUP.fullmatch(target):
        groups = site.clustering.get()
        both = groups.value.find(target) if groups else None
        if both:
            return overview.timeline(assets=set(both[0].members)), both[0].name, "group"
    keys = overview.find(target)
    if not keys:
        raise HTTPException(404, page_text("there is no account, file or group of this name"))
    return overview.timeline(accounts=keys), target, "account"
