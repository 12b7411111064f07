"""The protocol of what persons keep in a store."""

from typing import Protocol

from mediafp.store.decision_interface import DecisionStore
from mediafp.store.hash_list_interface import HashListStore
from mediafp.store.watch_interface import WatchStore


class CurationStore(DecisionStore, HashListStore, WatchStore, Protocol):
    """Decisions, lists of hashes and watches."""
