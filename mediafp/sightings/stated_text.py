"""Texts of sidecars in the form that a sighting stores."""

from mediafp.sightings.unusable_values import UnusableValueError


def parse_text(value: object) -> str:
    """Return a text without surrounding space and NUL characters; raise UnusableValueError if nothing is left."""
    if not isinstance(value, str):
        raise UnusableValueError("not a text")
    # A lone surrogate cannot be stored or sent as UTF-8.
    text = value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "").strip()
    if not text:
        raise UnusableValueError("an empty text")
    return text
