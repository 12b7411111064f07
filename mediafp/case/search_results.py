"""The places that a search found, grouped by file with their sightings."""

from collections.abc import Collection, Iterator
from itertools import batched, islice
from typing import Final

from mediafp.store import Store
from mediafp.types.found_speech import rate_hit
from mediafp.types.search_results import FoundFile, SearchResult
from mediafp.types.transcripts import SearchHit, SearchSource

MAX_PLACES: Final = 3_000
"""Places that are grouped; a search with more must be narrower. Chosen, not measured."""
MAX_FORMS: Final = 8
"""Other forms of the searched words that a result names. Chosen, not measured."""

RATED_HITS: Final = 64
"""Places whose transcripts are read together: one transcript is in memory, and one with several of them is read once. Chosen, not
measured."""


def find_passages(store: Store, text: str, sources: Collection[SearchSource] | None) -> Iterator[SearchHit]:
    """Return the places of a text, best first; those in speech have the probability of their words.

    Arguments and errors are those of `find_places`.
    """
    # The search itself is no generator, so that a text without words is refused before the first place is asked for.
    return _rate(store, store.search_passages(text, sources=sources))


def find_places(store: Store, text: str, sources: Collection[SearchSource] | None) -> SearchResult:
    """Return the places of a text by file.

    Args:
        store: The store.
        text: Words, or phrases in double quotes.
        sources: Kinds of text to search; None for all.

    Raises:
        UsageError: The text contains no word.
    """
    found = list(islice(store.search_passages(text, sources=sources), MAX_PLACES + 1))
    by_file: dict[str, list[SearchHit]] = {}
    for hit in found[:MAX_PLACES]:
        by_file.setdefault(hit.sha256, []).append(hit)
    kinds = {asset.sha256: asset.kind for asset in store.assets(by_file)}
    files = tuple(
        FoundFile(
            sha256=sha256,
            kind=kinds[sha256],
            uris=hits[0].uris,
            sightings=tuple(store.sightings(sha256)),
            hits=tuple(sorted(hits, key=lambda hit: (hit.start, hit.source))),
        )
        for sha256, hits in by_file.items()
        # A damaged asset is not among the assets.
        if sha256 in kinds
    )
    return SearchResult(files=files, is_complete=len(found) <= MAX_PLACES, forms=_other_forms(text, found))


def _rate(store: Store, hits: Iterator[SearchHit]) -> Iterator[SearchHit]:
    """Yield places in their order, with the probability of their words if they are speech."""
    for batch in batched(hits, RATED_HITS):
        rated = list(batch)
        for sha256 in {hit.sha256 for hit in batch if hit.source == "speech"}:
            transcript = store.find_transcript(sha256)
            rated = [rate_hit(hit, transcript) if hit.sha256 == sha256 else hit for hit in rated]
        yield from rated


def _other_forms(text: str, hits: Collection[SearchHit]) -> tuple[str, ...]:
    """Return the words that were found and that the search does not contain, the most frequent first."""
    counts: dict[str, int] = {}
    for hit in hits:
        for start, end in hit.marks:
            form = hit.text[start:end]
            if form.casefold() not in text.casefold():
                counts[form] = counts.get(form, 0) + 1
    return tuple(sorted(counts, key=lambda form: (-counts[form], form))[:MAX_FORMS])
