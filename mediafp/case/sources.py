"""Queries as a list of files: paths, bytes and open files, as a caller passes them."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from mediafp.ingest.anonymous_files import anonymous_file, write_data
from mediafp.ingest.files import HASH_BLOCK_BYTES, HEAD_BYTES, OpenFile
from mediafp.ingest.path_uri import path_uri
from mediafp.ingest.sniff import check_size, kind_from_signature
from mediafp.ingest.walk import walk
from mediafp.types.errors import StoreError, UnreadableMedia
from mediafp.types.media import Kind

PathLike = str | os.PathLike[str]
"""A path as a string or a `Path`."""
Paths = PathLike | Sequence[PathLike]
"""One path of a file or folder, or several."""
Query = PathLike | bytes | BinaryIO
"""A path of a file or folder, the content of a file, or a file that is open for reading."""
Queries = Query | Sequence[Query]
"""One query, or several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryFile:
    """A file to be matched. `open` raises MediaError."""

    name: str
    open: Callable[[], OpenFile]
    named_explicitly: bool
    """True if the caller named the file itself, False if it was found in a folder."""
    uri: str | None = None
    """Path of the file as sightings name it; None if it has none."""


def list_paths(paths: Paths) -> list[PathLike]:
    """Return the paths as a list."""
    return [paths] if isinstance(paths, str | os.PathLike) else list(paths)


def iter_query_files(queries: Queries, scratch_folder: Path) -> Iterator[QueryFile]:
    """Yield the files of the queries, in order; folders are searched.

    Args:
        queries: The queries.
        scratch_folder: Folder for the unnamed temporary copy of a query that is not a path.
    """
    for query in _list_queries(queries):
        if isinstance(query, str | os.PathLike):
            for found_file in walk([query]):
                yield QueryFile(
                    name=found_file.name,
                    open=found_file.open,
                    named_explicitly=found_file.root is None,
                    uri=path_uri(found_file.path),
                )
        else:
            name = "<bytes>" if isinstance(query, bytes) else _stream_name(query)
            yield QueryFile(name=name, open=partial(_copy, query, name, scratch_folder), named_explicitly=True)


def _list_queries(queries: Queries) -> Sequence[Query]:
    if isinstance(queries, str | os.PathLike | bytes):
        return [queries]
    if hasattr(queries, "read"):
        return [cast(BinaryIO, queries)]
    return queries


def _stream_name(stream: BinaryIO) -> str:
    name = getattr(stream, "name", None)
    return name if isinstance(name, str) else "<file>"


def _copy(query: bytes | BinaryIO, name: str, folder: Path) -> OpenFile:
    """Return an unnamed file with the content of a query, which keeps its own position in the caller's file.

    Raises:
        TooLargeMedia: The content is longer than that of its kind may be; what is no media is copied no further.
        UnreadableMedia: Reading the query fails.
        StoreError: Writing the copy fails.
    """
    shown, copied = os.path.basename(name), 0
    kind: Kind | None = None
    try:
        with anonymous_file(folder) as file:
            for block in [query] if isinstance(query, bytes) else _blocks(query, name):
                if not copied:
                    kind = kind_from_signature(block[:HEAD_BYTES])
                copied += len(block)
                if kind:
                    check_size(shown, copied, kind)
                write_data(file, block)
                if kind is None:
                    break
            file.flush()
            return OpenFile(shown, os.dup(file.fileno()))
    except OSError as error:
        raise StoreError(
            f"cannot copy the query to '{folder}': {error.strerror}; make room or allow this user to write"
        ) from error


def _blocks(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the content of a stream in blocks, the first of which has `HEAD_BYTES` or more, if the stream has so many."""
    block = b""
    while True:
        try:
            read = stream.read(HASH_BLOCK_BYTES)
        except (OSError, ValueError) as error:
            raise UnreadableMedia(f"cannot read {name!r}: {error}; open it again") from error
        block += read
        if block and (not read or len(block) >= HEAD_BYTES):
            yield block
            block = b""
        if not read:
            return
