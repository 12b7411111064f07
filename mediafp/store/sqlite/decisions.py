"""Decisions of persons in the database, and their history in the custody log."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Final

from mediafp.store.sqlite import custody_log
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import DAMAGE_ERRORS, canonical_json, replace_surrogates
from mediafp.types.custody import LogEntry
from mediafp.types.decisions import SUBJECTS, VALUES, DecidedMatch, Decision, DecisionEvent, DecisionSubject
from mediafp.types.errors import StoreError

_COLUMNS: Final = "subject, a, b, decision, note, decided_by, decided_at, act, evidence, numbers, before"
_EVIDENCE_FIELDS: Final = tuple(field.name for field in fields(DecidedMatch))


def save_decision(database: Database, decision: Decision, restored_by: str | None = None) -> None:
    """Save and log a decision in place of the current one on its pair; `restored_by` took back the one after it."""
    stated = _to_json(decision)
    columns = {name.strip(): stated[name.strip()] for name in _COLUMNS.split(",")}
    columns["evidence"], columns["numbers"] = (canonical_json(stated[name]) for name in ("evidence", "numbers"))
    columns["before"] = stated["before"] and canonical_json(stated["before"])
    database.execute(
        f"INSERT OR REPLACE INTO decision ({_COLUMNS}) VALUES ({', '.join('?' * len(columns))})",
        tuple(columns.values()),
    )
    by = decision.decided_by if restored_by is None else restored_by
    custody_log.append(database, "decided", {**stated, "by": replace_surrogates(by)})


def take_back_decision(database: Database, decision: Decision, by: str) -> None:
    """Remove and log the current decision on a pair, and restore the one that it replaced."""
    database.execute("DELETE FROM decision WHERE subject = ? AND a = ? AND b = ?", decision.key)
    custody_log.append(database, "undecided", {**_to_json(decision), "by": replace_surrogates(by)})
    if decision.before:
        save_decision(database, decision.before, by)


def decisions(database: Database, subject: DecisionSubject | None = None, act: str | None = None) -> list[Decision]:
    """Return the current decisions, by subject and pair: all, or those on one subject, or of one act."""
    chosen = {"subject": subject, "act": act}
    conditions = [f"{name} = ?" for name, value in chosen.items() if value is not None]
    # SQLite uses the index of acts where a query states its condition.
    conditions += ["act != ''"] if act else []
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    values = [value for value in chosen.values() if value is not None]
    rows = database.rows(f"SELECT {_COLUMNS} FROM decision{where} ORDER BY subject, a, b", values)
    return list(_iter_undamaged(database, rows))


def find_decision(database: Database, subject: DecisionSubject, a: str, b: str) -> Decision | None:
    """Return the current decision on a pair, a < b; None if there is none."""
    rows = database.rows(f"SELECT {_COLUMNS} FROM decision WHERE subject = ? AND a = ? AND b = ?", (subject, a, b))
    return next(_iter_undamaged(database, rows), None)


def match_decisions(database: Database, sha256: str | None = None) -> dict[tuple[str, str], Decision]:
    """Return the decisions on matches by pair: all, or those of one file."""
    query, values = f"SELECT {_COLUMNS} FROM decision WHERE subject = 'match'", ()
    rows = (
        database.rows(f"{query} AND a = ? UNION ALL {query} AND b = ?", (sha256, sha256))
        if sha256
        else database.rows(query, values)
    )
    return {(one.a, one.b): one for one in _iter_undamaged(database, rows)}


def kept_verdicts(database: Database, a: str, b: str) -> tuple[DecidedMatch, ...]:
    """Return what is kept of the matches of a pair, a < b, rejected or not, without their evidence."""
    rows = database.rows(
        "SELECT relation, verdict, probability FROM kept_match WHERE a = ? AND b = ? AND relation != '' ORDER BY channel",
        (a, b),
    )
    return tuple(DecidedMatch(relation=relation, verdict=verdict, probability=p) for relation, verdict, p in rows)


def unless_rejected(database: Database) -> str:
    """Return the condition on `kept_match`, with AND before it, that omits rejected pairs; empty if no match was rejected."""
    if database.row("SELECT 1 FROM decision WHERE subject = 'match' AND decision = 'reject' LIMIT 1") is None:
        return ""
    return (
        " AND NOT EXISTS (SELECT 1 FROM decision d WHERE d.subject = 'match' AND d.decision = 'reject'"
        " AND d.a = kept_match.a AND d.b = kept_match.b)"
    )


def decision_history(database: Database) -> Iterator[DecisionEvent]:
    """Yield everything that was decided and taken back, in order.

    Raises:
        StoreError: An entry is damaged.
    """
    entries = [*custody_log.iter_log(database, "decided"), *custody_log.iter_log(database, "undecided")]
    for entry in sorted(entries, key=lambda entry: entry.n):
        try:
            yield _event(entry)
        except DAMAGE_ERRORS as error:
            raise StoreError(
                f"cannot read entry {entry.n} of the custody log: {error}; see: mediafp verify", kind="damaged"
            ) from error


def check_decisions(database: Database) -> Iterator[str]:
    """Yield the problems of the decisions."""
    for row in database.execute(f"SELECT {_COLUMNS} FROM decision ORDER BY subject, a, b"):
        try:
            _decode(*row)
        except DAMAGE_ERRORS as error:
            yield f"the decision on the {row[0]} of {row[1]} and {row[2]} is damaged: {error}"


def _event(entry: LogEntry) -> DecisionEvent:
    decision = _from_json(entry.details)
    return DecisionEvent(
        n=entry.n,
        at=entry.at,
        what="decided" if entry.what == "decided" else "undecided",
        decision=decision,
        by=_text(entry.details["by"]),
    )


def _iter_undamaged(database: Database, rows: Iterator[tuple[Any, ...]]) -> Iterator[Decision]:
    for row in rows:
        try:
            yield _decode(*row)
        except DAMAGE_ERRORS as error:
            database.on_damage(row[1], f"the decision on it and {row[2]} is damaged ({error})")


def _decode(*row: Any) -> Decision:
    """Return a decision from its columns. Raises one of `DAMAGE_ERRORS`."""
    stated = dict(zip((name.strip() for name in _COLUMNS.split(",")), row, strict=True))
    stated["evidence"], stated["numbers"] = (json.loads(stated[name]) for name in ("evidence", "numbers"))
    stated["before"] = stated["before"] and json.loads(stated["before"])
    return _from_json(stated)


def _to_json(decision: Decision) -> dict[str, Any]:
    """Return a decision as the log states it."""
    texts = ("subject", "a", "b", "decision", "note", "decided_by", "decided_at", "act")
    return {
        **{name: replace_surrogates(getattr(decision, name)) for name in texts},
        "evidence": [{name: getattr(one, name) for name in _EVIDENCE_FIELDS} for one in decision.evidence],
        "numbers": [[sha256, number] for sha256, number in decision.numbers],
        "before": decision.before and _to_json(decision.before),
    }


def _from_json(stated: Mapping[str, Any]) -> Decision:
    """Return a decision from its stated values. Raises one of `DAMAGE_ERRORS`."""
    if stated["subject"] not in SUBJECTS or stated["decision"] not in VALUES:
        raise ValueError(f"{stated['decision']!r} of the subject {stated['subject']!r} is no decision")
    texts = {name: _text(stated[name]) for name in ("a", "b", "note", "decided_by", "decided_at", "act")}
    before = stated["before"]
    return Decision(
        subject=stated["subject"],
        decision=stated["decision"],
        **texts,
        evidence=tuple(
            DecidedMatch(
                relation=_text(one["relation"]),
                verdict=_text(one["verdict"]),
                probability=float(one["probability"]),
            )
            for one in stated["evidence"]
        ),
        numbers=tuple((_text(sha256), int(number)) for sha256, number in stated["numbers"]),
        before=None if before is None else _from_json(before),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
