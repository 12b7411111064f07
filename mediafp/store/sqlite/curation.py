"""Methods of a store for what persons keep in it: lists of hashes, decisions and watches."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, override

from mediafp.store.curation_interface import CurationStore
from mediafp.store.sqlite import decisions, doubtful_matches, hash_lists, kept_matches, recalibrations, watches
from mediafp.store.sqlite.database import Database
from mediafp.store.watch_interface import ChangedAsset, StatedAccount
from mediafp.types.arrays import Bits
from mediafp.types.decisions import DecidedMatch, Decision, DecisionEvent, DecisionSubject
from mediafp.types.hashes import HashAlgorithm, HashList, ListedHash, ListedHit
from mediafp.types.kept_matches import KeptMatch
from mediafp.types.recalibration import Recalibration
from mediafp.types.reviews import DoubtfulMatch
from mediafp.types.watches import Watch, WatchHit, WatchSummary


class CurationMethods(CurationStore):
    """The part of `SqliteStore` for what persons keep; the protocols of `mediafp.store` state what each method does."""

    database: Database

    # Lists of hashes ------------------------------------------------------------------------------

    @override
    def save_listed_hashes(self, name: str, hashes: Iterable[ListedHash]) -> int:
        return hash_lists.save_listed_hashes(self.database, name, hashes)

    @override
    def remove_hash_list(self, name: str) -> int:
        return hash_lists.remove_hash_list(self.database, name)

    @override
    def hash_lists(self) -> list[HashList]:
        return hash_lists.hash_lists(self.database)

    @override
    def hash_list_names(self) -> list[str]:
        return hash_lists.hash_list_names(self.database)

    @override
    def listed_hashes(self, name: str) -> Iterator[ListedHash]:
        return hash_lists.listed_hashes(self.database, name)

    @override
    def listed_algorithms(self) -> set[HashAlgorithm]:
        return hash_lists.listed_algorithms(self.database)

    @override
    def search_listed_hashes(self, algorithm: HashAlgorithm, rows: Bits, max_distance: int) -> Iterator[ListedHit]:
        return hash_lists.search_listed_hashes(self.database, algorithm, rows, max_distance)

    # Decisions ------------------------------------------------------------------------------------

    @override
    def save_decision(self, decision: Decision) -> None:
        decisions.save_decision(self.database, decision)

    @override
    def take_back_decision(self, decision: Decision, by: str) -> None:
        decisions.take_back_decision(self.database, decision, by)

    @override
    def decisions(self, subject: DecisionSubject | None = None, act: str | None = None) -> list[Decision]:
        return decisions.decisions(self.database, subject, act)

    @override
    def find_decision(self, subject: DecisionSubject, a: str, b: str) -> Decision | None:
        return decisions.find_decision(self.database, subject, a, b)

    @override
    def match_decisions(self, sha256: str | None = None) -> dict[tuple[str, str], Decision]:
        return decisions.match_decisions(self.database, sha256)

    @override
    def kept_verdicts(self, a: str, b: str) -> tuple[DecidedMatch, ...]:
        return decisions.kept_verdicts(self.database, a, b)

    @override
    def doubtful_matches(self, limit: int) -> list[DoubtfulMatch]:
        return doubtful_matches.doubtful_matches(self.database, limit)

    @override
    def count_doubtful(self) -> int:
        return doubtful_matches.count_doubtful(self.database)

    @override
    def kept_pair(self, a: str, b: str) -> list[KeptMatch]:
        return kept_matches.kept_pair(self.database, a, b)

    @override
    def decision_history(self) -> Iterator[DecisionEvent]:
        return decisions.decision_history(self.database)

    @override
    def save_recalibrations(self, fitted: Sequence[Recalibration], errors: Mapping[str, Any]) -> None:
        recalibrations.save_recalibrations(self.database, fitted, errors)

    @override
    def recalibrations(self) -> list[Recalibration]:
        return recalibrations.recalibrations(self.database)

    # Watches --------------------------------------------------------------------------------------

    @override
    def add_watch(self, watch: Watch) -> None:
        watches.add_watch(self.database, watch)

    @override
    def remove_watch(self, name: str) -> None:
        watches.remove_watch(self.database, name)

    @override
    def watches(self) -> list[Watch]:
        return watches.watches(self.database)

    @override
    def watch_summaries(self) -> list[WatchSummary]:
        return watches.watch_summaries(self.database)

    @override
    def quarantine_watch(self, name: str, reason: str) -> None:
        watches.quarantine_watch(self.database, name, reason)

    @override
    def resume_watch(self, name: str, checked: int) -> None:
        watches.resume_watch(self.database, name, checked)

    @override
    def save_checked(self, names: Sequence[str], checked: int) -> None:
        watches.save_checked(self.database, names, checked)

    @override
    def save_watch_hits(self, hits: Sequence[WatchHit]) -> list[WatchHit]:
        return watches.save_watch_hits(self.database, hits)

    @override
    def watch_hits(self, name: str | None = None, *, only_new: bool = False) -> list[WatchHit]:
        return watches.watch_hits(self.database, name, only_new=only_new)

    @override
    def found_watches(self, sha256: str) -> list[WatchHit]:
        return watches.found_watches(self.database, sha256)

    @override
    def repeated_hits(self) -> list[WatchHit]:
        return watches.repeated_hits(self.database)

    @override
    def mark_hits_reported(self, hits: Sequence[WatchHit]) -> None:
        watches.mark_hits_reported(self.database, hits)

    @override
    def count_found_since(self, name: str, time: str) -> int:
        return watches.count_found_since(self.database, name, time)

    @override
    def count_added_since(self, time: str) -> int:
        return watches.count_added_since(self.database, time)

    @override
    def changed_assets(self, after: int, only: Collection[str] | None = None) -> list[ChangedAsset]:
        return watches.changed_assets(self.database, after, only)

    @override
    def stated_accounts(self) -> Iterator[StatedAccount]:
        return watches.stated_accounts(self.database)

    @override
    def sighted_files(self, account: StatedAccount) -> list[tuple[str, str]]:
        return watches.sighted_files(self.database, account)
