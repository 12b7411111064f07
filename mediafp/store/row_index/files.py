"""The files of an index: mapped to be read, and only added to.

An index has a folder with a header and five files of values, whose names state the generation: the files that were built
together. Values beyond the number that the header states were never finished, and are overwritten. The header is replaced
last and at once, so that a reader has either the state before or the state after, and a crash leaves the state before.
"""

import errno
import fcntl
import mmap
import os
import secrets
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mediafp.store.index_interface import IndexPosition
from mediafp.store.row_index.header import GENERATION_BYTES, HEADER_BYTES, MAGIC, Header, index_key, unpack_header
from mediafp.store.row_index.lookup import AssetLookup
from mediafp.store.row_index.rows import SHA256_BYTES, CodeFile, RowLayout, Rows
from mediafp.store.row_index.snapshot import Part, array_part
from mediafp.types.node_services import ServiceNode

FOLDER_NAME: Final = "index"
"""Folder of the indexes, in the folder of a store."""
PREFIX_BYTES: Final = 64
"""Bytes before the values of a file: the magic, the name of the values and the generation. A multiple of a cache line."""
MAX_VALUES: Final = 1 << 31
"""Rows, assets or void assets from which on a header is taken for damaged: row and asset numbers have 32 bits."""
MAPPED_CODE_BYTES: Final = 320 << 20
"""Bytes of codes that are mapped; the others are read row by row, which takes a query row 0.15 ms instead of 0.03 ms. The mapped
ones may all count as memory of the process."""
COPIED_ROWS: Final = 1 << 16
"""Rows and assets that are in memory at once while an index is copied or checked: 38 MB of embeddings."""
_NAME_CHARS: Final = 16
_HEADER: Final = "header"
_END_BYTES: Final = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class MappedIndex:
    """The finished values of an index's files, mapped into memory.

    Attributes:
        header: The header.
        rows: The rows.
        void: Numbers of the assets whose rows count no more.
    """

    header: Header
    rows: Rows
    void: npt.NDArray[np.int64]

    @property
    def shared_rows(self) -> int:
        """Number of the rows that nodes search if they are given: none of these files."""
        return 0

    def parts(self, void: Collection[int], nodes: Sequence[ServiceNode] = ()) -> Sequence[Part]:
        """Return the rows to be searched, in the order of their numbers, without those of void assets.

        Args:
            void: Numbers of the assets.
            nodes: Nodes that search what they can read, in place of this machine.
        """
        return (array_part(self.rows, 0, 0, void),)

    def read(self, numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
        """Return bits (N, bit_bytes) and codes (N, code_bytes) of rows."""
        return self.rows.bits[:][numbers], self.rows.codes[numbers]


class IndexFiles:
    """The files of the index of one fingerprint type and version in a store.

    They are not trusted: whatever they contain, they are mapped only if their sizes and their asset boundaries fit, and links are
    refused.
    """

    def __init__(self, store_folder: Path, *, type: str, version: str, layout: RowLayout, address: str = "") -> None:
        """Name the files of an index.

        Args:
            store_folder: Folder of the store.
            type: Fingerprint type.
            version: Version of the type.
            layout: Its columns.
            address: Where a subclass keeps bits and codes; then the files contain the assets alone.
        """
        self.key = index_key(type, version, layout, address)
        self.layout = layout
        self.folder = store_folder / FOLDER_NAME / f"{type}-{self.key.hex()[:_NAME_CHARS]}"
        columns = {} if address else {"bits": layout.bit_bytes, "codes": layout.code_bytes}
        self.widths: Mapping[str, int] = MappingProxyType(
            {**columns, "sha256": SHA256_BYTES, "ends": _END_BYTES, "void": _END_BYTES}
        )

    def read_header(self) -> Header | None:
        """Return the header, or None if there is none.

        Raises:
            ValueError: It is damaged, of another version or of another fingerprint type.
            OSError: It cannot be read.
        """
        self._refuse_links()
        try:
            with _opened(self.folder / _HEADER, os.O_RDONLY) as descriptor:
                header = unpack_header(os.read(descriptor, HEADER_BYTES + 1))
        except FileNotFoundError:
            return None
        if header.key != self.key:
            raise ValueError("its header is that of another fingerprint type")
        if max(header.rows, header.assets) >= MAX_VALUES or header.void > header.assets:
            raise ValueError("its header states impossible numbers")
        return header

    def map(self) -> MappedIndex | None:
        """Return the finished values, or None if there are no files.

        Raises:
            ValueError: The files are damaged, or do not belong together.
            OSError: They cannot be read.
        """
        header = self.read_header()
        if header is None:
            return None
        mapped = self._with_columns(
            header,
            sha256=self._map_file(header, "sha256", header.assets, np.dtype(np.uint8)),
            ends=self.map_ends(header),
            void=self._map_file(header, "void", header.void, np.dtype("<i8")).ravel(),
        )
        void = mapped.void
        if not mapped.rows.is_consistent() or ((void < 0) | (void >= header.assets)).any():
            raise ValueError("its assets and its rows contradict each other")
        return mapped

    def _with_columns(
        self,
        header: Header,
        *,
        sha256: npt.NDArray[np.uint8],
        ends: npt.NDArray[np.int64],
        void: npt.NDArray[np.int64],
    ) -> MappedIndex:
        """Return the finished values, given those of the assets."""
        bits = self._map_file(header, "bits", header.rows, np.dtype(np.uint8))
        rows = Rows(bits=bits, codes=self._open_codes(header), sha256=sha256, ends=ends)
        return MappedIndex(header=header, rows=rows, void=void)

    def map_ends(self, header: Header) -> npt.NDArray[np.int64]:
        """Return the number (A,) of the row behind the last one of each asset, mapped."""
        return self._map_file(header, "ends", header.assets, np.dtype("<i8")).ravel()

    @contextmanager
    def writing(self) -> Iterator["IndexWriter | None"]:
        """Give the one writer of the files; None while another process or object writes them.

        Raises:
            OSError: The files cannot be written.
        """
        self._refuse_links()
        self.folder.mkdir(parents=True, exist_ok=True)
        with _opened(self.folder / "lock", os.O_RDWR | os.O_CREAT) as descriptor:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            # Closing the descriptor ends the lock.
            writer = self._new_writer()
            try:
                yield writer
            finally:
                writer.close()

    def _new_writer(self) -> "IndexWriter":
        return IndexWriter(self)

    def file(self, generation: bytes, name: str) -> Path:
        """Return the path of a file of values."""
        return self.folder / f"{generation.hex()}.{name}"

    @staticmethod
    def prefix(generation: bytes, name: str) -> bytes:
        """Return the first bytes of a file of values."""
        return (MAGIC + name.encode().ljust(8) + generation).ljust(PREFIX_BYTES, b"\0")

    def _map_file(self, header: Header, name: str, count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """Return the values of a file (count, values of one row), mapped."""
        with self._checked(header, name, count) as (descriptor, size):
            mapped = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
        columns = self.widths[name] // dtype.itemsize
        if not count * columns:
            return np.empty((count, columns), dtype)
        return np.frombuffer(mapped, dtype, count * columns, PREFIX_BYTES).reshape(count, columns)

    def _open_codes(self, header: Header) -> CodeFile:
        width = self.widths["codes"]
        mapped_rows = min(header.rows, MAPPED_CODE_BYTES // width) if width else header.rows
        mapped = self._map_file(header, "codes", mapped_rows, np.dtype(np.int8))
        with self._checked(header, "codes", header.rows) as (descriptor, _):
            return CodeFile(descriptor, PREFIX_BYTES, mapped)

    @contextmanager
    def _checked(self, header: Header, name: str, count: int) -> Iterator[tuple[int, int]]:
        """Open a file that has enough values and belongs to the header; gives its descriptor and the bytes that count."""
        size = PREFIX_BYTES + count * self.widths[name]
        with _opened(self.file(header.generation, name), os.O_RDONLY) as descriptor:
            if os.fstat(descriptor).st_size < size:
                raise ValueError(f"its file {name!r} is cut off")
            if os.pread(descriptor, PREFIX_BYTES, 0) != self.prefix(header.generation, name):
                raise ValueError(f"its file {name!r} is that of another index")
            yield descriptor, size

    def _refuse_links(self) -> None:
        """Raise OSError if one of the folders is a link, which could lead out of the store."""
        for folder in (self.folder.parent, self.folder):
            with suppress(FileNotFoundError):
                if not stat.S_ISDIR(folder.lstat().st_mode):
                    raise OSError(errno.ELOOP, "it is a link, or no folder", str(folder))


class IndexWriter:
    """Adds rows to the files of an index, while it holds their lock."""

    def __init__(self, files: IndexFiles) -> None:
        self._files = files
        none = IndexPosition(entry=0, hash="0" * 64, skipped=0)
        generation = secrets.token_bytes(GENERATION_BYTES)
        self._header = Header(key=files.key, generation=generation, rows=0, assets=0, void=0, position=none)
        self._is_new = True

    def continue_from(self, header: Header) -> None:
        """Add to the values that the header on disk states; without this call, new files are built."""
        self._header = header
        self._is_new = False

    def append(self, rows: Rows) -> None:
        """Write rows behind the others. They do not count before `finish`."""
        self._append_columns(rows)
        header = self._header
        self._write("sha256", header.assets, rows.sha256)
        self._write("ends", header.assets, (rows.ends + header.rows).astype("<i8"))
        self._header = replace(header, rows=header.rows + len(rows), assets=header.assets + len(rows.ends))

    def _append_columns(self, rows: Rows) -> None:
        """Write bits and codes behind the others."""
        self._write("bits", self._header.rows, rows.bits[:])
        self._write("codes", self._header.rows, rows.codes[np.arange(len(rows))])

    def _finish_columns(self, void: Sequence[int]) -> None:
        """Complete what was written of bits and codes, before it counts; `void` are the further void assets."""

    def finish(self, void: Sequence[int], position: IndexPosition) -> None:
        """Let everything count that was written, with these further void assets, and remove the files of other generations.

        All of it is flushed to disk first, so that a power cut cannot leave a header without its values.
        """
        self._finish_columns(void)
        header = self._header
        self._write("void", header.void, np.array(void, "<i8"))
        for name in self._files.widths:
            with _opened(self._files.file(header.generation, name), os.O_RDONLY) as descriptor:
                os.fsync(descriptor)
        self._header = replace(header, void=header.void + len(void), position=position)
        temporary = self._files.file(header.generation, secrets.token_hex(4))
        with _opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
            _write_all(descriptor, self._header.pack(), 0)
            os.fsync(descriptor)
        temporary.replace(self._files.folder / _HEADER)
        if self._is_new:
            self._is_new = False
            self._remove(lambda generation: generation != self._header.generation.hex())

    def close(self) -> None:
        """Remove new files that were not finished."""
        if self._is_new:
            self._remove(lambda generation: generation == self._header.generation.hex())

    def _write(self, name: str, count: int, values: npt.NDArray[Any]) -> None:
        file = self._files.file(self._header.generation, name)
        if self._is_new and not count:
            # With O_EXCL, this follows no link that lies there; the first call alone creates the file.
            with suppress(FileExistsError), _opened(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
                _write_all(descriptor, self._files.prefix(self._header.generation, name), 0)
        with _opened(file, os.O_WRONLY) as descriptor:
            if values.size:
                _write_all(descriptor, np.ascontiguousarray(values), PREFIX_BYTES + count * self._files.widths[name])

    def _remove(self, is_removed: Callable[[str], bool]) -> None:
        """Remove the files of some generations; a process that has them mapped keeps what it has."""
        for file in self._files.folder.iterdir():
            generation = file.name.partition(".")[0]
            if len(generation) == 2 * GENERATION_BYTES and is_removed(generation):
                with suppress(OSError):
                    file.unlink()


def iter_rows(mapped: MappedIndex) -> Iterator[Rows]:
    """Yield the rows that count, in order, some tens of thousands at once; those of an asset are not divided."""
    rows = mapped.rows
    counts = np.ones(len(rows.ends), bool)
    counts[mapped.void] = False
    counts[AssetLookup(rows.sha256, mapped.void).repeated()] = False
    start = 0
    while start < len(counts):
        first = int(rows.ends[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(rows.ends, first + COPIED_ROWS, side="right")))
        end = min(end, start + COPIED_ROWS)
        assets = start + np.flatnonzero(counts[start:end])
        sizes = np.diff(rows.ends[start:end], prepend=first)
        numbers = first + np.flatnonzero(np.repeat(counts[start:end], sizes))
        bits, codes = mapped.read(numbers)
        ends = np.cumsum(sizes[assets - start], dtype=np.int64)
        yield Rows(bits=bits, codes=codes, sha256=rows.sha256[assets], ends=ends)
        start = end


def index_folders(store_folder: Path) -> list[Path]:
    """Return the folders of all indexes of a store; links are not followed."""
    folder = store_folder / FOLDER_NAME
    if folder.is_symlink() or not folder.is_dir():
        return []
    return [index for index in folder.iterdir() if not index.is_symlink() and index.is_dir()]


def remove_index_files(store_folder: Path) -> None:
    """Remove the files of all indexes of a store, which are built anew; a process that has them mapped keeps what it has.

    Files that belong to no index stay, and links are not followed.
    """
    for index in index_folders(store_folder):
        for file in index.iterdir():
            is_values = len(file.name.partition(".")[0]) == 2 * GENERATION_BYTES
            if file.name == _HEADER or is_values:
                with suppress(OSError):
                    file.unlink()


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    """Open a file that is a file of its own: no link, no device, and no second name of a file elsewhere.

    Raises:
        OSError: It is something else, or it cannot be opened.
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise OSError(errno.ELOOP, "it contains a link, or something that is no file", str(path))
        yield descriptor
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes | npt.NDArray[Any], offset: int) -> None:
    view = memoryview(data).cast("B")
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
