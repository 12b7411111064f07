"""The original files of assets: their state, and their contents."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mediafp.ingest.files import OpenFile, file_sha256, open_file
from mediafp.store import Store
from mediafp.types.errors import UnreadableMedia


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalCheck:
    """State of one original: same content, changed since, or unreachable (gone, or in an archive)."""

    uri: str
    sha256: str
    state: Literal["same", "changed", "unreachable"]


def check_originals(store: Store) -> Iterator[OriginalCheck]:
    """Yield the state of the file of every sighting, after hashing it."""
    for asset in store.assets():
        for uri in store.uris(asset.sha256):
            try:
                with open_file(Path(uri)) as file:
                    # A file of another size, which may be one of terabytes, need not be hashed.
                    is_same = file.bytes == asset.bytes and file_sha256(file) == asset.sha256
            except UnreadableMedia:
                yield OriginalCheck(uri=uri, sha256=asset.sha256, state="unreachable")
            else:
                yield OriginalCheck(uri=uri, sha256=asset.sha256, state="same" if is_same else "changed")


@contextmanager
def open_original(store: Store, sha256: str) -> Iterator[OpenFile | None]:
    """Yield an open file with the content of an asset; None if all its originals are gone or have changed."""
    size = store.asset(sha256).bytes
    with ExitStack() as opened:
        original = None
        for uri in store.uris(sha256):
            try:
                file = opened.enter_context(open_file(Path(uri)))
                if file.bytes == size and file_sha256(file) == sha256:
                    original = file
                    break
            except UnreadableMedia:
                continue
        yield original
