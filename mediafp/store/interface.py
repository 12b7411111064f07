"""The protocol of a store, and the protocols of its parts other than assets and texts.

`tests/contract` holds a test suite, which every implementation passes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol, Self

from mediafp.store.asset_interface import AssetStore
from mediafp.store.curation_interface import CurationStore
from mediafp.store.text_interface import OcrStore, TextSearch, TranscriptStore, VideoTextStore
from mediafp.types.custody import LogEntry, LogKind
from mediafp.types.damage import DamageHandler
from mediafp.types.fingerprint_types import FingerprintDeclaration
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
from mediafp.types.runs import LedgerEntry

NO_DECLARATIONS: Mapping[str, FingerprintDeclaration] = MappingProxyType({})
"""Declarations of no fingerprint type."""


class Ledger(Protocol):
    """The status of every path that was ever ingested."""

    def write_ledger_entry(self, entry: LedgerEntry) -> None:
        """Save the status of a path in place of its earlier status. Call it inside `writing`.

        Raises:
            StoreError: The fields of the entry contradict each other; raised here or at the end of `writing`.
        """
        ...

    def clear_failure(self, path: str) -> None:
        """Remove the failed status of a folder or an archive that can be read now. Call it inside `writing`."""
        ...

    def find_ledger_entry(self, path: str, *, bytes: int, modified_ns: int) -> LedgerEntry | None:
        """Return the status of a path, or None if it has none or the file has changed since."""
        ...

    def failures(self) -> list[LedgerEntry]:
        """Return the failed entries, by path."""
        ...


class KeptMatchStore(Protocol):
    """The result of comparing each pair of assets, and which assets must still be compared.

    An asset is compared by `picture`, and by `script` once it has a transcript. Every change that a comparison depends on
    makes it pending, and deletes the kept matches of the asset by that channel.
    """

    def pending_comparisons(
        self, versions: Mapping[Channel, str], *, only_changed: bool = False, assets: Collection[str] | None = None
    ) -> list[PendingComparison]:
        """Return what was not compared by these versions yet, by channel and SHA-256.

        Args:
            versions: Version of the comparison by each channel.
            only_changed: Skip what another version has compared, and what was in the store before it kept matches.
            assets: Return these assets alone; None for all.
        """
        ...

    def count_uncompared(self, versions: Mapping[Channel, str]) -> UncomparedAssets:
        """Return the number of assets that were not compared by these versions yet."""
        ...

    def has_changed_assets(self) -> bool:
        """Return True if an asset was added or has changed, and was not compared since by any version."""
        ...

    def is_compared(self, sha256: str, versions: Mapping[Channel, str]) -> bool:
        """Return True if the asset exists and was compared by each channel that it has, by these versions."""
        ...

    def partner_limits(self, assets: Collection[str], channel: Channel, version: str) -> dict[str, float]:
        """Return the promise that a further pair needs to be kept, for each of these assets that has the most pairs."""
        ...

    def partial_comparisons(self, versions: Mapping[Channel, str]) -> list[PendingComparison]:
        """Return what these versions have compared with a part of the candidates, by channel and SHA-256; it is not pending."""
        ...

    def count_partly_compared(self, versions: Mapping[Channel, str]) -> int:
        """Return the number of assets of which a part of the candidates was searched when these versions compared them."""
        ...

    def is_partly_compared(self, sha256: str, versions: Mapping[Channel, str]) -> bool:
        """Return True if a part of the candidates of an asset was searched when these versions compared it."""
        ...

    def save_comparison(
        self,
        pending: PendingComparison,
        version: str,
        started: int,
        matches: Sequence[KeptMatch],
        *,
        is_partial: bool = False,
    ) -> None:
        """Save the result of comparing an asset by one channel with all others. Call it inside `writing`.

        If the asset has changed meanwhile, it stays pending.

        Args:
            pending: What was compared.
            version: Version of the comparison.
            started: Number of the last log entry when it began. A pair whose other asset has changed since is skipped, but
                for one that no worker could compare.
            matches: The pairs that were compared, also those that do not match, and those that no worker could compare.
            is_partial: True if a part of the candidates was searched: another pair may be missing.
        """
        ...

    def save_pairs(self, version: str, started: int, matches: Sequence[KeptMatch]) -> None:
        """Save the results of comparing some pairs again; arguments as of `save_comparison`. Call it inside `writing`.

        A pair that this version has compared stays as it is if no worker could compare it now.
        """
        ...

    def lost_pairs(self, asset: str | None = None) -> list[KeptMatch]:
        """Return the pairs that no worker could compare, with the reasons, by both assets.

        A pair stays one, also if its assets change or another version compares them, until `save_pairs` or
        `save_comparison` takes its result.

        Args:
            asset: SHA-256 of an asset whose pairs are returned; None for all.
        """
        ...

    def suspects(self) -> set[str]:
        """Return the assets that may have ended workers, which the process with the store must not compare.

        These are the assets of lost pairs, and those whose partner in one was forgotten, until they are forgotten too.
        """
        ...

    def kept_matches(
        self, sha256: str | None = None, *, min_probability: float = MIN_KEPT_PROBABILITY
    ) -> Iterator[KeptMatch]:
        """Yield the kept matches of this probability and above, by both assets and channel.

        Args:
            sha256: Asset whose matches are yielded; None for all.
            min_probability: Smallest probability.
        """
        ...

    def kept_queries(self, min_probability: float) -> dict[str, int]:
        """Return the number of kept matches of this probability and above by the asset that is their query, by SHA-256.

        A match of the sound of two videos counts with that of their images if the two are joined to one.
        """
        ...

    def kept_edges(self, above: float, only: Collection[str] | None = None) -> Iterator[KeptEdge]:
        """Yield the kept matches above a probability but for those of the verdict `same_scene`, by both assets.

        Args:
            above: The probability.
            only: Assets between which matches are yielded; None for all.
        """
        ...

    def kept_copies(self) -> Iterator[KeptEdge]:
        """Yield the kept matches of the verdict `copy`, without evidence, by both assets."""
        ...

    def new_matches(self, after: str, limit: int) -> NewMatches:
        """Return the pairs with a probable match that was kept after a time, without those that were rejected.

        Args:
            after: Time, ISO 8601 in UTC; "" for all.
            limit: Largest number of pairs to name.
        """
        ...

    def cluster_numbers(self) -> dict[str, int]:
        """Return the number of the cluster that each asset was in, without those in none."""
        ...

    def last_cluster_number(self) -> int:
        """Return the largest number that a cluster ever had; 0 if there was none."""
        ...

    def save_cluster_numbers(self, numbers: Mapping[str, int], last: int) -> None:
        """Save the cluster of each asset in place of the earlier ones. Call it inside `writing`."""
        ...


class Forgetting(Protocol):
    """Removal of sightings and assets on request."""

    def assets_seen_at(self, uri: str) -> list[str]:
        """Return the SHA-256 of each asset with a sighting at a path, sorted: several if the file has changed."""
        ...

    def paths_below(self, folder: str) -> list[tuple[str, str]]:
        """Return the SHA-256 and the path of each sighting below a folder or in an archive, sorted."""
        ...

    def forget_sighting(self, sha256: str, uri: str) -> Forgotten:
        """Remove a sighting; with the last one its asset and everything made of it. Call it inside `writing`.

        The transcripts of an audio track go with the last asset that has it, the text of a post with its last sighting.

        Raises:
            StoreError: The store does not contain the sighting.
        """
        ...

    def erase(self) -> bool:
        """Remove what was deleted from all files of the store, which may contain older states; call it after `writing`.

        Returns:
            False if a part of it must stay until another reader of the store has ended.
        """
        ...


class CustodyLog(Protocol):
    """The append-only hash chain of everything done to the store.

    All writing methods log what they change; `append_log` adds what only the caller knows.
    """

    def append_log(self, what: LogKind, details: Mapping[str, Any]) -> None:
        """Append an entry; `details` contains JSON values, paths with surrogate escapes. Call it inside `writing`."""
        ...

    def iter_log(self, what: LogKind | None = None, *, after: int = 0) -> Iterator[LogEntry]:
        """Yield the entries with a number above `after`, in order: all, or those of one kind.

        Raises:
            StoreError: An entry is damaged.
        """
        ...

    def last_log_entry(self) -> tuple[int, str]:
        """Return number and hash of the last entry, which vouches for all before it; 0 and 64 zeros if there is none."""
        ...


READ_ONLY_REASON: Final = (
    "you may not write to its folder; copy the folder to a disk to which you may write and name the copy with --store, or give"
    " yourself write access"
)
"""Why a store that is read only cannot be changed, and what to do."""


class Store(
    CurationStore,
    AssetStore,
    Ledger,
    TranscriptStore,
    OcrStore,
    VideoTextStore,
    TextSearch,
    KeptMatchStore,
    Forgetting,
    CustodyLog,
    Protocol,
):
    """An open store: one folder with everything kept of a case.

    Durability: when the `with` block of `writing` has ended, its changes survive a power cut. Consistency: a reader
    gets a state between two writes, never a part of one. Several threads may use one object, and several processes one
    folder; writers wait for each other. A thread finishes or closes its iterators before it writes. Errors: every method
    raises StoreError if the store cannot be read or written, with the folder, the reason and an action.

    Damage: a stored value that is damaged, or that breaks an invariant of `types.contents`, is given to `on_damage`. By
    default that raises StoreError. If it returns, the value counts as missing, and reading goes on.
    """

    on_damage: DamageHandler
    """Function that gets each damaged value."""

    @property
    def folder(self) -> Path:
        """Folder of the store."""
        ...

    @property
    def is_read_only(self) -> bool:
        """True if no file may be made in the folder of the store, as on a read-only mount: every write raises StoreError."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Return the context of one transaction: all writes in it are saved together, or none if an exception leaves it.

        The thread that writes reads its own changes; other threads read the state before them.

        Raises:
            StoreError: The changes cannot be saved; nothing of them is.
        """
        ...

    def check_integrity(self, declarations: Mapping[str, FingerprintDeclaration] = NO_DECLARATIONS) -> list[str]:
        """Return the integrity problems of the store, one sentence each; empty if there are none.

        Never raises for damaged data.

        Args:
            declarations: Declarations of fingerprint types, by name. The rows of these types are checked against them;
                of the fingerprints of other types only the shapes are checked.
        """
        ...

    def close(self) -> None:
        """Close the store; no other thread may be using it. It may be opened again."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
