"""Interface of a format of record files, each of which describes many media files: a table, or lines of JSON."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.values import FieldValues
from mediafp.types.media import SidecarFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEntry:
    """Place of a record in its file, and what it is found by."""

    offset: int
    """Number from which the file of records reads it again, such as the offset of its first byte."""
    keys: Sequence[str]
    """Keys under which media files find it: those of `path_keys` for a path that it names, `id_key` for another one."""
    names_media: bool
    """True if it names a media file, so that one which is not there is missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record that was read."""

    keys: Sequence[str]
    """The same as in its entry."""
    label: str
    """Name of its media file, or another short text by which a user finds it in the file."""
    sightings: Sequence[FieldValues]
    """The sightings that it states, such as a repost and its original."""


class RecordFile(Protocol):
    """An opened record file. Its functions are called by one thread at a time, and never raise because of its content."""

    def entries(self) -> Iterator[RecordEntry]:
        """Yield all records in the order of the file. Python objects for all of them would take too much memory."""

    def read(self, offset: int, warnings: SidecarWarnings) -> Record:
        """Return the record at an offset that `entries` yielded.

        Args:
            offset: The offset.
            warnings: Receives a line for each value that is not usable.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFormat:
    """A format of record files."""

    name: str
    """Name of the tool, as `source` of a sighting states it."""
    matches: Callable[[str], bool]
    """Function that returns True if a file of this lower-case name may be of this format: it is cheap."""
    open: Callable[[RecordContent, SidecarFolder, SidecarWarnings], RecordFile | None]
    """Function that opens a record file. It gets the content, the folder of the file, and the warnings about the whole file.

    None if the content is of another format, of which nothing is warned. It raises UnusableSidecarError for content of
    this format that cannot be read, and nothing else.
    """
    media_ids: Callable[[str], Sequence[str]] = lambda path: ()
    """Function that returns the ids in the path of a media file, relative to the record file: records are found by `id_key`
    of them too, such as `<tweetid>` in `<tweetid>-<key>.jpg`."""
