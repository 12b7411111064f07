"""Sidecars of a media file to the fields of its sighting."""

from pathlib import PurePath
from typing import Final

from mediafp.sightings.gallery_dl import GALLERY_DL
from mediafp.sightings.sidecar_format import SidecarFormat
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.table import TABLE
from mediafp.sightings.values import FieldValue, FieldValues, SightingFields
from mediafp.sightings.yt_dlp import YT_DLP
from mediafp.types.media import SiblingOpener

FORMATS: Final[tuple[SidecarFormat, ...]] = (TABLE, YT_DLP, GALLERY_DL)
"""Sidecar formats; if several state one field, the first of them is used. A new format is one more entry."""


def is_sidecar(path: PurePath) -> bool:
    """Return True if a file is named like a sidecar or a table of sightings."""
    name = path.name.lower()
    return any(sidecar_format.matches(name) for sidecar_format in FORMATS)


def read_sidecars(name: str, open_sibling: SiblingOpener) -> tuple[SightingFields, list[str]]:
    """Return what the sidecars of one media file state, and a warning for each value that is not usable.

    Times are ISO 8601 in UTC; a time without a zone is taken as UTC. The content of a sidecar never raises.

    Args:
        name: File name of the media file.
        open_sibling: Opener of the files beside it.
    """
    warnings = SidecarWarnings()
    merged: FieldValues = {}
    sources = []
    for sidecar_format in FORMATS:
        values = sidecar_format.read(name, open_sibling, warnings)
        if values:
            sources.append(sidecar_format.name)
            merged = values | merged
    views = merged.get("views")
    return SightingFields(
        account=_text_or_none(merged.get("account")),
        platform=_text_or_none(merged.get("platform")),
        url=_text_or_none(merged.get("url")),
        title=_text_or_none(merged.get("title")),
        text=_text_or_none(merged.get("text")),
        posted_at=_text_or_none(merged.get("posted_at")),
        captured_at=_text_or_none(merged.get("captured_at")),
        removed_at=_text_or_none(merged.get("removed_at")),
        views=views if isinstance(views, int) else None,
        source="+".join(sources),
    ), warnings.texts()


def _text_or_none(value: FieldValue | None) -> str | None:
    return value if isinstance(value, str) else None
