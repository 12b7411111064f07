"""Sightings of accounts, and a persona that comes back six times."""

from datetime import date, timedelta

from mediafp.types.sightings import Sighting

NAMES = [f"persona{number}" for number in range(7)]
"""Latest handles of the seven accounts."""
PLATFORMS = ("twitter", "twitter", "weibo", "youtube", "twitter", "facebook", "twitter")


def seen(sha256: str, account: str, posted_at: str, named: str = "post", **fields: str) -> Sighting:
    """Return a dated sighting of an account."""
    values = {
        "uri": f"/{account}/{named}_{sha256}.jpg",
        "platform": "twitter",
        "account_id": f"id of {account}",
    } | fields
    return Sighting(sha256=sha256, account=account, posted_at=posted_at, **values)  # type: ignore[arg-type]


def respawned_persona(named: str) -> tuple[list[Sighting], list[tuple[str, str]]]:
    """Return the sightings of seven accounts, two of them renamed, and which crops of their avatar are copies.

    Args:
        named: Beginning of the file names of the avatars.
    """
    sightings = []
    begin = date(2018, 1, 1)
    for number, name in enumerate(NAMES):
        end = begin + timedelta(days=90 + 7 * number)
        handles = [f"early{number}" if number in (1, 4) else name, name]
        ids = {"account_id": str(10**18 + number), "platform": PLATFORMS[number]}
        sightings += [
            seen(f"crop{number}", handles[0], f"{begin}", named, **ids),
            seen(f"middle{number}", handles[0], f"{begin + timedelta(days=40)}T10:00:00Z", **ids),
            seen(f"last{number}", handles[1], f"{end}", removed_at=f"{end}", **ids),
        ]
        begin = end + timedelta(days=20 + 5 * number)
    # Not every crop shows enough of each other one.
    copies = [(f"crop{n}", f"crop{m}") for n in range(7) for m in range(n + 1, min(n + 3, 7))]
    return sightings, copies
