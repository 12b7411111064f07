"""Watched accounts, and the sightings that state them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mediafp.accounts.identities import fold_handle, fold_platform
from mediafp.store import Store
from mediafp.store.watch_interface import StatedAccount
from mediafp.types.sightings import Sighting
from mediafp.types.watches import Watch, WatchHit


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedAccount:
    """Account as a user names it. A displayed name is none: anybody may display it.

    Attributes:
        platform: Name of the platform; "" for any.
        name: Handle or number of the account.
    """

    platform: str
    name: str

    def __str__(self) -> str:
        name = self.name.strip().lstrip("@")
        return f"{self.platform}:{name}" if self.platform else f"@{name}"

    @classmethod
    def parse(cls, value: str) -> "WatchedAccount":
        """Return the account of a stored watch, which `str` has written."""
        platform, colon, name = value.partition(":")
        # A handle may contain a colon, and so may a number.
        is_prefix = colon and not value.startswith("@")
        return cls(platform=platform if is_prefix else "", name=name if is_prefix else value)

    def is_named_by(self, stated: StatedAccount) -> bool:
        """Return True if a sighting states this account by its handle or its number."""
        if self.platform and fold_platform(stated.platform) != fold_platform(self.platform):
            return False
        return fold_handle(self.name) in (fold_handle(stated.account), fold_handle(stated.account_id))


class AccountFinder:
    """Search for one account in sightings, also under the later handles of a number that had the handle."""

    def __init__(self, account: WatchedAccount) -> None:
        self._account = account
        self._numbers: set[tuple[str, str]] = set()
        """Platform and number of each account that sightings state with the handle."""

    def learn(self, stated: Iterable[StatedAccount]) -> None:
        """Note the numbers of the account that sightings state."""
        for one in stated:
            if one.account_id and self._account.is_named_by(one):
                self._numbers.add((fold_platform(one.platform), one.account_id))

    def accepts(self, stated: StatedAccount) -> bool:
        """Return True if a sighting states the account, or a number that was learnt."""
        is_known = (
            stated.account_id is not None and (fold_platform(stated.platform), stated.account_id) in self._numbers
        )
        return is_known or self._account.is_named_by(stated)


def find_account(store: Store, watch: Watch) -> Iterator[WatchHit]:
    """Yield the hits of a watch of an account in the whole store."""
    finder, stated = AccountFinder(WatchedAccount.parse(watch.value)), list(store.stated_accounts())
    finder.learn(stated)
    for one in filter(finder.accepts, stated):
        for sha256, uri in store.sighted_files(one):
            yield WatchHit(watch=watch.name, sha256=sha256, uri=uri, why=account_reason(one))


def stated_account(sighting: Sighting) -> StatedAccount:
    """Return the account that a sighting states."""
    return StatedAccount(sighting.platform, sighting.account, sighting.account_id)


def account_reason(stated: StatedAccount) -> str:
    """Return in words which account a sighting states."""
    name = stated.account or f"number {stated.account_id}"
    number = f" (number {stated.account_id})" if stated.account and stated.account_id else ""
    return f"a sighting states the account {name}{number}" + (f" on {stated.platform}" if stated.platform else "")
