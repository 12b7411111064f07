"""The token in the forms of a page, without which no form changes anything."""

import hashlib
import hmac
from typing import Final

from mediafp.web.settings import ServeSettings

FIELD: Final = "page_token"
"""Name of the field in a form."""
HEADER: Final = "x-page-token"
"""Name of the header of requests that a script of a page sends."""


def page_token(settings: ServeSettings) -> str:
    """Return the token of all pages of a session, which does not reveal the token of the session."""
    return hmac.new(settings.token.encode(), b"page", hashlib.sha256).hexdigest()


def is_page_token(settings: ServeSettings, value: object) -> bool:
    """Return True for the token of the pages of a session."""
    return isinstance(value, str) and hmac.compare_digest(
        value.encode("utf-8", "replace"), page_token(settings).encode()
    )
