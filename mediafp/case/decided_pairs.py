"""Decisions of persons on pairs of files and of accounts: made, and taken back."""

import getpass
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mediafp.accounts.identities import find_named, other_names
from mediafp.accounts.summaries import summarise_accounts
from mediafp.case.sources import PathLike
from mediafp.ingest.files import file_sha256, open_file
from mediafp.ingest.path_uri import path_uri
from mediafp.store import Store
from mediafp.types.decisions import (
    OWN,
    SUBJECTS,
    VALUES,
    DecidedMatch,
    Decision,
    DecisionConflict,
    DecisionSubject,
    DecisionValue,
)
from mediafp.types.errors import UsageError
from mediafp.types.matches import Match

_SHA256: Final = re.compile("[0-9a-f]{64}", re.IGNORECASE)
MAX_EARLIER: Final = 50
"""Earlier decisions on a pair that undoing goes back through; the custody log has all of them. Chosen, not measured."""
MAX_NOTE_CHARS: Final = 10_000
"""Characters of a note. Chosen, not measured."""


def decide_pair(
    store: Store,
    decision: DecisionValue,
    a: PathLike,
    b: PathLike,
    *,
    subject: DecisionSubject,
    note: str,
    decided_by: str | None,
    replaces: str | None,
    match: Match | None,
) -> Decision:
    """Save a decision on a pair, and return it. Arguments and errors as for `Case.decide`."""
    if decision not in VALUES:
        raise UsageError(f"cannot decide {decision!r}: it is none of {', '.join(VALUES)}; choose one of them")
    check_note(note)
    pair = find_pair(store, subject, a, b)
    made = Decision(
        subject=subject,
        a=pair[0],
        b=pair[1],
        decision=decision,
        note=note,
        decided_by=decided_by or login_name(),
        decided_at=decision_time(),
        evidence=(_stated(match),) if match else (),
    )
    with store.writing():
        if subject != "iteration":
            _check_stored(store, made)
        return save_over_standing(store, made, replaces)


def save_over_standing(store: Store, made: Decision, replaces: str | None) -> Decision:
    """Save a decision in place of the current one on its pair, and return it with that one. Call it inside `writing`.

    Raises:
        DecisionConflict: The current decision is another one than `replaces` allows.
    """
    standing = store.find_decision(*made.key)
    _check_replaced(standing, made, replaces)
    if made.subject == "match":
        # What was kept of both is surer than what a caller has seen; of files that are gone, the last decision states it.
        kept = store.kept_verdicts(made.a, made.b)
        made = replace(made, evidence=kept or made.evidence or (standing.evidence if standing else ()))
    made = replace(made, before=standing and _shortened(standing, MAX_EARLIER))
    store.save_decision(made)
    return made


def _shortened(decision: Decision, length: int) -> Decision:
    """Return a decision with at most some number of decisions in the row of those that it replaced, itself among them."""
    if decision.before is None:
        return decision
    return replace(decision, before=_shortened(decision.before, length - 1) if length > 1 else None)


def undo_pair(
    store: Store,
    a: PathLike,
    b: PathLike,
    subject: DecisionSubject,
    *,
    decision: DecisionValue | None,
    decided_by: str | None,
    replaces: str | None,
) -> Decision:
    """Take back the decision on a pair, and return it. Arguments and errors as for `Case.undo_decision`."""
    pair = find_pair(store, subject, a, b)
    with store.writing():
        standing = store.find_decision(subject, *pair)
        if standing is None:
            raise UsageError(
                f"cannot take back the decision on {pair[0]} and {pair[1]}: there is none on their {subject};"
                " list them with: mediafp decisions"
            )
        if decision and decision != standing.decision:
            raise DecisionConflict(
                f"cannot take back the {decision} of {pair[0]} and {pair[1]}: it is {standing.sentence}",
                standing,
            )
        by = decided_by or login_name()
        _check_replaced(standing, replace(standing, decided_by=by), replaces)
        store.take_back_decision(standing, by)
    return standing


def undo_act(store: Store, act: str, *, decided_by: str | None) -> list[Decision]:
    """Take back all decisions of one act, and return them. Arguments and errors as for `Case.undo_act`."""
    with store.writing():
        for one in store.decisions():
            if act and one.before and one.before.act == act != one.act:
                raise DecisionConflict(
                    f"cannot take back {act!r}: the decision on {one.a} and {one.b} is {one.sentence} since; take that"
                    " back first",
                    one,
                )
        made = store.decisions(act=act) if act else []
        if not made:
            raise UsageError(
                f"cannot take back {act!r}: no decision of it is in force; list them with: mediafp decisions"
            )
        for decision in made:
            store.take_back_decision(decision, decided_by or login_name())
        if restored := {sha256: number for decision in made for sha256, number in decision.numbers}:
            numbers = store.cluster_numbers()
            # A forgotten asset has no number any more.
            numbers |= {sha256: number for sha256, number in restored.items() if sha256 in numbers}
            store.save_cluster_numbers(numbers, store.last_cluster_number())
    return made


def find_pair(store: Store, subject: DecisionSubject, a: PathLike, b: PathLike) -> tuple[str, str]:
    """Return both sides of a pair, the smaller first: SHA-256 of files, or keys of accounts.

    Raises:
        UsageError: One of them names no file or account, or several, or both are the same.
    """
    if subject not in SUBJECTS:
        raise UsageError(f"cannot decide on {subject!r}: it is none of {', '.join(SUBJECTS)}; choose one of them")
    find = _find_account if subject == "iteration" else find_sha256
    first, second = find(store, os.fspath(a)), find(store, os.fspath(b))
    if first == second:
        raise UsageError(f"cannot decide on {os.fspath(a)!r} and {os.fspath(b)!r}: both are {first}; name two")
    return min(first, second), max(first, second)


def find_sha256(store: Store, target: str) -> str:
    """Return the SHA-256 that a target is, or that of the file at a path, on disk or as it was ingested.

    Raises:
        UsageError: There is no such file, or files with several contents were ingested at the path.
    """
    if _SHA256.fullmatch(target):
        return target.lower()
    path = Path(target)
    uris = dict.fromkeys((target, path_uri(path)))
    stored = next((found for uri in uris if (found := store.assets_seen_at(uri))), [])
    if path.is_file():
        # The store may know an earlier content of the file.
        with open_file(path) as file:
            return file_sha256(file)
    if len(stored) > 1:
        raise UsageError(
            f"cannot decide on {target!r}: it had {len(stored)} contents; name the SHA-256: {', '.join(stored)}"
        )
    if not stored:
        raise UsageError(
            f"cannot decide on {target!r}: it is neither a SHA-256, a file, nor the path of a file in the store"
            f" '{store.folder}'; list the paths with: mediafp export csv"
        )
    return stored[0]


def login_name() -> str:
    """Return the login name of the user, by which decisions are signed unless another name is given."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # A container may run as a number that has no name.
        return f"user {os.getuid()}"


def decision_time() -> str:
    """Return the current time, ISO 8601 in UTC to the microsecond."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def check_note(note: str) -> None:
    """Raise UsageError for a note that is too long."""
    if len(note) > MAX_NOTE_CHARS:
        raise UsageError(f"cannot save a note of {len(note)} characters: the limit is {MAX_NOTE_CHARS}; shorten it")


def _check_stored(store: Store, made: Decision) -> None:
    """Raise UsageError for a pair that the store cannot know: none of two files, or for a group not both, of one kind."""
    stored = {asset.sha256: asset.kind for asset in store.assets([made.a, made.b])}
    if made.subject == "group" and len(stored) < 2:
        missing = made.b if made.a in stored else made.a
        raise UsageError(
            f"cannot group {missing}: the store '{store.folder}' does not contain it; ingest the file first"
        )
    if made.subject == "group" and len(set(stored.values())) > 1:
        raise UsageError(
            f"cannot group {made.a} and {made.b}: one is an image, the other a video; clusters have one kind each"
        )
    if not stored:
        raise UsageError(
            f"cannot decide on {made.a} and {made.b}: the store '{store.folder}' contains neither of them;"
            " ingest one of the files first"
        )


def _find_account(store: Store, name: str) -> str:
    """Return the key of the account that a name means.

    Raises:
        UsageError: It means none, or several.
    """
    # The accounts need not be compared for their names.
    records = summarise_accounts(list(store.iter_sightings()), {})
    keys = find_named(name, ((key, other_names(account)) for key, account in records.accounts.items()))
    if len(keys) != 1:
        raise UsageError(
            f"cannot decide on the account {name!r}: "
            + (f"it may be {', '.join(sorted(keys))}" if keys else f"the store '{store.folder}' has none of this name")
            + "; list the accounts with: mediafp accounts"
        )
    return keys[0]


def _check_replaced(standing: Decision | None, made: Decision, replaces: str | None) -> None:
    """Raise DecisionConflict if the current decision is another one than `replaces` allows."""
    if replaces == OWN:
        is_allowed = standing is None or standing.decided_by == made.decided_by
    else:
        is_allowed = (standing and standing.decided_at) == replaces
    if is_allowed:
        return
    pair = f"{made.a} and {made.b}"
    if standing is None:
        raise DecisionConflict(
            f"cannot decide on {pair}: the decision of {replaces} was taken back meanwhile; look at the pair again",
            None,
        )
    note = f" ({standing.note!r})" if standing.note else ""
    raise DecisionConflict(
        f"cannot decide on {pair}: it is {standing.sentence}{note}; to replace that decision, name its time:"
        f" --replaces {standing.decided_at}",
        standing,
    )


def _stated(match: Match) -> DecidedMatch:
    own = match.probability if match.model_probability is None else match.model_probability
    return DecidedMatch(relation=match.relation, verdict=match.verdict, probability=own)
