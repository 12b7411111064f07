"""Sidecars of a media file to the fields of its sightings."""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from threading import RLock
from typing import Final

from mediafp.sightings.exported_table import EXPORTED_TABLE
from mediafp.sightings.folder_listing import FolderListing, NamesBelow
from mediafp.sightings.merging import Statement, join_statements
from mediafp.sightings.received_names import MAX_BYTES, read_received_name, received_sidecar_name
from mediafp.sightings.record_content import load_record_content
from mediafp.sightings.record_index import RecordIndex
from mediafp.sightings.record_set import MAX_NAMED_EXAMPLES, MediaPath, RecordSet, without_row
from mediafp.sightings.registry import RECORD_FORMATS, SIDECAR_FORMATS, SIDECAR_NAMES, SIDECAR_SUFFIXES
from mediafp.sightings.sidecar_content import UnusableSidecarError, open_sidecar, read_bytes
from mediafp.sightings.sidecar_format import SidecarText
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.table import TABLE
from mediafp.sightings.table_columns import COLUMNS_NAME
from mediafp.sightings.values import FieldValues
from mediafp.types.media import MEDIA_SUFFIXES, SidecarFolder, SidecarFolders
from mediafp.types.sightings import SightingFields

MAX_INDEX_BYTES: Final = 512 << 20
"""Memory, bytes, of the indexes of record files that are kept; one that is dropped is read again when it is needed.
Chosen, not measured."""
MAX_LISTED_NAMES: Final = 1_000_000
"""Names in the listings of folders that are kept. Chosen, not measured: they take 200 MB."""
FOLDER_NAMES: Final = 10
"""Names that an empty folder counts as in `MAX_LISTED_NAMES`. Chosen, not measured."""
INDEX_BYTES: Final = 20_000
"""Memory, bytes, of the index of an empty record file. Chosen, not measured."""
OPEN_FILE_BYTES: Final = 16 << 20
"""Bytes that a record file which stays open counts as in `MAX_INDEX_BYTES`, so that at most 32 are open. Chosen, not
measured."""
WORKBOOK_SUFFIXES: Final = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")
"""Endings of the lower-case names of workbooks, which are not read."""
MAX_RECORD_FILES: Final = 500
"""Record files of one folder that are read. Chosen, not measured."""
NO_FORMAT: Final = "not read: it is of no known format"


def is_sidecar(path: PurePath) -> bool:
    """Return True if a file is named like a sidecar or a record file."""
    name = path.name.lower()
    return name.endswith((*SIDECAR_SUFFIXES, *WORKBOOK_SUFFIXES)) or SIDECAR_NAMES.fullmatch(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarContents:
    """Statements of the sidecars of one media file."""

    sightings: tuple[SightingFields, ...] = ()
    """The fields of each sighting that they state; none if there are no sidecars."""
    warnings: tuple[str, ...] = ()
    """A line for each value that is not usable."""
    received_name: str = ""
    """Name that the file had when the workbench received it; "" if it was not received."""


NO_SIDECARS: Final = SidecarContents()
"""Contents of a file without sidecars."""


@dataclass(slots=True)
class _RecordState:
    """State of a record file in this run, which is kept also while its index is not."""

    is_known: bool = False
    """True if a format has accepted it."""
    warnings: SidecarWarnings = field(default_factory=SidecarWarnings)
    used: bytearray | None = None
    without_row: int = 0
    """Media files that have no record, and no other sidecar."""
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Folder:
    """Listing of a folder, and the names of the record files in it."""

    listing: FolderListing
    records: Sequence[str]
    left_out: frozenset[str]
    """Names of the record files above `MAX_RECORD_FILES`."""
    names_below: NamesBelow | None = None
    """Names in it and in the folders below it, once they are needed."""


class SidecarReader:
    """Reader of the sidecars of one run. Several threads may use it. Each record file is read once a run."""

    def __init__(self) -> None:
        self._lock = RLock()
        """Held while listings and record files are used."""
        self._folders: OrderedDict[str, _Folder] = OrderedDict()
        self._listed_names = 0
        self._index_bytes = 0
        self._states: dict[tuple[str, str], _RecordState] = {}
        self._sets: OrderedDict[tuple[str, str], RecordSet] = OrderedDict()
        self._read: set[int] = set()
        """Hashes of folder and name of the sidecars that were read for a media file."""

    def close(self) -> None:
        """Close the record files that are open."""
        with self._lock:
            while self._sets:
                self._sets.popitem()[1].index.content.close()

    def read(self, name: str, folders: SidecarFolders) -> SidecarContents:
        """Return what the sidecars of one media file state. Their content never raises.

        Args:
            name: File name of the media file.
            folders: Its folder, and those above it.
        """
        if not folders:
            return NO_SIDECARS
        warnings = SidecarWarnings()
        with self._lock:
            listing = self._list(folders[0]).listing
            tables, records = self._read_records(name, folders, listing, warnings)
        sidecars = self._read_sidecars(name, folders[0], listing, warnings)
        sightings = join_statements([*tables, *sidecars, *records], warnings)
        received_name = _read_received_name(name, folders[0], listing)
        return SidecarContents(sightings=sightings, warnings=tuple(warnings.texts()), received_name=received_name)

    def forget_used(self, name: str, folders: SidecarFolders) -> bool:
        """Return True if a sidecar was read for a media file, and forget that: nothing of it can be left unused.

        Args:
            name: File name of the sidecar.
            folders: Its folder, and those above it.
        """
        key = hash((folders[0].path, name)) if folders else None
        with self._lock:
            is_used = key in self._read
            self._read.discard(key or 0)
        return is_used

    def unused_parts(self, name: str, folders: SidecarFolders) -> tuple[str, ...]:
        """Return a warning for each part of a sidecar that no media file was found for, once all files were read.

        Args:
            name: File name of the sidecar.
            folders: Its folder, and those above it.
        """
        if not folders or name == COLUMNS_NAME or hash((folders[0].path, name)) in self._read:
            return ()
        if name.lower().endswith(WORKBOOK_SUFFIXES):
            return (f"skipped {name!r}: not read: it is a workbook; save its sheet as CSV",)
        folder, warnings = folders[0], SidecarWarnings()
        with self._lock:
            if name in self._list(folder).left_out:
                return (f"skipped {name!r}: its folder has more than {MAX_RECORD_FILES} files of this kind",)
            records = self._load(folder, name) if _may_be_record(name) else None
            state = self._states.get((folder.path, name), _RecordState())
            if records:
                warnings.extend(state.warnings)
                for text in records.unused(self._list(folder).listing):
                    warnings.add(text)
                if state.without_row:
                    warnings.add(without_row(name, state.examples, state.without_row))
                return tuple(warnings.texts())
            if state.warnings.texts():
                return tuple(state.warnings.texts())
        sightings = self._read_sidecar(folder, name, "", [one.name for one in SIDECAR_FORMATS], warnings)
        if sightings and any(sightings[1]):
            warnings.add(f"skipped {name!r}: no media file was found for it")
        return tuple(warnings.texts())

    def _list(self, folder: SidecarFolder) -> _Folder:
        """Return the listing of a folder, made once as long as it is kept."""
        if folder.path not in self._folders:
            listing = FolderListing(folder.names())
            stems = _media_stems(listing)
            records = [name for name in listing.names() if _may_be_record(name, stems)]
            self._folders[folder.path] = _Folder(
                listing, records[:MAX_RECORD_FILES], frozenset(records[MAX_RECORD_FILES:])
            )
            self._listed_names += FOLDER_NAMES + len(listing)
            while len(self._folders) > 1 and self._listed_names > MAX_LISTED_NAMES:
                self._listed_names -= FOLDER_NAMES + len(self._folders.popitem(last=False)[1].listing)
        self._folders.move_to_end(folder.path)
        return self._folders[folder.path]

    def _read_records(
        self, name: str, folders: SidecarFolders, listing: FolderListing, warnings: SidecarWarnings
    ) -> tuple[list[Statement], list[Statement]]:
        """Return what the tables, and the other record files, of the folder of a media file and those above it state."""
        tables: list[Statement] = []
        others: list[Statement] = []
        nearest: _RecordState | None = None
        parts = PurePath(folders[0].path).parts
        for level, folder in enumerate(folders):
            listed = self._list(folder)
            media = MediaPath(
                "/".join((*parts[len(parts) - level :], name)), listing, partial(_find_names_below, listed, folder)
            )
            for record_name in listed.records:
                is_first = (folder.path, record_name) not in self._states
                records = self._load(folder, record_name)
                if is_first and len(folders) == 1:
                    # The user may have named the media file alone: then the record file has no line of its own.
                    warnings.extend(self._states[folder.path, record_name].warnings)
                if records is None:
                    continue
                nearest = nearest or self._states[folder.path, record_name]
                found = records.find(media, warnings)
                record_format = records.index.format
                statement = Statement(
                    source=f"{record_format.name}: {record_name}",
                    name=record_name,
                    sightings=[fields for record in found for fields in record.sightings],
                )
                if statement.sightings:
                    (tables if record_format in (TABLE, EXPORTED_TABLE) else others).append(statement)
        if nearest and not tables and not others and not _has_sidecar(name, listing):
            nearest.without_row += 1
            nearest.examples += [name] * (len(nearest.examples) < MAX_NAMED_EXAMPLES)
        return tables, others

    def _load(self, folder: SidecarFolder, name: str) -> RecordSet | None:
        """Return a record file, opened unless it is kept; None if it is none of a known format."""
        place = folder.path, name
        if place in self._sets:
            self._sets.move_to_end(place)
            return self._sets[place]
        state = self._states.get(place)
        if state and not state.is_known:
            return None
        is_first = state is None
        state = self._states.setdefault(place, _RecordState())
        index = _open_index(folder, name, state.warnings if is_first else SidecarWarnings())
        if index is None:
            return None
        state.is_known = True
        self._sets[place] = RecordSet(folder, index, state.used)
        state.used = self._sets[place].used
        self._index_bytes += _memory_bytes(index)
        while len(self._sets) > 1 and self._index_bytes > MAX_INDEX_BYTES:
            left_out = self._sets.popitem(last=False)[1].index
            self._index_bytes -= _memory_bytes(left_out)
            left_out.content.close()
        return self._sets[place]

    def _read_sidecars(
        self, media_name: str, folder: SidecarFolder, listing: FolderListing, warnings: SidecarWarnings
    ) -> list[Statement]:
        """Return what the sidecars beside a media file state."""
        formats: dict[str, list[str]] = {}
        for sidecar_format in SIDECAR_FORMATS:
            for candidate in sidecar_format.names(media_name):
                if name := listing.find(candidate):
                    formats.setdefault(name, []).append(sidecar_format.name)
        statements = []
        for name, format_names in formats.items():
            if read := self._read_sidecar(folder, name, media_name, format_names, warnings):
                source, sightings = read
                statements.append(Statement(source=f"{source}: {name}", name=name, sightings=sightings))
        return statements

    def _read_sidecar(
        self,
        folder: SidecarFolder,
        name: str,
        media_name: str,
        format_names: Sequence[str],
        warnings: SidecarWarnings,
    ) -> tuple[str, Sequence[FieldValues]] | None:
        """Return the format of a sidecar, and what it states; None, with a warning, if it cannot be read."""
        if media_name:
            self._read.add(hash((folder.path, name)))
        with open_sidecar(folder, name, warnings) as file:
            content = read_bytes(file, warnings) if file else None
        if content is None:
            return None
        text = SidecarText(name=name, content=content, media_name=media_name)
        reason = NO_FORMAT
        for sidecar_format in SIDECAR_FORMATS:
            if sidecar_format.name in format_names:
                try:
                    sightings = sidecar_format.read(text, warnings)
                except UnusableSidecarError as error:
                    reason = str(error)
                else:
                    if sightings is not None:
                        return sidecar_format.name, sightings
        warnings.add(f"skipped {name!r}: {reason}")
        return None


def _read_received_name(media_name: str, folder: SidecarFolder, listing: FolderListing) -> str:
    """Return the name that a media file had when it was received; "" if no sidecar states one."""
    name, warnings = listing.find(received_sidecar_name(media_name)), SidecarWarnings()
    if name is None:
        return ""
    # What cannot be read was reported when the file was read as a sidecar of other formats.
    with open_sidecar(folder, name, warnings) as file:
        content = read_bytes(file, warnings, max_bytes=MAX_BYTES) if file else None
    return read_received_name(content or b"") or ""


def _has_sidecar(name: str, listing: FolderListing) -> bool:
    """Return True if a file of a media file's folder is named like a sidecar of it."""
    return any(listing.find(one) for sidecar_format in SIDECAR_FORMATS for one in sidecar_format.names(name))


def _find_names_below(listed: _Folder, folder: SidecarFolder) -> NamesBelow:
    """Return the names below a folder; they are listed once."""
    listed.names_below = listed.names_below or NamesBelow(folder)
    return listed.names_below


def _memory_bytes(index: RecordIndex) -> int:
    """Return what an index counts as in `MAX_INDEX_BYTES`."""
    return INDEX_BYTES + index.memory_bytes + OPEN_FILE_BYTES * index.content.is_open


def _media_stems(listing: FolderListing) -> frozenset[str]:
    """Return the lower-case names of the media files in a folder without suffix, and without the number of a part."""
    paths = (PurePath(name.lower()) for name in listing.names())
    stems = [path.stem for path in paths if path.suffix in MEDIA_SUFFIXES]
    return frozenset((*stems, *(re.sub(r"_\d{1,3}$", "", stem) for stem in stems)))


def _may_be_record(name: str, stems: frozenset[str] = frozenset()) -> bool:
    """Return True if a file may be a record file by its name: it is not the sidecar of one of the media files beside it."""
    lower = name.lower()
    described, dot, _ = lower.rpartition(".json")
    is_sidecar_name = bool(dot) and (
        described.endswith(".info") or PurePath(described).suffix in MEDIA_SUFFIXES or described in stems
    )
    return lower != COLUMNS_NAME and not is_sidecar_name and any(one.matches(lower) for one in RECORD_FORMATS)


def _open_index(folder: SidecarFolder, name: str, warnings: SidecarWarnings) -> RecordIndex | None:
    """Return the index of a record file; None, with or without a warning, if no format accepts it."""
    try:
        file = folder.open(name)
    except (OSError, ValueError) as error:
        warnings.add(f"skipped a sidecar: {error}")
        return None
    content = load_record_content(file, warnings) if file else None
    if content is None:
        return None
    for record_format in RECORD_FORMATS:
        if not record_format.matches(name.lower()):
            continue
        record_warnings = SidecarWarnings()
        try:
            opened = record_format.open(content, folder, record_warnings)
        except UnusableSidecarError as error:
            warnings.add(f"skipped {name!r}: {error}")
            break
        if opened:
            index = RecordIndex(record_format, content, opened, record_warnings)
            warnings.extend(record_warnings)
            return index
    content.close()
    return None
