"""The number of pairs that wait is that of the pairs that are listed."""

from pathlib import Path

import pytest
from linked_stores import linked_store

from mediafp.case import review_queue
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.reviews import DoubtfulMatch


@pytest.mark.parametrize(("candidates", "counted"), [(500, 1), (2, 2)])
def test_match_of_a_pair_that_is_sure_otherwise_does_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, candidates: int, counted: int
) -> None:
    """Three pairs waited by the heading, and two were listed: the voice of a pair was in doubt whose words were sure."""
    a, b, c, d = (name * 64 for name in "abcd")
    doubtful = [
        DoubtfulMatch(a, b, "voice", "same_voice", "possible", 0.4, is_sure_otherwise=True, has_handles=False),
        DoubtfulMatch(c, d, "picture", "copy", "possible", 0.6, is_sure_otherwise=False, has_handles=False),
    ]
    monkeypatch.setattr(review_queue, "MIN_CANDIDATES", candidates)
    monkeypatch.setattr(SqliteStore, "doubtful_matches", lambda self, limit: doubtful[:limit])
    monkeypatch.setattr(SqliteStore, "count_doubtful", lambda self: len(doubtful))
    with linked_store(tmp_path / "store", "abcd", {"cd": 0.6}) as store:
        queue = review_queue.build_queue(store, 1, None, None)
    assert [(item.a, item.b) for item in queue.items] == [(c, d)] and queue.matches == counted
