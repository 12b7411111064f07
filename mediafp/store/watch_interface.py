"""The protocol of the watch list of a store."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

from mediafp.types.kept_matches import Channel
from mediafp.types.watches import Watch, WatchHit, WatchSummary


class StatedAccount(NamedTuple):
    """Platform, handle and number of an account as sightings state them."""

    platform: str | None
    account: str | None
    account_id: str | None


class ChangedAsset(NamedTuple):
    """Asset that was added or has changed, and a channel that it can be compared by.

    Equal to `PendingComparison` but for its kind: it stays one when it was compared.
    """

    sha256: str
    channel: Channel
    revision: int


class WatchStore(Protocol):
    """The watch list, and the files that it has found.

    A hit of a watched asset whose match with it was rejected is in no result and no count, until the decision is taken back.
    """

    def add_watch(self, watch: Watch) -> None:
        """Save a watch. Call it inside `writing`.

        Raises:
            UsageError: There is a watch of this name.
        """
        ...

    def remove_watch(self, name: str) -> None:
        """Remove a watch and its hits. Call it inside `writing`.

        Raises:
            UsageError: There is no watch of this name.
        """
        ...

    def watches(self) -> list[Watch]:
        """Return all watches, by name."""
        ...

    def watch_summaries(self) -> list[WatchSummary]:
        """Return all watches with the number of files that each has found, by name; `problem` is None."""
        ...

    def quarantine_watch(self, name: str, reason: str) -> None:
        """Put a watch into quarantine. Call it inside `writing`."""
        ...

    def resume_watch(self, name: str, checked: int) -> None:
        """Take a watch out of quarantine; hits count from now on. Call it inside `writing`.

        Args:
            name: Name of the watch.
            checked: As in `Watch`.
        """
        ...

    def save_checked(self, names: Sequence[str], checked: int) -> None:
        """Save up to which entry of the custody log assets were compared with watches. Call it inside `writing`."""
        ...

    def save_watch_hits(self, hits: Sequence[WatchHit]) -> list[WatchHit]:
        """Save hits with the current time, and return those that were new. Call it inside `writing`.

        Hits of watches, assets or paths that the store does not contain any more are skipped.
        """
        ...

    def watch_hits(self, name: str | None = None, *, only_new: bool = False) -> list[WatchHit]:
        """Return the hits by time, watch and path.

        Args:
            name: Name of the watch; None for all.
            only_new: Return those that are news and not reported yet, without those of watches in quarantine.
        """
        ...

    def found_watches(self, sha256: str) -> list[WatchHit]:
        """Return one hit of each watch that has found an asset at any path, by watch."""
        ...

    def repeated_hits(self) -> list[WatchHit]:
        """Return a hit for each further path of an asset that a watch of an asset or of hashes has found at another one."""
        ...

    def mark_hits_reported(self, hits: Sequence[WatchHit]) -> None:
        """Save that hits were reported to a person. Call it inside `writing`."""
        ...

    def count_found_since(self, name: str, time: str) -> int:
        """Return the number of assets that a watch has found after a time as news."""
        ...

    def count_added_since(self, time: str) -> int:
        """Return the number of assets that were added after a time."""
        ...

    def changed_assets(self, after: int, only: Collection[str] | None = None) -> list[ChangedAsset]:
        """Return what was added or has changed after an entry of the custody log, sorted: all, or the assets in `only`."""
        ...

    def stated_accounts(self) -> Iterator[StatedAccount]:
        """Yield each account that sightings state, sorted; unknown values are None."""
        ...

    def sighted_files(self, account: StatedAccount) -> list[tuple[str, str]]:
        """Return SHA-256 and path of the sightings of an account, sorted."""
        ...
