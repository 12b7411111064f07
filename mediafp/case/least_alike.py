"""The moment within a matching segment of two stored videos at which their frames are least alike."""

from typing import Final

import numpy as np

from mediafp.case.checked_fingerprints import load_fingerprints
from mediafp.fingerprints.registry import SEARCH_TYPE, declaration, fingerprint_type
from mediafp.store import Store
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import Segment

END_SECONDS: Final = 0.5
"""Seconds at each end of a segment that are left aside: the ends are shown by themselves. Chosen, not measured."""


def find_least_alike(
    store: Store, query_sha256: str, reference_sha256: str, segment: Segment
) -> tuple[float, float] | None:
    """Return the times, in the query and in the reference, of the least similar kept frames of a segment.

    Args:
        store: The store.
        query_sha256: The query, an asset of the store.
        reference_sha256: The reference.
        segment: A matching segment of pictures.

    Returns:
        None if the store has no kept frame of both within the segment.
    """
    if segment.query is None:
        return None
    only = {query_sha256, reference_sha256}
    stored = store.fingerprints(SEARCH_TYPE, fingerprint_type(SEARCH_TYPE).version, only=only)
    fingerprints = {each.sha256: each for each in load_fingerprints(store, declaration(SEARCH_TYPE), stored)}
    if only - fingerprints.keys():
        return None
    query, reference = fingerprints[query_sha256], fingerprints[reference_sha256]
    start, end = segment.query[0] + END_SECONDS, segment.query[1] - END_SECONDS
    moments = [
        (max(start, float(row[0])), number) for number, row in enumerate(query.spans) if row[0] < end and row[1] > start
    ]
    found: tuple[float, float, float] | None = None
    for time, number in moments:
        reference_time = segment.reference_time(time)
        row = _row_at(reference, reference_time)
        if row is not None:
            similarity = float(query.vectors[number].astype(np.float32) @ reference.vectors[row].astype(np.float32))
            found = min(found or (similarity, time, reference_time), (similarity, time, reference_time))
    return (found[1], found[2]) if found else None


def _row_at(fingerprint: Fingerprint, time: float) -> int | None:
    """Return the number of the row of the frame that is shown at a time; None if no kept row covers it."""
    covering = np.flatnonzero((fingerprint.spans[:, 0] <= time) & (fingerprint.spans[:, 1] > time))
    return int(covering[0]) if len(covering) else None
