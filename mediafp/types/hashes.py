"""Hashes as tools exchange them: their algorithms and text form, lists of hashes, and hits on those lists."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from mediafp.types.errors import UsageError

HashAlgorithm = Literal["pdq", "phash", "dhash", "sha256"]
ALGORITHMS: Final[tuple[HashAlgorithm, ...]] = get_args(HashAlgorithm)
IMAGE_ALGORITHMS: Final[tuple[HashAlgorithm, ...]] = ("pdq", "phash", "dhash")
"""Algorithms whose hashes of like images are near to each other."""
HASH_BYTES: Final[Mapping[HashAlgorithm, int]] = {"pdq": 32, "phash": 8, "dhash": 8, "sha256": 32}
"""Bytes of a hash of each algorithm."""
MAX_LISTED_DISTANCE: Final[Mapping[HashAlgorithm, int]] = {"pdq": 31, "phash": 6, "dhash": 2, "sha256": 0}
"""Bits by which a hash may differ from a listed one that it hits. PDQ: the threshold of ThreatExchange. Of 422,740 pairs of 920
photographs of different faces none is as near: the nearest are 72, 8 and 3 bits apart. Of 307 of them as JPEGs of quality 50, all
are within by PDQ and pHash, and 99 % by dHash; with a caption on 5 % of the area 19, 24 and 35 %, cropped to 90 % hardly any
(`scripts/hash_distances.py`)."""
MIN_PDQ_QUALITY: Final = 50
"""PDQ quality, 0..100, below which a hash is not used (advice of ThreatExchange)."""
MIN_SET_BITS: Final = 8
"""Bits of a pHash or dHash that must be set, and not set, for it to be compared: that of a flat image or of one even gradient
has hardly any, and is near to that of each other such image. Chosen, not measured."""
_HASH_TEXT: Final = re.compile(rf"({'|'.join(ALGORITHMS)}):([0-9a-f]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedHash:
    """One hash of a list."""

    algorithm: HashAlgorithm
    hash: bytes
    label: str = ""
    """Statement of the list about the hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HashList:
    """Name of a list of hashes, and the number of its hashes by algorithm."""

    name: str
    hashes: Mapping[HashAlgorithm, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedHit:
    """Listed hash that a file hits."""

    list: str
    label: str
    algorithm: HashAlgorithm
    distance: int
    """Bits by which the two differ."""

    @property
    def text(self) -> str:
        """The hit in words."""
        label = f" as {self.label!r}" if self.label else ""
        bits = 8 * HASH_BYTES[self.algorithm]
        how = "the bytes are identical" if self.algorithm == "sha256" else f"{self.distance} of {bits} bits differ"
        return f"on the list {self.list!r}{label}: {self.algorithm}, {how}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HashImport:
    """Result of importing a file of hashes."""

    list: str
    path: str
    added: int
    known: int
    """Hashes that the list contained before, or that the file states again."""
    warnings: tuple[str, ...]
    """Lines that were skipped, each with its reason."""


def parse_hash(text: str) -> tuple[HashAlgorithm, bytes]:
    """Return algorithm and bytes of a text such as `pdq:f8f8…`.

    Raises:
        UsageError: It is none.
    """
    found = _HASH_TEXT.fullmatch(text.strip())
    if found:
        algorithm: HashAlgorithm = found[1].lower()  # type: ignore[assignment]
        if len(found[2]) == 2 * HASH_BYTES[algorithm]:
            return algorithm, bytes.fromhex(found[2])
        reason = (
            f"a hash of {algorithm} has {2 * HASH_BYTES[algorithm]} hexadecimal digits, and this one {len(found[2])}"
        )
    else:
        reason = "it is no hash"
    raise UsageError(f"cannot search {text!r}: {reason}; write pdq:HEX, phash:HEX, dhash:HEX or sha256:HEX")


def has_detail(algorithm: HashAlgorithm, hash: bytes) -> bool:
    """Return True if a hash has so many bits of either kind that it distinguishes images."""
    if algorithm == "sha256":
        return True
    bits = int.from_bytes(hash).bit_count()
    return MIN_SET_BITS <= bits <= 8 * len(hash) - MIN_SET_BITS
