"""The hashes of an image that other tools use, from its fingerprints."""

from collections.abc import Iterable, Mapping
from typing import Final

from mediafp.fingerprints.pdq import MIN_PDQ_QUALITY
from mediafp.types.fingerprints import Fingerprint

HASH_TYPES: Final = ("pdq", "phash", "dhash")
"""Fingerprint types whose first row is such a hash."""


def image_hashes(fingerprints: Iterable[Fingerprint]) -> Mapping[str, str]:
    """Return hashes in hexadecimal digits by the name of their type; without a PDQ hash of too low a quality."""
    return {
        one.type: bytes(one.vectors[0]).hex()
        for one in fingerprints
        if one.type in HASH_TYPES
        and len(one.vectors)
        and (one.type != "pdq" or one.quality[0] * 100 >= MIN_PDQ_QUALITY)
    }
