"""The matches of a hash alone, without the file that it comes from."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from mediafp.case.checked_fingerprints import load_fingerprints
from mediafp.case.hash_lists import usable_mask
from mediafp.case.known_query import identical_match
from mediafp.case.match_sources import iter_with_sources
from mediafp.case.query import MAX_NEAR_MISSES, QueryOptions
from mediafp.fingerprints.registry import declaration, fingerprint_type
from mediafp.store import Store
from mediafp.types.errors import StoreError
from mediafp.types.hashes import HASH_BYTES, MAX_LISTED_DISTANCE, HashAlgorithm, has_detail, parse_hash
from mediafp.types.logistic import logistic
from mediafp.types.matches import Match, QueryResult, Segment, by_probability

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mediafp.types.arrays import Bits
    from mediafp.types.fingerprints import Fingerprint
    from mediafp.types.media import Asset


class HashOdds(NamedTuple):
    """Fall of the probability of a match with the distance of two hashes."""

    even: float
    """Distance in bits at which a copy is as probable as another image."""
    slope: float
    """Fall of the logit for each bit."""


HASH_ODDS: Final[Mapping[HashAlgorithm, HashOdds]] = {
    "pdq": HashOdds(even=70, slope=0.24),
    "phash": HashOdds(even=7.5, slope=0.75),
    "dhash": HashOdds(even=4, slope=0.8),
}
"""Rough odds for a store of 10,000 images that contains a copy of every second one asked for: from the distances of 422,740 pairs
of 920 photographs of different faces, and of 307 of them to seven edits (`scripts/hash_distances.py`). Drawings, posts and forms
of one make are nearer to each other, and were not measured."""
MAX_HASH_PROBABILITY: Final = 0.9
"""Largest probability by a hash alone, which shows neither where two images agree nor what differs. Chosen, not measured."""
MIN_HASH_PROBABILITY: Final = 0.05
"""Probability below which an asset is no near miss of a hash. Chosen, not measured."""


def match_hash(store: Store, text: str, options: QueryOptions) -> QueryResult:
    """Return the assets of a store whose hash is near to one, and the lists that contain it.

    Args:
        store: The store.
        text: The hash, as `pdq:HEX`.
        options: The options, of which `top`, `min_probability` and `since` are used.

    Raises:
        UsageError: The text is no hash.
    """
    import numpy as np

    algorithm, asked = parse_hash(text)
    bits = np.frombuffer(asked, np.uint8)
    found = _identical(store, asked.hex()) if algorithm == "sha256" else _near(store, algorithm, bits)
    matches = iter_with_sources(sorted(found, key=by_probability), store, query=("", None))
    probable: list[Match] = []
    near_misses: list[Match] = []
    for match in matches:
        if options.since and store.added_at(match.sha256) < options.since:
            continue
        (probable if match.probability >= options.min_probability else near_misses).append(match)
    listed = store.search_listed_hashes(algorithm, bits.reshape(1, -1), MAX_LISTED_DISTANCE[algorithm])
    return QueryResult(
        query=text,
        sha256=asked.hex() if algorithm == "sha256" else None,
        kind=None,
        error=None,
        matches=tuple(probable[: options.top]),
        more_matches=len(probable[options.top :]),
        near_misses=tuple(near_misses[:MAX_NEAR_MISSES]),
        listed=tuple(sorted(listed, key=lambda hit: (hit.distance, hit.list, hit.label))),
    )


def hash_probability(algorithm: HashAlgorithm, distance: int) -> float:
    """Return the rough probability that two files whose hashes differ by so many bits show the same image."""
    odds = HASH_ODDS[algorithm]
    return min(MAX_HASH_PROBABILITY, logistic(odds.slope * (odds.even - distance)))


def _identical(store: Store, sha256: str) -> Iterator[Match]:
    try:
        yield identical_match(store, store.asset(sha256))
    except StoreError:
        return


def _near(store: Store, algorithm: HashAlgorithm, asked: "Bits") -> Iterator[Match]:
    """Yield the match of each asset that has a row near to a hash."""
    import numpy as np

    if not has_detail(algorithm, asked.tobytes()):
        return
    declared = declaration(algorithm)
    stored = store.fingerprints(algorithm, fingerprint_type(algorithm).version)
    for fingerprint in load_fingerprints(store, declared, stored):
        distances = np.bitwise_count(np.bitwise_xor(fingerprint.vectors, asked)).sum(axis=1, dtype=np.int64)
        if not len(distances) or hash_probability(algorithm, int(distances.min())) < MIN_HASH_PROBABILITY:
            continue
        # Flat images are near to each other.
        distances[np.logical_not(usable_mask(algorithm, fingerprint))] = 8 * HASH_BYTES[algorithm]
        distance = int(distances.min())
        if (probability := hash_probability(algorithm, distance)) >= MIN_HASH_PROBABILITY:
            asset = store.asset(fingerprint.sha256)
            yield _to_match(store, asset, algorithm, distance, probability, fingerprint, distances)


def _to_match(
    store: Store,
    asset: "Asset",
    algorithm: HashAlgorithm,
    distance: int,
    probability: float,
    fingerprint: "Fingerprint",
    distances: "npt.NDArray[np.int64]",
) -> Match:
    bits = 8 * HASH_BYTES[algorithm]
    segments: list[Segment] = []
    if asset.kind == "video":
        near = [
            row for row, other in enumerate(distances.tolist()) if hash_probability(algorithm, other) >= probability / 2
        ]
        for row in near:
            start, end = map(float, fingerprint.spans[row])
            score = 1 - int(distances[row]) / bits
            if segments and segments[-1].reference[1] == start:
                start, score = segments[-1].reference[0], max(score, segments.pop().score)
            segments.append(
                Segment(channel="picture", query=None, reference=(start, end), speed=1.0, mirrored=False, score=score)
            )
    return Match(
        sha256=asset.sha256,
        uris=store.uris(asset.sha256),
        kind=asset.kind,
        relation="copy" if asset.kind == "image" else "image_in_video",
        verdict="possible",
        probability=probability,
        coverage=(1.0, 1.0),
        placement=None,
        segments=tuple(segments),
        why=(
            f"{distance} of {bits} bits of the {algorithm} differ",
            "only hashes were compared: where the images agree, and whether they do, shows a comparison of the files",
            f"the probability is rough, that of a store of 10,000 photographs: {100 * probability:.0f} %",
        ),
    )
