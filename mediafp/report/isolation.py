"""Text of a file as HTML and SVG: escaped, and isolated from the text around it."""

from markupsafe import Markup, escape

from mediafp.report.escaping import escape_unprintable


def escape_text(text: str) -> Markup:
    """Return a text as HTML, with markup and invisible characters escaped."""
    return escape(escape_unprintable(text))


def isolate(text: str) -> Markup:
    """Return a text as an HTML element that keeps letters written from right to left from reordering their neighbours."""
    return Markup(f"<bdi>{escape_text(text)}</bdi>")


def isolate_name(text: str) -> Markup:
    """Return the same as `isolate` for a file name, a path or an address, whose parts always appear from left to right."""
    return Markup(f'<bdi dir="ltr">{escape_text(text)}</bdi>')


def isolate_tspan(text: str) -> Markup:
    """Return the same as `isolate` for the inside of an SVG text."""
    return Markup(f'<tspan unicode-bidi="isolate">{escape_text(text)}</tspan>')
