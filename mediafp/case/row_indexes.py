"""The indexes of a store, brought up to date with its database."""

import logging
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import batched
from typing import Final

from mediafp.case.checked_fingerprints import load_fingerprints
from mediafp.store import IndexKind, IndexPosition, Store, StoredIndex, open_index
from mediafp.types.custody import LogKind
from mediafp.types.errors import StoreError
from mediafp.types.fingerprint_types import FingerprintDeclaration
from mediafp.types.fingerprints import Fingerprint

_logger = logging.getLogger(__name__)
CHANGING_KINDS: Final[tuple[LogKind, ...]] = ("added", "refreshed", "forgotten")
"""Kinds of log entries that state the SHA-256 of an asset whose fingerprints were added, replaced or removed."""
MAX_TRIES: Final = 3
"""Times that an index is brought up to date anew because another process saved it meanwhile. Chosen, not measured."""
BATCH_ASSETS: Final = 1024
"""Assets whose fingerprints are read at once. Chosen, not measured."""
_SHA256: Final = re.compile("[0-9a-f]{64}")


def index_kind(declaration: FingerprintDeclaration, version: str) -> IndexKind:
    """Return the kind of the index over the fingerprints of a type."""
    return IndexKind(type=declaration.name, version=version, metric=declaration.metric, columns=declaration.columns)


class TypeIndex:
    """The index over the fingerprints of one type and version in a store. Several threads may use one object."""

    def __init__(self, store: Store, declaration: FingerprintDeclaration, version: str) -> None:
        """Open the index, and bring it up to date."""
        self._store = store
        # One change after another: two threads would add the same fingerprints.
        self._changing = threading.RLock()
        self.declaration = declaration
        self.version = version
        self.rows: StoredIndex = open_index(store, index_kind(declaration, version))
        self._update(retry=True)

    def update(self) -> None:
        """Add what was ingested since, by this process or another."""
        with self._changing:
            self._update(retry=False)

    def build(self) -> None:
        """Build the index anew from the database."""
        # Read first: what is added meanwhile is added again by the next update.
        entry, hash = self._store.last_log_entry()
        read = added = 0

        def fingerprints() -> Iterator[Fingerprint]:
            nonlocal read, added
            read = sum(1 for _ in self._store.fingerprinted(self.declaration.name, self.version))
            added = 0
            for fingerprint in self.load(None):
                added += 1
                yield fingerprint

        self.rows.build(fingerprints, lambda: IndexPosition(entry=entry, hash=hash, skipped=max(0, read - added)))
        _logger.info("built the index of %s: %d rows", self.declaration.name, len(self.rows))

    def agrees(self, sha256: str, stored: Fingerprint | None) -> bool:
        """Return True if an asset is indexed with the rows of its stored fingerprint, or not at all."""
        # In this order, the asset is sought once: most are indexed as they are stored.
        return (stored is not None and self.rows.holds(stored)) or sha256 not in self.rows

    def correct(self, sha256: str) -> None:
        """Have the index agree with the database about an asset, of which it contains other rows."""
        with self._changing:
            self.update()
            if not self.agrees(sha256, next(self.load((sha256,)), None)):
                _logger.warning(
                    "skipped the index of %s: it does not agree with the database; it is built anew",
                    self.declaration.name,
                )
                self.build()

    def load(self, only: Iterable[str] | None) -> Iterator[Fingerprint]:
        """Yield the undamaged fingerprints of the type: all, or those of some assets."""
        chosen = None if only is None else set(only)
        stored = self._store.fingerprints(self.declaration.name, self.version, chosen)
        for fingerprint in load_fingerprints(self._store, self.declaration, stored):
            if _SHA256.fullmatch(fingerprint.sha256):
                yield fingerprint
            else:
                self._store.on_damage(fingerprint.sha256, "its SHA-256 is damaged")

    def _update(self, *, retry: bool) -> None:
        """Make the changes since the last position; `retry` those fingerprints too that were damaged then."""
        for _ in range(MAX_TRIES):
            entry, hash = self._store.last_log_entry()
            position = self.rows.position
            changed = None if position is None else self._changed_assets(position)
            if position is None or changed is None:
                self.build()
                return
            skipped = position.skipped
            if retry and skipped:
                names = self._store.fingerprinted(self.declaration.name, self.version)
                changed.update(dict.fromkeys(self.rows.missing(names)))
                skipped = 0
            skipped += sum(self._replace(batch) for batch in batched(changed, BATCH_ASSETS))
            if self.rows.advance(replace(position, entry=entry, hash=hash, skipped=skipped)):
                return

    def _changed_assets(self, position: IndexPosition) -> dict[str, None] | None:
        """Return the assets that log entries after a position name, each once; None if it is no position of this store."""
        try:
            if position.entry and not self._has_entry(position):
                return None
            entries = (entry for kind in CHANGING_KINDS for entry in self._store.iter_log(kind, after=position.entry))
            return dict.fromkeys(str(entry.details["sha256"]) for entry in entries)
        except (StoreError, KeyError, TypeError):
            # The log is damaged, which `verify` reports: the fingerprints themselves are read instead.
            return None

    def _has_entry(self, position: IndexPosition) -> bool:
        """Return True if the custody log has the entry of a position: it is a state of this store, or of a copy of it."""
        for entry in self._store.iter_log(after=position.entry - 1):
            return entry.n == position.entry and entry.hash == position.hash
        return False

    def _replace(self, names: tuple[str, ...]) -> int:
        """Take over the fingerprints of some assets, and return the number of those that are damaged."""
        loaded = {fingerprint.sha256: fingerprint for fingerprint in self.load(names)}
        changed = {name: found for name, found in loaded.items() if not self.rows.holds(found)}
        absent = [name for name in names if name not in loaded]
        self.rows.remove([*absent, *changed])
        self.rows.add(changed.values())
        return sum(1 for _ in self._store.fingerprinted(self.declaration.name, self.version, absent))
