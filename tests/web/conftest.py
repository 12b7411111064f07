"""Fixtures of the tests of the workbench: one case that is served to all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from compared_case import ComparedCase, make_compared_case
from group_case import make_group_case
from served_case import ServedCase, served
from workbench_case import make_case

from mediafp.case.case import open_case


@pytest.fixture(scope="session")
def made_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the files of a made case, and its store."""
    folder = tmp_path_factory.mktemp("workbench")
    make_case(folder)
    return folder


@pytest.fixture(scope="session")
def workbench(made_files: Path) -> Iterator[ServedCase]:
    """A workbench over the made case."""
    with open_case(made_files / "store") as case, served(case) as one:
        yield one


@pytest.fixture(scope="session")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCase]:
    """A workbench over a store with groups, accounts and removals, without any media."""
    folder = make_group_case(tmp_path_factory.mktemp("groups") / "store", more_groups=61)
    with open_case(folder) as case, served(case) as one:
        yield one


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> ComparedCase:
    """A store with one pair of each kind, whose places and times are known exactly."""
    return make_compared_case(tmp_path_factory.mktemp("compared"))
