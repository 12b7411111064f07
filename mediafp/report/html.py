"""Parts that all HTML pages share: templates, thumbnails, names and sightings."""

import base64
import hashlib
import io
import os
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image, UnidentifiedImageError

from mediafp.report.escaping import escape_unprintable
from mediafp.report.evidence_source import EvidenceSource
from mediafp.report.isolation import isolate, isolate_name
from mediafp.report.svg import data_uri
from mediafp.types.media import Asset
from mediafp.types.version import __version__

STYLE_SHEET: Final = "page.css.j2"
"""Style sheet in `templates/`, which every page contains."""
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; img-src data:; style-src {style}; base-uri 'none'; form-action 'none'"
)
"""Content Security Policy (W3C) of every page: no script, no other style, and images only from within the page."""
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
    """Return the HTML page of a template in `templates/`; no value can add markup, hide text or load anything."""
    loader = PackageLoader("mediafp.report", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_escape_value
    )
    environment.filters |= {"isolate": isolate, "isolate_name": isolate_name}
    style = loader.get_source(environment, STYLE_SHEET)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = CONTENT_SECURITY_POLICY.format(style=f"'sha256-{digest}'")
    return environment.get_template(template).render(
        version=__version__, style=Markup(style), policy=Markup(policy), **values
    )


def _escape_value(value: object) -> object:
    """Return a value of a template without invisible characters; markup that this package made stays as it is."""
    return escape_unprintable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


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


def sighting_lines(asset: Asset, source: EvidenceSource) -> list[Markup]:
    """Return one line for each of the first sightings of an asset: account, platform, date, address, path."""
    lines = []
    for sighting in source.sightings(asset.sha256)[:MAX_SIGHTING_LINES]:
        account = join_isolated(" on ", sighting.account, sighting.platform)
        names = [isolate_name(text) for text in (sighting.posted_at, sighting.url, sighting.uri) if text]
        lines.append(Markup(" · ").join([account, *names] if account else names))
    return lines


def join_isolated(separator: str, *texts: str | None) -> Markup:
    """Return the texts that are there, joined, each isolated from the others."""
    return Markup(separator).join(isolate(text) for text in texts if text)
