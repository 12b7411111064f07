"""Decoder libraries load with the first file that needs them."""

import pytest
from processes import run_python

LIGHT_MODULES = (
    "mediafp.ingest.archives.members",
    "mediafp.ingest.cpu_budget",
    "mediafp.ingest.files",
    "mediafp.ingest.limits",
    "mediafp.ingest.open_media",
    "mediafp.ingest.sniff",
    "mediafp.ingest.thumbnails",
    "mediafp.ingest.walk",
    "mediafp.sightings.sidecars",
)


@pytest.mark.parametrize("module", LIGHT_MODULES)
def test_import_loads_no_decoder_library(module: str) -> None:
    done = run_python(f"import sys, {module}\nprint(*sorted({{'av', 'PIL', 'cv2', 'pi_heif'}} & set(sys.modules)))")
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
