"""A workbench over a case whose matches are in doubt."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from linked_stores import linked_store
from served_case import ServedCase, served

from mediafp.case.case import Case
from mediafp.engine.interface import Engine
from mediafp.types.errors import SandboxError

NAMES = "0123456789abcdef"
"""Images of the case: each resembles the next one."""


def no_engine() -> Engine:
    """Raise SandboxError: no file of these cases is analysed."""
    raise SandboxError("this case has no engine")


@contextmanager
def reviewed_case(folder: Path) -> Iterator[ServedCase]:
    """Serve a case in which each image may be a copy of the one before."""
    links = {one + other: 0.4 + 0.01 * number for number, (one, other) in enumerate(pairwise(NAMES))}
    with Case(linked_store(folder, NAMES, links), no_engine) as case, served(case) as one:  # type: ignore[arg-type]
        yield one
