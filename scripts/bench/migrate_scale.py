"""A case of 100,000 assets whose indexes move to a folder or an object store and back: time, and whether all rows are the same.

    .venv/bin/python scripts/bench/migrate_scale.py FOLDER [--assets 100000] [--address s3://BUCKET/PREFIX]

The store in FOLDER has the rows of scripts/bench/index_scale.py, and is made unless it is there. Its indexes are built, moved to
the address, or else to a folder in FOLDER, and back; each time `verify` checks the store, and a hash of all rows with their
assets is compared with the one before. The exit status is 1 if anything differs.
"""

import argparse
import hashlib
import sys
import time
from dataclasses import replace
from itertools import batched
from pathlib import Path

import numpy as np
from index_scale import ASSETS_PER_WRITE, records

from mediafp.case.case import open_case
from mediafp.case.references import INDEXED_TYPES, StoredReferences
from mediafp.case.row_indexes import index_kind
from mediafp.fingerprints.registry import declaration, fingerprint_type
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.store import open_store
from mediafp.store.index_location import index_address, index_files
from mediafp.store.row_index.files import iter_rows
from mediafp.store.row_index.rows import RowLayout
from mediafp.types.media import Thumbnail


def rows_hash(folder: Path) -> str:
    """Return a hash of the rows of all saved indexes of a store, with their assets, in order."""
    digest = hashlib.sha256()
    for type in INDEXED_TYPES:
        kind = index_kind(declaration(type), fingerprint_type(type).version)
        layout = RowLayout(metric=kind.metric, columns=kind.columns)
        mapped = index_files(folder, index_address(folder), kind.type, kind.version, layout).map()
        for rows in iter_rows(mapped) if mapped else ():
            codes = rows.codes[np.arange(len(rows))]
            for values in (rows.sha256, rows.ends, rows.bits[:], codes):
                digest.update(values.tobytes())
    return digest.hexdigest()


def main() -> int:
    """Print the time of each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--assets", type=int, default=100_000)
    parser.add_argument("--address", help="where the indexes move to")
    options = parser.parse_args()
    folder = options.folder / "case"
    with open_store(folder, create=True) as store:
        if not store.count_assets():
            thumbnail = Thumbnail(position=0, seconds=0, jpeg=encode_thumbnail(np.zeros((8, 8, 3), np.uint8), 8))
            for some in batched(records(options.assets, 1), ASSETS_PER_WRITE):
                with store.writing():
                    for record in some:
                        asset = replace(record.asset, properties={"width": 8, "height": 8})
                        store.add_record(replace(record, asset=asset, thumbnails=(thumbnail,)))
        StoredReferences(store, decode_thumbnail)
    before = rows_hash(folder)
    failures = 0
    for address in (options.address or str(options.folder.absolute() / "elsewhere"), "local"):
        with open_case(folder) as case:
            start = time.perf_counter()
            moved = list(case.migrate(address))
            seconds = time.perf_counter() - start
            start = time.perf_counter()
            problems = case.verify().problems
            checked = time.perf_counter() - start
        is_same = rows_hash(folder) == before
        failures += bool(problems) or not is_same
        rows = sum(one.rows for one in moved)
        print(
            f"to {address}: {rows} rows in {seconds:.1f} s; verify {checked:.1f} s, {len(problems)} problems; same {is_same}"
        )
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
