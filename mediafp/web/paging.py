"""Parameters of lists: the page, or how many objects of the API and from which one on."""

from typing import Annotated

from fastapi import Query

Page = Annotated[int, Query(ge=1, le=100_000)]
"""Number of a page."""
Limit = Annotated[int, Query(ge=1, le=1_000)]
"""Largest number of objects of one answer of the API. Chosen, not measured."""
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
"""Number of objects that come before those of the answer."""
