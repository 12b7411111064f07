"""Time lines: what was posted, captured and removed, in order."""

from dataclasses import dataclass
from typing import Literal

from mediafp.types.accounts import Account
from mediafp.types.sightings import Precision, Role, time_precision

type EventKind = Literal["posted", "captured", "removed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEvent:
    """Time that one sighting of an asset states."""

    at: str
    """ISO 8601, as exact as its source."""
    event: EventKind
    account: str | None
    """Handle that the sighting states."""
    account_key: str | None
    """Key of the account in the store; None if the sighting names no account."""
    platform: str | None
    sha256: str
    uri: str
    url: str | None
    post_id: str | None
    role: Role | None
    iteration: int | None
    """Place of the account in its line of iterations."""
    gap_days: int | None = None
    """Whole days without any post before a post, if they are many; None else, and for other events."""

    @property
    def precision(self) -> Precision:
        """Exactness of the time."""
        return time_precision(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Events in order, oldest first, and the accounts that they are of."""

    events: tuple[TimelineEvent, ...]
    accounts: tuple[Account, ...]
    """By their line, then by their first time."""
    undated: int
    """Sightings without any time."""
