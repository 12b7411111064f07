"""The pages of images of several pages, and their embedded thumbnails, as reasons of a match."""

from dataclasses import replace

from mediafp.types.matches import Match
from mediafp.types.media import Asset


def add_page_reason(match: Match, query: Asset, reference: Asset) -> Match:
    """Return a match of images with the reason which page matches, if one of them has several pages."""
    sides = (("query", query, match.rows[0]), ("reference", reference, match.rows[1]))
    named = [name for side, asset, row in sides if (name := _page_name(side, asset, row))]
    if not named:
        return match
    return replace(match, why=(f"matched by {' and '.join(named)}", *match.why))


def _page_name(side: str, asset: Asset, row: int) -> str | None:
    """Return the name of the page with a row; None for the only picture of a file."""
    pages = asset.pages if asset.kind == "image" else ()
    if row >= len(pages):
        return None
    if pages[row].is_thumbnail:
        return f"the embedded thumbnail of the {side}, which shows the picture before it was cut"
    has_several = sum(page.is_whole and not page.is_thumbnail for page in pages) > 1
    return f"page {pages[row].number} of the {side}" if has_several else None
