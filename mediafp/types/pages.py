"""Pages of an image file of several pages, as a property of its asset states them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_PAGE: Final = re.compile(r"([1-9]\d{0,9}):([1-9]\d{0,9})x([1-9]\d{0,9})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page that was read: its number in the file, counted from 1, and its width and height in pixels, upright."""

    number: int
    size: tuple[int, int]


def format_pages(pages: Iterable[Page]) -> str:
    """Return pages as text, such as "1:640x480 3:320x200": the second of three is not among them."""
    return " ".join(f"{page.number}:{page.size[0]}x{page.size[1]}" for page in pages)


def parse_pages(text: str) -> tuple[Page, ...]:
    """Return the pages in a text that `format_pages` wrote.

    Raises:
        ValueError: It is no such text, or the numbers do not rise.
    """
    pages: list[Page] = []
    for part in text.split(" "):
        found = _PAGE.fullmatch(part)
        if not found:
            raise ValueError(f"{part!r} is no page")
        number, width, height = map(int, found.groups())
        if pages and number <= pages[-1].number:
            raise ValueError(f"page {number} follows page {pages[-1].number}")
        pages.append(Page(number=number, size=(width, height)))
    return tuple(pages)
