"""One group of copies: its members, and what holds them together."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from threading import Lock
from typing import Annotated, Any, Final

from fastapi import Path, Query
from starlette.exceptions import HTTPException

from mediafp.case.group_details import GroupDetails
from mediafp.report import jsonl
from mediafp.types.clusters import Edge
from mediafp.types.groups import GroupLink, GroupList, GroupSummary
from mediafp.types.instants import time_key
from mediafp.types.kept_matches import Channel
from mediafp.types.matches import Match
from mediafp.types.sightings import Sighting, count_posts
from mediafp.web.asking import Asking
from mediafp.web.derived import Computed
from mediafp.web.drawings.group_network import Network, draw_network
from mediafp.web.drawings.member_tracks import MemberTrack, lay_tracks
from mediafp.web.group_facets import WEAKEST_BOUNDS
from mediafp.web.group_json import group_to_json
from mediafp.web.pages.groups import computed_or_conflict, waiting
from mediafp.web.paging import Limit, Offset, Page
from mediafp.web.site import Site
from mediafp.web.translation import page_text
from mediafp.web.views import View

GroupId = Annotated[str, Path(pattern="^c[1-9][0-9]{0,9}$")]
"""Id of a group in an address."""
MEMBERS_ON_PAGE: Final = 60
"""Members on a page. Chosen, not measured."""
KEY_FRAMES: Final = 5
"""Frames of the representative below its picture."""
LISTED_LINKS: Final = 100
"""Links in the table, the weakest ones first; all of them are in the JSON. Chosen, not measured."""
JSON_EDGES: Final = 100
"""Edges with their segments in the JSON of a group unless more are asked for: segments are read for each. Chosen."""
NAMED_MEMBERS: Final = 12
"""Members that are named of those that a cut parts. Chosen, not measured."""
KEPT_DETAILS: Final = 8
"""Groups whose details are kept in memory. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A row of the table of members."""

    sha256: str
    label: str
    title: str
    account: str | None
    platform: str | None
    posted_at: str | None
    removed_at: str | None
    """The last removal of its posts."""
    removals: tuple[int, int]
    """Number of its posts that were removed, and of all."""
    captured_at: str | None
    probability: float | None
    """Highest probability of a match with the representative; None without one."""
    relation: str | None
    via: tuple[str, float] | None
    """Label and probability of the strongest link of a member that has none to the representative."""
    track: MemberTrack | None
    covered: float | None
    """Share of the representative that an image shows; None of a video."""
    is_cut: bool
    """True if it falls off at the weakest link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """Details of a group, with what the page needs of all of its links."""

    details: GroupDetails
    network: Network
    strongest: Mapping[str, Edge]
    """Most probable edge of each member."""
    links: Sequence[Edge]
    """Weakest link, then the least probable edges."""


class _Details:
    """Details of the groups that were shown last."""

    def __init__(self, site: Site) -> None:
        self._site, self._lock = site, Lock()
        self._kept: OrderedDict[tuple[int, str], _Loaded] = OrderedDict()

    def of(self, computed: Computed[GroupList], id: str) -> _Loaded:
        both = computed.value.find(id)
        assert both, "the caller found it"
        key = computed.revision, id
        with self._lock:
            found = self._kept.get(key)
        if found is None:
            details = self._site.case.load_group(both[1])
            found = _Loaded(
                details=details,
                network=draw_network(details),
                strongest=_strongest(details),
                links=_weakest_links(details),
            )
            with self._lock:
                self._kept[key] = found
                while len(self._kept) > KEPT_DETAILS:
                    self._kept.popitem(last=False)
        return found


def add_group(site: Site, asking: Asking) -> None:
    """Add the page of one group, and the group of the API."""
    details_of = _Details(site).of

    def group(id: GroupId, page: Page = 1, cut: bool = False, done: Annotated[str, Query(max_length=200)] = "") -> View:
        computed = site.clustering.get()
        if computed is None:
            return waiting("groups")
        both = computed.value.find(id)
        if both is None:
            return _gone(computed.value, id)
        summary, cluster = both
        shown = summary.members[(page - 1) * MEMBERS_ON_PAGE : page * MEMBERS_ON_PAGE]
        if not shown:
            raise HTTPException(404, page_text("the group has no such page"))
        loaded = details_of(computed, id)
        details = loaded.details
        members = _members(site, summary, loaded, shown)
        labels = _labels(summary)
        place = computed.value.positions[id]
        return View(
            template="group.html.j2",
            values={
                "computed": computed,
                "is_current": site.clustering.is_current(),
                "group": summary,
                "place": place + 1,
                "total": len(computed.value.groups),
                "was": cluster.was,
                "details": details,
                "members": members,
                "labels": labels,
                "representative": next(iter(_members(site, summary, loaded, summary.members[:1])), None),
                "key_frames": _key_frames(site, summary),
                "network": loaded.network,
                "links": loaded.links,
                "all_links": len(cluster.edges),
                "near": [_neighbour(site, computed.value, link) for link in computed.value.links.get(id, ())],
                "more_near": computed.value.more_links.get(id, 0),
                "cut": cut,
                "is_weak": bool(details.cut and details.cut.edge.probability < WEAKEST_BOUNDS[1]),
                "done": done,
                "page": page,
                "pages": -(-len(summary.members) // MEMBERS_ON_PAGE),
                "cut_members": set(details.cut.parts[1]) if details.cut else set(),
                "cut_labels": [labels[one] for one in summary.members if one in details.cut.parts[1]][:NAMED_MEMBERS]
                if details.cut
                else [],
            },
            json=lambda: _to_json(site, summary, details, JSON_EDGES, 0),
            columns=("label", "sha256", "title", "account", "platform", "posted_at", "removed_at", "probability"),
            rows=lambda: (
                (
                    one.label,
                    one.sha256,
                    one.title,
                    one.account,
                    one.platform,
                    one.posted_at,
                    one.removed_at,
                    one.probability,
                )
                for one in _members(site, summary, loaded, summary.members)
            ),
        )

    def read_group(id: GroupId, limit: Limit = JSON_EDGES, offset: Offset = 0) -> jsonl.JsonObject:
        """Return one group: the cluster of the contract with its name, dates, links to other groups, and its weakest link.

        `edges` are some of its edges with their segments, the most probable first; `links` is the number of all of them.
        """
        computed = computed_or_conflict(site.clustering)
        both = computed.value.find(id)
        if both is None:
            raise HTTPException(404, _gone_message(computed.value, id))
        return _to_json(site, both[0], details_of(computed, id).details, limit, offset)

    site.add_view("/groups/{id}", group)
    site.add_api("/groups/{id}", read_group)


def _gone(groups: GroupList, id: str) -> View:
    """Return the page of a group that is none any more."""
    heirs = groups.heirs(id)
    if not heirs:
        raise HTTPException(404, page_text("there is no group of this number; it may have fallen apart"))
    return View(
        template="group_gone.html.j2",
        values={"id": id, "heirs": heirs},
        json=lambda: {"error": _gone_message(groups, id), "status": 404, "groups": [one.id for one in heirs]},
        columns=("id", "name"),
        rows=lambda: ((one.id, one.name) for one in heirs),
        status=404,
    )


def _gone_message(groups: GroupList, id: str) -> str:
    heirs = groups.heirs(id)
    if not heirs:
        return "there is no group of this number"
    return f"its members are now in {', '.join(one.id for one in heirs)}"


def _labels(group: GroupSummary) -> dict[str, str]:
    """Return a short name of each member: V1 is the representative of videos."""
    letter = "V" if group.kind == "video" else "P"
    return {sha256: f"{letter}{number}" for number, sha256 in enumerate(group.members, 1)}


def _members(site: Site, group: GroupSummary, loaded: _Loaded, shown: Sequence[str]) -> list[Member]:
    """Return the rows of some members."""
    details, strongest = loaded.details, loaded.strongest
    known = site.case.assets_with_sightings({*shown, group.representative})
    labels = _labels(group)
    small = set(details.cut.parts[1]) if details.cut else set()
    seconds = {sha256: float(asset.properties.get("duration") or 0.0) for sha256, (asset, _) in known.items()}
    laid: list[tuple[float, Mapping[Channel, Match] | None]] = [
        (seconds.get(sha256, 0.0), None if sha256 == group.representative else details.matches.get(sha256, {}))
        for sha256 in shown
    ]
    tracks: list[MemberTrack | None] = [None] * len(shown)
    if group.kind == "video":
        tracks = lay_tracks(seconds.get(group.representative, 0.0), laid)
    rows = []
    for sha256, track, (_, matches) in zip(shown, tracks, laid, strict=True):
        sightings = known[sha256][1] if sha256 in known else ()
        removed = [seen.removed_at for seen in sightings if seen.removed_at]
        best = max((matches or {}).values(), key=lambda match: match.probability, default=None)
        is_own = sha256 == group.representative
        link = None if best or is_own else strongest.get(sha256)
        other = (link.a if link.b == sha256 else link.b) if link else ""
        rows.append(
            Member(
                sha256=sha256,
                label=labels[sha256],
                title=site.title_of(sightings, sha256),
                account=_first(sightings, "account_label"),
                platform=_first(sightings, "platform"),
                posted_at=_first(sightings, "posted_at"),
                removed_at=max(removed, key=time_key, default=None),
                removals=count_posts(sightings),
                captured_at=_first(sightings, "captured_at"),
                probability=best.probability if best else None,
                relation=best.relation if best else None,
                via=(labels[other], link.probability) if link else None,
                track=track,
                covered=1.0 if is_own else best.coverage[0] if best and group.kind == "image" else None,
                is_cut=sha256 in small,
            )
        )
    return rows


def _strongest(details: GroupDetails) -> dict[str, Edge]:
    """Return the most probable edge of each member."""
    found: dict[str, Edge] = {}
    for edge in details.cluster.edges:
        for name in (edge.a, edge.b):
            if name not in found or edge.probability > found[name].probability:
                found[name] = edge
    return found


def _first(sightings: Sequence[Sighting], name: str) -> Any:
    """Return the first known value of a field, or of a property."""
    return next((value for sighting in sightings if (value := getattr(sighting, name))), None)


def _key_frames(site: Site, group: GroupSummary) -> list[float]:
    """Return the times of frames of the representative of videos."""
    if group.kind == "image":
        return []
    known = site.case.assets_with_sightings([group.representative])
    asset = known[group.representative][0] if group.representative in known else None
    seconds = float(asset.properties.get("duration") or 0.0) if asset and all(asset.size) else 0.0
    return [round(seconds * (number + 0.5) / KEY_FRAMES, 3) for number in range(KEY_FRAMES)] if seconds else []


def _weakest_links(details: GroupDetails) -> list[Edge]:
    """Return the weakest link, then the least probable edges."""
    weakest = details.cut.edge if details.cut else None
    return nsmallest(
        LISTED_LINKS,
        details.cluster.edges,
        key=lambda edge: (edge is not weakest, edge.probability, edge.a, edge.b, edge.relation),
    )


def _neighbour(site: Site, groups: GroupList, link: GroupLink) -> dict[str, Any]:
    """Return what the page shows of a group or an asset that is linked, not joined."""
    both = groups.find(link.group) if link.group else None
    name = both[0].name if both else ""
    if not both:
        known = site.case.assets_with_sightings([link.other])
        name = site.title_of(known[link.other][1], link.other) if link.other in known else "?"
    return {"link": link, "group": both[0] if both else None, "name": name}


def _to_json(site: Site, group: GroupSummary, details: GroupDetails, limit: int, offset: int) -> jsonl.JsonObject:
    edges = site.case.with_segments(details.cluster.edges[offset : offset + limit])
    value = group_to_json(group, details.cluster)
    cut = details.cut
    return value | {
        "edges": [jsonl.edge_to_json(edge) for edge in edges],
        "cut": {
            "a": cut.edge.a,
            "b": cut.edge.b,
            "probability": cut.edge.probability,
            "parts": [list(part) for part in cut.parts],
        }
        if cut
        else None,
    }
