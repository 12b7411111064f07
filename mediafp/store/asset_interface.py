"""The protocol of the assets of a store."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Asset, Kind, Thumbnail
from mediafp.types.runs import IngestRecord
from mediafp.types.shared_clues import SharedClue
from mediafp.types.sightings import Clue, Sighting


class AssetStore(Protocol):
    """Assets with their sightings, fingerprints and thumbnails."""

    def add_record(self, record: IngestRecord) -> bool:
        """Save what was computed from one file, and return True if its asset is new.

        If the asset exists and lacks one of the fingerprints, its properties, warnings and thumbnails are replaced, so
        that all of them come from one analysis, and the fingerprints are added to those of older versions. If its kind
        is another one, the record replaces all of it. Otherwise only the sighting is saved. Call it inside `writing`.
        """
        ...

    def save_sightings(self, stated: Sequence[Sighting]) -> None:
        """Save what is known about a file at its path, in place of what the store contains about it.

        If all that they state is the path, what the store contains stays. Call it inside `writing`.

        Args:
            stated: At least one, all of the same asset and path.

        Raises:
            StoreError: The store does not contain the asset; raised here or at the end of `writing`.
        """
        ...

    def move_sightings(self, sha256: str, old_uri: str, new_uri: str) -> None:
        """Save that a file was moved: its sightings and clues get the new path, and the ledger forgets the old one.

        Call it inside `writing`.

        Args:
            sha256: The asset.
            old_uri: Path at which the store contains it.
            new_uri: Path at which the store does not contain it.

        Raises:
            StoreError: The store does not contain the asset at the old path, or contains it at the new one.
        """
        ...

    def save_clues(self, sha256: str, uri: str, found: Sequence[Clue]) -> None:
        """Save the clues of a file's name, in place of those that the store contains; call it inside `writing`.

        Args:
            sha256: The asset.
            uri: Path of the file; "" for clues in its content.
            found: The clues.
        """
        ...

    def assets(self, only: Collection[str] | None = None) -> list[Asset]:
        """Return assets, by SHA-256: every one, or those in `only` that the store contains."""
        ...

    def asset(self, sha256: str) -> Asset:
        """Return one asset.

        Raises:
            StoreError: The store does not contain it.
        """
        ...

    def asset_kind(self, sha256: str) -> Kind:
        """Return the kind of an asset, whatever else of it is damaged.

        Raises:
            StoreError: The store does not contain it.
        """
        ...

    def added_at(self, sha256: str) -> str:
        """Return the time at which an asset was added, ISO 8601 in UTC to the second, as 2024-05-31T18:30:00Z.

        Raises:
            StoreError: The store does not contain the asset.
        """
        ...

    def count_assets(self) -> int:
        """Return the number of assets."""
        ...

    def warnings(self, sha256: str) -> list[str]:
        """Return the warnings of an asset's analysis; none if the store does not contain the asset."""
        ...

    def sightings(self, sha256: str) -> list[Sighting]:
        """Return the sightings of an asset: dated ones first, oldest first, then by path."""
        ...

    def sightings_at(self, sha256: str, uri: str) -> list[Sighting]:
        """Return the sightings of an asset at one path; none if the store does not contain it there."""
        ...

    def iter_sightings(self) -> Iterator[Sighting]:
        """Yield all sightings, by SHA-256, path and position."""
        ...

    def clues(self, sha256: str) -> list[Clue]:
        """Return the clues of an asset: those in its content, then those of its names by path; equal ones once."""
        ...

    def iter_clues(self, kinds: Collection[str]) -> Iterator[tuple[str, str, str]]:
        """Yield SHA-256, kind and value of the clues of some kinds, sorted; equal ones once."""
        ...

    def clues_at(self, sha256: str, uri: str) -> list[Clue]:
        """Return the clues of an asset's name at one path, with the path "" those in its content."""
        ...

    def shared_clues(self, sha256: str) -> list[SharedClue]:
        """Return the clues of `IDENTIFYING_KINDS` that an asset shares with others, by kind and value."""
        ...

    def captions(self, sha256: str) -> list[str]:
        """Return the titles and texts of an asset's sightings, in the order of the sightings."""
        ...

    def paths_of_name(self, sha256: str, name: str) -> list[str]:
        """Return the paths of an asset that end with a file name, sorted, among the first thousand of its paths."""
        ...

    def uris(self, sha256: str) -> tuple[str, ...]:
        """Return the paths of an asset's sightings, in the order of the sightings."""
        ...

    def has_fingerprints(self, sha256: str, versions: Mapping[str, str]) -> bool:
        """Return True if the asset exists with a fingerprint of each of these types in the given version."""
        ...

    def fingerprints(self, type: str, version: str, only: Collection[str] | None = None) -> Iterator[Fingerprint]:
        """Yield the fingerprints of one type and version, by SHA-256: of all assets, or of those in `only`.

        All of them come from the state of the store at the first one.
        """
        ...

    def asset_fingerprints(self, sha256: str, versions: Mapping[str, str]) -> list[Fingerprint]:
        """Return the undamaged fingerprints of an asset that are of one of these types, in the version that it has here."""
        ...

    def fingerprinted(self, type: str, version: str, only: Collection[str] | None = None) -> Iterator[str]:
        """Yield the SHA-256 of each asset with a fingerprint of one type and version, in order: of all, or of those in `only`.

        Damaged fingerprints are included.
        """
        ...

    def fingerprint_types(self, sha256: str) -> list[tuple[str, str]]:
        """Return type and version of each fingerprint of an asset, sorted."""
        ...

    def versions(self, type: str) -> set[str]:
        """Return the versions of one fingerprint type that the store contains."""
        ...

    def thumbnail(self, sha256: str, seconds: float | None = None) -> bytes | None:
        """Return the JPEG of the frame shown at a time (None: the first frame), or None if there is no thumbnail."""
        ...

    def find_thumbnail(self, sha256: str, seconds: float) -> Thumbnail | None:
        """Return the thumbnail of the frame shown at a time, with its own time, or None if there is no thumbnail."""
        ...

    def row_thumbnail(self, sha256: str, position: int) -> bytes | None:
        """Return the JPEG of one fingerprint row, or None if there is no thumbnail."""
        ...

    def content_hash(self, sha256: str) -> str:
        """Return the SHA-256, in hex, of an asset's fingerprints and thumbnails, as the custody log states it."""
        ...
