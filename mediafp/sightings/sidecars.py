"""Sidecars of a media file to the fields of its sighting."""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from mediafp.sightings.gallery_dl import GALLERY_DL
from mediafp.sightings.sidecar_format import SidecarFormat
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.table import TABLE
from mediafp.sightings.values import FieldValues, SightingFields
from mediafp.sightings.yt_dlp import YT_DLP
from mediafp.types.media import SidecarFolders

FORMATS: Final[tuple[SidecarFormat, ...]] = (TABLE, YT_DLP, GALLERY_DL)
"""Sidecar formats; if several state one field, the first of them is used. A new format is one more entry."""


def is_sidecar(path: PurePath) -> bool:
    """Return True if a file is named like a sidecar or a table of sightings."""
    name = path.name.lower()
    return any(sidecar_format.matches(name) for sidecar_format in FORMATS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarContents:
    """Statements of the sidecars of one media file."""

    sightings: tuple[SightingFields, ...] = ()
    """The fields of each sighting that they state; none if there are no sidecars."""
    warnings: tuple[str, ...] = ()
    """A line for each value that is not usable."""


NO_SIDECARS: Final = SidecarContents()
"""Contents of a file without sidecars."""


class SidecarReader:
    """Reader of the sidecars of one run. Several threads may use it."""

    def read(self, name: str, folders: SidecarFolders) -> SidecarContents:
        """Return what the sidecars of one media file state. Their content never raises.

        Args:
            name: File name of the media file.
            folders: Its folder, and those above it.
        """
        warnings = SidecarWarnings()
        merged: FieldValues = {}
        sources = []
        for sidecar_format in FORMATS:
            values = sidecar_format.read(name, folders[0].open, warnings) if folders else None
            if values:
                sources.append(sidecar_format.name)
                merged = values | merged
        texts = tuple(warnings.texts())
        if not merged:
            return SidecarContents(warnings=texts)
        fields = SightingFields(**merged, source="+".join(sources))  # type: ignore[arg-type]
        return SidecarContents(sightings=(fields,), warnings=texts)

    def unused_parts(self, name: str, folders: SidecarFolders) -> tuple[str, ...]:
        """Return a warning for each part of a sidecar that no media file was found for, once all files were read.

        Args:
            name: File name of the sidecar.
            folders: Its folder, and those above it.
        """
        return ()
