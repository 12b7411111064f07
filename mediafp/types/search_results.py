"""The places that a search found, by file."""

from dataclasses import dataclass

from mediafp.types.media import Kind
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import SearchHit


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """An asset with the places of it that a search found, the best first.

    Attributes:
        sha256: The asset.
        kind: Its kind.
        uris: Its paths.
        sightings: Its sightings, oldest first.
        hits: The places.
    """

    sha256: str
    kind: Kind
    uris: tuple[str, ...]
    sightings: tuple[Sighting, ...]
    hits: tuple[SearchHit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The files that a search found, in the order of their best places.

    Attributes:
        files: The files.
        is_complete: False if there are more places than were read.
        forms: Forms of the searched words in the places, other than those of the search.
    """

    files: tuple[FoundFile, ...]
    is_complete: bool
    forms: tuple[str, ...]
