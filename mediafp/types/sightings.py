"""Sightings: where, when and by whom an asset was seen; and clues to its source."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal

type Precision = Literal["second", "minute", "day", "month", "year"]
"""Exactness of a time."""
type Role = Literal["original", "repost"]
"""Part of a sighting in a repost: the account whose post it was, or the one that passed it on."""
type Trust = Literal["high", "medium", "low"]
"""Reliability of a clue: `high` for what a platform writes, `low` for what anybody may have written."""
type Standing = Literal["removed", "partly_removed", "posted", "unknown"]
"""`removed`: every post of a file whose account or time is known was removed; `partly_removed`: some of them were; `posted`: none
is known to be; `unknown`: no sighting states a post."""
_PRECISIONS: dict[int, Precision] = {4: "year", 7: "month", 10: "day", 16: "minute"}
"""Precision of a time by the characters of its date and clock; longer ones are exact to the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingFields:
    """Fields of a sighting that sidecars state; unknown ones are None.

    Times are ISO 8601, as exact as their source: `2020`, `2020-01`, `2020-01-31`, `2020-01-31T10:00Z` or
    `2020-01-31T10:00:00Z`. They are in UTC and end in Z where the zone is known; without Z the zone is unknown.
    """

    platform: str | None = None
    account: str | None = None
    """Handle of the account, without `@`; on Weibo and Bilibili the screen name."""
    account_id: str | None = None
    """The platform's own number or key of the account, which stays when the handle changes."""
    account_name: str | None = None
    """Name that the account displays."""
    url: str | None = None
    """Address of the post."""
    post_id: str | None = None
    posted_at: str | None = None
    captured_at: str | None = None
    removed_at: str | None = None
    title: str | None = None
    text: str | None = None
    language: str | None = None
    """Language of the post as its source states it."""
    views: int | None = None
    """Number of views that the platform counted."""
    role: Role | None = None
    source: str = ""
    """Format and name of each file that the fields come from, joined by ` + `; "" if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting(SightingFields):
    """Place and time at which an asset was seen."""

    sha256: str
    uri: str
    """Path under which the asset was ingested; bytes that are not UTF-8 are surrogate escapes."""

    @property
    def date(self) -> str | None:
        """Time of posting, else of capture; None if neither is known."""
        return self.posted_at or self.captured_at

    @property
    def precision(self) -> Precision | None:
        """Exactness of `date`, else of the time of removal; None if no time is known."""
        time = self.date or self.removed_at
        return time_precision(time) if time else None

    @property
    def is_post(self) -> bool:
        """True if an account or a time is known of it; else it is a file in a folder of whoever collected it."""
        return bool(self.names or self.date or self.removed_at)

    @property
    def account_label(self) -> str | None:
        """Handle of the account, else its displayed name, else its number; None if none is known."""
        return next(iter(self.names), None)

    @property
    def names(self) -> list[str]:
        """Handle, displayed name and number of the account, as far as they are known."""
        return [name for name in (self.account, self.account_name, self.account_id) if name]

    @property
    def captions(self) -> list[str]:
        """Title and text of the post, without empty ones."""
        return [text for text in (self.title, self.text) if text]


STATED_FIELDS: tuple[str, ...] = tuple(field.name for field in fields(SightingFields) if field.name != "source")
"""Fields of a sighting that a sidecar may state, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """Statement of a file itself about its source, such as an account's number in its name. It is never a sighting."""

    kind: str
    """Kind of the value, such as `weibo_uid`, `post_id`, `time`, `device` or `editor_project`."""
    value: str
    source: str
    """Part of the file that states it, such as `file name` or `EXIF`."""
    trust: Trust


def posts_standing(sightings: Iterable[Sighting]) -> Standing:
    """Return the state of the posts among the sightings of one file."""
    removed, posts = count_posts(sightings)
    if not posts:
        return "unknown"
    if 0 < removed < posts:
        return "partly_removed"
    return "removed" if removed else "posted"


def count_posts(sightings: Iterable[Sighting]) -> tuple[int, int]:
    """Return the number of posts among the sightings of one file that are known to be removed, and of all of them.

    Sightings with one number of a post, or else with one address and time, are one post that was collected several times. The
    address alone may be that of an account.
    """
    is_removed: dict[object, bool] = {}
    for number, seen in enumerate(sightings):
        if seen.is_post:
            post = seen.post_id or (seen.url and (seen.url, seen.posted_at)) or number
            is_removed[post] = is_removed.get(post, False) or seen.removed_at is not None
    return sum(is_removed.values()), len(is_removed)


def time_precision(time: str) -> Precision:
    """Return the exactness of an ISO 8601 time by its length, without Z."""
    return _PRECISIONS.get(len(time.removesuffix("Z")), "second")
