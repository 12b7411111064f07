"""Evidence for the pages of reports."""

import numpy as np
import pytest
from evidence_in_memory import MemorySource


@pytest.fixture
def source(photos: dict[str, np.ndarray]) -> MemorySource:
    """Two images and two videos whose thumbnails show one photograph."""
    return MemorySource(photos["temple"])
