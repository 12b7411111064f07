"""The assets whose texts contain watched words."""

from collections.abc import Collection, Iterator
from typing import Final

from mediafp.store import Store
from mediafp.types.timestamps import format_span
from mediafp.types.transcripts import SearchHit, SearchSource
from mediafp.types.watches import Watch, WatchHit

TEXT_SOURCES: Final[tuple[SearchSource, ...]] = ("speech", "picture", "screen", "title", "post")
"""Texts in which watched words are searched."""
MAX_QUOTED_CHARS: Final = 200
"""Characters of the passage that a reason quotes. Chosen, not measured."""
_PLACES: Final = {
    "speech": "in speech at {}",
    "picture": "in the image",
    "screen": "on screen at {}",
    "title": "in the title",
    "post": "in the post",
}


def find_texts(store: Store, watch: Watch, assets: Collection[str] | None = None) -> Iterator[WatchHit]:
    """Yield a hit without a path for each asset that contains the words of a watch, by its best passage.

    Args:
        store: The store.
        watch: A watch of words.
        assets: The assets that are searched; None for all.
    """
    found: set[str] = set()
    for hit in store.search_passages(watch.value, sources=TEXT_SOURCES, assets=assets):
        if hit.sha256 not in found:
            found.add(hit.sha256)
            yield WatchHit(watch=watch.name, sha256=hit.sha256, uri="", why=_reason(hit))


def _reason(hit: SearchHit) -> str:
    place = _PLACES[hit.source].format(format_span((hit.start, hit.end)))
    first = min((start for start, _ in hit.marks), default=0)
    start = max(0, min(first - MAX_QUOTED_CHARS // 4, len(hit.text) - MAX_QUOTED_CHARS))
    quoted = " ".join(hit.text[start : start + MAX_QUOTED_CHARS].split())
    before, after = "…" if start else "", "…" if start + MAX_QUOTED_CHARS < len(hit.text) else ""
    return f"{place}: {before}{quoted}{after}"
