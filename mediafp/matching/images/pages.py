"""The pages of images of several pages as reasons of a match."""

from dataclasses import replace

from mediafp.types.matches import Match
from mediafp.types.media import Asset


def add_page_reason(match: Match, query: Asset, reference: Asset) -> Match:
    """Return a match of images with the reason which page matches, if one of them has several pages."""
    sides = (("query", query, match.rows[0]), ("reference", reference, match.rows[1]))
    named = [
        f"page {asset.pages[row].number} of the {side}"
        for side, asset, row in sides
        if asset.kind == "image" and row < len(asset.pages) > 1
    ]
    if not named:
        return match
    return replace(match, why=(f"matched by {' and '.join(named)}", *match.why))
