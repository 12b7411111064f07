"""Parameters of lists: the page, or how many objects of the API and from which one on."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import HTTPException, Query

from mediafp.web.translation import page_text

Page = Annotated[int, Query(ge=1, le=100_000)]
"""Number of a page."""
Limit = Annotated[int, Query(ge=1, le=1_000)]
"""Largest number of objects of one answer of the API. Chosen, not measured."""
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
"""Number of objects that come before those of the answer."""


def rows_of_page[T](rows: Sequence[T], page: int, size: int) -> Sequence[T]:
    """Return the rows of a page of a list. Raises HTTPException 404 if the list has no such page; an empty one has a first."""
    shown = rows[(page - 1) * size : page * size]
    if page > 1 and not shown:
        raise HTTPException(404, page_text("the list has no such page"))
    return shown
