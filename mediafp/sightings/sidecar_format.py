"""Interface of a format of sidecars, each of which describes one media file."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.values import FieldValues


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarText:
    """Content of a sidecar that may describe a media file."""

    name: str
    """File name of the sidecar."""
    content: bytes
    """Its bytes, decompressed, of which there are at most `MAX_SIDECAR_BYTES`."""
    media_name: str
    """File name of the media file; "" if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarFormat:
    """A format of sidecars."""

    name: str
    """Name of the tool, as `source` of a sighting states it."""
    names: Callable[[str], Iterable[str]]
    """Function that returns the names which the sidecar of a media file may have, from the name of the media file. Case
    and composition of letters do not matter."""
    read: Callable[[SidecarText, SidecarWarnings], Sequence[FieldValues] | None]
    """Function that returns the sightings that a sidecar states, such as a repost and its original.

    None if the content is of another format, of which nothing is warned; none if it describes no media file, such as a
    playlist. It raises UnusableSidecarError for content that is damaged, and nothing else.
    """
