"""Members of a zip, tar or web archive, one after the other, decompressed in memory while they are read.

Built for hostile archives and a sandboxed process: it needs only the open file, writes nothing, opens no path, and
imports every module before the first archive is read.
"""

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from mediafp.ingest.archives.entries import ArchiveEntry
from mediafp.ingest.archives.streams import ArchiveBytes
from mediafp.ingest.archives.tar import HEADER_BYTES, is_tar, iter_tar_entries
from mediafp.ingest.archives.web_archive import is_warc, iter_wacz_entries, iter_warc_entries
from mediafp.ingest.archives.zip import is_zip, iter_zip_entries
from mediafp.ingest.hidden_files import RESOURCE_FOLDER, is_hidden, is_made_by_system
from mediafp.types.counted_nouns import count_of
from mediafp.types.errors import MediaError, TooLargeMedia
from mediafp.types.web_captures import WebCapture

MAX_MEMBERS: Final = 1_000_000
"""Entries of one archive, folders included. The names of so many cost 100 MB; of each one number is kept. Chosen, not
measured."""
MAX_MEMBER_BYTES: Final = 16 << 30
"""Bytes of one member: ten hours of video at 3.5 Mbit/s. Chosen, not measured."""
MAX_NAME_CHARS: Final = 1_000
"""Characters of a name that are kept, the last ones. Chosen, not measured: the store contains each name five times, and
12,000 compressed names of 4,000 emoji made a store of 2 GB."""
MAX_NUMBER_CHARS: Final = 64
"""Further characters that make a name unique: the number of an entry, several times in the worst case. Chosen, not
measured."""
MAX_NAME_PARTS: Final = 100
"""Folders of a name that are kept, the last ones, the file included. Chosen, not measured."""
MAX_TOTAL_NAME_CHARS: Final = 64 << 20
"""Characters of all names of one archive, which the store keeps: a compressed archive of 4 MB can have names of 4 GB.
Chosen, not measured."""
UNNAMED: Final = "unnamed"
"""Name that is shown if nothing safe is left of a member's own."""
_ZIP_SUFFIXES: Final = (".zip",)
_TAR_SUFFIXES: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")
_WARC_SUFFIXES: Final = (".warc", ".warc.gz", ".warc.zst")
_WACZ_SUFFIXES: Final = (".wacz",)
WEB_ARCHIVE_SUFFIXES: Final = _WARC_SUFFIXES + _WACZ_SUFFIXES
ARCHIVE_SUFFIXES: Final = _ZIP_SUFFIXES + _TAR_SUFFIXES + WEB_ARCHIVE_SUFFIXES
_DRIVE: Final = re.compile(r"^(?:[A-Za-z]:)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveMember:
    """A file in an archive.

    `name` is relative, has `/` between its parts and is unique in the archive; undecodable bytes are surrogate escapes.
    `size` is the stated size in bytes, `modified_s` the time of change in seconds since 1970, UTC; each is None if the
    archive does not state it. `capture` is set for a file in a web archive.
    """

    name: str
    size: int | None
    modified_s: float | None
    capture: WebCapture | None = None


def has_archive_suffix(name: str) -> bool:
    """Return True if a file is named like an archive, whatever its content."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def is_web_archive(name: str) -> bool:
    """Return True if a file is named like a web archive."""
    return name.lower().endswith(WEB_ARCHIVE_SUFFIXES)


def is_archive(name: str, head: bytes) -> bool:
    """Return True if a file is an archive that `iter_members` reads, by its name and its first 512 bytes together.

    Documents are zips too and an image may be followed by one, but neither is named like one. A compressed tar is
    detected by its compression, whatever its suffix promises: browsers decompress a `.tar.gz` and keep its name.
    """
    name = name.lower()
    if name.endswith(_ZIP_SUFFIXES + _WACZ_SUFFIXES):
        return is_zip(head)
    if name.endswith(_WARC_SUFFIXES):
        return is_warc(head)
    return name.endswith(_TAR_SUFFIXES) and is_tar(head)


def iter_members(
    file: BinaryIO,
    name: str,
    on_warning: Callable[[str], object] = lambda warning: None,
    on_hidden: Callable[[int], object] = lambda count: None,
) -> Iterator[tuple[ArchiveMember, Iterator[bytes]]]:
    """Yield each file of an archive, in the archive's order, with its content in blocks.

    The blocks end when the next member is requested; a member whose blocks are not read is skipped, at no cost except
    in compressed tars. Folders, links, devices and hidden files are skipped.

    Names are only for display: roots, drives and `..` are removed, backslashes become slashes, and a further file of the
    same name gets the number of its entry before its suffix.

    Args:
        file: The open archive.
        name: Name of the archive, for messages.
        on_warning: Called with each warning about the archive as a whole.
        on_hidden: Called with the number of hidden files and folders that were skipped, of which a warning states it too.

    Raises:
        MediaError: The archive cannot be read further. The blocks raise one if only their member cannot be read.
    """
    names = MemberNames()
    hidden = set[int]()
    try:
        source = ArchiveBytes(file)
        entries = _iter_entries(source, name.lower(), on_warning)
        for number, entry in enumerate(entries, start=1):
            if number > MAX_MEMBERS:
                raise TooLargeMedia(
                    f"it has more than {MAX_MEMBERS:,} entries, of which these were read; unpack it first"
                )
            parts = _safe_parts(entry.name[-MAX_NAME_CHARS:])
            if entry.blocks is None:
                continue
            if _is_hidden(parts):
                if not is_made_by_system(parts[-1]):
                    hidden.add(hash(_hidden_name(parts)))
                continue
            shown_name = names.find_free("/".join(parts) or UNNAMED, number)
            if names.chars + len(shown_name) > MAX_TOTAL_NAME_CHARS:
                raise TooLargeMedia(
                    f"the names of its members have more than {MAX_TOTAL_NAME_CHARS:,} characters; unpack it first"
                )
            names.add(shown_name)
            blocks = _iter_blocks(entry, entry.blocks, shown_name, name)
            member = ArchiveMember(name=shown_name, size=entry.size, modified_s=entry.modified_s, capture=entry.capture)
            yield member, blocks
            blocks.close()
        if hidden:
            which = count_of(len(hidden), "hidden file or folder", "hidden files or folders")
            them = "it" if len(hidden) == 1 else "them"
            on_hidden(len(hidden))
            on_warning(f"skipped {which}; to read {them}, unpack the archive and name {them}")
    except MediaError as error:
        raise type(error)(f"cannot read {name!r}: {error}") from error


def _iter_entries(source: ArchiveBytes, lower_name: str, on_warning: Callable[[str], object]) -> Iterator[ArchiveEntry]:
    is_zip_archive = is_zip(source.read_at(0, HEADER_BYTES))
    if is_zip_archive and lower_name.endswith(_WACZ_SUFFIXES):
        return iter_wacz_entries(source, MAX_MEMBERS, on_warning)
    if is_zip_archive:
        return iter_zip_entries(source, MAX_MEMBERS, on_warning)
    if lower_name.endswith(_WARC_SUFFIXES):
        return iter_warc_entries(source, on_warning)
    return iter_tar_entries(source)


def _iter_blocks(entry: ArchiveEntry, blocks: Iterator[bytes], name: str, archive: str) -> Generator[bytes]:
    """Yield the blocks of a member, none of them empty; errors name the member and the archive."""
    try:
        if entry.size is not None and entry.size > MAX_MEMBER_BYTES:
            raise TooLargeMedia(
                f"its {entry.size:,} bytes are over the limit of {MAX_MEMBER_BYTES:,}; unpack the archive first"
            )
        read_bytes = 0
        for block in blocks:
            read_bytes += len(block)
            if read_bytes > MAX_MEMBER_BYTES:
                raise TooLargeMedia(f"it is over the limit of {MAX_MEMBER_BYTES:,} bytes; unpack the archive first")
            yield block
    except MediaError as error:
        raise type(error)(f"cannot extract {name!r} from {archive!r}: {error}") from error


class MemberNames:
    """Names of the members of one archive, in the process that reads it and in the one that receives them."""

    def __init__(self) -> None:
        # Only the hash is kept; that two of a million names share one happens once in 40 million archives.
        self._hashes: set[int] = set()
        self.chars = 0
        """Characters of all names."""

    def add(self, name: str) -> None:
        """Add a name; raise ValueError if no archive has it: it is unsafe, hidden, too long or there already."""
        parts = _safe_parts(name)
        if "/".join(parts) != name or not parts or _is_hidden(parts):
            raise ValueError("an unsafe name")
        if len(name) > MAX_NAME_CHARS + MAX_NUMBER_CHARS or self.chars + len(name) > MAX_TOTAL_NAME_CHARS:
            raise ValueError("a name that is too long")
        if hash(name) in self._hashes:
            raise ValueError("a name that another member has")
        self._hashes.add(hash(name))
        self.chars += len(name)

    def find_free(self, name: str, number: int) -> str:
        """Return the name, with the number of its entry before its suffixes if another member has it."""
        while hash(name) in self._hashes:
            folder, slash, last = name.rpartition("/")
            stem, dot, suffixes = last.partition(".")
            name = f"{folder}{slash}{stem} ({number}){dot}{suffixes}"
        return name


def _safe_parts(name: str) -> list[str]:
    """Return the parts of a name that are safe to show below a folder."""
    parts = (_DRIVE.sub("", part) for part in name.replace("\\", "/").replace("\x00", "\ufffd").split("/"))
    return [part for part in parts if part not in ("", ".", "..")][-MAX_NAME_PARTS:]


def _is_hidden(parts: list[str]) -> bool:
    """Return True for a file that its system hides, or that is in a hidden folder."""
    return any(is_hidden(part) or part == RESOURCE_FOLDER for part in parts)


def _hidden_name(parts: list[str]) -> str:
    """Return the hidden folder that a file is in, which counts once as on a disk, or else the file."""
    hidden = next((number for number, part in enumerate(parts, 1) if is_hidden(part)), len(parts))
    return "/".join(parts[:hidden])
