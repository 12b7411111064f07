"""Sidecars of instaloader: `DATE_UTC.json.xz` or `.json` beside `DATE_UTC.jpg`, or beside `DATE_UTC_1.jpg` and further files."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from mediafp.sightings.json_paths import JsonValues, read_json_paths
from mediafp.sightings.post_shape import PostShape
from mediafp.sightings.sidecar_format import SidecarFormat, SidecarText
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.values import FieldValues

SUFFIXES: Final = (".json.xz", ".json")
NUMBER: Final = re.compile(r"_\d{1,3}$")
"""End of the name of one of several files of a post."""
POST: Final = PostShape(
    platform="instagram",
    fields={
        "account": ("node.owner.username", "node.user.username", "node.iphone_struct.user.username"),
        "account_id": ("node.owner.id", "node.owner.pk", "node.user.pk", "node.user.id", "node.iphone_struct.user.pk"),
        "account_name": ("node.owner.full_name", "node.user.full_name", "node.iphone_struct.user.full_name"),
        "post_id": ("@post_id",),
        "posted_at": ("node.taken_at_timestamp", "node.taken_at", "node.date", "node.iphone_struct.taken_at"),
        "title": ("node.title",),
        "text": (
            "node.edge_media_to_caption.edges.0.node.text", "node.caption.text", "node.caption",
            "node.iphone_struct.caption.text",
        ),
        "views": (
            "node.video_view_count", "node.video_play_count", "node.view_count", "node.play_count",
            "node.iphone_struct.view_count", "node.iphone_struct.play_count",
        ),
    },
)  # fmt: skip
"""Shape of a post, as the two interfaces of Instagram state it, of which instaloader keeps what it got."""
STORY_URL: Final = "https://www.instagram.com/stories/{account}/{post_id}/"
PATHS: Final = (
    "instaloader.node_type", "node.shortcode", "node.code", "node.id", "node.pk", "node.__typename", *POST.paths,
)  # fmt: skip
"""All paths of a record that are read."""


def json_names(media_name: str) -> Iterable[str]:
    """Return the names which the sidecar of a media file may have."""
    stem, dot, _ = media_name.rpartition(".")
    stem = stem if dot else media_name
    for base in dict.fromkeys((stem, NUMBER.sub("", stem))):
        for suffix in SUFFIXES:
            yield base + suffix


def read_json(sidecar: SidecarText, warnings: SidecarWarnings) -> Sequence[FieldValues] | None:
    """Return the sighting that a sidecar of instaloader states; None if it is another JSON file.

    Raises UnusableSidecarError.
    """
    values = read_json_paths(sidecar.content, PATHS, sidecar.name, warnings)
    if "instaloader.node_type" not in values:
        return None
    return parse_node(values, repr(sidecar.name), warnings)


def parse_node(values: JsonValues, label: str, warnings: SidecarWarnings) -> Sequence[FieldValues]:
    """Return the sighting that a record of instaloader states: of a post or a story; none of an account.

    Args:
        values: Its values by `PATHS`.
        label: Name of the record in warnings.
        warnings: Receives a line for each value that is not usable.
    """
    match values.get("instaloader.node_type"):
        case "StoryItem":
            shape = replace(POST, url=STORY_URL)
        case "Post":
            shape = POST
        case _:
            return []
    identifier = values.get("node.pk") or values.get("node.id")
    if isinstance(identifier, str):
        # One of the interfaces appends the number of the account.
        values = values | {"@post_id": identifier.partition("_")[0]}
    elif identifier is not None:
        values = values | {"@post_id": identifier}
    stated = shape.read(values, label, warnings)
    code = values.get("node.shortcode") or values.get("node.code")
    if shape is POST and isinstance(code, str) and stated:
        stated["url"] = f"https://www.instagram.com/p/{code}/"
        stated.setdefault("post_id", code)
    return [stated] if stated else []


INSTALOADER: Final = SidecarFormat(name="instaloader", names=json_names, read=read_json)
