"""The original files of assets: their state, and their contents."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mediafp.ingest.files import OpenFile, file_sha256, open_file
from mediafp.store import Store
from mediafp.types.errors import UnreadableMedia
from mediafp.types.media import Asset

type OriginalState = Literal["same", "changed", "unreachable"]
"""Same content, changed since, or unreachable: gone, or in an archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalCheck:
    """State of one original."""

    uri: str
    sha256: str
    state: OriginalState


def check_originals(store: Store) -> Iterator[OriginalCheck]:
    """Yield the state of the file of every sighting, after hashing it."""
    for asset in store.assets():
        for uri in store.uris(asset.sha256):
            yield OriginalCheck(uri=uri, sha256=asset.sha256, state=_check_file(asset, uri))


def check_original(store: Store, sha256: str) -> OriginalState:
    """Return the state of the best original of an asset: one with the same content, else one that was changed."""
    asset, found = store.asset(sha256), set()
    for uri in store.uris(sha256):
        found.add(_check_file(asset, uri))
        if "same" in found:
            return "same"
    return "changed" if "changed" in found else "unreachable"


def _check_file(asset: Asset, uri: str) -> OriginalState:
    """Return the state of one original, after hashing it."""
    try:
        with open_file(Path(uri)) as file:
            # A file of another size, which may be one of terabytes, need not be hashed.
            is_same = file.bytes == asset.bytes and file_sha256(file) == asset.sha256
    except UnreadableMedia:
        return "unreachable"
    return "same" if is_same else "changed"


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
