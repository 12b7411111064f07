"""Accounts that posted the assets of a store: their names, lifespans, shared media, and the lines of iterations."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountName:
    """Handle of an account, with the first and the last dated sighting that states it."""

    name: str
    first_at: str | None
    last_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedMedia:
    """Number of media that an account shares with another one."""

    account: str
    """Key of the other account."""
    assets: int
    """Media that both posted; the same bytes and near-duplicates count once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Account on a platform, as the sightings of a store show it.

    Sightings with one id are of one account, whatever their handles. Times are as exact as their sources.
    """

    key: str
    """Name that no other account of the store has: the handle, else the platform and the handle, else these and the id."""
    platform: str | None
    account: str | None
    """Handle that the latest sighting states."""
    account_id: str | None
    account_name: str | None
    """Name that the account displays, by the latest sighting that states one."""
    names: tuple[AccountName, ...]
    """All of its handles, oldest first."""
    first_posted_at: str | None
    last_posted_at: str | None
    first_captured_at: str | None
    last_captured_at: str | None
    removed_at: str | None
    """Last removal; None if the account posted something after it."""
    posts: int
    captures: int
    """Sightings with a time of capture."""
    removals: int
    """Sightings with a time of removal."""
    assets: int
    shared_with: tuple[SharedMedia, ...]
    """Other accounts that posted the same media, most shared first."""
    more_shared_with: int = 0
    """Number of further ones."""
    iteration: int | None = None
    """Place in its line, from 1 on; None if it is in none."""
    iteration_of: str | None = None
    """Key of the first account of its line, which is the account itself at place 1."""
    iteration_because: tuple[str, ...] = ()
    """Media or clues that it shares with other accounts of its line, in words."""
    gap_days: int | None = None
    """Whole days from the end of the last account of its line to its own beginning, below 0 if they overlap a little."""

    @property
    def began_at(self) -> str | None:
        """First post; if none is dated, the first capture."""
        return self.first_posted_at or self.first_captured_at

    @property
    def ended_at(self) -> str | None:
        """Removal, else the last post; if none is dated, the last capture."""
        return self.removed_at or self.last_posted_at or self.last_captured_at
