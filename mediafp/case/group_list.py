"""The list of the groups of a store, with what a person reads of each of them."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from mediafp.case.clusters import cluster_store
from mediafp.case.comparison.versions import comparison_versions
from mediafp.store import Store
from mediafp.types.clusters import Cluster
from mediafp.types.groups import GroupLink, GroupList, GroupSummary, relation_channel
from mediafp.types.instants import time_key
from mediafp.types.kept_matches import CHANNELS, MIN_KEPT_PROBABILITY, Channel
from mediafp.types.matches import MIRRORED_RELATIONS
from mediafp.types.sightings import Sighting, posts_standing

MAX_LINKS: Final = 12
"""Other groups and assets that are listed for one group, the most probable ones. Chosen, not measured."""


def load_groups(store: Store, received_name: Callable[[str], str | None]) -> GroupList:
    """Return the groups of a store by the matches that are kept now.

    Args:
        store: The store.
        received_name: Returns the name that the file of a path had when it was received; None for others.
    """

    def file_name(sighting: Sighting) -> str:
        return received_name(sighting.uri) or os.path.basename(sighting.uri)

    clustering = cluster_store(store, with_segments=False)
    group_of = {member.sha256: cluster.id for cluster in clustering.clusters for member in cluster.members}
    seen: defaultdict[str, list[Sighting]] = defaultdict(list)
    for sighting in store.iter_sightings():
        if sighting.sha256 in group_of:
            seen[sighting.sha256].append(sighting)
    transcribed = {fingerprint.sha256 for fingerprint in store.transcript_fingerprints()}
    videos = {
        asset.sha256: asset.properties.get("has_sound") for asset in store.assets(group_of) if asset.kind == "video"
    }
    silent = {sha256 for sha256, has_sound in videos.items() if has_sound is False}
    unread = videos.keys() - silent - transcribed
    groups = tuple(_summarise(store, cluster, seen, silent, unread, file_name) for cluster in clustering.clusters)
    links = _find_links(store, group_of)
    return GroupList(
        clustering=clustering,
        groups=groups,
        links={group: found[:MAX_LINKS] for group, found in links.items()},
        more_links={group: more for group, found in links.items() if (more := len(found[MAX_LINKS:]))},
        group_of=group_of,
        uncompared=store.count_uncompared(comparison_versions()).assets,
        positions={group.id: position for position, group in enumerate(groups)},
    )


def _summarise(
    store: Store,
    cluster: Cluster,
    seen: Mapping[str, Sequence[Sighting]],
    silent: Collection[str],
    unread: Collection[str],
    file_name: Callable[[Sighting], str],
) -> GroupSummary:
    own = {member.sha256: seen.get(member.sha256, ()) for member in cluster.members}
    sightings = [sighting for sha256 in own for sighting in own[sha256]]
    dates = sorted((sighting.date for sighting in sightings if sighting.date), key=time_key)
    members = sorted(own, key=lambda sha256: (sha256 != cluster.representative, *first_date_key(own[sha256]), sha256))
    standings = Counter(posts_standing(found) for found in own.values())
    added = tuple(store.added_at(sha256) for sha256 in members)
    sharing: dict[Channel, set[str]] = {channel: set() for channel in CHANNELS}
    for edge in cluster.edges:
        sharing[relation_channel(edge.relation)].update((edge.a, edge.b))
    return GroupSummary(
        id=cluster.id,
        kind=cluster.kind,
        name=name_group(sightings, own[cluster.representative], file_name),
        representative=cluster.representative,
        members=tuple(members),
        accounts=tuple(sorted({label for sighting in sightings if (label := sighting.account_label)})),
        platforms=tuple(sorted({sighting.platform for sighting in sightings if sighting.platform})),
        first_at=dates[0] if dates else None,
        last_at=dates[-1] if dates else None,
        first_added_at=min(added),
        last_added_at=max(added),
        added_at=added,
        removed=standings["removed"],
        partly_removed=standings["partly_removed"],
        shares={channel: len(found) for channel, found in sharing.items()},
        silent=sum(sha256 in silent for sha256 in own),
        unread=sum(sha256 in unread for sha256 in own),
        weakest_link=cluster.weakest_link,
    )


def first_date_key(sightings: Iterable[Sighting]) -> tuple[bool, tuple[float, float, str]]:
    """Return the sort key of an asset by the first date of its sightings; those without one come last."""
    first = min((sighting.date for sighting in sightings if sighting.date), key=time_key, default=None)
    return first is None, time_key(first or "")


def name_group(sightings: Sequence[Sighting], first: Sequence[Sighting], file_name: Callable[[Sighting], str]) -> str:
    """Return the most frequent title of sightings, else the most frequent file name; of equal ones one of the first sightings."""
    for state in (_title, file_name):
        names = Counter(name for sighting in sightings if (name := state(sighting)))
        preferred = {state(sighting) for sighting in first}
        if names:
            return min(names, key=lambda name: (-names[name], name not in preferred, name))
    return ""


def _title(sighting: Sighting) -> str:
    return (sighting.title or "").strip()


def _find_links(store: Store, group_of: Mapping[str, str]) -> dict[str, tuple[GroupLink, ...]]:
    """Return the most probable match of each group to each other group, and to each asset in none, the most probable first."""
    best: defaultdict[str, dict[str, GroupLink]] = defaultdict(dict)
    for edge in store.kept_edges(MIN_KEPT_PROBABILITY):
        groups = group_of.get(edge.a), group_of.get(edge.b)
        if groups[0] == groups[1]:
            continue
        relation = edge.relation
        for member, other, own, their in ((edge.a, edge.b, *groups), (edge.b, edge.a, *groups[::-1])):
            if own is not None:
                link = GroupLink(
                    member=member, other=other, group=their, relation=relation, probability=edge.probability
                )
                standing = best[own].get(their or other)
                if standing is None or link.probability > standing.probability:
                    best[own][their or other] = link
            relation = MIRRORED_RELATIONS.get(relation, relation)
    return {
        group: tuple(sorted(found.values(), key=lambda one: (-one.probability, one.other)))
        for group, found in best.items()
    }
