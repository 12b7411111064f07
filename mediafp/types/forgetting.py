"""Removals from a store on request."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """A sighting that was removed from a store, with its asset if that has no other one.

    Attributes:
        sha256: SHA-256 of the asset.
        uri: Path of the sighting.
        removed: Number of removed values by their kind: `sightings`, `assets`, `fingerprints`, `thumbnails`, `ocr_results`,
            `video_texts`, `transcripts`, `passages`, `matches`, `post_texts` and `ledger_entries`.
        erased: True if the files of the database contain no copy of it any more; False if another program reads an older state
            of the store, whose copies go when that program ends.
    """

    sha256: str
    uri: str
    removed: Mapping[str, int]
    erased: bool = False

    @property
    def is_asset_removed(self) -> bool:
        """True if the asset was removed too."""
        return self.removed["assets"] > 0
