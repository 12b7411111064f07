"""The accounts: who posted the same files, when they vanished, and who took them up again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import Query
from starlette.exceptions import HTTPException

from mediafp.case.account_overview import AccountOverview
from mediafp.report import jsonl
from mediafp.types.accounts import Account
from mediafp.types.instants import time_key
from mediafp.types.takeovers import Takeover
from mediafp.web.asking import Asking
from mediafp.web.drawings.lanes import draw_lanes
from mediafp.web.drawings.networks import lay_out
from mediafp.web.group_json import takeover_to_json
from mediafp.web.pages.groups import computed_or_conflict, waiting
from mediafp.web.paging import Limit, Offset, Page, rows_of_page
from mediafp.web.site import Site
from mediafp.web.translation import page_text
from mediafp.web.views import View

LANES_ON_PAGE: Final = 30
"""Lanes on a page. Chosen: with forty, a page of accounts with a hundred posts each has 203 kB."""
ROWS_ON_PAGE: Final = 100
"""Rows of a page of the table. Chosen, not measured."""
MAX_DRAWN_ACCOUNTS: Final = 40
"""Accounts of the network, those that share the most. Chosen, not measured."""
LISTED_TAKEOVERS: Final = 60
"""Takeovers and names that a page lists. Chosen, not measured."""
COLUMNS: Final = (
    "key", "platform", "account", "account_id", "account_name", "first_posted_at", "last_posted_at", "removed_at", "posts",
    "assets", "iteration_of", "iteration", "gap_days",
)  # fmt: skip
"""Fields of an account that the page as CSV lists."""
Day = Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
GroupName = Annotated[str, Query(pattern="^(c[1-9][0-9]{0,9})?$")]
type Of = Literal["all", "sharing", "respawn"]
type Look = Literal["lanes", "network", "table", "coshare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRow:
    """A name of an account, and where it was read."""

    key: str
    name: str
    first_at: str | None
    last_at: str | None
    source: str


def add_accounts(site: Site, asking: Asking) -> None:
    """Add the page of accounts, and the accounts of the API."""
    coshares = site.derive(site.case.load_coshares, site.case.revision)

    answers = site.case.answers(site.queries)

    def files_of_answer(sha256: str) -> tuple[set[str], str]:
        """Return the files that an answer counts, and what is called as the file that was asked about."""
        answer = answers.find(sha256)
        if answer is None:
            raise HTTPException(404, page_text("this file was not asked about, or is not kept any more; drop it again"))
        return set(answers.group(answer).files), answer.name

    def accounts(
        shares: GroupName = "",
        media: Annotated[str, Query(pattern="^([0-9a-f]{64})?$")] = "",
        of: Of | Literal[""] = "",
        view: Annotated[Look, Query(alias="as")] = "lanes",
        since: Annotated[Day, Query(alias="from")] = "",
        until: Annotated[Day, Query(alias="to")] = "",
        page: Page = 1,
    ) -> View:
        computed = site.accounts.get()
        if computed is None:
            return waiting("accounts")
        overview = computed.value
        sharing = {key for key, one in overview.accounts.items() if one.shared_with}
        taken = {key for one in overview.takeovers for key in (one.earlier, one.later)}
        taken |= {key for key, one in overview.accounts.items() if one.iteration}
        chosen_of: Of = of or ("all" if not sharing or shares or media else "sharing")
        keys = {"all": set(overview.accounts), "sharing": sharing, "respawn": taken}[chosen_of]
        group_name = ""
        if shares:
            members, group_name = _members(site, shares)
            keys &= overview.posted_by(members)
        if media:
            members, group_name = files_of_answer(media)
            keys &= overview.posted_by(members)
        ordered = [overview.accounts[key] for key in _order(overview, keys)]
        size = ROWS_ON_PAGE if view == "table" else LANES_ON_PAGE
        shown = rows_of_page(ordered, page, size)
        takeovers = [one for one in overview.takeovers if one.earlier in keys and one.later in keys]
        iterations = _successions(overview, ordered, takeovers)
        names = _names(overview, shown)
        state = {
            "shares": shares,
            "media": media,
            "of": of,
            "as": view if view != "lanes" else "",
            "from": since,
            "to": until,
        }

        def address(**changes: object) -> str:
            asked = {name: value for name, value in {**state, **changes}.items() if value not in ("", None)}
            return f"/accounts?{urlencode(asked)}" if asked else "/accounts"

        span = _span(since, until)
        chart = draw_lanes(shown, overview.events_of, takeovers, span)
        values: dict[str, Any] = {
            "computed": computed,
            "is_current": site.accounts.is_current(),
            "shares": shares or media,
            "media": media,
            "group_name": group_name,
            "of": chosen_of,
            "view": view,
            "counts": {"all": len(overview.accounts), "sharing": len(sharing), "respawn": len(taken)},
            "found": len(ordered),
            "accounts": shown,
            "rows": _rows(overview, shown),
            "chart": chart,
            "decision_on": overview.decision_on,
            "takeovers": takeovers[:LISTED_TAKEOVERS],
            "all_takeovers": len(takeovers),
            "iterations": iterations[:LISTED_TAKEOVERS],
            "all_iterations": len(iterations),
            "names": names[:LISTED_TAKEOVERS],
            "all_names": len(names),
            "has_sightings": bool(overview.accounts),
            "spans": _zoomed(chart.first, chart.last),
            "address": address,
            "page": page,
            "first": (page - 1) * size + 1,
            "has_more": page * size < len(ordered),
            "page_size": size,
        }
        if view == "network":
            values["network"] = _network(ordered)
        if view == "coshare":
            values["coshares"] = coshares.get()
        return View(
            template="accounts.html.j2",
            values=values,
            json=lambda: map(jsonl.account_to_json, ordered),
            columns=COLUMNS,
            rows=lambda: ([getattr(one, name) for name in COLUMNS] for one in ordered),
        )

    def list_accounts(limit: Limit = 100, offset: Offset = 0) -> Iterator[jsonl.JsonObject]:
        """List the accounts by their first time, as `mediafp accounts` prints them."""
        found = list(computed_or_conflict(site.accounts).value.accounts.values())[offset : offset + limit]
        return map(jsonl.account_to_json, found)

    def list_respawns(limit: Limit = 100, offset: Offset = 0) -> Iterator[jsonl.JsonObject]:
        """List the accounts that posted what another one had posted before it was removed, the surest first.

        It says that the same files came back, not who posted them.
        """
        return map(takeover_to_json, computed_or_conflict(site.accounts).value.takeovers[offset : offset + limit])

    def list_coshares(limit: Limit = 100, offset: Offset = 0) -> Iterator[jsonl.JsonObject]:
        """List the pairs of accounts that posted the same media within a day, the most surprising first."""
        return map(jsonl.coshare_to_json, computed_or_conflict(coshares).value.pairs[offset : offset + limit])

    site.add_view("/accounts", accounts)
    site.add_api("/accounts", list_accounts)
    site.add_api("/respawns", list_respawns)
    site.add_api("/coshare", list_coshares)


def _members(site: Site, group: str) -> tuple[set[str], str]:
    """Return the members and the name of a group."""
    groups = site.clustering.get()
    both = groups.value.find(group) if groups else None
    if both is None:
        raise HTTPException(404, page_text("there is no group of this number"))
    return set(both[0].members), both[0].name


def _order(overview: AccountOverview, keys: set[str]) -> list[str]:
    """Return keys of accounts by their first time; an account that took up the media of another one follows it."""
    followers: defaultdict[str, list[str]] = defaultdict(list)
    earlier_of = {one.later: one.earlier for one in overview.takeovers if one.earlier in keys and one.later in keys}
    for key, one in overview.accounts.items():
        if key in keys and key not in earlier_of and one.iteration and one.iteration > 1 and one.iteration_of in keys:
            earlier_of[key] = str(one.iteration_of)
    for later, earlier in earlier_of.items():
        followers[earlier].append(later)
    ordered: list[str] = []
    placed: set[str] = set()

    def put(key: str) -> None:
        stack = [key]
        while stack:
            one = stack.pop()
            if one in placed:
                continue
            placed.add(one)
            ordered.append(one)
            stack += sorted(followers[one], key=_began(overview), reverse=True)

    roots = [key for key in overview.accounts if key in keys and key not in earlier_of]
    # Those that others took up first, then those that share with others.
    for key in sorted(
        roots, key=lambda key: (not followers[key], not overview.accounts[key].shared_with, *_began(overview)(key))
    ):
        put(key)
    for key in overview.accounts:
        # Accounts that took up one another's media in a circle have no first one.
        if key in keys:
            put(key)
    return ordered


def _began(overview: AccountOverview) -> Any:
    def key(name: str) -> tuple[object, ...]:
        return (*time_key(overview.accounts[name].began_at or "~"), name)

    return key


def _rows(overview: AccountOverview, shown: Sequence[Account]) -> list[dict[str, Any]]:
    """Return what the row beside each lane states."""
    taken = {one.later: one for one in overview.takeovers}
    rows = []
    for account in shown:
        sightings = overview.sightings_of.get(account.key, ())
        removed = {one.sha256 for one in sightings if one.removed_at}
        rows.append(
            {
                "account": account,
                "removed": len(removed),
                "takeover": taken.get(account.key),
                "picture": sightings[0].sha256 if sightings else "",
                "earlier": [name.name for name in account.names[:-1]],
            }
        )
    return rows


def _successions(
    overview: AccountOverview, accounts: Iterable[Account], takeovers: Iterable[Takeover]
) -> list[tuple[Account, Account]]:
    """Return accounts of lines, each after the one before it in its line, unless they are a takeover, which is one question."""
    places = {(one.iteration_of, one.iteration): one for one in overview.accounts.values() if one.iteration}
    listed = {frozenset((one.earlier, one.later)) for one in takeovers}
    pairs = (
        (earlier, one)
        for one in accounts
        if one.iteration and (earlier := places.get((one.iteration_of, one.iteration - 1)))
    )
    return [(earlier, one) for earlier, one in pairs if frozenset((earlier.key, one.key)) not in listed]


def _names(overview: AccountOverview, shown: Sequence[Account]) -> list[NameRow]:
    """Return the names of the accounts that had several, each with the file that states it first."""
    rows = []
    for account in shown:
        if len(account.names) < 2:
            continue
        for name in account.names:
            folded = name.name.casefold()
            stated = [
                one
                for one in overview.sightings_of.get(account.key, ())
                if (one.account or "").strip().lstrip("@").casefold() == folded
            ]
            source = next((one.source for one in stated if one.source), "")
            rows.append(
                NameRow(key=account.key, name=name.name, first_at=name.first_at, last_at=name.last_at, source=source)
            )
    return rows


def _span(since: str, until: str) -> tuple[str, str] | None:
    """Return the days from which to which time is shown; None for all. Raises HTTPException if they are no days."""
    if not since or not until:
        return None
    try:
        days = date.fromisoformat(since), date.fromisoformat(until)
    except ValueError:
        raise HTTPException(400, "cannot use the span of time: give two days, as 2026-01-31") from None
    return (since, until) if days[0] <= days[1] else (until, since)


def _zoomed(first: str, last: str) -> dict[str, tuple[str, str]]:
    """Return the spans half and twice as long as one, around its middle."""
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
        length = max((end - start).days, 2)
        quarter, half = timedelta(days=max(length // 4, 1)), timedelta(days=max(length // 2, 1))
        spans = {"out": ((start - half).isoformat(), (end + half).isoformat())}
        if length > 8:
            spans["in"] = ((start + quarter).isoformat(), (end - quarter).isoformat())
    except (OverflowError, ValueError):
        return {}
    return spans


def _network(ordered: Sequence[Account]) -> dict[str, Any]:
    """Return the accounts that share the most as a network, and the same as rows."""
    ranked = sorted(ordered, key=lambda one: (-sum(other.assets for other in one.shared_with), one.key))
    sharing = [one for one in ranked if one.shared_with]
    shown = sharing[:MAX_DRAWN_ACCOUNTS]
    places = {one.key: place for place, one in enumerate(shown)}
    pairs: dict[tuple[int, int], int] = {}
    for one in shown:
        for other in one.shared_with:
            if other.account in places:
                pair = sorted((places[one.key], places[other.account]))
                pairs[pair[0], pair[1]] = other.assets
    layout = lay_out(len(shown), list(pairs), size=(1160, 640), margin=(90, 34))
    lines = sorted(((a, b, count) for (a, b), count in pairs.items()), key=lambda line: (line[2], line[0], line[1]))
    return {
        "accounts": shown,
        "more": len(sharing) - len(shown),
        "layout": layout,
        "lines": lines,
        "most": max((line[2] for line in lines), default=1),
    }
