"""Queries that a page asked, kept beside the store with their results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mediafp.types.hashes import HashAlgorithm
from mediafp.types.matches import QueryResult, TextLine
from mediafp.types.media import Asset, Thumbnail

QueryState = Literal["waiting", "reading", "matching", "transcribing", "done", "failed"]
"""`reading`: the file is decoded and its image and audio compared; `matching`: matches are known, the text in their images is not
yet; `transcribing`: the rest is known, its speech is not."""
Box = tuple[float, float, float, float]
"""Left, top, width and height in pixels of the image, or of the frame of a video as displayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPart:
    """A part of another saved query, which is a query of its own."""

    sha256: str
    """The whole image or video."""
    box: Box
    seconds: float | None = None
    """Time of the frame; None of an image."""
    is_thumbnail: bool = False
    """True if it was cut from the kept frame, since the file itself is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedQuery:
    """A file that was asked about, with what is known of it so far."""

    sha256: str
    name: str
    """Name that the user's file had; never that of a file on disk."""
    bytes: int
    asked_at: str
    """ISO 8601 in UTC."""
    state: QueryState
    seconds: float | None = None
    """Time that the answer took; None as long as there is none."""
    result: QueryResult | None = None
    error: str | None = None
    asset: Asset | None = None
    """The analysed file; None if it was not analysed, since the store contains it, or could not be."""
    text: tuple[TextLine, ...] | None = None
    part_of: QueryPart | None = None
    files: int | None = None
    """Assets of the case when it was answered."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Hashes of an image by the name of their type, in hexadecimal digits."""

    @property
    def is_running(self) -> bool:
        """True if more will be known."""
        return self.state not in ("done", "failed")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedFrames:
    """Thumbnails of a saved query."""

    thumbnails: tuple[Thumbnail, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedHashes:
    """Hashes of a saved query by which it hits lists, those that distinguish images."""

    rows: Mapping[HashAlgorithm, bytes]
    """The rows of each algorithm, one after the other."""
