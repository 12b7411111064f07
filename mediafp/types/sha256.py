"""The form of a SHA-256 as mediafp writes it."""

import re
from typing import Final

_FORM: Final = re.compile("[0-9a-f]{64}")


def is_sha256(text: str) -> bool:
    """Return True for 64 hexadecimal digits in lower case, which are also safe as a file name."""
    return _FORM.fullmatch(text) is not None
