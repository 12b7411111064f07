"""Captures: files that a web archive contains, with where and when they were fetched."""

from dataclasses import dataclass
from typing import Final

MAX_URL_CHARS: Final = 8_192
"""Characters of an address that a web archive states; a file with a longer one has none. Web servers refuse lines of a
request above 8,190 bytes (Apache, LimitRequestLine)."""
MAX_PAGE_TITLE_CHARS: Final = 1_000
"""Characters of the title of a page that are kept. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebCapture:
    """Place and time at which a file was fetched from the web; unknown fields are empty.

    `url` is the address of the file, `page_url` and `page_title` those of the page that showed it, and `captured_at` the
    time, as 2020-01-31T10:00:00Z. `is_page_guessed` is True if the page was only the last one that was opened before.
    """

    url: str = ""
    captured_at: str = ""
    page_url: str = ""
    page_title: str = ""
    is_page_guessed: bool = False
