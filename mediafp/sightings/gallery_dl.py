"""Sidecars of gallery-dl: `NAME.jpg.json` beside `NAME.jpg`, written by its option `--write-metadata`."""

import os
from collections.abc import Mapping
from typing import Final

from mediafp.sightings.sidecar_format import SiblingOpener, SidecarFormat, read_json_values
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.values import FieldValues, collect_fields
from mediafp.types.media import MEDIA_SUFFIXES

SUFFIX: Final = ".json"
FIELD_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("author", "user", "username", "uploader", "account", "owner"),
    "platform": ("category",),
    "url": ("post_url", "webpage_url", "permalink", "url"),
    "title": ("title",),
    "text": ("content", "text", "description", "caption"),
    "posted_at": ("date", "created_at", "timestamp"),
    "captured_at": ("captured_at",),
    "views": ("view_count", "views"),
}
"""Keys of each field of a sighting, best first; each of gallery-dl's extractors has its own set."""


def is_metadata_file(name: str) -> bool:
    """Return True if a lower-case file name is that of a gallery-dl sidecar: a media file's name and `.json`."""
    return name.endswith(SUFFIX) and os.path.splitext(name[: -len(SUFFIX)])[1] in MEDIA_SUFFIXES


def read_metadata_file(media_name: str, open_sibling: SiblingOpener, warnings: SidecarWarnings) -> FieldValues | None:
    """Return the fields that the gallery-dl sidecar of a media file states; None if there is none."""
    name = media_name + SUFFIX
    record = read_json_values(name, FIELD_KEYS, open_sibling, warnings)
    return None if record is None else collect_fields(record, FIELD_KEYS, repr(name), warnings)


GALLERY_DL: Final = SidecarFormat(name="gallery-dl", matches=is_metadata_file, read=read_metadata_file)
