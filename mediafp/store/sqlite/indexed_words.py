"""The words of a passage in the form in which the full-text index contains them."""

from typing import Final

from mediafp.store.sqlite.values import replace_surrogates
from mediafp.types.search_tokens import index_form

LOOKAHEAD_TOKENS: Final = 16
"""Tokens of the next passage that are indexed with each one, so that a phrase cut between two is found. Chosen, not
measured."""


def indexed_words(text: str, next_text: str | None) -> str:
    """Return the words of a passage, and the first ones of the passage that continues it, if there is one."""
    words = index_form(text)
    if next_text:
        words = " ".join([*words.split(), *index_form(replace_surrogates(next_text)).split()[:LOOKAHEAD_TOKENS]])
    return words
