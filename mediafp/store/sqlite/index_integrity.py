"""The check of the index files beside the database against the fingerprints that the database contains."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mediafp.store.index_location import index_address, index_files
from mediafp.store.sqlite.custody_log import iter_log
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import DAMAGE_ERRORS
from mediafp.types.errors import StoreError, UsageError
from mediafp.types.fingerprints import Fingerprint, unpack_fingerprint

if TYPE_CHECKING:
    from mediafp.store.index_interface import IndexPosition

_NAMES = "SELECT sha256 FROM fingerprint WHERE type = ? AND version = ?"


def check_indexes(database: Database) -> Iterator[str]:
    """Yield the indexes that are damaged, or that contain other rows than the database.

    An index may lack what was ingested since it was saved. A missing index is no problem: it is built when it is needed.
    """
    # NumPy loads on first use.
    from mediafp.store.row_index.files import FOLDER_NAME

    try:
        address = index_address(database.folder)
    except StoreError as error:
        yield str(error)
        return
    if not (database.folder / FOLDER_NAME).exists(follow_symlinks=False):
        return
    action = f"delete the folder {FOLDER_NAME!r}: it is built anew"
    if address is not None:
        # The names of its tables are in that folder: without it, they would stay there.
        action = f"move it into the store with: mediafp migrate --index local; then {action}"
    for type, version in database.execute("SELECT DISTINCT type, version FROM fingerprint ORDER BY 1, 2").fetchall():
        try:
            problem = _find_problem(database, type, version, address)
        except UsageError as error:
            yield f"the index of {type} cannot be checked: {error}"
            continue
        if problem:
            yield f"the index of {type} {problem}; {action}"


def _find_problem(database: Database, type: str, version: str, address: str | None) -> str | None:
    import numpy as np

    from mediafp.store.row_index.files import iter_rows
    from mediafp.store.row_index.index import RowIndex
    from mediafp.store.row_index.rows import RowLayout

    first = next(_fingerprints(database, type, version), None)
    if first is None:
        return None
    layout = RowLayout(
        metric="cosine" if first.vectors.dtype.kind == "f" else "hamming", columns=first.vectors.shape[1]
    )
    files = index_files(database.folder, address, type, version, layout)
    try:
        mapped = files.map()
    except (OSError, ValueError) as error:
        return f"is damaged ({error})"
    if mapped is None:
        return None
    position = mapped.header.position
    changed = _changed_since(database, position)
    if changed is None:
        return "is that of another store"
    index = RowIndex(layout, files)
    if index.position != position:
        # Another process saves it meanwhile.
        return None
    known = 0
    differing: list[str] = []
    for rows in iter_rows(mapped):
        for asset, digest in enumerate(rows.sha256):
            name = digest.tobytes().hex()
            stored = next(_fingerprints(database, type, version, name), None)
            known += stored is not None
            if stored is not None and name not in changed:
                span = rows.span(asset)
                codes = rows.codes[np.arange(span.start, span.stop)]
                if not (
                    np.array_equal(rows.bits[span], layout.bits(stored.vectors))
                    and np.array_equal(codes, layout.codes(stored.vectors))
                ):
                    differing.append(name)
    names = (str(row[0]) for row in database.execute(_NAMES, (type, version)))
    lacking = sum(
        next(_fingerprints(database, type, version, name), None) is not None
        for name in index.missing(names)
        if name not in changed
    )
    if differing:
        return f"contains other rows than the database of {len(differing)} assets, such as {min(differing)}"
    if lacking > position.skipped:
        return f"lacks {lacking} assets of the database"
    if index.count_assets() > known + len(changed):
        return f"contains {index.count_assets() - known} assets that the database lacks"
    return None


def _fingerprints(database: Database, type: str, version: str, sha256: str | None = None) -> Iterator[Fingerprint]:
    """Yield the fingerprints of one type and version that can be read; the others are reported by the check of contents.

    Args:
        database: The database.
        type: Fingerprint type.
        version: Version of the type.
        sha256: Asset whose fingerprint is yielded; None for all.
    """
    query = "SELECT sha256, data FROM fingerprint WHERE type = ? AND version = ?"
    if sha256 is None:
        rows = database.execute(query, (type, version))
    else:
        rows = database.execute(f"{query} AND sha256 = ?", (type, version, sha256))
    for name, data in rows:
        try:
            yield unpack_fingerprint(name, type, version, data)
        except DAMAGE_ERRORS:
            continue


def _changed_since(database: Database, position: "IndexPosition") -> set[str] | None:
    """Return the assets that log entries after a position name; None if it is no position of this store."""
    if position.entry:
        row = database.row("SELECT hash FROM log WHERE n = ?", (position.entry,))
        if row is None or row[0] != position.hash:
            return None
    return {str(entry.details.get("sha256")) for entry in iter_log(database, after=position.entry)}
