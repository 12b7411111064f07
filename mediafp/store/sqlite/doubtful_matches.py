"""Kept matches that wait for a decision, from the index of doubtful ones."""

from typing import Final

from mediafp.store.sqlite.database import Database
from mediafp.types.reviews import DoubtfulMatch

# The words of the index, without which SQLite does not use it.
_DOUBTFUL: Final = (
    "(verdict = 'possible' OR (probability >= 0.3 AND probability < 0.9)) AND NOT EXISTS"
    " (SELECT 1 FROM decision d WHERE d.subject = 'match' AND d.a = kept_match.a AND d.b = kept_match.b)"
)


def doubtful_matches(database: Database, limit: int) -> list[DoubtfulMatch]:
    """Return undecided matches that are `possible` or have a probability of .3 to .9, those next to .5 first."""
    rows = database.rows(
        "SELECT c.a, c.b, c.channel, c.relation, c.verdict, c.probability,"
        " EXISTS (SELECT 1 FROM kept_match o WHERE o.a = c.a AND o.b = c.b AND o.verdict = 'copy' AND o.probability >= 0.9),"
        # Account names are the last list of a placement; an empty one reads `[]`.
        ' instr(k.evidence, \'"handles":["\') > 0'
        " FROM (SELECT a, b, channel, relation, verdict, probability FROM kept_match"
        f" WHERE {_DOUBTFUL} ORDER BY abs(probability - 0.5), a, b, channel LIMIT ?) c"
        " JOIN kept_match k ON k.a = c.a AND k.b = c.b AND k.channel = c.channel"
        " ORDER BY abs(c.probability - 0.5), c.a, c.b, c.channel",
        (limit,),
    )
    return [
        DoubtfulMatch(a, b, channel, relation, verdict, probability, bool(is_sure), bool(handles))
        for a, b, channel, relation, verdict, probability, is_sure, handles in rows
    ]


def count_doubtful(database: Database) -> int:
    """Return the number of such matches."""
    # Those of a pair by several channels count each: telling pairs apart would read the rows themselves.
    row = database.row(f"SELECT count(*) FROM kept_match WHERE {_DOUBTFUL}")
    return row[0] if row else 0
