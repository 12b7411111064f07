"""A workbench over a case whose matches are in doubt."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from linked_stores import linked_store
from served_case import ServedCase, served

from mediafp.case.case import open_case

NAMES = "0123456789abcdef"
"""Images of the case: each resembles the next one."""


@contextmanager
def reviewed_case(folder: Path) -> Iterator[ServedCase]:
    """Serve a case in which each image may be a copy of the one before; its pages show thumbnails, which workers decode."""
    links = {one + other: 0.4 + 0.01 * number for number, (one, other) in enumerate(pairwise(NAMES))}
    linked_store(folder, NAMES, links).close()
    with open_case(folder) as case, served(case) as one:
        yield one
