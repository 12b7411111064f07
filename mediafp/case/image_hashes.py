"""The hashes of an image that other tools use, from its fingerprints."""

from collections.abc import Iterable, Mapping

from mediafp.types.fingerprints import Fingerprint
from mediafp.types.hashes import IMAGE_ALGORITHMS, MIN_PDQ_QUALITY


def image_hashes(fingerprints: Iterable[Fingerprint]) -> Mapping[str, str]:
    """Return hashes in hexadecimal digits by the name of their type; without a PDQ hash of too low a quality."""
    return {
        one.type: bytes(one.vectors[0]).hex()
        for one in fingerprints
        if one.type in IMAGE_ALGORITHMS
        and len(one.vectors)
        and (one.type != "pdq" or one.quality[0] * 100 >= MIN_PDQ_QUALITY)
    }
