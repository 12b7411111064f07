"""The files in an archive as items of an ingest."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePath

from mediafp.case.ingestion.archive_sidecars import ArchiveSidecars
from mediafp.case.ingestion.inner_archives import InnerArchiveLimit
from mediafp.case.ingestion.items import IngestItem, skip_partial_download
from mediafp.engine.interface import Engine, UnpackedMember
from mediafp.ingest.archives.members import has_archive_suffix, is_archive, is_web_archive
from mediafp.ingest.files import OpenFile
from mediafp.sightings.sidecars import is_sidecar
from mediafp.sightings.web_archives import capture_fields, capture_warnings
from mediafp.types.errors import MediaError, UnreadableMedia, UnsupportedMedia
from mediafp.types.media import SidecarFolders
from mediafp.types.runs import FileOutcome


def iter_archive_items(
    archive: IngestItem, engine: Engine, is_done: Callable[[IngestItem], bool], *, sidecars: bool
) -> Generator[IngestItem]:
    """Yield the members of a file that is named like an archive, or the file itself if it is none.

    The members of an archive in it are yielded too; one in that one is an error.

    Args:
        archive: The file.
        engine: Engine that unpacks archives.
        is_done: Function that returns True for a member that need not be unpacked. It is yielded, and must not be
            opened.
        sidecars: Read the sidecars in the archive.

    Yields:
        The items. An archive that cannot be read to its end comes after its members, and raises the error if opened; one
        with warnings comes as well.
    """
    notes = _ArchiveNotes()
    try:
        with archive.open() as file:
            if not is_archive(file.name, file.read_head()):
                yield archive
                return
            reader = _ArchiveReader(engine=engine, is_done=is_done, sidecars=sidecars, limit=InnerArchiveLimit(file))
            yield from reader.iter_members(archive, file, notes)
    except MediaError as error:
        yield replace(archive, open=partial(_fail_to_open, error), warnings=tuple(notes.warnings))
    else:
        yield from _tell(archive, notes)


@dataclass(slots=True)
class _ArchiveNotes:
    """The warnings about an archive as a whole, and the number of hidden names in it that were skipped."""

    warnings: list[str] = field(default_factory=list)
    hidden: int = 0

    def count_hidden(self, count: int) -> None:
        """Add hidden names."""
        self.hidden += count


@dataclass(frozen=True, slots=True, kw_only=True)
class _ArchiveReader:
    """Reader of one archive and those in it."""

    engine: Engine
    is_done: Callable[[IngestItem], bool]
    sidecars: bool
    limit: InnerArchiveLimit

    def iter_members(
        self, archive: IngestItem, file: OpenFile, notes: _ArchiveNotes, *, is_inner: bool = False
    ) -> Generator[IngestItem]:
        """Yield the members of an open archive, and add the notes about it as a whole.

        Raises:
            MediaError: It cannot be read to its end.
        """
        # Captures have no sidecars; searching them would read a web archive twice more.
        has_sidecars = self.sidecars and not is_web_archive(file.name)
        kept_sidecars = ArchiveSidecars(self.engine, file, archive.uri) if has_sidecars else None

        def sidecar_folders(name: str) -> SidecarFolders:
            inside = kept_sidecars.folders(name) if kept_sidecars else ()
            return (*inside, *archive.folders()) if is_inner else inside

        def tell(warning: str) -> None:
            notes.warnings.append(f"{file.name!r}: {warning}")

        def make_item(name: str) -> IngestItem:
            path = archive.path / name
            return IngestItem(
                path=path,
                uri=f"{archive.uri}/{name}",
                stamp=archive.stamp,
                open=partial(
                    _fail_to_open, UnreadableMedia(f"cannot open {name!r}: it was not unpacked, as it is done already")
                ),
                folders=partial(sidecar_folders, name),
                warnings=kept_sidecars.warnings(name) if kept_sidecars else (),
                decided=skip_partial_download(path),
            )

        def is_wanted(name: str) -> bool:
            item = make_item(name)
            if item.decided or (has_sidecars and is_sidecar(PurePath(name))):
                return False
            # What an archive contains is known only from itself.
            return (has_archive_suffix(name) and not is_inner) or not self.is_done(item)

        unpacked = self.engine.unpack_archive(file, is_wanted, on_warning=tell, on_hidden=notes.count_hidden)
        for member in unpacked:
            item = _add_capture(make_item(member.name), member)
            if member.error:
                yield replace(item, open=partial(_fail_to_open, member.error))
            elif member.file is None:
                yield item
            elif not _is_archive(member.file):
                yield replace(item, open=partial(_open_member, member.file), unpacked=member.file)
            elif is_inner:
                member.file.close()
                reason = "it is an archive within an archive within another; unpack it, then ingest the folder"
                error = UnsupportedMedia(f"cannot read {member.name!r} in {archive.path.name!r}: {reason}")
                yield replace(item, open=partial(_fail_to_open, error))
            else:
                yield from self._iter_inner(item, member.file)

    def _iter_inner(self, archive: IngestItem, file: OpenFile) -> Iterator[IngestItem]:
        """Yield the members of an archive within an archive, and last itself if it cannot be read to its end."""
        notes = _ArchiveNotes()
        try:
            with file, closing(self.iter_members(archive, file, notes, is_inner=True)) as members:
                while True:
                    with self.limit.spending(archive.path.name):
                        item = next(members, None)
                    if item is None:
                        break
                    if item.unpacked:
                        self.limit.take(item.unpacked.bytes, archive.path.name)
                    yield item
        except MediaError as error:
            yield replace(archive, open=partial(_fail_to_open, error), warnings=tuple(notes.warnings))
        else:
            yield from _tell(archive, notes)


def _tell(archive: IngestItem, notes: _ArchiveNotes) -> Iterator[IngestItem]:
    """Yield an item with the notes about an archive, if there are any."""
    if notes.warnings:
        outcome = FileOutcome(
            path=os.fspath(archive.path),
            sha256=None,
            status="skipped",
            warnings=tuple(notes.warnings),
            left_out=notes.hidden,
        )
        yield replace(archive, decided=outcome)


def _is_archive(file: OpenFile) -> bool:
    try:
        return has_archive_suffix(file.name) and is_archive(file.name, file.read_head())
    except MediaError:
        # Identifying it raises the error again.
        return False


def _add_capture(item: IngestItem, member: UnpackedMember) -> IngestItem:
    """Return the item of a member with what its web archive states of it."""
    if member.capture is None:
        return item
    return replace(
        item,
        sightings=(capture_fields(member.capture),),
        warnings=(*item.warnings, *capture_warnings(member.capture, item.path.name)),
    )


def _fail_to_open(error: MediaError) -> OpenFile:
    raise error


def _open_member(file: OpenFile) -> OpenFile:
    return file
