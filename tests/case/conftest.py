"""A set of media that is ingested once for all tests of comparing."""

from pathlib import Path

import numpy as np
import pytest
from mixed_media import write_mixed_media
from mixed_stores import Ingested, read_record

import mediafp
from mediafp import AnalysisOptions, IngestOptions
from mediafp.store.sqlite.store import SqliteStore


@pytest.fixture(scope="session")
def ingested(photos: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    """The media, ingested once."""
    folder = tmp_path_factory.mktemp("order")
    media = write_mixed_media(folder / "media", photos)
    options = IngestOptions(jobs=1, match=False, analysis=AnalysisOptions(ocr=False))
    with mediafp.open(folder / "store", create=True) as case:
        assert {outcome.status for outcome in case.ingest(media.paths, options)} == {"added"}
    with SqliteStore(folder / "store") as store:
        records = {Path(store.uris(asset.sha256)[0]).stem: read_record(store, asset.sha256) for asset in store.assets()}
    return Ingested(media=media, records=records)
