"""Pages of an image file of several pages, and its embedded thumbnail, as a property of its asset states them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_PAGE: Final = re.compile(r"([1-9]\d{0,9}):([1-9]\d{0,9})x([1-9]\d{0,9})(:thumbnail)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page that was read: its number in the file, counted from 1, and its width and height in pixels, upright."""

    number: int
    size: tuple[int, int]
    is_thumbnail: bool = False
    """True for the thumbnail in the metadata of the picture, which follows the pages if it shows more than the picture."""


def format_pages(pages: Iterable[Page]) -> str:
    """Return pages as text, such as "1:640x480 3:320x200 4:160x120:thumbnail": the second is not among them."""
    return " ".join(f"{page.number}:{page.size[0]}x{page.size[1]}{':thumbnail' * page.is_thumbnail}" for page in pages)


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
        number, width, height = map(int, found.groups()[:3])
        if pages and number <= pages[-1].number:
            raise ValueError(f"page {number} follows page {pages[-1].number}")
        pages.append(Page(number=number, size=(width, height), is_thumbnail=bool(found[4])))
    return tuple(pages)
