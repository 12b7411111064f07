"""Everything that can be read on the page of a publication, and what of it is on every such page."""

from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Final

from mediafp.report.cards import STATEMENTS
from mediafp.report.html import read_template

_ATTRIBUTES: Final = frozenset(("alt", "aria-label", "content", "datetime", "href", "placeholder", "title"))
"""Attributes whose values a reader may see or hear; `data-` ones count too."""
_TEMPLATES: Final = ("page.html.j2", "publication.html.j2", "match_card.html.j2")
_WORDS: Final = (
    "picture video sound image image_in_video query reference posted captured removed views when captured on repost missing"
    " left top right bottom picture voice script start middle end least alike kept frame about mirrored reversed matching times"
    " earlier later"
    " overlaps days accounts account events time line bytes pixels name kind sha256 pdq pdq_quality width height duration files"
)
"""Words that the code writes on pages and in lists."""


class _Reader(HTMLParser):
    """The text of a page, and the values of its attributes; styles and images are omitted."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.values: list[str] = []
        self._is_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the values of attributes."""
        self._is_style = tag == "style"
        self.values += [
            value
            for name, value in attrs
            if value and (name in _ATTRIBUTES or name.startswith("data-")) and not value.startswith("data:")
        ]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the values of attributes."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """End a style."""
        self._is_style = False

    def handle_data(self, data: str) -> None:
        """Keep text."""
        if not self._is_style:
            self.text.append(data)


def visible_texts(page: str) -> Iterator[str]:
    """Yield the text of a page as a whole, and the value of each attribute that can be read."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    yield "".join(reader.text)
    yield from reader.values


@cache
def fixed_texts() -> str:
    """Return the texts that pages of publications contain whatever they show."""
    texts = [text for name in _TEMPLATES for text in visible_texts(read_template(name))]
    return "\n".join([*texts, *STATEMENTS.values(), *STATEMENTS, _WORDS])
