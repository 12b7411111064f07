"""The files in an archive as items of an ingest."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import PurePath

from mediafp.case.ingestion.archive_sidecars import ArchiveSidecars
from mediafp.case.ingestion.items import IngestItem
from mediafp.engine.interface import Engine
from mediafp.ingest.archives.members import is_archive
from mediafp.ingest.files import OpenFile
from mediafp.sightings.sidecars import is_sidecar
from mediafp.types.errors import MediaError, UnreadableMedia


def iter_archive_items(
    archive: IngestItem, engine: Engine, is_done: Callable[[IngestItem], bool], *, sidecars: bool
) -> Generator[IngestItem]:
    """Yield the members of a file that is named like an archive, or the file itself if it is none.

    Args:
        archive: The file.
        engine: Engine that unpacks archives.
        is_done: Function that returns True for a member that need not be unpacked. It is yielded, and must not be
            opened.
        sidecars: Read the sidecars in the archive.

    Yields:
        The items. An archive that cannot be read to its end comes after its members, and raises the error if opened.
    """
    try:
        with archive.open() as file:
            if not is_archive(file.name, file.read_head()):
                yield archive
                return
            yield from _iter_members(archive, file, engine, is_done, sidecars=sidecars)
    except MediaError as error:
        yield replace(archive, open=partial(_fail_to_open, error))


def _iter_members(
    archive: IngestItem, file: OpenFile, engine: Engine, is_done: Callable[[IngestItem], bool], *, sidecars: bool
) -> Iterator[IngestItem]:
    kept_sidecars = ArchiveSidecars(engine, file, archive.uri) if sidecars else None

    def make_item(name: str) -> IngestItem:
        return IngestItem(
            path=archive.path / name,
            uri=f"{archive.uri}/{name}",
            stamp=archive.stamp,
            open=partial(
                _fail_to_open, UnreadableMedia(f"cannot open {name!r}: it was not unpacked, as it is done already")
            ),
            folders=partial(kept_sidecars.folders, name) if kept_sidecars else tuple,
            warnings=kept_sidecars.warnings(name) if kept_sidecars else (),
        )

    def is_wanted(name: str) -> bool:
        return not (sidecars and is_sidecar(PurePath(name))) and not is_done(make_item(name))

    for member in engine.unpack_archive(file, is_wanted):
        if member.error:
            yield replace(make_item(member.name), open=partial(_fail_to_open, member.error))
        elif member.file:
            yield replace(make_item(member.name), open=partial(_open_member, member.file), unpacked=member.file)
        else:
            yield make_item(member.name)


def _fail_to_open(error: MediaError) -> OpenFile:
    raise error


def _open_member(file: OpenFile) -> OpenFile:
    return file
