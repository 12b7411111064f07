"""Methods of a case about its groups and accounts as they are by the matches that are kept now."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from mediafp.store import Store
from mediafp.types.clusters import Cluster, Edge
from mediafp.types.coshares import DEFAULT_WINDOW_SECONDS, Cosharing
from mediafp.types.groups import GroupList
from mediafp.types.media import Asset
from mediafp.types.sightings import Sighting

if TYPE_CHECKING:
    from mediafp.case.account_overview import AccountOverview
    from mediafp.case.group_details import GroupDetails


class OverviewMethods:
    """The part of `Case` that pages over the whole of it show. Nothing of it compares assets: `relate` does."""

    _store: Store

    def revision(self) -> int:
        """Return the number of the last entry of the custody log, which grows with every change of the case."""
        return self._store.last_log_entry()[0]

    def load_groups(self) -> GroupList:
        """Return the clusters without the segments of their edges, with a summary of each."""
        from mediafp.case.group_list import load_groups
        from mediafp.case.received_files import ReceivedFiles

        return load_groups(self._store, ReceivedFiles(self._store.folder).name_of)

    def load_overview(self) -> "AccountOverview":
        """Return the accounts with their events, and which took up the files of a removed one."""
        from mediafp.case.account_overview import load_overview

        return load_overview(self._store)

    def load_coshares(self, window: float = DEFAULT_WINDOW_SECONDS) -> Cosharing:
        """Return what `coshare` returns, without comparing assets first."""
        from mediafp.case.coshare import find_coshares

        return find_coshares(self._store, window)

    def with_segments(self, edges: Sequence[Edge]) -> tuple[Edge, ...]:
        """Return edges of clusters with their segments."""
        from mediafp.case.group_details import with_segments

        return with_segments(self._store, edges)

    def load_group(self, cluster: Cluster) -> "GroupDetails":
        """Return what the members of a cluster share with its representative, and its weakest link."""
        from mediafp.case.group_details import load_details

        return load_details(self._store, cluster)

    def assets_with_sightings(self, only: Collection[str]) -> dict[str, tuple[Asset, Sequence[Sighting]]]:
        """Return some assets with their sightings, by SHA-256; only those that the store contains."""
        return {asset.sha256: (asset, self._store.sightings(asset.sha256)) for asset in self._store.assets(only)}
