"""Libraries of exports that are not installed with mediafp itself."""

from importlib import import_module
from typing import Any

from mediafp.types.errors import UsageError


def load_extra(module: str, *, install: str, purpose: str) -> Any:
    """Return a library, imported.

    Args:
        module: Name of the library.
        install: What pip installs it by: an extra of mediafp, or its own name.
        purpose: What it is needed for, as "export STIX".

    Raises:
        UsageError: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise UsageError(
            f"cannot {purpose}: the library {module.partition('.')[0]!r} is missing; install it with:"
            f" pip install '{install}'"
        ) from error
