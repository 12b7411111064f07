"""Rows of an image file as a property of its asset states them: pages, embedded thumbnails, sections and renderings."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, get_args

Ground = Literal["white", "black", "grey"]
"""Colour on which the transparent pixels of an image are composited."""
GROUNDS: Final[tuple[Ground, ...]] = get_args(Ground)
MAX_STATED_PAGES: Final = 256
"""Texts whose pages are kept in memory. Chosen, not measured."""
_PAGE: Final = re.compile(
    r"([1-9]\d{0,9}):([1-9]\d{0,9})x([1-9]\d{0,9})"
    rf"(?:\+(0|[1-9]\d{{0,9}})\+(0|[1-9]\d{{0,9}})|:(thumbnail|{'|'.join(GROUNDS)}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Content of a row of an image: a page that was read, or a section or a further rendering of one.

    A section is a part of a long page, which is too small in the row of the whole. A further rendering is a page with
    transparent pixels on another ground.
    """

    number: int
    """Number of the page in the file, counted from 1."""
    size: tuple[int, int]
    """Width and height in pixels, upright."""
    is_thumbnail: bool = False
    """True for the thumbnail in the metadata of the picture, which follows the pages if it shows more than the picture."""
    corner: tuple[int, int] | None = None
    """Left and top of a section in pixels of its page; None for what is no section."""
    ground: Ground | None = None
    """Ground of a further rendering; None for what is none."""

    @property
    def is_whole(self) -> bool:
        """True for a page or a thumbnail, False for a section or a further rendering of a page."""
        return self.corner is None and self.ground is None

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in pixels of the page."""
        left, top = self.corner or (0, 0)
        return left, top, left + self.size[0], top + self.size[1]


def format_pages(pages: Iterable[Page]) -> str:
    """Return pages as text, such as "1:640x480 3:320x200 4:160x120:thumbnail": the second is not among them.

    Sections and renderings follow the pages, with the number of their page: "1:720x9000 1:720x1080+0+2160",
    "1:640x480 1:640x480:black".
    """
    return " ".join(map(_format_page, pages))


def _format_page(page: Page) -> str:
    corner = f"+{page.corner[0]}+{page.corner[1]}" if page.corner else ""
    ground = f":{page.ground}" if page.ground else ""
    return f"{page.number}:{page.size[0]}x{page.size[1]}{corner}{ground}{':thumbnail' * page.is_thumbnail}"


@lru_cache(MAX_STATED_PAGES)
def parse_pages(text: str) -> tuple[Page, ...]:
    """Return the pages in a text that `format_pages` wrote.

    Raises:
        ValueError: It is no such text, the numbers of the pages do not rise, or a section or a rendering is not one of a page
            before it.
    """
    pages: list[Page] = []
    sizes: dict[int, tuple[int, int]] = {}
    for part in text.split(" "):
        found = _PAGE.fullmatch(part)
        if not found:
            raise ValueError(f"{part!r} is no page")
        number, width, height = map(int, found.groups()[:3])
        corner = (int(found[4]), int(found[5])) if found[4] else None
        ground = next((one for one in GROUNDS if one == found[6]), None)
        page = Page(
            number=number, size=(width, height), is_thumbnail=found[6] == "thumbnail", corner=corner, ground=ground
        )
        if page.is_whole:
            if pages and not pages[-1].is_whole:
                raise ValueError(f"page {number} follows a part of a page")
            if pages and number <= pages[-1].number:
                raise ValueError(f"page {number} follows page {pages[-1].number}")
            sizes[number] = page.size
        elif number not in sizes or any(side > most for side, most in zip(page.box[2:], sizes[number], strict=True)):
            raise ValueError(f"{part!r} is no part of a page before it")
        pages.append(page)
    return tuple(pages)


def whole_row(pages: tuple[Page, ...], row: int) -> int:
    """Return the row of the page that a row shows all or a part of; the row itself if it is none of these."""
    if row >= len(pages) or pages[row].is_whole:
        return row
    return next(n for n, page in enumerate(pages) if page.is_whole and page.number == pages[row].number)
