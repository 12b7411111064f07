"""The page of the custody log."""

from typing import get_args

from mediafp.types.custody import LogKind
from mediafp.web.pages.log import entry_words
from mediafp.web.translation import load_translation


def test_log_has_words_for_every_kind_of_entry() -> None:
    assert set(entry_words(load_translation("en"))) == set(get_args(LogKind))
