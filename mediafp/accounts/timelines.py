"""Events of sightings in order, and the gaps between posts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from mediafp.accounts.summaries import AccountRecords
from mediafp.types.accounts import Account
from mediafp.types.instants import DAY_SECONDS, parse_instant, time_key
from mediafp.types.sightings import Sighting
from mediafp.types.timelines import EventKind, Timeline, TimelineEvent

EVENT_KINDS: Final[tuple[EventKind, ...]] = ("posted", "captured", "removed")
"""Kinds in the order in which they appear at one time."""
MIN_GAP_DAYS: Final = 30
"""Days without a post from which a gap is stated. Chosen, not measured."""


def build_timeline(records: AccountRecords, accepts: Callable[[Sighting, str | None], bool]) -> Timeline:
    """Return the events of those sightings that a function of the sighting and the key of its account accepts."""
    events: dict[TimelineEvent, None] = {}
    keys: set[str] = set()
    undated = 0
    for sighting, key in zip(records.sightings, records.keys, strict=True):
        if not accepts(sighting, key):
            continue
        if key:
            keys.add(key)
        times = [(kind, time) for kind in EVENT_KINDS if (time := getattr(sighting, f"{kind}_at"))]
        undated += not times
        for kind, time in times:
            account = records.accounts[key] if key else None
            events[_event(sighting, kind, time, account)] = None
    return Timeline(
        events=tuple(_with_gaps(sorted(events, key=_event_key))),
        accounts=tuple(sorted((records.accounts[key] for key in keys), key=_account_key(records))),
        undated=undated,
    )


def _event(sighting: Sighting, kind: EventKind, time: str, account: Account | None) -> TimelineEvent:
    return TimelineEvent(
        at=time,
        event=kind,
        account=sighting.account,
        account_key=account.key if account else None,
        platform=sighting.platform,
        sha256=sighting.sha256,
        uri=sighting.uri,
        url=sighting.url,
        post_id=sighting.post_id,
        role=sighting.role,
        iteration=account.iteration if account else None,
    )


def _event_key(event: TimelineEvent) -> tuple[object, ...]:
    kind = EVENT_KINDS.index(event.event)
    return (
        *time_key(event.at),
        kind,
        event.account_key or "",
        event.sha256,
        event.uri,
        event.post_id or "",
        event.role or "",
    )


def _account_key(records: AccountRecords) -> Callable[[Account], tuple[object, ...]]:
    """Return the sort key of accounts: by the first time of their line, then by their place in it."""

    def key(account: Account) -> tuple[object, ...]:
        first = records.accounts[account.iteration_of] if account.iteration_of else account
        return (*time_key(first.began_at or "~"), first.key, account.iteration or 0, account.key)

    return key


def _with_gaps(events: Sequence[TimelineEvent]) -> Iterator[TimelineEvent]:
    """Yield events, and with each post the days since the last one, if they are at least `MIN_GAP_DAYS`.

    Of a post of which the month or the year is known alone, the gap begins at the end of that: it may have been then.
    """
    last: float | None = None
    for event in events:
        instant = parse_instant(event.at) if event.event == "posted" else None
        if instant is None:
            yield event
            continue
        days = int((instant.start - last) // DAY_SECONDS) if last is not None else 0
        yield replace(event, gap_days=days) if days >= MIN_GAP_DAYS else event
        since = instant.start if instant.seconds <= DAY_SECONDS else instant.end
        last = since if last is None else max(last, since)
