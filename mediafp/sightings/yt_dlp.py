"""Sidecars of yt-dlp: `NAME.info.json` beside `NAME.mp4`, written by its option `--write-info-json`."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

from mediafp.sightings.sidecar_format import SiblingOpener, SidecarFormat, read_json_values
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.values import FieldValues, collect_fields

SUFFIX: Final = ".info.json"
FIELD_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("uploader_id", "uploader", "channel", "creator"),
    "platform": ("extractor_key", "extractor"),
    "url": ("webpage_url", "original_url"),
    "title": ("title", "fulltitle"),
    "text": ("description",),
    "posted_at": ("timestamp", "release_timestamp", "upload_date"),
    "captured_at": ("epoch",),
    "views": ("view_count",),
}
"""Keys of each field of a sighting, best first; yt-dlp's README, section "Output template", defines them."""


def is_info_file(name: str) -> bool:
    """Return True if a lower-case file name is that of a yt-dlp sidecar."""
    return name.endswith(SUFFIX)


def read_info_file(media_name: str, open_sibling: SiblingOpener, warnings: SidecarWarnings) -> FieldValues | None:
    """Return the fields that the yt-dlp sidecar of a media file states; None if there is none."""
    name = PurePath(media_name).stem + SUFFIX
    record = read_json_values(name, FIELD_KEYS, open_sibling, warnings)
    return None if record is None else collect_fields(record, FIELD_KEYS, repr(name), warnings)


YT_DLP: Final = SidecarFormat(name="yt-dlp", matches=is_info_file, read=read_info_file)
