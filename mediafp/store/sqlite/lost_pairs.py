"""The pairs that no worker could compare, which wait for the next `relate`, and the suspects, in the database."""

import json
from collections.abc import Iterator
from typing import get_args

from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import DAMAGE_ERRORS, canonical_json
from mediafp.types.errors import ErrorKind
from mediafp.types.kept_matches import KeptMatch, PairFailure

LOST_VERDICT = "lost"
"""Verdict of such a pair in the table of kept matches; its evidence is the reason."""
_ROWS = (
    "SELECT a, b, channel, promise, a_is_query, CAST(evidence AS BLOB) FROM kept_match"
    # So that its index is searched.
    " WHERE verdict = 'lost'"
)


def encode_failure(failure: PairFailure) -> str:
    """Return the reason why a pair was not compared as JSON."""
    return canonical_json(failure._asdict())


def lost_pairs(database: Database, asset: str | None = None) -> list[KeptMatch]:
    """Return the pairs that no worker could compare, by both assets; one whose reason is damaged too.

    Args:
        database: The database.
        asset: SHA-256 of an asset whose pairs are returned; None for all.
    """
    chosen, values = (f"{_ROWS} AND (a = ? OR b = ?)", (asset, asset)) if asset else (_ROWS, ())
    pairs: list[KeptMatch] = []
    for a, b, channel, promise, a_is_query, evidence in database.rows(f"{chosen} ORDER BY a, b, channel", values):
        try:
            failure = _decode(evidence)
        except DAMAGE_ERRORS as error:
            database.on_damage(a, f"its lost pair with {b} is damaged ({error})")
            # Else the main process would compare them.
            failure = PairFailure("crash", "the stored reason is damaged")
        query, reference = (a, b) if a_is_query else (b, a)
        pairs.append(
            KeptMatch(query=query, reference=reference, channel=channel, promise=promise, match=None, failure=failure)
        )
    return pairs


def suspects(database: Database) -> set[str]:
    """Return the assets that may have ended workers: those of lost pairs, and those whose partner was forgotten since."""
    rows = database.rows(
        "SELECT a FROM kept_match WHERE verdict = 'lost' UNION SELECT b FROM kept_match WHERE verdict = 'lost'"
        " UNION SELECT sha256 FROM suspect"
    )
    return {sha256 for (sha256,) in rows}


def keep_suspects(database: Database, forgotten: str) -> None:
    """Save the other assets of the lost pairs of an asset that is forgotten: either may have ended the workers."""
    database.execute(
        "INSERT OR IGNORE INTO suspect SELECT b FROM kept_match WHERE verdict = 'lost' AND a = ?"
        " UNION SELECT a FROM kept_match WHERE verdict = 'lost' AND b = ?",
        (forgotten, forgotten),
    )


def add_suspect(database: Database, sha256: str) -> None:
    """Save that an asset, if the store contains it, was lost with one that was forgotten meanwhile."""
    database.execute("INSERT OR IGNORE INTO suspect SELECT sha256 FROM asset WHERE sha256 = ?", (sha256,))


def check_lost_pairs(database: Database) -> Iterator[str]:
    """Yield the problems of the pairs that no worker could compare."""
    for a, b, *_, evidence in database.execute(_ROWS):
        try:
            _decode(evidence)
        except DAMAGE_ERRORS as error:
            yield f"the lost pair of {a} and {b} is damaged: {error}"


def _decode(evidence: bytes) -> PairFailure:
    failure = PairFailure(**json.loads(evidence.decode()))
    if failure.kind not in get_args(ErrorKind) or not isinstance(failure.reason, str):
        raise ValueError("no reason")
    return failure
