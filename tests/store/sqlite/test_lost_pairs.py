"""A damaged reason of a lost pair is reported, stops no command, and leaves the pair to workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ingest_records import ingest_record

from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.kept_matches import KeptMatch, PairFailure


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "store", create=True) as store:
        yield store


@pytest.mark.parametrize("evidence", ["7bff7d", "6e6f", "5b5d", b'{"kind": "luck", "reason": "x"}'.hex()])
def test_pair_with_a_damaged_reason_stays_lost(store: SqliteStore, evidence: str) -> None:
    a, b, c = (name * 64 for name in "abc")
    lost = [
        KeptMatch(query=a, reference=other, channel="picture", promise=1, match=None, failure=PairFailure("oom", "x"))
        for other in (b, c)
    ]
    with store.writing():
        for name in "abc":
            store.add_record(ingest_record(name))
        store.save_pairs("1", store.last_log_entry()[0] + 1, lost)
    store.database.connection.execute(f"UPDATE kept_match SET evidence = CAST(x'{evidence}' AS TEXT) WHERE b = ?", (b,))
    damaged: list[str] = []
    store.on_damage = lambda sha256, reason: damaged.append(reason)
    found = store.lost_pairs()
    assert [(one.pair, one.failure) for one in found] == [
        ((a, b), PairFailure("crash", "the stored reason is damaged")),
        ((a, c), PairFailure("oom", "x")),
    ]
    assert store.lost_pairs(b) == found[:1] and store.lost_pairs(c) == found[1:]
    assert all(f"its lost pair with {b} is damaged" in reason for reason in damaged) and len(damaged) == 2
    assert any("lost pair" in problem or "not UTF-8" in problem for problem in store.check_integrity())
