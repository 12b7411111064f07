"""Watches that find too much to be useful, and the reason in words."""

from typing import Final

from mediafp.store import Store
from mediafp.types.search_tokens import search_tokens
from mediafp.types.watches import Watch

MAX_WATCH_HITS: Final = 100
"""Files that a watch may find whatever their share is. Chosen, not measured."""
MAX_WATCH_SHARE: Final = 0.05
"""Share of the files of a store, or of those that were added since, up to which it may find more. Chosen, not measured."""
MAX_OLDER_WATCH_HITS: Final = 1_000
"""Files of the store that a watch may find when it is added. Chosen, not measured: they are what everybody posts."""
COMMON_WORDS: Final = "a an and are as at be by for from in is it of on or that the this to was with you i"
COMMON_CHARACTERS: Final = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经"
    "么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实零二三四五六七八九十"
)
"""Frequent words and characters of English and Chinese, as `search_tokens` returns them, that are not watched alone. Chosen,
not measured."""


def common_word_reason(text: str) -> str | None:
    """Return why words are too common to be watched, None if they are not: a single token that most texts contain."""
    tokens = {token.text for token in search_tokens(text)}
    if len(tokens) == 1 and tokens <= {*COMMON_WORDS.split(), *COMMON_CHARACTERS}:
        return f"{text.strip()!r} is among the most common words: most texts contain it"
    return None


def older_hits_reason(store: Store, older_hits: int) -> str | None:
    """Return why a watch is too common when it is added, None if it is not.

    Args:
        store: The store.
        older_hits: Number of assets that it would have found.
    """
    assets = store.count_assets()
    if older_hits > MAX_OLDER_WATCH_HITS or (older_hits > MAX_WATCH_HITS and older_hits > MAX_WATCH_SHARE * assets):
        return f"{older_hits} of the {assets} files in the store hit it already"
    return None


def new_hits_reason(store: Store, watch: Watch) -> str | None:
    """Return why a watch has become too common, None if it has not."""
    found = store.count_found_since(watch.name, watch.counted_from)
    if found <= MAX_WATCH_HITS:
        return None
    added = store.count_added_since(watch.counted_from)
    if found <= MAX_WATCH_SHARE * added:
        return None
    return f"{found} files hit it since {watch.counted_from}, of {added} that were added"
