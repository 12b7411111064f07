"""The check of the index files beside the database against the fingerprints that the database contains."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mediafp.store.sqlite.custody_log import iter_log
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import DAMAGE_ERRORS
from mediafp.types.fingerprints import Fingerprint, unpack_fingerprint

if TYPE_CHECKING:
    from mediafp.store.index_interface import IndexPosition


def check_indexes(database: Database) -> Iterator[str]:
    """Yield the indexes that are damaged, or that contain other rows than the database.

    An index may lack what was ingested since it was saved. A missing index is no problem: it is built when it is needed.
    """
    # NumPy loads on first use.
    from mediafp.store.row_index.files import FOLDER_NAME

    if not (database.folder / FOLDER_NAME).exists(follow_symlinks=False):
        return
    for type, version in database.execute("SELECT DISTINCT type, version FROM fingerprint ORDER BY 1, 2").fetchall():
        if problem := _find_problem(database, type, version):
            yield f"the index of {type} {problem}; delete the folder {FOLDER_NAME!r}: it is built anew"


def _find_problem(database: Database, type: str, version: str) -> str | None:
    from mediafp.store.row_index.files import IndexFiles
    from mediafp.store.row_index.index import RowIndex
    from mediafp.store.row_index.rows import RowLayout

    first = next(_fingerprints(database, type, version), None)
    if first is None:
        return None
    layout = RowLayout(
        metric="cosine" if first.vectors.dtype.kind == "f" else "hamming", columns=first.vectors.shape[1]
    )
    files = IndexFiles(database.folder, type=type, version=version, layout=layout)
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
    known = lacking = 0
    differing: list[str] = []
    for fingerprint in _fingerprints(database, type, version):
        is_known = fingerprint.sha256 in index
        known += is_known
        if fingerprint.sha256 in changed:
            continue
        if not is_known:
            lacking += 1
        elif not index.holds(fingerprint):
            differing.append(fingerprint.sha256)
    if differing:
        return f"contains other rows than the database of {len(differing)} assets, such as {differing[0]}"
    if lacking > position.skipped:
        return f"lacks {lacking} assets of the database"
    if index.count_assets() > known + len(changed):
        return f"contains {index.count_assets() - known} assets that the database lacks"
    return None


def _fingerprints(database: Database, type: str, version: str) -> Iterator[Fingerprint]:
    """Yield the fingerprints of one type and version that can be read; the others are reported by the check of contents."""
    rows = database.execute("SELECT sha256, data FROM fingerprint WHERE type = ? AND version = ?", (type, version))
    for sha256, data in rows:
        try:
            yield unpack_fingerprint(sha256, type, version, data)
        except DAMAGE_ERRORS:
            continue


def _changed_since(database: Database, position: "IndexPosition") -> set[str] | None:
    """Return the assets that log entries after a position name; None if it is no position of this store."""
    if position.entry:
        row = database.row("SELECT hash FROM log WHERE n = ?", (position.entry,))
        if row is None or row[0] != position.hash:
            return None
    return {str(entry.details.get("sha256")) for entry in iter_log(database, after=position.entry)}
