"""The matches of a case in the order of its page: group by group, then those that belong to no group."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from mediafp.report.page_evidence import PageEvidence
from mediafp.types.clusters import Cluster, Clustering
from mediafp.types.instants import may_be_earlier, time_key
from mediafp.types.matches import Match, QueryResult, Relation
from mediafp.types.sightings import Sighting

COVERAGE_TOLERANCE: Final = 0.02
"""Difference of coverage up to which neither asset of a match counts as more complete: placements are inexact. Chosen, not
measured."""


@dataclass(frozen=True, slots=True)
class MatchPosition:
    """Position of a match in the results, with what the order of the page depends on."""

    result: int
    match: int
    probability: float
    is_common: bool
    """True if many other videos show all that the two share."""
    query: str
    """SHA-256 of the query."""
    reference: str
    """SHA-256 of the reference."""
    name: str


@dataclass(slots=True, kw_only=True)
class Group:
    """One cluster with its matches."""

    cluster: Cluster
    positions: list[MatchPosition] = field(default_factory=list)
    relations: Counter[Relation] = field(default_factory=Counter)
    completeness: Counter[str] = field(default_factory=Counter)
    """By SHA-256 of a member: matches in which it contains more than the other, less those in which it contains less."""
    source: str = ""
    """SHA-256 of the member with the oldest date, else of the most complete one, else of the representative."""
    source_sighting: Sighting | None = None
    """The sighting with the oldest date, None if no member has a date."""
    perhaps_older: int = 0
    """Number of other members that may be older than it: the dates are not exact enough to decide."""

    @property
    def is_source_known(self) -> bool:
        """True if a date or the completeness makes a member the source; else the representative is in its place."""
        return self.source_sighting is not None or len(self.most_complete) == 1

    @property
    def most_complete(self) -> tuple[str, ...]:
        """SHA-256 of the member that contains most of the others, or of several of which none contains more than another."""
        most = max(self.completeness.values(), default=0)
        return tuple(one.sha256 for one in self.cluster.members if most > 0 and self.completeness[one.sha256] == most)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedMatches:
    """All matches of a case by group, and the group of each asset."""

    groups: list[Group]
    others: list[MatchPosition]
    """Matches whose assets are not in one group, by falling probability; those of common stretches alone come last."""
    group_ids: dict[str, str]
    """Id of the group of each asset in one, by SHA-256."""

    @property
    def total(self) -> int:
        """Number of matches."""
        return len(self.others) + sum(len(group.positions) for group in self.groups)


def order_matches(results: Sequence[QueryResult], clustering: Clustering, evidence: PageEvidence) -> OrderedMatches:
    """Return the matches by group: first those of the source of each, then the others, each by falling probability.

    The results are iterated once, and nothing of a match is kept but its position: a lazy sequence may load them.
    """
    groups = {cluster.id: Group(cluster=cluster) for cluster in clustering.clusters}
    group_ids = {member.sha256: group.cluster.id for group in groups.values() for member in group.cluster.members}
    others: list[MatchPosition] = []
    for number, result in enumerate(results):
        for match_number, match in enumerate(result.matches):
            assert result.sha256 is not None, "a query that could not be analysed has no matches"
            position = MatchPosition(
                result=number,
                match=match_number,
                probability=match.probability,
                is_common=match.is_common,
                query=result.sha256,
                reference=match.sha256,
                name=result.query,
            )
            group_id = group_ids.get(result.sha256)
            if group_id is None or group_id != group_ids.get(match.sha256):
                others.append(position)
            else:
                _add_match(groups[group_id], position, match)
    for group in groups.values():
        _find_source(group, evidence)
        group.positions.sort(key=lambda p: (group.source not in (p.query, p.reference), -p.probability, p.name))
    others.sort(key=lambda p: (p.is_common, -p.probability, p.name))
    return OrderedMatches(groups=list(groups.values()), others=others, group_ids=group_ids)


def iter_matches(
    results: Sequence[QueryResult], positions: Sequence[MatchPosition]
) -> Iterator[tuple[QueryResult, Match]]:
    """Yield the matches at some positions of the results."""
    for position in positions:
        result = results[position.result]
        yield result, result.matches[position.match]


def _add_match(group: Group, position: MatchPosition, match: Match) -> None:
    group.positions.append(position)
    group.relations[match.relation] += 1
    query_covered, reference_covered = match.coverage
    if abs(query_covered - reference_covered) > COVERAGE_TOLERANCE:
        # The side of which less is explained contains something that the other lacks.
        larger, smaller = (
            (position.query, position.reference)
            if query_covered < reference_covered
            else (position.reference, position.query)
        )
        group.completeness[larger] += 1
        group.completeness[smaller] -= 1


def _find_source(group: Group, evidence: PageEvidence) -> None:
    """Set the source of a group."""
    dated = [
        (date, member.sha256, sighting)
        for member in group.cluster.members
        for sighting in evidence.sightings(member.sha256)
        if (date := sighting.date)
    ]
    if dated:
        oldest, group.source, group.source_sighting = min(dated, key=lambda one: (time_key(one[0]), one[1]))
        perhaps = {sha256 for date, sha256, _ in dated if sha256 != group.source and may_be_earlier(date, oldest)}
        group.perhaps_older = len(perhaps)
    else:
        complete = group.most_complete
        group.source = complete[0] if len(complete) == 1 else group.cluster.representative
