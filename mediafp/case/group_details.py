"""One group of a store in detail: its weakest link, and what each member shares with the representative."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from mediafp.case.clusters import load_segments
from mediafp.case.group_constraints import load_constraints
from mediafp.case.joined_matches import seen_from
from mediafp.matching.weakest_cut import WeakestCut, find_lowest, find_weakest_cut
from mediafp.store import Store
from mediafp.types.clusters import Cluster, Edge
from mediafp.types.groups import relation_channel
from mediafp.types.kept_matches import CHANNELS, Channel
from mediafp.types.matches import Match


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedChannel:
    """Channel with what the members of a group share by it."""

    channel: Channel
    members: int
    """Members with a match by this channel to another member."""
    median_seconds: float | None
    """Median of the seconds that a member shares with the representative; None if there are none."""
    lowest: float | None
    """Lowest probability on the strongest path that connects these members; None without a match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDetails:
    """A group with the matches of its representative.

    Attributes:
        cluster: The cluster, its edges without segments.
        matches: Matches of the representative with other members, seen from it, by member and channel.
        cut: The weakest link; None without links.
        shared: What is shared, by channel.
    """

    cluster: Cluster
    matches: Mapping[str, Mapping[Channel, Match]]
    cut: WeakestCut | None
    shared: tuple[SharedChannel, ...]


def load_details(store: Store, cluster: Cluster) -> GroupDetails:
    """Return a group of a store in detail."""
    names = [member.sha256 for member in cluster.members]
    matches = load_matches(store, cluster.representative, set(names))
    are_audio_files = cluster.kind == "video" and not all(store.asset(cluster.representative).size)
    shared = []
    for channel in CHANNELS:
        edges = [edge for edge in cluster.edges if relation_channel(edge.relation) == channel]
        seconds = [
            sum(span[1] - span[0] for one in match.segments if (span := one.query))
            for own in matches.values()
            if (match := own.get(channel)) and match.segments
        ]
        lowest = cluster.weakest_link if channel == "picture" and edges else find_lowest(names, edges)
        shared.append(
            SharedChannel(
                channel=channel,
                members=len({sha256 for edge in edges for sha256 in (edge.a, edge.b)}),
                median_seconds=median(seconds) if seconds else None,
                lowest=lowest,
            )
        )
    together = load_constraints(store).together
    cut = find_weakest_cut(names, cluster.edges, together, are_audio_files=are_audio_files)
    return GroupDetails(cluster=cluster, matches=matches, cut=cut, shared=tuple(shared))


def load_matches(store: Store, sha256: str, others: Collection[str]) -> dict[str, dict[Channel, Match]]:
    """Return the kept matches of an asset with some others, seen from it, by the other asset and the channel."""
    asset = store.asset(sha256)
    found: dict[str, dict[Channel, Match]] = {}
    for kept in store.kept_matches(sha256):
        other = kept.reference if kept.query == sha256 else kept.query
        if other in others and kept.match:
            found.setdefault(other, {})[kept.channel] = seen_from(kept, asset, store)
    return found


def with_segments(store: Store, edges: Sequence[Edge]) -> tuple[Edge, ...]:
    """Return edges with their segments."""
    found = load_segments(store, [(edge.a, edge.b, edge.relation) for edge in edges])
    return tuple(replace(edge, segments=segments) for edge, segments in zip(edges, found, strict=True))
