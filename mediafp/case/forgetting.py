"""The removal of a file from a store."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from mediafp.case.preview_files import remove_previews
from mediafp.case.sources import PathLike
from mediafp.ingest.path_uri import path_uri
from mediafp.store import Store, remove_indexes
from mediafp.types.errors import UsageError
from mediafp.types.forgetting import Forgotten

_SHA256: Final = re.compile("[0-9a-f]{64}", re.IGNORECASE)


def forget_file(store: Store, target: PathLike) -> list[Forgotten]:
    """Remove the sightings of a file, or of all files in a folder or an archive, from a store.

    With the last sighting of an asset goes everything made of it.

    Args:
        store: The store.
        target: SHA-256 of an asset, or path at which files were ingested, of a folder or of an archive that they were in;
            nothing need exist there any more.

    Raises:
        UsageError: The store contains no such asset, and no sighting at this path.
        StoreError: The indexes lie elsewhere, and cannot be removed there; nothing is forgotten.
    """
    with store.writing():
        sightings = list(_find_sightings(store, os.fspath(target)))
        if not sightings:
            raise UsageError(
                f"cannot forget {os.fspath(target)!r}: it is neither the SHA-256 of an asset in the store"
                f" '{store.folder}' nor the path of a file that was ingested; list the paths with: mediafp export csv"
            )
        forgotten = [store.forget_sighting(sha256, uri) for sha256, uri in sightings]
        is_asset_removed = any(one.is_asset_removed for one in forgotten)
        if is_asset_removed:
            # They contain its rows, and are built anew without them. If they lie elsewhere and cannot be removed there, nothing
            # is forgotten: afterwards, no command would name the file whose rows are left.
            remove_indexes(store)
    remove_previews(store.folder, [one.sha256 for one in forgotten if one.is_asset_removed])
    erased = store.erase()
    if is_asset_removed:
        # Another process may have built them before the transaction ended.
        remove_indexes(store)
    return [replace(one, erased=erased) for one in forgotten]


def _find_sightings(store: Store, target: str) -> Iterator[tuple[str, str]]:
    """Yield the SHA-256 and the path of each sighting that a target names."""
    if _SHA256.fullmatch(target) and (uris := store.uris(target.lower())):
        yield from ((target.lower(), uri) for uri in uris)
        return
    # A member of an archive is stored under the path of the archive and its own name, which need not be normal.
    for uri in (target, path_uri(Path(target))):
        if assets := store.assets_seen_at(uri):
            yield from ((sha256, uri) for sha256 in assets)
            return
        if uri and (below := store.paths_below(uri)):
            yield from below
            return
