"""Parts that all HTML pages share: templates, thumbnails, names and sightings."""

import io
import os
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image, UnidentifiedImageError

from mediafp.report.escaping import escape_unprintable
from mediafp.report.evidence_source import EvidenceSource
from mediafp.report.svg import data_uri
from mediafp.types.media import Asset
from mediafp.types.version import __version__

SMALL_SIDE: Final = 150
"""Longest side of a thumbnail in a table, pixels."""
GALLERY_SIDE: Final = 240
"""Longest side of a thumbnail in a gallery or a row of frames, pixels."""
THUMBNAIL_FORMATS: Final = ("JPEG",)
"""Pillow's names of the formats that a thumbnail is decoded as. Workers make thumbnails, so no other parser may get one."""
THUMBNAIL_ERRORS: Final = (UnidentifiedImageError, Image.DecompressionBombError, OSError)
"""Errors of Pillow for a thumbnail that it cannot decode, which the page omits."""
MAX_SIGHTING_LINES: Final = 3
"""Sightings of one asset that a match shows. Chosen, not measured."""


def render_template(template: str, **values: object) -> str:
    """Return the HTML page of a template in `templates/`."""
    environment = Environment(
        loader=PackageLoader("mediafp.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template(template).render(version=__version__, **values)


def thumbnail_uri(jpeg: bytes | None, side: int) -> str:
    """Return a thumbnail with no side over `side` pixels as a data URI; "" for None and for one that cannot be decoded."""
    if jpeg is None:
        return ""
    try:
        with Image.open(io.BytesIO(jpeg), formats=THUMBNAIL_FORMATS) as image:
            image.thumbnail((side, side))
            return jpeg_uri(image, quality=80)
    except THUMBNAIL_ERRORS:
        return ""


def jpeg_uri(image: Image.Image, *, quality: int) -> str:
    """Return an image as the data URI of a JPEG."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return data_uri(file.getvalue())


def display_name(uri: str) -> str:
    """Return the last part of a path, printable."""
    return escape_unprintable(os.path.basename(uri))


def sighting_lines(asset: Asset, source: EvidenceSource) -> list[str]:
    """Return one line for each of the first sightings of an asset: account, platform, date, address, path."""
    lines = []
    for sighting in source.sightings(asset.sha256)[:MAX_SIGHTING_LINES]:
        account = " on ".join(text for text in (sighting.account, sighting.platform) if text)
        parts = (account, sighting.posted_at, sighting.url, escape_unprintable(sighting.uri))
        lines.append(" · ".join(text for text in parts if text))
    return lines
