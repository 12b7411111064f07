"""Clusters as a list of groups that a person reads: their names, spans of dates, and what their members share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mediafp.types.clusters import Cluster, Clustering
from mediafp.types.kept_matches import CHANNELS, Channel
from mediafp.types.matches import Relation
from mediafp.types.media import Kind

RELATION_CHANNELS: Final[Mapping[Relation, Channel]] = {"same_voice": "voice", "same_script": "script"}
"""Channel of the relations that are not of images."""


def relation_channel(relation: Relation) -> Channel:
    """Return the channel by which a relation was found."""
    return RELATION_CHANNELS.get(relation, "picture")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLink:
    """Match between a member of a group and an asset outside of it, the most probable of all to that group or asset."""

    member: str
    other: str
    """SHA-256 of the asset outside."""
    group: str | None
    """Id of the group of the other asset; None if it is in none."""
    relation: Relation
    """Seen from the member, as far as it is named by its direction."""
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSummary:
    """A cluster in short."""

    id: str
    kind: Kind
    name: str
    """Most frequent title among the sightings of its members, else the most frequent file name."""
    representative: str
    members: tuple[str, ...]
    """The representative first, then by the first date, those without one last."""
    accounts: tuple[str, ...]
    """Names of the accounts that the sightings state, sorted."""
    platforms: tuple[str, ...]
    first_at: str | None
    """Oldest date of a sighting of a member."""
    last_at: str | None
    first_added_at: str
    last_added_at: str
    added_at: tuple[str, ...]
    """Time at which each member was added, in the order of the members."""
    removed: int
    """Members of which every post is known to be removed."""
    partly_removed: int
    """Members of which some posts are known to be removed, and others are not."""
    shares: Mapping[Channel, int]
    """Members that share something by each channel with another member."""
    silent: int
    """Videos without sound, which share neither a voice nor words."""
    unread: int
    """Members with sound whose speech was not read, so that nothing is known of their words."""
    weakest_link: float

    def count_added(self, since: str) -> int:
        """Return the number of members that were added at a time or later."""
        return sum(at >= since for at in self.added_at)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Channels by which members share something."""
        return tuple(channel for channel in CHANNELS if self.shares[channel])


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupList:
    """Clusters of a store without the segments of their edges, a summary of each, and what links them to others."""

    clustering: Clustering
    groups: tuple[GroupSummary, ...]
    """In the order of the clusters."""
    links: Mapping[str, tuple[GroupLink, ...]]
    """Most probable links of each group to others, by its id."""
    more_links: Mapping[str, int]
    """Number of further ones, by the id of a group that has more."""
    group_of: Mapping[str, str]
    """Id of the group of each member, by SHA-256."""
    uncompared: int
    """Assets that were not compared with all others yet, whose matches are missing."""
    positions: Mapping[str, int] = field(repr=False)
    """Place of each group in `groups`, by id."""

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """The clusters, largest first."""
        return self.clustering.clusters

    @property
    def unclustered(self) -> int:
        """Number of assets in no cluster."""
        return self.clustering.unclustered

    def find(self, id: str) -> tuple[GroupSummary, Cluster] | None:
        """Return a group and its cluster; None if there is none of this id."""
        position = self.positions.get(id)
        return None if position is None else (self.groups[position], self.clustering.clusters[position])

    def heirs(self, id: str) -> Sequence[GroupSummary]:
        """Return the groups that members of an earlier group are in now."""
        return [self.groups[place] for place, one in enumerate(self.clustering.clusters) if id in one.was]
