"""Account of each sighting: by the platform's id, or without one by the handle."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from mediafp.types.accounts import Account
from mediafp.types.platforms import platform_name
from mediafp.types.sightings import Sighting


class Identity(NamedTuple):
    """Account of a platform, by its id or else by its handle."""

    platform: str
    """As of `fold_platform`; "" if it is unknown."""
    is_id: bool
    value: str
    """Id, or handle without regard to case."""


def identify_accounts(sightings: Sequence[Sighting]) -> list[Identity | None]:
    """Return the account of each sighting, None if it names none.

    A sighting with a handle and no id is of the account with an id that had this handle on the platform, if it is one
    only. The result does not depend on the order of the sightings.
    """
    ids_by_handle: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for sighting in sightings:
        handle = fold_handle(sighting.account)
        if sighting.account_id and handle:
            ids_by_handle[fold_platform(sighting.platform), handle].add(sighting.account_id)
    return [_identity(sighting, ids_by_handle) for sighting in sightings]


@lru_cache(maxsize=1024)
def fold_platform(platform: str | None) -> str:
    """Return the name of a platform without regard to case and punctuation, one for all of its names; "" for None."""
    # A store of an older version has the names as sidecars wrote them.
    return re.sub(r"[\W_]", "", platform_name(platform or ""))


def fold_handle(handle: str | None) -> str:
    """Return a handle without regard to case, and without `@`; "" for None."""
    return (handle or "").strip().lstrip("@").casefold()


def _identity(sighting: Sighting, ids_by_handle: Mapping[tuple[str, str], set[str]]) -> Identity | None:
    platform, handle = fold_platform(sighting.platform), fold_handle(sighting.account)
    if sighting.account_id:
        return Identity(platform, True, sighting.account_id)
    if not handle:
        return None
    ids = ids_by_handle.get((platform, handle), set())
    return Identity(platform, True, next(iter(ids))) if len(ids) == 1 else Identity(platform, False, handle)


def name_accounts(handles: Mapping[Identity, str | None]) -> dict[Identity, str]:
    """Return a name for each account that no other one has.

    Args:
        handles: Latest handle of each account, None if only its id is known.
    """
    forms = {identity: _name_forms(identity, handle) for identity, handle in handles.items()}
    counts = Counter(form for candidates in forms.values() for form in {name.casefold() for name in candidates})
    return {
        identity: next((name for name in candidates if counts[name.casefold()] == 1), candidates[-1])
        for identity, candidates in forms.items()
    }


def _name_forms(identity: Identity, handle: str | None) -> list[str]:
    """Return the names that an account can have, the shortest first; no other account has the last one."""
    own = handle or identity.value
    prefix = f"{identity.platform}:" if identity.platform else ""
    whole = f"{prefix}{own} (id {identity.value})" if identity.is_id else f"{prefix}{own} (no id)"
    return [own, f"{prefix}{own}", whole]


def find_named(name: str, accounts: Iterable[tuple[str, Sequence[str | None]]]) -> list[str]:
    """Return the keys of the accounts that a name given by a user means.

    Args:
        name: Key, id, handle with or without `@`, or displayed name; a platform and a colon may precede it.
        accounts: Key of each account, and its other names; those with the first kind of name that fits are returned.
    """
    wanted = fold_handle(name)
    listed = list(accounts)
    if exact := [key for key, _ in listed if fold_handle(key) == wanted]:
        return exact
    return [key for key, names in listed if wanted in {fold_handle(other) for other in names if other}]


def other_names(account: Account) -> list[str | None]:
    """Return names by which a user may mean an account."""
    names = [account.account, account.account_id, account.account_name, *(name.name for name in account.names)]
    return [*names, *(f"{account.platform}:{name}" for name in names if account.platform and name)]
