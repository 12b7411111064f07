"""Lists of hashes in the database: in blocks, which are searched one after the other."""

import json
from collections.abc import Iterable, Iterator
from itertools import batched, groupby
from typing import TYPE_CHECKING, Any, Final

from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import DAMAGE_ERRORS, replace_surrogates
from mediafp.types.arrays import Bits
from mediafp.types.errors import StoreError
from mediafp.types.hashes import HASH_BYTES, HashAlgorithm, HashList, ListedHash, ListedHit

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BLOCK_HASHES: Final = 8192
"""Hashes of one row of the table: one row for each hash would cost a digest in the custody log each. Chosen, not measured."""


def save_listed_hashes(database: Database, name: str, hashes: Iterable[ListedHash]) -> int:
    """Add hashes to a list in blocks, and return the number of those that it did not contain."""
    name = replace_surrogates(name)
    known = {algorithm: _known_hashes(database, name, algorithm) for algorithm in HASH_BYTES}
    added = 0
    for batch in batched(_iter_new(hashes, known), BLOCK_HASHES):
        for algorithm, group in groupby(sorted(batch, key=lambda one: one.algorithm), lambda one: one.algorithm):
            block = list(group)
            labels = json.dumps([replace_surrogates(one.label) for one in block], ensure_ascii=False)
            database.execute(
                "INSERT INTO listed_hash (list, algorithm, hashes, labels) VALUES (?, ?, ?, ?)",
                (name, algorithm, b"".join(one.hash for one in block), labels),
            )
            added += len(block)
    return added


def remove_hash_list(database: Database, name: str) -> int:
    """Remove a list, and return the number of its hashes."""
    removed = sum(sum(one.hashes.values()) for one in hash_lists(database) if one.name == name)
    database.execute("DELETE FROM listed_hash WHERE list = ?", (name,))
    return removed


def hash_lists(database: Database) -> list[HashList]:
    """Return the lists with the number of their hashes, by name."""
    rows = database.rows(
        "SELECT list, algorithm, sum(length(hashes)) FROM listed_hash GROUP BY list, algorithm ORDER BY list, algorithm"
    )
    return [
        HashList(name=name, hashes={algorithm: size // HASH_BYTES[algorithm] for _, algorithm, size in group})
        for name, group in groupby(rows, lambda row: row[0])
    ]


def hash_list_names(database: Database) -> list[str]:
    """Return the names of the lists, sorted."""
    return [name for (name,) in database.rows("SELECT DISTINCT list FROM listed_hash ORDER BY list")]


def listed_algorithms(database: Database) -> set[HashAlgorithm]:
    """Return the algorithms of which some list contains a hash."""
    return {algorithm for (algorithm,) in database.rows("SELECT DISTINCT algorithm FROM listed_hash")}


def listed_hashes(database: Database, name: str) -> Iterator[ListedHash]:
    """Yield the hashes of a list, in the order in which they were added."""
    query = "SELECT algorithm, hashes, labels FROM listed_hash WHERE list = ? ORDER BY id"
    for algorithm, hashes, labels in database.rows(query, (name,)):
        rows = _to_rows(database, name, algorithm, hashes)
        for row, label in zip(rows, _to_labels(database, name, labels, len(rows)), strict=True):
            yield ListedHash(algorithm=algorithm, hash=row.tobytes(), label=label)


def search_listed_hashes(
    database: Database, algorithm: HashAlgorithm, rows: Bits, max_distance: int
) -> Iterator[ListedHit]:
    """Yield every listed hash within a distance of some row, block by block."""
    # FAISS loads with it.
    import numpy as np

    from mediafp.store.row_index.nearest import within

    query = "SELECT id, list, hashes FROM listed_hash WHERE algorithm = ? ORDER BY id"
    for id, name, hashes in database.rows(query, (algorithm,)):
        block = _to_rows(database, name, algorithm, hashes)
        _, distances, numbers = within(rows, block, max_distance, None)
        if not len(numbers):
            continue
        found, places = np.unique(numbers, return_inverse=True)
        nearest = np.full(len(found), max_distance, np.int32)
        np.minimum.at(nearest, places, distances)
        (labels,) = database.row("SELECT labels FROM listed_hash WHERE id = ?", (id,)) or ("",)
        stated = _to_labels(database, name, labels, len(block))
        for number, distance in zip(found.tolist(), nearest.tolist(), strict=True):
            yield ListedHit(list=name, label=stated[number], algorithm=algorithm, distance=distance)


def _iter_new(hashes: Iterable[ListedHash], known: dict[HashAlgorithm, set[bytes]]) -> Iterator[ListedHash]:
    """Yield the hashes that are not known, each once."""
    for one in hashes:
        if one.hash not in known[one.algorithm]:
            known[one.algorithm].add(one.hash)
            yield one


def _known_hashes(database: Database, name: str, algorithm: HashAlgorithm) -> set[bytes]:
    width = HASH_BYTES[algorithm]
    query = "SELECT hashes FROM listed_hash WHERE list = ? AND algorithm = ?"
    return {
        hashes[start : start + width]
        for (hashes,) in database.rows(query, (name, algorithm))
        for start in range(0, len(hashes), width)
    }


def _to_rows(database: Database, name: str, algorithm: HashAlgorithm, hashes: Any) -> "npt.NDArray[np.uint8]":
    """Return a block as rows (N, bytes). Raises StoreError if it is damaged."""
    import numpy as np

    try:
        return np.frombuffer(hashes, np.uint8).reshape(-1, HASH_BYTES[algorithm])
    except DAMAGE_ERRORS as error:
        raise _damaged(database, name) from error


def _to_labels(database: Database, name: str, labels: str, count: int) -> list[str]:
    """Return the labels of a block. Raises StoreError if they are damaged."""
    try:
        stated = json.loads(labels)
        if [type(label) for label in stated] == [str] * count:
            return list(stated)
    except DAMAGE_ERRORS as error:
        raise _damaged(database, name) from error
    raise _damaged(database, name)


def _damaged(database: Database, name: str) -> StoreError:
    return StoreError(
        f"cannot read the list of hashes {name!r} of the store '{database.folder}': it is damaged;"
        " remove it with import-hashes --remove, and import it again",
        kind="damaged",
    )
