"""Fixtures of all tests: real photographs and clips from installed packages, an empty case, the development corpora."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mediafp.case.case import Case, open_case
from mediafp.cli.demo.media import CLIPS, PHOTOS, packaged_file

# rich reads these variables at import; with any of them it prints colours or short lines to a file.
for variable in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"):
    os.environ.pop(variable, None)


@pytest.fixture(scope="session")
def photos() -> dict[str, np.ndarray]:
    """Real photographs, RGB (H, W, 3) uint8."""
    return {name: np.asarray(Image.open(packaged_file(*file)).convert("RGB")) for name, file in PHOTOS.items()}


@pytest.fixture
def photo(tmp_path: Path, photos: dict[str, np.ndarray]) -> Path:
    """A photograph as a PNG file."""
    Image.fromarray(photos["temple"]).save(tmp_path / "temple.png", compress_level=1)
    return tmp_path / "temple.png"


@pytest.fixture(scope="session")
def clips() -> dict[str, Path]:
    """Paths of real video files."""
    return {name: packaged_file(*file) for name, file in CLIPS.items()}


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Folder of the development corpora; tests that need it are skipped if it is missing."""
    folder = os.environ.get("MEDIAFP_CORPORA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("the development corpora are missing: set MEDIAFP_CORPORA to their folder")
    return Path(folder)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    """An empty case."""
    with open_case(tmp_path / "store", create=True) as opened:
        yield opened
