"""A case with one asset."""

import pytest
from ingest_records import ingest_record

from mediafp import Case


@pytest.fixture
def asset(case: Case) -> str:
    """Add an asset to the case and return its SHA-256."""
    record = ingest_record("a")
    with case._store.writing():
        case._store.add_record(record)
    return record.asset.sha256
