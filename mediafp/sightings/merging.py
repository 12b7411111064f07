"""Statements of several sidecars about one media file, joined to its sightings."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mediafp.sightings.platform_ids import instagram_number
from mediafp.sightings.sidecar_warnings import SidecarWarnings, quote
from mediafp.sightings.values import FieldValues
from mediafp.types.sightings import SightingFields

IDENTITY_FIELDS: Final = ("platform", "account", "account_id", "post_id", "posted_at")
"""Fields in which two statements about one sighting agree."""
INSTAGRAM_CODE: Final = re.compile(r"[\w-]{9,11}", re.ASCII)
"""Short form of the number of a post on Instagram; that of a private account is longer and holds more."""
_TIME_FIELDS: Final = ("posted_at", "captured_at", "removed_at")
_CHANGING_FIELDS: Final = ("views", "text", "title")
"""Fields that can differ between two readings of one post."""
_LARGEST_OFFSET: Final = timedelta(hours=14)
"""Largest difference of a local time from UTC: that of Kiribati."""
_OFFSET_STEP: Final = timedelta(minutes=15)
"""Step of the differences of local times from UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Sightings that one sidecar states of a media file."""

    source: str
    """Format and name of the sidecar, as sightings state it."""
    name: str
    """File name of the sidecar."""
    sightings: Sequence[FieldValues]


@dataclass(slots=True)
class _Joined:
    """A sighting, and what states it."""

    fields: FieldValues
    sources: list[str]
    name: str
    """File name of the first sidecar that states it."""


def join_statements(statements: Iterable[Statement], warnings: SidecarWarnings) -> tuple[SightingFields, ...]:
    """Return the sightings that several sidecars state of one media file.

    Statements about one sighting complete each other; of two values for one field, that of the earlier statement is used,
    and of two times the more exact one. Statements that disagree in a field of `IDENTITY_FIELDS` are kept apart, with a
    warning.

    Args:
        statements: What each sidecar states, the one that is preferred first.
        warnings: Receives a line for sidecars that disagree.
    """
    joined: list[_Joined] = []
    for statement in statements:
        earlier = list(joined)
        for fields in statement.sightings:
            if not fields or any(one.fields == fields and statement.source in one.sources for one in joined):
                continue
            partner = _find_partner(fields, [one for one in earlier if statement.source not in one.sources], statement)
            if partner:
                partner.fields = _complete(partner.fields, fields)
                partner.sources.append(statement.source)
            elif twin := _find_twin(fields, joined, statement.source):
                twin.fields = _complete(twin.fields, fields)
            else:
                joined.append(_Joined(fields, [statement.source], statement.name))
        added = joined[len(earlier) :]
        is_apart = added and earlier and all(statement.source not in one.sources for one in earlier)
        if is_apart and (what := _disagreements(earlier[0].fields, added[0].fields)):
            warnings.add(
                f"two sidecars disagree: {quote(earlier[0].name)} and {quote(statement.name)} state another {', '.join(what)}; "
                "both sightings are kept"
            )
    return tuple(
        SightingFields(**one.fields, source=" + ".join(one.sources))  # type: ignore[arg-type]
        for one in joined
    )


def _find_partner(fields: FieldValues, earlier: Sequence[_Joined], statement: Statement) -> _Joined | None:
    """Return the sighting that a statement is about; None if it is about another one."""
    agreeing = [(_agreements(one.fields, fields), one) for one in earlier if not _disagreements(one.fields, fields)]
    if not agreeing:
        return None
    count, best = max(agreeing, key=lambda pair: pair[0])
    is_only = len(earlier) == 1 and len(statement.sightings) == 1
    return best if count or is_only else None


def _find_twin(fields: FieldValues, joined: Sequence[_Joined], source: str) -> _Joined | None:
    """Return the sighting of the same post that the same sidecar states, such as of an original with each repost of it."""
    return next(
        (
            one
            for one in joined
            if source in one.sources
            and "post_id" in fields
            and fields["post_id"] == one.fields.get("post_id")
            and all(
                one.fields.get(name, value) == value for name, value in fields.items() if name not in _CHANGING_FIELDS
            )
        ),
        None,
    )


def _disagreements(one: FieldValues, other: FieldValues) -> list[str]:
    """Return the fields of which two statements cannot both be true of one sighting."""
    return [
        name
        for name in (*IDENTITY_FIELDS, "role")
        if one.get(name) and other.get(name) and not _agree(name, one, other)
    ]


def _agreements(one: FieldValues, other: FieldValues) -> int:
    """Return the number of telling fields that two statements share."""
    names = ("account", "account_id", "post_id", "posted_at", "url")
    return sum(bool(one.get(name) and other.get(name) and _agree(name, one, other)) for name in names)


def _agree(name: str, one: FieldValues, other: FieldValues) -> bool:
    """Return True if the values of a field of two statements may be the same."""
    first, second = str(one[name]), str(other[name])
    if name in _TIME_FIELDS:
        return _times_agree(first, second)
    if name == "account":
        # One source states as the account what the other one states as its display name or its id.
        names = [one.get("account_name"), one.get("account_id")], [other.get("account_name"), other.get("account_id")]
        return first.casefold() == second.casefold() or first in names[1] or second in names[0]
    if name == "post_id" and first.isdigit() != second.isdigit():
        # Weibo, Instagram and Bilibili have a number and a short form of it.
        platform = one.get("platform", other.get("platform"))
        number, code = (first, second) if first.isdigit() else (second, first)
        if platform == "instagram" and INSTAGRAM_CODE.fullmatch(code):
            return number == str(instagram_number(code))
        return platform in ("weibo", "instagram", "bilibili")
    return first == second


def _times_agree(one: str, other: str) -> bool:
    """Return True if two times may be the same: they differ in exactness alone, or by a zone that one does not state."""
    shorter, longer = sorted((one.removesuffix("Z"), other.removesuffix("Z")), key=len)
    if longer.startswith(shorter):
        return True
    if one.endswith("Z") == other.endswith("Z"):
        return False
    try:
        # A time to the minute is cut, not rounded.
        cut = longer[: len(shorter)] if len(shorter) == len("2020-01-31T10:00") else longer
        gap = datetime.fromisoformat(cut) - datetime.fromisoformat(shorter)
    except ValueError:
        return False
    if len(shorter) == len("2020-01-31"):
        return -_LARGEST_OFFSET <= gap < timedelta(days=1) + _LARGEST_OFFSET
    return abs(gap) <= _LARGEST_OFFSET and not gap % _OFFSET_STEP


def _complete(one: FieldValues, other: FieldValues) -> FieldValues:
    """Return an earlier statement with what a later one adds."""
    merged = {**other, **one}
    for name in _TIME_FIELDS:
        if name in one and name in other:
            merged[name] = max((one[name], other[name]), key=_exactness)
    first, second = one.get("account"), other.get("account")
    if first and second and first != second and first in (other.get("account_name"), other.get("account_id")):
        merged["account"] = second
        if first == other.get("account_name"):
            merged.setdefault("account_name", first)
    return merged


def _exactness(time: object) -> tuple[int, bool]:
    """Return a number that grows with the exactness of a time, and whether its zone is known."""
    text = str(time)
    return len(text.removesuffix("Z")), text.endswith("Z")
