"""Methods of a case about hashes, tables and the formats of other programs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediafp.case.since import Since, parse_since
from mediafp.case.sources import PathLike
from mediafp.report.exports.tables import TableName
from mediafp.store import Store
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY, DEFAULT_TOP
from mediafp.types.exchange import AssetHashes, CaseSeal, ExchangeRecord
from mediafp.types.hashes import HashAlgorithm, HashImport, HashList, ListedHit
from mediafp.types.matches import QueryResult

if TYPE_CHECKING:
    from mediafp.case.thumbnail_decoder import ThumbnailDecoder


class ExchangeMethods:
    """The part of `Case` about hashes, tables and exports for other programs."""

    _store: Store
    _complete_matches: Callable[..., int]

    if TYPE_CHECKING:

        @property
        def _thumbnails(self) -> ThumbnailDecoder: ...

    def match_hash(
        self,
        text: str,
        *,
        top: int = DEFAULT_TOP,
        min_probability: float = DEFAULT_MIN_PROBABILITY,
        since: Since | None = None,
    ) -> QueryResult:
        """Return the assets whose hash is near to `pdq:HEX`, `phash:HEX`, `dhash:HEX` or `sha256:HEX`; options as for `match`.

        Raises:
            UsageError: The text is no such hash, or an option as for `match`.
        """
        from mediafp.case.hash_query import match_hash
        from mediafp.case.query import QueryOptions

        first = None if since is None else parse_since(since)
        options = QueryOptions(top=top, min_probability=min_probability, ocr=False, speech=None, since=first)
        return match_hash(self._store, text, options)

    def import_hashes(
        self,
        path: PathLike,
        name: str | None = None,
        *,
        algorithm: HashAlgorithm | None = None,
        on_skipped: Callable[[str], object] = lambda warning: None,
        source: str | None = None,
    ) -> HashImport:
        """Add the hashes of a file to a list, which `match` consults from then on.

        Args:
            path: File of hashes as ThreatExchange, vPDQ or ImageHash write them, lines as `pdq:HEX`, or a table.
            name: Name of the list; None for that of the file.
            algorithm: Algorithm of hashes whose algorithm the file does not state; None to take 64 digits for PDQ.
            on_skipped: Called for each line that is skipped, with the reason.
            source: Name that the log states of the file; None for its path.

        Raises:
            UsageError: The file cannot be read.
        """
        from mediafp.case.hash_lists import import_hashes

        return import_hashes(self._store, Path(path), name, algorithm, on_skipped, source)

    def hash_lists(self) -> list[HashList]:
        """Return the imported lists of hashes, by name."""
        return self._store.hash_lists()

    def remove_hash_list(self, name: str) -> int:
        """Remove a list of hashes, and return the number of its hashes. Raises UsageError if there is none of this name."""
        from mediafp.case.hash_lists import remove_hash_list

        return remove_hash_list(self._store, name)

    def find_listed(self, sha256: str) -> list[ListedHit]:
        """Return the listed hashes that an asset hits, the nearest first."""
        from mediafp.case.hash_lists import find_listed

        return find_listed(self._store, sha256)

    def export_hashes(self) -> Iterator[AssetHashes]:
        """Yield the hashes of each asset that other tools use, by SHA-256."""
        from mediafp.case.exchange import iter_asset_hashes

        return iter_asset_hashes(self._store)

    def exchange_records(
        self,
        min_probability: float = DEFAULT_MIN_PROBABILITY,
        on_progress: Callable[[int, int], object] = lambda done, total: None,
        *,
        thumbnails: bool = False,
        of: str | None = None,
    ) -> tuple[CaseSeal, Iterator[ExchangeRecord]]:
        """Return the state of the case, and each asset with its hashes and matches, as exchange formats contain them.

        Args:
            min_probability: Probability below which a match is omitted.
            on_progress: As for `relate`, which is called first.
            thumbnails: Return the thumbnail of each image too, encoded anew as on pages.
            of: SHA-256 of an asset that alone is returned, with its matches and the assets at their other ends; None for all.
                Then no assets are compared first.
        """
        from mediafp.case.evidence import StoredEvidence
        from mediafp.case.exchange import case_seal, iter_exchange_records

        if of is None:
            self._complete_matches(on_progress)
        else:
            self._store.asset(of)
        find_thumbnail = StoredEvidence(self._store, self._thumbnails).thumbnail if thumbnails else None
        return case_seal(self._store), iter_exchange_records(
            self._store, min_probability, find_thumbnail=find_thumbnail, of=of
        )

    def export_parquet(
        self, folder: PathLike, on_progress: Callable[[int, int], object] = lambda done, total: None
    ) -> dict[TableName, int]:
        """Write the tables of the case to Parquet files in a folder; return their rows. `on_progress` as for `relate`.

        Raises:
            UsageError: The library `pyarrow` is missing, or a file cannot be written.
        """
        from mediafp.case.tables import table_source
        from mediafp.report.exports.tables import load_pyarrow, write_parquet

        load_pyarrow("export Parquet")
        self._complete_matches(on_progress)
        return write_parquet(Path(folder), table_source(self._store))

    def to_arrow(self, table: TableName = "matches") -> Any:
        """Return `assets`, `sightings`, `matches` or `transcripts` as a table of Arrow; `relate` finds missing matches.

        Raises:
            UsageError: There is no such table, or the library `pyarrow` is missing.
        """
        from mediafp.case.tables import table_source
        from mediafp.report.exports.tables import to_arrow

        return to_arrow(table_source(self._store), table)

    def to_pandas(self, table: TableName = "matches") -> Any:
        """Return a table as `to_arrow` does, as a data frame of pandas. Raises UsageError if that is missing too."""
        from mediafp.report.exports.extras import load_extra

        load_extra("pandas", install="pandas", purpose="return a data frame")
        return self.to_arrow(table).to_pandas()
