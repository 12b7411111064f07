"""Fixtures for the contract of `Store`: each of its implementations in turn."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mediafp.store import Store, open_store

OpenStore = Callable[..., Store]
STORES: dict[str, OpenStore] = {"sqlite": open_store}
"""Functions that open the store in a folder, and with `create=True` create it."""


@pytest.fixture(params=STORES)
def open_any(request: pytest.FixtureRequest) -> OpenStore:
    """One implementation, as a function of the folder."""
    return STORES[request.param]


@pytest.fixture
def store(open_any: OpenStore, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with open_any(tmp_path / "store", create=True) as opened:
        yield opened
