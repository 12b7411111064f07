"""News of a case since a time: hits of watches, accounts that were taken up again, groups that grew, and matches."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mediafp.case.new_matches import News
from mediafp.types.groups import GroupList, GroupSummary
from mediafp.types.takeovers import Takeover
from mediafp.types.watches import WatchHit
from mediafp.web.derived import Derived
from mediafp.web.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class GrownGroup:
    """A group that has new members."""

    group: GroupSummary
    added: int
    """Members that were added since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseNews:
    """News, of each kind the surest first."""

    since: str
    """ISO 8601 in UTC; "" for all."""
    matches: News
    hits: tuple[WatchHit, ...]
    hit_count: int
    takeovers: tuple[Takeover, ...]
    takeover_count: int
    grown: tuple[GrownGroup, ...]
    grown_count: int

    @property
    def total(self) -> int:
        """Number of all of them."""
        return self.matches.total + self.hit_count + self.takeover_count + self.grown_count

    @property
    def last_at(self) -> str | None:
        """Time of the last of them; None if there is none."""
        times = [hit.found_at for hit in self.hits] + [one.group.last_added_at for one in self.grown]
        return max([*times, *([self.matches.last_at] if self.matches.last_at else [])], default=None)


def derive_news(site: Site, since: Callable[[], str], limit: int) -> Derived[CaseNews]:
    """Return the news since a time, computed again when the case or the time has changed, or groups or accounts are known.

    Args:
        site: The site.
        since: Function that returns the time.
        limit: Largest number of each kind.
    """

    def revision() -> int:
        known = [one.revision if (one := derived.last) else -1 for derived in (site.clustering, site.accounts)]
        return hash((site.case.revision(), since(), *known))

    return site.derive(lambda: load_news(site, since(), limit), revision)


def load_news(site: Site, since: str, limit: int) -> CaseNews:
    """Return the news by the groups and accounts that are known; arguments as for `derive_news`."""
    groups, accounts = site.clustering.last, site.accounts.last
    hits = [hit for hit in site.case.watch_hits(only_new=True) if hit.found_at > since]
    hits.sort(key=lambda hit: (-(1.0 if hit.probability is None else hit.probability), hit.watch, hit.uri))
    takeovers = [one for one in (accounts.value.takeovers if accounts else ()) if _is_new_takeover(site, one, since)]
    grown = _grown(groups.value, since) if groups and since else []
    return CaseNews(
        since=since,
        matches=site.case.news(since, limit),
        hits=tuple(hits[:limit]),
        hit_count=len(hits),
        takeovers=tuple(takeovers[:limit]),
        takeover_count=len(takeovers),
        grown=tuple(grown[:limit]),
        grown_count=len(grown),
    )


def _is_new_takeover(site: Site, takeover: Takeover, since: str) -> bool:
    """Return True if no person has decided on a re-spawn, and one of its files was added after a time."""
    overview = site.accounts.last
    if overview and overview.value.decision_on(takeover.earlier, takeover.later):
        return False
    if not since:
        return True
    added: Mapping[str, str] = site.case.added_times({sha256 for pair in takeover.pairs for sha256 in pair})
    return any(at > since for at in added.values())


def _grown(groups: GroupList, since: str) -> list[GrownGroup]:
    """Return the groups that had members before a time and have more since, those with most new ones first."""
    found = []
    for group in groups.groups:
        added = sum(at > since for at in group.added_at)
        if 0 < added < len(group.members):
            found.append(GrownGroup(group=group, added=added))
    return sorted(found, key=lambda one: (-one.added, -len(one.group.members), one.group.id))
