"""Groups and takeovers as JSON objects."""

from dataclasses import replace

from mediafp.report import jsonl
from mediafp.types.clusters import Cluster
from mediafp.types.groups import GroupSummary
from mediafp.types.takeovers import Takeover


def group_to_json(group: GroupSummary, cluster: Cluster) -> jsonl.JsonObject:
    """Return a cluster without its edges, with its name, dates, and what its members share."""
    value = jsonl.cluster_to_json(replace(cluster, edges=()))
    del value["edges"]
    return value | {
        "name": group.name,
        "accounts": list(group.accounts),
        "platforms": list(group.platforms),
        "first_at": group.first_at,
        "last_at": group.last_at,
        "last_added_at": group.last_added_at,
        "removed": group.removed,
        "partly_removed": group.partly_removed,
        "shares": dict(group.shares),
        "silent": group.silent,
        "unread": group.unread,
        "links": len(cluster.edges),
    }


def takeover_to_json(value: Takeover) -> jsonl.JsonObject:
    """Return an account that took up the media of a removed one."""
    return {
        "earlier": value.earlier,
        "later": value.later,
        "removed_at": value.removed_at,
        "first_at": value.first_at,
        "gap_days": value.gap_days,
        "shared": value.shared,
        "of": value.of,
        "pairs": [list(pair) for pair in value.pairs],
        "channels": list(value.channels),
        "because": list(value.because),
    }
