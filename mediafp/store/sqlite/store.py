"""The store in one SQLite database."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, Self, override

from mediafp.store.interface import NO_DECLARATIONS, Store
from mediafp.store.sqlite import (
    assets,
    clues,
    cluster_numbers,
    comparisons,
    content_hash,
    custody_log,
    forgetting,
    integrity,
    kept_matches,
    ledger,
    lost_pairs,
    moves,
    new_matches,
    sightings,
    source_passages,
)
from mediafp.store.sqlite.connection import DATABASE_NAME, may_write, open_connection, open_read_only
from mediafp.store.sqlite.curation import CurationMethods
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.errors import READ_ERRORS, store_error
from mediafp.store.sqlite.text_methods import TextMethods
from mediafp.types.custody import LogEntry, LogKind
from mediafp.types.damage import DamageHandler
from mediafp.types.errors import StoreError
from mediafp.types.fingerprint_types import FingerprintDeclaration
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.forgetting import Forgotten
from mediafp.types.kept_matches import (
    MIN_KEPT_PROBABILITY,
    Channel,
    KeptEdge,
    KeptMatch,
    NewMatches,
    PendingComparison,
    UncomparedAssets,
)
from mediafp.types.media import Asset, Kind, Thumbnail
from mediafp.types.runs import IngestRecord, LedgerEntry
from mediafp.types.shared_clues import SharedClue
from mediafp.types.sightings import Clue, Sighting


def has_database(folder: Path) -> bool:
    """Return True if a folder contains the database of a store."""
    file = folder / DATABASE_NAME
    return file.is_file() and file.stat().st_size > 0


class SqliteStore(CurationMethods, TextMethods, Store):
    """A store in one SQLite database. The functions of this folder do the work; each method calls one."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        """Open the store in a folder, and migrate it if an older version made it; read only if no file may be made there.

        Args:
            folder: Folder of the store.
            create: Create the folder and the store if they do not exist.

        Raises:
            StoreError: The folder contains no store, that of a newer version or a damaged one, or access is denied.
        """
        self._folder = folder
        if create:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise store_error(folder, "create", error) from error
        try:
            if not create and not has_database(folder):
                raise StoreError(
                    f"cannot open the store '{folder}': the folder contains no store;"
                    f" create one with: mediafp --store '{folder}' ingest PATH"
                )
            file = (folder / DATABASE_NAME).absolute()
            if has_database(folder) and not may_write(file):
                connect = partial(open_read_only, file)
                self.database = Database(folder, file, connect(), connect, is_read_only=True)
            else:
                connection = open_connection(file, create=create)
                self.database = Database(folder, file, connection, partial(open_connection, file, create=False))
        except (*READ_ERRORS, OSError) as error:
            raise store_error(folder, "open", error) from error

    @property
    @override
    def folder(self) -> Path:
        return self._folder

    @property
    @override
    def is_read_only(self) -> bool:
        return self.database.is_read_only

    @property
    def on_damage(self) -> DamageHandler:
        """Function that gets each damaged value."""
        return self.database.on_damage

    @on_damage.setter
    def on_damage(self, handler: DamageHandler) -> None:
        self.database.on_damage = handler

    @override
    def writing(self) -> AbstractContextManager[None]:
        return self.database.write_transaction()

    @override
    def check_integrity(self, declarations: Mapping[str, FingerprintDeclaration] = NO_DECLARATIONS) -> list[str]:
        return integrity.check_integrity(self.database, declarations)

    @override
    def close(self) -> None:
        self.database.close()

    @override
    def __enter__(self) -> Self:
        return self

    @override
    def __exit__(self, *_: object) -> None:
        self.close()

    # Assets ---------------------------------------------------------------------------------------

    @override
    def add_record(self, record: IngestRecord) -> bool:
        return assets.add_record(self.database, record)

    @override
    def save_sightings(self, stated: Sequence[Sighting]) -> None:
        source_passages.save_sightings(self.database, stated)

    @override
    def move_sightings(self, sha256: str, old_uri: str, new_uri: str) -> None:
        moves.move_sightings(self.database, sha256, old_uri, new_uri)

    @override
    def save_clues(self, sha256: str, uri: str, found: Sequence[Clue]) -> None:
        source_passages.save_clues(self.database, sha256, uri, found)

    @override
    def assets(self, only: Collection[str] | None = None) -> list[Asset]:
        return assets.assets(self.database, only)

    @override
    def asset(self, sha256: str) -> Asset:
        return assets.asset(self.database, sha256)

    @override
    def asset_kind(self, sha256: str) -> Kind:
        return assets.asset_kind(self.database, sha256)

    @override
    def added_at(self, sha256: str) -> str:
        return assets.added_at(self.database, sha256)

    @override
    def count_assets(self) -> int:
        return assets.count_assets(self.database)

    @override
    def warnings(self, sha256: str) -> list[str]:
        return assets.warnings(self.database, sha256)

    @override
    def sightings(self, sha256: str) -> list[Sighting]:
        return sightings.sightings(self.database, sha256)

    @override
    def sightings_at(self, sha256: str, uri: str) -> list[Sighting]:
        return sightings.sightings_at(self.database, sha256, uri)

    @override
    def iter_sightings(self) -> Iterator[Sighting]:
        return sightings.iter_sightings(self.database)

    @override
    def clues(self, sha256: str) -> list[Clue]:
        return clues.clues(self.database, sha256)

    @override
    def iter_clues(self, kinds: Collection[str]) -> Iterator[tuple[str, str, str]]:
        return clues.iter_clues(self.database, kinds)

    @override
    def clues_at(self, sha256: str, uri: str) -> list[Clue]:
        return clues.clues_at(self.database, sha256, uri)

    @override
    def shared_clues(self, sha256: str) -> list[SharedClue]:
        return clues.shared_clues(self.database, sha256)

    @override
    def captions(self, sha256: str) -> list[str]:
        return sightings.captions(self.database, sha256)

    @override
    def paths_of_name(self, sha256: str, name: str) -> list[str]:
        return moves.paths_of_name(self.database, sha256, name)

    @override
    def uris(self, sha256: str) -> tuple[str, ...]:
        return sightings.uris(self.database, sha256)

    @override
    def has_fingerprints(self, sha256: str, versions: Mapping[str, str]) -> bool:
        return assets.has_fingerprints(self.database, sha256, versions)

    @override
    def fingerprints(self, type: str, version: str, only: Collection[str] | None = None) -> Iterator[Fingerprint]:
        return assets.fingerprints(self.database, type, version, only)

    @override
    def asset_fingerprints(self, sha256: str, versions: Mapping[str, str]) -> list[Fingerprint]:
        return assets.asset_fingerprints(self.database, sha256, versions)

    @override
    def fingerprinted(self, type: str, version: str, only: Collection[str] | None = None) -> Iterator[str]:
        return assets.fingerprinted(self.database, type, version, only)

    @override
    def fingerprint_types(self, sha256: str) -> list[tuple[str, str]]:
        return assets.fingerprint_types(self.database, sha256)

    @override
    def versions(self, type: str) -> set[str]:
        return assets.versions(self.database, type)

    @override
    def thumbnail(self, sha256: str, seconds: float | None = None) -> bytes | None:
        return assets.thumbnail(self.database, sha256, seconds)

    @override
    def find_thumbnail(self, sha256: str, seconds: float) -> Thumbnail | None:
        return assets.find_thumbnail(self.database, sha256, seconds)

    @override
    def row_thumbnail(self, sha256: str, position: int) -> bytes | None:
        return assets.row_thumbnail(self.database, sha256, position)

    @override
    def content_hash(self, sha256: str) -> str:
        with self.database.read_errors():
            return content_hash.content_hash(self.database.connection, sha256)

    # Ledger ---------------------------------------------------------------------------------------

    @override
    def write_ledger_entry(self, entry: LedgerEntry) -> None:
        ledger.write_entry(self.database, entry)

    @override
    def clear_failure(self, path: str) -> None:
        ledger.clear_failure(self.database, path)

    @override
    def find_ledger_entry(self, path: str, *, bytes: int, modified_ns: int) -> LedgerEntry | None:
        return ledger.find_entry(self.database, path, bytes=bytes, modified_ns=modified_ns)

    @override
    def failures(self) -> list[LedgerEntry]:
        return ledger.failures(self.database)

    # Kept matches ---------------------------------------------------------------------------------

    @override
    def pending_comparisons(
        self, versions: Mapping[Channel, str], *, only_changed: bool = False, assets: Collection[str] | None = None
    ) -> list[PendingComparison]:
        return comparisons.pending_comparisons(self.database, versions, only_changed=only_changed, assets=assets)

    @override
    def count_uncompared(self, versions: Mapping[Channel, str]) -> UncomparedAssets:
        return comparisons.count_uncompared(self.database, versions)

    @override
    def has_changed_assets(self) -> bool:
        return comparisons.has_changed_assets(self.database)

    @override
    def is_compared(self, sha256: str, versions: Mapping[Channel, str]) -> bool:
        return comparisons.is_compared(self.database, sha256, versions)

    @override
    def partner_limits(self, assets: Collection[str], channel: Channel, version: str) -> dict[str, float]:
        return kept_matches.partner_limits(self.database, assets, channel, version)

    @override
    def partial_comparisons(self, versions: Mapping[Channel, str]) -> list[PendingComparison]:
        return comparisons.partial_comparisons(self.database, versions)

    @override
    def count_partly_compared(self, versions: Mapping[Channel, str]) -> int:
        return comparisons.count_partly_compared(self.database, versions)

    @override
    def is_partly_compared(self, sha256: str, versions: Mapping[Channel, str]) -> bool:
        return comparisons.is_partly_compared(self.database, sha256, versions)

    @override
    def save_comparison(
        self,
        pending: PendingComparison,
        version: str,
        started: int,
        matches: Sequence[KeptMatch],
        *,
        is_partial: bool = False,
    ) -> None:
        kept_matches.save_comparison(self.database, pending, version, started, matches, is_partial=is_partial)

    @override
    def save_pairs(self, version: str, started: int, matches: Sequence[KeptMatch]) -> None:
        kept_matches.save_pairs(self.database, version, started, matches)

    @override
    def lost_pairs(self, asset: str | None = None) -> list[KeptMatch]:
        return lost_pairs.lost_pairs(self.database, asset)

    @override
    def suspects(self) -> set[str]:
        return lost_pairs.suspects(self.database)

    @override
    def kept_matches(
        self, sha256: str | None = None, *, min_probability: float = MIN_KEPT_PROBABILITY
    ) -> Iterator[KeptMatch]:
        return kept_matches.kept_matches(self.database, sha256, min_probability=min_probability)

    @override
    def kept_queries(self, min_probability: float) -> dict[str, int]:
        return kept_matches.kept_queries(self.database, min_probability)

    @override
    def kept_edges(self, above: float, only: Collection[str] | None = None) -> Iterator[KeptEdge]:
        return kept_matches.kept_edges(self.database, above, only)

    @override
    def kept_copies(self) -> Iterator[KeptEdge]:
        return kept_matches.kept_copies(self.database)

    @override
    def new_matches(self, after: str, limit: int) -> NewMatches:
        return new_matches.new_matches(self.database, after, limit)

    @override
    def cluster_numbers(self) -> dict[str, int]:
        return cluster_numbers.cluster_numbers(self.database)

    @override
    def last_cluster_number(self) -> int:
        return cluster_numbers.last_cluster_number(self.database)

    @override
    def save_cluster_numbers(self, numbers: Mapping[str, int], last: int) -> None:
        cluster_numbers.save_cluster_numbers(self.database, numbers, last)

    # Forgetting -----------------------------------------------------------------------------------

    @override
    def assets_seen_at(self, uri: str) -> list[str]:
        return forgetting.assets_seen_at(self.database, uri)

    @override
    def paths_below(self, folder: str) -> list[tuple[str, str]]:
        return forgetting.paths_below(self.database, folder)

    @override
    def forget_sighting(self, sha256: str, uri: str) -> Forgotten:
        return forgetting.forget_sighting(self.database, sha256, uri)

    @override
    def erase(self) -> bool:
        with self.database.read_errors():
            return forgetting.erase(self.database)

    # Custody log ----------------------------------------------------------------------------------

    @override
    def append_log(self, what: LogKind, details: Mapping[str, Any]) -> None:
        custody_log.append(self.database, what, details)

    @override
    def iter_log(self, what: LogKind | None = None, *, after: int = 0) -> Iterator[LogEntry]:
        return custody_log.iter_log(self.database, what, after=after)

    @override
    def last_log_entry(self) -> tuple[int, str]:
        return custody_log.last_entry(self.database)
