"""Lines of iterations: accounts that share an avatar or an identifying clue, each of which begins after the last one ended.

A line states that the same media were used by a later account, not who ran either of them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import prod
from typing import Final, Literal, NamedTuple

from mediafp.types.accounts import Account
from mediafp.types.instants import DAY_SECONDS, parse_instant

MAX_LINE_ACCOUNTS: Final = 20
"""Accounts that share an avatar or a clue up to which it can make a line; what more of them use is stock. Chosen, not
measured: the longest lines that were published have fewer than ten."""
MAX_OVERLAP_SHARE: Final = 0.1
"""Share of the shorter of two lifespans by which they may overlap and still follow one another: a new account is often opened
a little before the old one is gone. Chosen, not measured."""
MAX_APART_SHARE: Final = 0.333
"""Accounts that overlap others with the same avatar or clue, as a share of those that follow one another, up to which these make
a line: the owner of a stolen photograph lives all the while, and the users of a stock photograph live at any time. Chosen, not
measured."""
MIN_UNMARKED_ACCOUNTS: Final = 3
"""Accounts that must share an image that is not known to be an avatar to make a line. Of two accounts, one is nearly always
the later. Chosen, not measured."""
MAX_UNMARKED_CHANCE: Final = 0.05
"""Expected number of such images in the store whose accounts follow one another by chance, below which one makes a line.
Chosen, not measured."""


type Strength = Literal["decided", "certain", "probable", "unmarked"]
"""A person's decision; an avatar or a clue in common; an avatar that is probably the same; an image that may be an ordinary
post."""
_STRENGTHS: Final[tuple[Strength, ...]] = ("decided", "certain", "probable", "unmarked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Something that several accounts have in common."""

    reason: str
    """Words, such as `same avatar`."""
    accounts: tuple[str, ...]
    """Keys of the accounts."""
    strength: Strength = "certain"


class Lifespan(NamedTuple):
    """Earliest and latest seconds since 1970 at which an account may have begun and ended."""

    key: str
    first_start: float
    last_start: float
    first_end: float
    last_end: float

    @property
    def length(self) -> float:
        """Seconds from its beginning to its end, at least a day."""
        return max(self.last_end - self.first_start, DAY_SECONDS)


def find_iterations(
    accounts: Mapping[str, Account], evidence: Iterable[Evidence], apart: Collection[tuple[str, str]] = ()
) -> dict[str, Account]:
    """Return the accounts with their places in lines.

    An account that overlaps others with the same evidence is in no line by that evidence. Lines that have an account
    in common are joined if all of their accounts follow one another. Of what is equally good, the first by name counts, so
    that the order of the arguments does not matter.

    Args:
        accounts: The accounts by key.
        evidence: What they have in common. Accounts that a person has put into one line may overlap.
        apart: Pairs of keys that a person has put apart: a line with both is cut at the longest gap between them.
    """
    spans = {key: span for key, account in accounts.items() if (span := _lifespan(account))}
    lines: list[_Line] = []
    decided: set[tuple[Lifespan, ...]] = set()
    ordered_evidence = sorted(evidence, key=_evidence_order)
    images = sum(
        found.strength == "unmarked" and len(found.accounts) >= MIN_UNMARKED_ACCOUNTS for found in ordered_evidence
    )
    for found in ordered_evidence:
        members = _successive(found, spans, images)
        keys = {span.key for span in members}
        if found.strength in ("probable", "unmarked"):
            # It is a reason for what it adds to the lines that better evidence has made.
            keys -= {span.key for line in lines for span in line.spans if keys & {own.key for own in line.spans}}
        if len(members) > 1 and keys:
            if found.strength == "decided":
                decided.update(combinations(members, 2))
            _add(lines, _Line(spans=members, reasons={found.reason: sorted(keys)}), decided)
    placed = dict(accounts)
    parts = [(line, part) for line in lines for part in _cut(sorted(line.spans, key=_order), apart)]
    for line, ordered in parts:
        for number, span in enumerate(ordered, 1):
            earlier = ordered[number - 2] if number > 1 else None
            gap = _gap_days(earlier, accounts[earlier.key].ended_at or "", span) if earlier else None
            placed[span.key] = replace(
                accounts[span.key],
                iteration=number,
                gap_days=gap,
                iteration_of=ordered[0].key,
                iteration_because=tuple(sorted(reason for reason, keys in line.reasons.items() if span.key in keys)),
            )
    return placed


def _gap_days(earlier: Lifespan, ended_at: str, later: Lifespan) -> int:
    """Return the whole days from the end of an account to the beginning of the next one of its line, below 0 if they overlap.

    Of an end of which the month or the year is known alone, they are those since that: 0 if the next one began in it.
    """
    days = int((later.first_start - earlier.first_end) // DAY_SECONDS)
    ended = parse_instant(ended_at)
    if days < 0 or ended is None or ended.seconds <= DAY_SECONDS:
        return days
    return max(0, int((later.first_start - ended.end) // DAY_SECONDS))


def _cut(ordered: Sequence[Lifespan], apart: Collection[tuple[str, str]]) -> Iterator[Sequence[Lifespan]]:
    """Yield the parts of a line in which no two accounts are apart; an account by itself is no line."""
    places = {span.key: place for place, span in enumerate(ordered)}
    parted = sorted(
        (places[a], places[b]) if places[a] < places[b] else (places[b], places[a])
        for a, b in apart
        if a in places and b in places
    )
    if not parted:
        if len(ordered) > 1:
            yield ordered
        return
    first, last = parted[0]
    gaps = [ordered[place + 1].first_start - ordered[place].first_end for place in range(first, last)]
    end = first + gaps.index(max(gaps)) + 1
    yield from _cut(ordered[:end], apart)
    yield from _cut(ordered[end:], apart)


def _evidence_order(found: Evidence) -> tuple[int, int, str, tuple[str, ...]]:
    return _STRENGTHS.index(found.strength), -len(found.accounts), found.reason, found.accounts


@dataclass(slots=True)
class _Line:
    spans: list[Lifespan]
    reasons: dict[str, list[str]]
    """Keys of the accounts that share each reason."""


def _lifespan(account: Account) -> Lifespan | None:
    """Return the lifespan of an account; None if it has no date."""
    began = parse_instant(account.began_at) if account.began_at else None
    ended = parse_instant(account.ended_at) if account.ended_at else None
    if began is None or ended is None:
        return None
    return Lifespan(account.key, began.start, began.end, max(began.start, ended.start), max(began.end, ended.end))


def _order(span: Lifespan) -> tuple[float, float, str]:
    return span.first_start, span.first_end, span.key


def follows(earlier: Lifespan, later: Lifespan) -> bool:
    """Return True if one account may have begun when the other had ended."""
    slack = MAX_OVERLAP_SHARE * min(earlier.last_end - earlier.first_start, later.last_end - later.first_start)
    return later.last_start + slack > earlier.first_end and _order(earlier) < _order(later)


def _successive(found: Evidence, spans: Mapping[str, Lifespan], images: int) -> list[Lifespan]:
    """Return the accounts that one piece of evidence puts into a line; none if it does not make one.

    Args:
        found: The evidence.
        spans: Lifespans by key.
        images: Number of images that are not known to be avatars and that enough accounts share.
    """
    members = sorted((spans[key] for key in set(found.accounts) if key in spans), key=_order)
    if found.strength == "decided":
        return members
    if len(set(found.accounts)) > MAX_LINE_ACCOUNTS:
        return []
    line = _without_overlaps(members)
    if found.strength != "unmarked":
        return line if len(members) - len(line) <= MAX_APART_SHARE * len(line) else []
    is_line = line == members and len(members) >= MIN_UNMARKED_ACCOUNTS
    return members if is_line and images * chance_of_succession(members) < MAX_UNMARKED_CHANCE else []


def _without_overlaps(members: Sequence[Lifespan]) -> list[Lifespan]:
    """Return accounts without those that overlap the most others, until none overlap; of two that overlap, neither is left."""
    left = list(members)
    while left:
        overlaps = Counter(span for pair in combinations(left, 2) if not follows(*pair) for span in pair)
        if not overlaps:
            break
        most = max(overlaps.values())
        left = [span for span in left if overlaps[span] < most]
    return left


def chance_of_succession(members: Sequence[Lifespan]) -> float:
    """Return the chance that lifespans do not overlap, if all but the first and the last lay anywhere between the two.

    Each then lies within the time that all of them leave free, of the time in which it could lie.
    """
    whole = max(span.last_end for span in members) - min(span.first_start for span in members)
    free = max(0.0, whole - sum(span.length for span in members))
    return prod(min(1.0, free / max(whole - span.length, DAY_SECONDS)) for span in members[1:-1])


def _add(lines: list[_Line], new: _Line, decided: Collection[tuple[Lifespan, ...]]) -> None:
    """Add a line, joined with those that it has an account in common with, as far as none of the accounts overlap.

    Args:
        lines: The lines so far.
        new: The line.
        decided: Pairs of accounts that may overlap, in order.
    """
    joined = new
    apart = []
    for line in lines:
        keys = {span.key for span in joined.spans}
        if not any(span.key in keys for span in line.spans):
            apart.append(line)
            continue
        together = sorted({*joined.spans, *line.spans}, key=_order)
        if any(pair not in decided and not follows(*pair) for pair in combinations(together, 2)):
            # The earlier evidence is the better one: what the new line adds to it is not certain.
            return
        reasons = {reason: list(members) for reason, members in line.reasons.items()}
        for reason, members in joined.reasons.items():
            reasons[reason] = sorted({*reasons.get(reason, ()), *members})
        joined = _Line(spans=together, reasons=reasons)
    lines[:] = [*apart, joined]
