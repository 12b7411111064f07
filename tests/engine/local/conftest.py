"""Fixtures: engines with real, with scripted and with taken-over workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_workers import use_scripted_workers
from taken_over_workers import SECRET, use_taken_over_workers

from mediafp.engine.local.engine import LocalEngine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """An engine whose sandboxed workers start once for all tests of a module."""
    with LocalEngine(tmp_path_factory.mktemp("scratch")) as created:
        yield created


@pytest.fixture
def scripted_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    """An engine whose workers follow the file of their task."""
    use_scripted_workers(tmp_path, monkeypatch)
    with LocalEngine(tmp_path) as created:
        yield created


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scratch folder of `taken_over`."""
    return tmp_path_factory.mktemp("taken-over")


@pytest.fixture(scope="module")
def taken_over(scratch: Path) -> Iterator[LocalEngine]:
    """An engine whose sandboxed workers run the code in their files; it starts among secrets of the user."""
    with pytest.MonkeyPatch.context() as patch, LocalEngine(scratch) as engine:
        patch.setenv("MEDIAFP_PASSWORD", SECRET)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.chdir(scratch)
        use_taken_over_workers(scratch, patch)
        engine.start()
        yield engine
