"""Methods of a case that search its texts."""

from collections.abc import Collection, Iterator

from mediafp.store import Store
from mediafp.types.search_results import SearchResult
from mediafp.types.transcripts import SearchHit, SearchSource


class SearchMethods:
    """The part of `Case` that searches speech, text in images and on screens, posts, accounts and clues."""

    _store: Store

    def search(self, text: str, sources: Collection[SearchSource] | None = None) -> Iterator[SearchHit]:
        """Yield the passages of speech, images, screens, posts, accounts and clues with all words of a text, best first.

        Args:
            text: Words, or phrases in double quotes.
            sources: Kinds of text to search; None for all.

        Raises:
            UsageError: The text contains no word.
        """
        from mediafp.case.search_results import find_passages

        return find_passages(self._store, text, sources)

    def search_files(self, text: str, sources: Collection[SearchSource] | None = None) -> SearchResult:
        """Return what `search` yields by file, with the sightings of the files; at most a few thousand places."""
        from mediafp.case.search_results import find_places

        return find_places(self._store, text, sources)
