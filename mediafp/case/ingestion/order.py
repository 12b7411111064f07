"""The order in which the files of an ingest begin."""

from collections.abc import Iterable, Iterator

from mediafp.case.ingestion.items import IngestItem

LARGE_FILE_BYTES = 4 << 30
"""Size in bytes above which a file waits for the smaller ones. Hashing so many takes 2 seconds at 2.1 GB/s, and 11 at
0.4 GB/s: not much more CPU time than a small file may use (`CPU_SECONDS_PER_FILE`)."""
MAX_DEFERRED_FILES = 10_000
"""Files that wait at most; further large files keep their place. Chosen, not measured."""


def defer_large_files(items: Iterable[IngestItem]) -> Iterator[IngestItem]:
    """Yield the items in order, but the large files last, the smallest of them first.

    A few files of hundreds of gigabytes, which cost their author nothing if they are sparse, would occupy every thread
    that hashes files for minutes.
    """
    deferred: list[IngestItem] = []
    for item in items:
        if item.stamp[0] > LARGE_FILE_BYTES and len(deferred) < MAX_DEFERRED_FILES:
            deferred.append(item)
        else:
            yield item
    # Sorting keeps the order of files of equal size.
    yield from sorted(deferred, key=lambda item: item.stamp[0])
