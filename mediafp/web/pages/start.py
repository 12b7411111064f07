"""The start page: a file is dropped here to be asked about; what was asked, what runs, what is new, what failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final

from fastapi import Query
from fastapi.responses import Response

from mediafp.case.posts import PostSummary
from mediafp.report import jsonl
from mediafp.types.clusters import Cluster
from mediafp.types.errors import UsageError
from mediafp.types.instants import parse_instant
from mediafp.types.kept_matches import MatchRecord
from mediafp.types.saved_queries import SavedQuery
from mediafp.types.sightings import Sighting
from mediafp.types.takeovers import Takeover
from mediafp.types.timestamps import utc_now
from mediafp.types.watches import WatchHit
from mediafp.web.asking import Asking
from mediafp.web.group_json import takeover_to_json
from mediafp.web.last_visit import LastVisit, LastVisitFile
from mediafp.web.news import derive_news, load_news
from mediafp.web.pages.errors import failed_row
from mediafp.web.pages.jobs import shown_jobs
from mediafp.web.site import FormFields, Site
from mediafp.web.store_messages import without_folders
from mediafp.web.translation import COOKIE, LANGUAGES
from mediafp.web.views import View

SUMMARISED_FILES: Final = 200
"""Files of an answer whose accounts and dates are read for its line. Chosen: each takes 50 microseconds."""
LATELY_ASKED: Final = 4
"""Queries that the start page lists. Chosen, not measured."""
LISTED_NEWS: Final = 6
"""New matches that the start page lists. Chosen, not measured."""
NEWS_SECONDS: Final = 0.05
"""Time for which the page waits for news after a change; else it shows the last ones. Chosen, not measured."""
LISTED_OF_KIND: Final = 3
"""Hits of watches, re-spawns and grown groups that the start page lists of each. Chosen, not measured."""
LISTED_GROUPS: Final = 5
"""Groups that the start page lists. Chosen, not measured."""
LISTED_FAILURES: Final = 5
"""Failed files that the start page lists. Chosen, not measured."""
MAX_NEWS: Final = 100
"""New matches of one answer of the API. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFile:
    """A file as the start page names it."""

    sha256: str
    name: str
    has_picture: bool
    seen: Sighting | None


def add_start(site: Site, asking: Asking) -> None:
    """Add the start page and what it does."""
    visits = LastVisitFile(site.case.folder)

    news = derive_news(site, lambda: visits.load().seen_until, LISTED_NEWS)
    site.warming.add(news.latest)
    posts = _PostsOfAnswers(site)

    def overview() -> dict[str, Any]:
        """Return news and groups as far as they are known."""
        clustering, accounts = site.clustering.latest(), site.accounts.latest()
        new = news.wait(NEWS_SECONDS)
        is_settling = not news.is_current() and not any(job.is_open for job in site.jobs.latest())
        clusters = clustering.value.clusters if clustering else ()
        return {
            "news": new.value if new else None,
            "new_matches": [(record, *_both(site, record)) for record in new.value.matches.surest] if new else [],
            "new_hits_shown": [(hit, _shown_at(site, hit)) for hit in new.value.hits[:LISTED_OF_KIND]] if new else [],
            "new_takeovers": [(one, _latest_file(site, one)) for one in new.value.takeovers[:LISTED_OF_KIND]]
            if new
            else [],
            "grown": [(one, _has_picture(site, one.group.representative)) for one in new.value.grown[:LISTED_OF_KIND]]
            if new
            else [],
            "visit": visits.load(),
            "uncompared": site.case.count_uncompared().assets,
            "groups": [(cluster, _representative(site, cluster)) for cluster in clusters[:LISTED_GROUPS]],
            "group_count": len(clusters),
            "is_computing": new is None or clustering is None or accounts is None or is_settling,
        }

    def start() -> View:
        asked = site.queries.recent(LATELY_ASKED)
        failures = site.case.failures()
        return View(
            template="start.html.j2",
            values={
                "asked": [(query, _asked_has_picture(site, query), posts.of(query)) for query in asked],
                "files": site.case.count_assets(),
                "is_warm": site.warming.is_done,
                "jobs": shown_jobs(site),
                "is_part": False,
                "failures": map(failed_row, failures[:LISTED_FAILURES]),
                "failure_count": len(failures),
                **overview(),
            },
            json=lambda: map(query_to_json, asked),
            columns=("sha256", "name", "asked_at", "state", "matches"),
            rows=lambda: (
                (one.sha256, one.name, one.asked_at, one.state, len(one.result.matches) if one.result else None)
                for one in asked
            ),
        )

    def mark_seen(form: FormFields) -> Response:
        until = form.get("until", "")
        if parse_instant(until) is None:
            raise UsageError("cannot mark as seen: the form states no time; reload the page")
        visits.save(LastVisit(seen_until=until, seen_at=utc_now()))
        news.wait(1.0)
        return site.go("/")

    def choose_language(form: FormFields) -> Response:
        response = site.go_back(form)
        if form.get("language") in LANGUAGES:
            response.set_cookie(COOKIE, form["language"], max_age=31_536_000, httponly=True, samesite="strict")
        return response

    def news_api(
        since: Annotated[str | None, Query(max_length=40)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_NEWS)] = 20,
    ) -> jsonl.JsonObject:
        """Return what is new since a time, or since what was marked as seen: matches, hits of watches, re-spawns, grown groups.

        Of each the number, `total` for matches, and the surest. Re-spawns and grown groups are known some seconds after the
        start; grown groups are those that had members before the time.
        """
        if since is not None and parse_instant(since) is None:
            raise UsageError("cannot use the time 'since': give ISO 8601 in UTC, as 2026-11-24T10:00:00Z")
        first = visits.load().seen_until if since is None else since
        site.clustering.latest()
        site.accounts.latest()
        found = load_news(site, first, limit)
        return {
            "since": first or None,
            "total": found.matches.total,
            "last_at": found.last_at,
            "matches": [jsonl.match_record_to_json(record) for record in found.matches.surest],
            "watch_hits": [jsonl.watch_hit_to_json(hit) for hit in found.hits],
            "watch_hit_count": found.hit_count,
            "respawns": [takeover_to_json(one) for one in found.takeovers],
            "respawn_count": found.takeover_count,
            "grown_groups": [
                {"id": one.group.id, "name": one.group.name, "members": len(one.group.members), "added": one.added}
                for one in found.grown
            ],
            "grown_group_count": found.grown_count,
        }

    site.add_view("/", start, name="/start")
    site.add_part("/start/overview", lambda: site.render("start_overview.html.j2", overview()))
    site.add_part("/start/warming", lambda: site.render("warming.html.j2", {"is_warm": site.warming.is_done}))
    site.add_action("/news/seen", mark_seen)
    site.add_action("/language", choose_language, writes=False)
    site.add_api("/news", news_api)


def query_to_json(saved: SavedQuery) -> jsonl.JsonObject:
    """Return a saved query as an object: the fields of a query result, and those of the upload."""
    return {
        "query": saved.name,
        "sha256": saved.sha256,
        "asked_at": saved.asked_at,
        "state": saved.state,
        "seconds": saved.seconds,
        "error": without_folders(saved.error) if saved.error else None,
        "matches": [jsonl.match_to_json(match) for match in saved.result.matches] if saved.result else [],
    }


def _both(site: Site, record: MatchRecord) -> tuple[ShownFile, ShownFile]:
    """Return the query of a match and its reference."""
    sides = (record.a, record.a_sightings), (record.b, record.b_sightings)
    first, second = sides if record.query == record.a else sides[::-1]
    return _shown(site, *first), _shown(site, *second)


class _PostsOfAnswers:
    """Accounts and dates of the files that saved answers count, read once for each state of the case."""

    def __init__(self, site: Site) -> None:
        self._read = lru_cache(maxsize=64)(lambda files, revision: site.case.summarise_posts(files))
        self._site = site

    def of(self, query: SavedQuery) -> PostSummary | None:
        """Return them for an answer; None if it counts no file."""
        if query.result is None:
            return None
        counted = [match.sha256 for match in query.result.matches if match.verdict != "same_scene"]
        files = tuple(dict.fromkeys(counted))[:SUMMARISED_FILES]
        return self._read(files, self._site.case.revision()) if files else None


def _shown_at(site: Site, hit: WatchHit) -> ShownFile:
    """Return the file of a hit, with the sighting at its path."""
    sightings = site.case.sightings(hit.sha256)
    return _shown(site, hit.sha256, [seen for seen in sightings if seen.uri == hit.uri] or sightings)


def _latest_file(site: Site, takeover: Takeover) -> ShownFile | None:
    """Return a file that the later account posted again; None if none is named."""
    if not takeover.pairs:
        return None
    sha256 = takeover.pairs[0][1]
    return _shown(site, sha256, site.case.sightings(sha256))


def _representative(site: Site, cluster: Cluster) -> ShownFile:
    return _shown(site, cluster.representative, site.case.sightings(cluster.representative))


def _shown(site: Site, sha256: str, sightings: Sequence[Sighting]) -> ShownFile:
    seen = next((one for one in sightings if one.title), None) or next(iter(sightings), None)
    name = (seen.title or site.file_name(seen.uri)) if seen else sha256[:12]
    return ShownFile(sha256=sha256, name=name, has_picture=_has_picture(site, sha256), seen=seen)


def _asked_has_picture(site: Site, query: SavedQuery) -> bool:
    return all(query.asset.size) if query.asset else _has_picture(site, query.sha256)


def _has_picture(site: Site, sha256: str) -> bool:
    """Return True unless a file is audio alone, or is not known any more."""
    asset = site.case.find_asset(sha256)
    return asset is not None and all(asset.size)
