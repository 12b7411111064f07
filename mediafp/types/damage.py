"""Damage of stored values: the function that gets each value that cannot be used, and a log of them."""

import threading
from collections.abc import Callable

from mediafp.types.errors import StoreError

DamageHandler = Callable[[str, str], object]
"""Function that gets the SHA-256 of an asset or an audio track, and what of it is damaged. If it returns, the value counts as
missing."""


def raise_damage(sha256: str, reason: str) -> None:
    """Raise StoreError for a damaged value."""
    raise StoreError(f"cannot read {sha256}: {reason}; see: mediafp verify", kind="damaged")


class DamageLog:
    """The assets of which something is damaged, each with the first reason. Several threads may use it."""

    def __init__(self, on_damage: DamageHandler) -> None:
        """Create an empty log; `on_damage` gets each asset once."""
        self._on_damage = on_damage
        self._lock = threading.Lock()
        self.reasons: dict[str, str] = {}
        """Reasons by the SHA-256 of the asset."""

    def add(self, sha256: str, reason: str) -> None:
        """Add a damaged value."""
        with self._lock:
            if sha256 in self.reasons:
                return
            self.reasons[sha256] = reason
        self._on_damage(sha256, reason)
