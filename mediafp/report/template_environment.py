"""The template environment of all HTML that mediafp writes: no value can add markup, or hide text."""

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup

from mediafp.report.escaping import escape_unprintable
from mediafp.report.isolation import isolate, isolate_name
from mediafp.types.matches import format_probability
from mediafp.types.timestamps import format_time


def new_environment(loader: BaseLoader) -> Environment:
    """Return an environment that escapes every value, and raises an error for a value that is missing."""
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_escape_value,
    )
    environment.filters |= {
        "isolate": isolate,
        "isolate_name": isolate_name,
        "clock": format_time,
        "probability": format_probability,
    }
    return environment


def _escape_value(value: object) -> object:
    """Return a value of a template without invisible characters; markup that mediafp made stays as it is."""
    return escape_unprintable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
