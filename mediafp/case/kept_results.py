"""The probable kept matches of a store as results of queries, each pair once, read when they are asked for."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, overload

from mediafp.case.common_stretches import mark_kept
from mediafp.case.joined_matches import iter_joined
from mediafp.store import Store
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.matches import QueryResult, by_probability

CACHED_RESULTS: Final = 256
"""Results that are kept in memory: a page asks for one several times. Chosen, not measured."""


class KeptResults(Sequence[QueryResult]):
    """Results of all stored assets that are the query of a probable kept match, by SHA-256."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._load = lru_cache(CACHED_RESULTS)(self._read)
        counts = store.kept_queries(DEFAULT_MIN_PROBABILITY)
        self._queries = list(counts)
        self.matches = sum(counts.values())
        """Number of matches in all results."""

    def __len__(self) -> int:
        return len(self._queries)

    @overload
    def __getitem__(self, position: int) -> QueryResult: ...

    @overload
    def __getitem__(self, position: slice) -> list[QueryResult]: ...

    def __getitem__(self, position: int | slice) -> QueryResult | list[QueryResult]:
        if isinstance(position, slice):
            return [self._load(sha256) for sha256 in self._queries[position]]
        return self._load(self._queries[position])

    def _read(self, sha256: str) -> QueryResult:
        found = iter_joined(self._store.kept_matches(sha256, min_probability=DEFAULT_MIN_PROBABILITY), self._store)
        marked = mark_kept(found, sha256, self._store)
        matches = [kept.match for kept in marked if kept.match and kept.query == sha256]
        return QueryResult(
            query=next(iter(self._store.uris(sha256)), sha256),
            sha256=sha256,
            kind=self._store.asset_kind(sha256),
            error=None,
            matches=tuple(sorted(matches, key=by_probability)),
        )
