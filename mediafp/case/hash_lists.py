"""Lists of hashes of a case: their import, and the hits of files on them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mediafp.ingest.hash_files import read_hash_file
from mediafp.store import Store
from mediafp.types.errors import UsageError
from mediafp.types.hashes import (
    IMAGE_ALGORITHMS,
    MAX_LISTED_DISTANCE,
    MIN_PDQ_QUALITY,
    HashAlgorithm,
    HashImport,
    ListedHit,
    has_detail,
)

if TYPE_CHECKING:
    from mediafp.case.thumbnail_decoder import DecodeThumbnail
    from mediafp.types.arrays import Bits
    from mediafp.types.fingerprints import Fingerprint
    from mediafp.types.runs import FileAnalysis


def import_hashes(
    store: Store,
    path: Path,
    name: str | None,
    algorithm: HashAlgorithm | None,
    on_skipped: Callable[[str], object],
    source: str | None = None,
) -> HashImport:
    """Add the hashes of a file to a list of the store. The arguments are those of `Case.import_hashes`."""
    name = path.stem if name is None else name
    if not name.strip():
        raise UsageError("cannot import hashes into a list without a name; give it one with --list NAME")
    warnings: list[str] = []

    def skip(place: str) -> None:
        warnings.append(f"skipped {place}")
        on_skipped(warnings[-1])

    # Read before the transaction, which keeps other writers waiting.
    shown = source or str(path)
    try:
        hashes = list(read_hash_file(path, skip, algorithm=algorithm))
    except UsageError as error:
        raise UsageError(str(error).replace(repr(str(path)), repr(shown))) from error
    with store.writing():
        added = store.save_listed_hashes(name, hashes) if hashes else 0
        store.append_log("listed", {"list": name, "path": shown, "added": added})
    return HashImport(list=name, path=shown, added=added, known=len(hashes) - added, warnings=tuple(warnings))


def remove_hash_list(store: Store, name: str) -> int:
    """Remove a list of hashes, and return the number of its hashes. Raises UsageError if there is none of this name."""
    if name not in store.hash_list_names():
        raise UsageError(
            f"cannot remove the list {name!r}: the store contains none of this name; see: import-hashes --show"
        )
    with store.writing():
        removed = store.remove_hash_list(name)
        store.append_log("unlisted", {"list": name, "removed": removed})
    return removed


def find_listed(store: Store, sha256: str) -> list[ListedHit]:
    """Return the listed hashes that an asset of the store hits, by its SHA-256 and its stored fingerprints."""
    wanted = store.listed_algorithms()
    rows = {name: _stored_rows(store, name, sha256) for name in IMAGE_ALGORITHMS if name in wanted}
    return _search(store, sha256, wanted, rows)


def find_listed_analysis(store: Store, analysis: "FileAnalysis", decode: "DecodeThumbnail") -> list[ListedHit]:
    """Return the listed hashes that a file hits which is not in the store; pHash and dHash are computed where they are listed.

    Args:
        store: The store.
        analysis: The file.
        decode: Decodes its thumbnails.
    """
    wanted = store.listed_algorithms()
    return _search(store, analysis.asset.sha256, wanted, compute_rows(analysis, wanted, decode))


def find_listed_rows(store: Store, sha256: str, rows: "Mapping[HashAlgorithm, Bits]") -> list[ListedHit]:
    """Return the listed hashes that a file hits whose SHA-256 and rows, as `compute_rows` returns them, are known."""
    wanted = store.listed_algorithms()
    return _search(store, sha256, wanted, {name: found for name, found in rows.items() if name in wanted})


def compute_rows(
    analysis: "FileAnalysis", wanted: Iterable[HashAlgorithm], decode: "DecodeThumbnail"
) -> "dict[HashAlgorithm, Bits]":
    """Return the rows of an analysed file by which it hits lists of some algorithms; `decode` decodes its thumbnails."""
    return {name: _computed_rows(analysis, name, decode) for name in IMAGE_ALGORITHMS if name in set(wanted)}


def usable_rows(algorithm: HashAlgorithm, fingerprint: "Fingerprint") -> "Bits":
    """Return the rows of a fingerprint that distinguish images: of enough quality, and not of flat images."""
    import numpy as np

    rows: Bits = np.asarray(fingerprint.vectors, np.uint8)
    return rows[usable_mask(algorithm, fingerprint)]


def usable_mask(algorithm: HashAlgorithm, fingerprint: "Fingerprint") -> list[bool]:
    """Return for each row of a fingerprint True if it distinguishes images."""
    return [
        round(100 * quality) >= MIN_PDQ_QUALITY if algorithm == "pdq" else has_detail(algorithm, row.tobytes())
        for row, quality in zip(fingerprint.vectors, fingerprint.quality.tolist(), strict=True)
    ]


def _search(
    store: Store, sha256: str, wanted: Iterable[HashAlgorithm], rows: "Mapping[HashAlgorithm, Bits]"
) -> list[ListedHit]:
    """Return the hits of a file on the lists, of each list, algorithm and label the nearest, the nearest first."""
    import numpy as np

    searched = dict(rows)
    if "sha256" in wanted:
        searched["sha256"] = np.frombuffer(bytes.fromhex(sha256), np.uint8).reshape(1, -1)
    nearest: dict[tuple[str, str, str], ListedHit] = {}
    for algorithm, bits in searched.items():
        if not len(bits):
            continue
        for hit in store.search_listed_hashes(algorithm, bits, MAX_LISTED_DISTANCE[algorithm]):
            key = (hit.list, hit.algorithm, hit.label)
            if key not in nearest or hit.distance < nearest[key].distance:
                nearest[key] = hit
    return sorted(
        nearest.values(), key=lambda hit: (hit.algorithm != "sha256", hit.distance, hit.list, hit.algorithm, hit.label)
    )


def _stored_rows(store: Store, algorithm: HashAlgorithm, sha256: str) -> "Bits":
    import numpy as np

    from mediafp.case.checked_fingerprints import load_fingerprints
    from mediafp.fingerprints.registry import declaration, fingerprint_type

    stored = store.fingerprints(algorithm, fingerprint_type(algorithm).version, {sha256})
    found = [usable_rows(algorithm, one) for one in load_fingerprints(store, declaration(algorithm), stored)]
    return np.concatenate(found) if found else np.empty((0, 0), np.uint8)


def _computed_rows(analysis: "FileAnalysis", algorithm: HashAlgorithm, decode: "DecodeThumbnail") -> "Bits":
    import numpy as np

    from mediafp.case.thumbnail_decoder import find_pixels
    from mediafp.fingerprints.registry import frame_type

    if algorithm == "pdq":
        return usable_rows(algorithm, analysis.fingerprint(algorithm))
    # A query has neither, since no match depends on them; of a video they are those of its thumbnails.
    thumbnails = analysis.thumbnails if analysis.image is None else ()
    images = [analysis.image, *(find_pixels(one.jpeg, decode) for one in thumbnails)]
    rows, _ = frame_type(algorithm).extract([image for image in images if image is not None])
    return np.asarray([row for row in rows if has_detail(algorithm, row.tobytes())], np.uint8).reshape(
        -1, rows.shape[1]
    )
