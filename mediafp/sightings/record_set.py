"""A record file of one run: the records of each media file, and what remains unused."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from mediafp.sightings.folder_listing import FolderListing, NamesBelow
from mediafp.sightings.record_format import Record
from mediafp.sightings.record_index import RecordIndex
from mediafp.sightings.record_keys import NAME_PREFIX, PATH_PREFIX, exact_path, id_key, path_keys
from mediafp.sightings.sidecar_warnings import SidecarWarnings, quote
from mediafp.types.media import SidecarFolder
from mediafp.types.path_parts import count_common_parts

MAX_NAMED_EXAMPLES: Final = 3
"""Rows or files that a warning names, of those that it counts. Chosen, not measured."""


MAX_CHECKED_ROWS: Final = 10_000
"""Rows without a media file of which it is checked whether the file is there all the same. Chosen, not measured."""


class MediaPath:
    """Path of a media file, relative to a folder with record files, and what it is found by."""

    def __init__(self, path: str, listing: FolderListing, names_below: Callable[[], NamesBelow]) -> None:
        """Take the path of a media file.

        Args:
            path: Path of the media file.
            listing: Names in the folder of the media file.
            names_below: Function that returns the names below the folder of the record files.
        """
        self.path, self.name, self.keys = path, path.rsplit("/", 1)[-1], path_keys(path)
        self.has_twin, self.names_below = listing.has_twin(self.name), names_below
        self._ids: dict[object, Sequence[str]] = {}

    def ids(self, find: Callable[[str], Sequence[str]]) -> Sequence[str]:
        """Return the ids that a format finds in the path."""
        if find not in self._ids:
            self._ids[find] = find(self.path)
        return self._ids[find]


class RecordSet:
    """A record file of one run. One thread at a time may use it."""

    def __init__(self, folder: SidecarFolder, index: RecordIndex, used: "bytearray | None" = None) -> None:
        """Take the folder of the file, its index, and the marks of the records that were used before."""
        self.folder, self.index = folder, index
        self.used = used if used is not None and len(used) == len(index.named) else bytearray(len(index.named))

    def find(self, media: MediaPath, warnings: SidecarWarnings) -> list[Record]:
        """Return the records of a media file.

        A record that names the whole path is preferred to one of an id, and that to one of the file name alone.

        Args:
            media: The media file, relative to the folder of the record file.
            warnings: Receives what is not usable.
        """
        if not media.keys:
            return []
        path_key, name_key = media.keys
        found = list(self.index.find(path_key, warnings))
        if media.has_twin:
            found = [(number, record) for number, record in found if _is_named(record, media.name)]
        for identifier in media.ids(self.index.format.media_ids) if not found else ():
            found = found or list(self.index.find(id_key(identifier), warnings))
        found = found or self._find_by_name(media, path_key, name_key, warnings)
        if not found and "." in media.name:
            # Some tables name files without their suffix.
            stem_path, stem_name = (key.rpartition(".")[0] for key in media.keys)
            found = self._find_by_name(media, stem_path, stem_name, warnings)
        for number, _ in found:
            self.used[number] = 1
        return [record for _, record in found]

    def _find_by_name(
        self, media: MediaPath, path_key: str, name_key: str, warnings: SidecarWarnings
    ) -> list[tuple[int, Record]]:
        """Return the records of the file name, if they name one path that can be that of one file alone."""
        by_end: dict[int, list[tuple[int, Record, str]]] = {}
        path = path_key.removeprefix(PATH_PREFIX)
        for number, record in self.index.find(name_key, warnings):
            ends = [
                (count_common_parts(path, key.removeprefix(PATH_PREFIX)), key)
                for key in record.keys
                if key.startswith(PATH_PREFIX)
            ]
            length, key = max(ends, default=(1, name_key))
            by_end.setdefault(length, []).append((number, record, key))
        if not by_end:
            return []
        length = max(by_end)
        best = by_end[length]
        is_whole = length == path.count("/") + 1
        end = "/".join(path.rsplit("/", 2)[-min(length, 2) :])
        name, shown = name_key.removeprefix(NAME_PREFIX), self.index.content.name
        if len({key for _, _, key in best}) > 1:
            warnings.add(f"skipped the rows of {quote(name)} in {shown!r}: several files of this name have one")
            return []
        if not is_whole and media.names_below().is_repeated(end):
            warnings.add(
                f"skipped the row of {quote(name)} in {shown!r}: it does not say which file of this name it is of"
            )
            return []
        return [(number, record) for number, record, _ in best]

    def unused(self, listing: FolderListing) -> list[str]:
        """Return a warning about the records that name a media file which was not found.

        Args:
            listing: Names in the folder of the record file: a file that is there need not be part of the run.
        """
        name = self.index.content.name
        if len(self.used) and not any(self.used) and not self.index.named.any():
            return [f"skipped {_count_rows(len(self.used))} of {name!r}: no media file was found for them"]
        numbers = np.flatnonzero(self.index.named & (np.frombuffer(self.used, np.uint8) == 0))
        count = len(numbers)
        examples: list[str] = []
        for number in numbers[:MAX_CHECKED_ROWS]:
            record = self.index.read(int(number), SidecarWarnings())
            if record and "/" not in exact_path(record.label) and listing.find(record.label):
                count -= 1
            elif record and len(examples) < MAX_NAMED_EXAMPLES:
                examples.append(quote(record.label))
        if not count:
            return []
        return [f"skipped {_count_rows(count)} of {name!r}: no media file was found for {_shorten(examples, count)}"]


def without_row(record_name: str, examples: list[str], count: int) -> str:
    """Return the warning about media files that have no record."""
    files = "1 media file has" if count == 1 else f"{count:,} media files have"
    return f"{files} no row in {record_name!r}: {_shorten([quote(one) for one in examples], count)}"


def _count_rows(count: int) -> str:
    return f"{count:,} row{'s' * (count > 1)}"


def _shorten(examples: list[str], count: int) -> str:
    if not examples:
        return "them"
    more = count - len(examples)
    return ", ".join(examples) + (f" and {more:,} more" if more > 0 else "")


def _is_named(record: Record, name: str) -> bool:
    """Return True if a record names a file in the same case."""
    return exact_path(record.label).rsplit("/", 1)[-1] == exact_path(name)
