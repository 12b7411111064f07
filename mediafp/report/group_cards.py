"""One group of matches as the page draws it: its source, its members, its accounts and its dates."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from mediafp.report.groups import Group
from mediafp.report.names import account_name, display_address, display_name, join_isolated
from mediafp.report.page_evidence import PageEvidence
from mediafp.types.clusters import ClusterMember
from mediafp.types.counted_nouns import count_of
from mediafp.types.instants import time_key
from mediafp.types.media import Kind
from mediafp.types.sightings import Sighting

MAX_EQUALLY_COMPLETE: Final = 3
"""Members or references that are named of those that may be the source. Chosen, not measured."""
MAX_LISTED_ACCOUNTS: Final = 5
"""Accounts of a group that are named, those with most sightings. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCard:
    """One group as the template draws it."""

    id: str
    kind: Kind
    size: int
    matches: int
    weakest_link: float | None
    """As of the cluster; None if decisions of persons alone join it."""
    source: str
    """SHA-256 of the source."""
    source_name: str
    source_reason: str
    """Why the source is one; "" if no evidence makes a member the source."""
    source_sighting: Markup
    equally_complete: list[str]
    """Names of the first of several members that are the most complete ones, if none has a date."""
    more_equal: int
    """Number of further ones."""
    relations: list[tuple[str, int]]
    """Relations with the number of their matches, most frequent first."""
    accounts: list[Markup]
    more_accounts: int
    first_date: str | None
    last_date: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFigure:
    """One member of a group as the template draws it."""

    name: str
    sha256: str
    image: Markup
    sighting: Markup
    marks: list[str]
    """Roles of the member in its group."""
    warnings: tuple[str, ...]
    """Warnings of its analysis, such as that a part was not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingRow:
    """One sighting of a member as the template draws it."""

    date: str
    account: Markup
    name: str
    address: str


def build_group_card(group: Group, evidence: PageEvidence) -> GroupCard:
    """Prepare one group for a template."""
    cluster = group.cluster
    accounts: Counter[tuple[str | None, str | None]] = Counter()
    names: dict[tuple[str | None, str | None], Markup] = {}
    dates: list[str] = []
    for member in cluster.members:
        for sighting in evidence.sightings(member.sha256):
            if sighting.account:
                key = sighting.account, sighting.platform
                accounts[key] += 1
                names[key] = account_name(sighting)
            if sighting.date:
                dates.append(sighting.date)
    (source,) = (member for member in cluster.members if member.sha256 == group.source)
    oldest = group.source_sighting
    complete = () if group.is_source_known else group.most_complete
    uris = {member.sha256: member.uris[0] for member in cluster.members}
    return GroupCard(
        id=cluster.id,
        kind=cluster.kind,
        size=len(cluster.members),
        matches=len(group.positions),
        weakest_link=cluster.weakest_link if cluster.weakest_pair else None,
        source=group.source,
        source_name=display_name(source.uris[0]),
        source_reason=_source_reason(group) if group.is_source_known else "",
        source_sighting=_describe(oldest) if oldest else Markup(),
        equally_complete=[display_name(uris[sha256]) for sha256 in complete[:MAX_EQUALLY_COMPLETE]],
        more_equal=len(complete[MAX_EQUALLY_COMPLETE:]),
        relations=[(relation.replace("_", " "), count) for relation, count in group.relations.most_common()],
        accounts=[names[key] for key, _ in accounts.most_common(MAX_LISTED_ACCOUNTS)],
        more_accounts=max(0, len(accounts) - MAX_LISTED_ACCOUNTS),
        first_date=min(dates, key=time_key, default=None),
        last_date=max(dates, key=time_key, default=None),
    )


def iter_members(group: Group, evidence: PageEvidence) -> Iterator[MemberFigure]:
    """Yield the members of a group, its source first, then the most complete one and the representative."""
    representative = group.cluster.representative

    def marks(member: ClusterMember) -> list[str]:
        source = group.source if group.is_source_known else None
        complete = member.sha256 if member.sha256 in group.most_complete else None
        roles = (("source", source), ("most complete", complete), ("representative", representative))
        return [name for name, sha256 in roles if sha256 == member.sha256]

    for member in sorted(group.cluster.members, key=lambda m: (m.sha256 != group.source, not marks(m))):
        sighting = next(iter(evidence.sightings(member.sha256)), None)
        yield MemberFigure(
            name=display_name(member.uris[0]),
            sha256=member.sha256,
            image=evidence.image(member.sha256),
            sighting=_describe(sighting) if sighting else Markup(),
            marks=marks(member),
            warnings=evidence.warnings(member.sha256),
        )


def list_sightings(group: Group, evidence: PageEvidence) -> list[SightingRow]:
    """Return the sightings of the members that have a date, an account or an address, oldest first."""
    sightings = [
        sighting
        for member in group.cluster.members
        for sighting in evidence.sightings(member.sha256)
        if sighting.date or sighting.account or sighting.url
    ]
    sightings.sort(key=lambda sighting: (sighting.date is None, time_key(sighting.date or ""), sighting.uri))
    return [
        SightingRow(
            date=sighting.date or "no date",
            account=account_name(sighting),
            name=sighting.uri if evidence.paths else display_name(sighting.uri),
            address=display_address(sighting.url, paths=evidence.paths) if sighting.url else "",
        )
        for sighting in sightings
    ]


def _source_reason(group: Group) -> str:
    """Return why a member is taken as the source of its group."""
    if group.source_sighting:
        others = count_of(group.perhaps_older, "other member")
        doubt = f", not exact enough to rule out that {others} may be older" if group.perhaps_older else ""
        return f"oldest date in this case{doubt}"
    return "most complete; no member has a date"


def _describe(sighting: Sighting) -> Markup:
    """Return account, platform and date of a sighting."""
    return join_isolated(" · ", sighting.account, sighting.platform, sighting.date)
