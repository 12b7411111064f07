"""Everything that an exchange format such as STIX or MISP contains of a case, asset by asset."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mediafp.types.fingerprints import Fingerprint
from mediafp.types.hashes import HashAlgorithm
from mediafp.types.kept_matches import MatchRecord
from mediafp.types.runs import AssetRecord


class Technique(NamedTuple):
    """Technique of the DISARM framework."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSeal:
    """Which case an export comes from, and its state.

    Attributes:
        case: Hash of the first entry of the custody log, which no other case has.
        entry: Number of its last entry.
        hash: Hash of its last entry.
        at: Time at which the last asset was added, ISO 8601 in UTC.
        assets: Number of assets.
    """

    case: str
    entry: int
    hash: str
    at: str
    assets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangedMatch:
    """A kept match in an exchange format.

    Attributes:
        record: The match.
        at: Time at which the later of both assets was added, ISO 8601 in UTC.
        techniques: Techniques that the sightings of both assets show.
    """

    record: MatchRecord
    at: str
    techniques: tuple[Technique, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AssetHashes:
    """The hashes of one asset that other tools use.

    Attributes:
        sha256: The asset.
        kind: `image` or `video`.
        uri: Path of its first sighting.
        rows: Rows of each algorithm but SHA-256: of an image one for each whole page, of a video one for each kept frame.
    """

    sha256: str
    kind: str
    uri: str
    rows: Mapping[HashAlgorithm, Fingerprint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExchangeRecord:
    """An asset with its hashes, and its matches with assets of a greater SHA-256."""

    asset: AssetRecord
    added_at: str
    hashes: AssetHashes
    matches: tuple[ExchangedMatch, ...] = ()
    thumbnail: bytes | None = None
    """Small JPEG of an image, if it is to be exported."""
