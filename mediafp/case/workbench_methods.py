"""Methods of a case that the pages of the workbench need beside the commands."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from mediafp.case.log_pages import load_log_page
from mediafp.case.new_matches import News, load_news
from mediafp.case.untranscribed import find_untranscribed
from mediafp.store import Store
from mediafp.types.custody import LogEntry
from mediafp.types.media import Asset
from mediafp.types.sightings import Sighting

if TYPE_CHECKING:
    from mediafp.case.posts import PostSummary
    from mediafp.case.received_files import ReceivedFiles
    from mediafp.case.received_lists import ReceivedLists


class WorkbenchMethods:
    """The part of `Case` that pages need: what is new, the custody log, received files."""

    _store: Store

    def news(self, since: str, limit: int) -> News:
        """Return the number of pairs that were found to match after a time, ISO 8601 in UTC, and the surest of them."""
        return load_news(self._store, since, limit)

    def log_page(self, before: int | None, limit: int) -> list[LogEntry]:
        """Return entries of the custody log with a number below `before`, or the last ones, the newest first."""
        return load_log_page(self._store, before, limit)

    def last_log_entry(self) -> tuple[int, str]:
        """Return number and hash of the last entry of the custody log, the seal; 0 and 64 zeros if there is none."""
        return self._store.last_log_entry()

    def sightings(self, sha256: str) -> list[Sighting]:
        """Return the sightings of an asset: dated ones first, oldest first, then by path; none of one that is not there."""
        return self._store.sightings(sha256)

    def find_asset(self, sha256: str) -> Asset | None:
        """Return an asset; None if the store does not contain it."""
        return next(iter(self._store.assets({sha256})), None)

    def added_times(self, only: Collection[str]) -> dict[str, str]:
        """Return the times at which some assets were added, by SHA-256; only of those that the store contains."""
        return {asset.sha256: self._store.added_at(asset.sha256) for asset in self._store.assets(only)}

    def summarise_posts(self, only: Collection[str]) -> "PostSummary":
        """Return the number of accounts that posted some assets, and the first and the last post."""
        from mediafp.case.posts import summarise_posts

        return summarise_posts(self._store, only)

    def untranscribed(self) -> list[Path]:
        """Return a path of each video without a transcript whose file is at hand."""
        return find_untranscribed(self._store)

    def received_files(self) -> "ReceivedFiles":
        """Return the files that were uploaded to be ingested, which are kept beside the store."""
        from mediafp.case.received_files import ReceivedFiles

        return ReceivedFiles(self._store.folder)

    def received_lists(self) -> "ReceivedLists":
        """Return the files of hashes that were uploaded to be imported, which are kept beside the store until they are."""
        from mediafp.case.received_lists import ReceivedLists

        return ReceivedLists(self._store.folder)
