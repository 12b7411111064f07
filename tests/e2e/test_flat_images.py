"""Flat images through ingest and match: they are copies of no image."""

from pathlib import Path

import numpy as np
from PIL import Image

from mediafp.case.case import Case


def test_flat_images_do_not_match(case: Case, tmp_path: Path) -> None:
    references, queries = tmp_path / "references", tmp_path / "queries"
    references.mkdir()
    queries.mkdir()
    noise = np.random.default_rng(1)
    for name, grey in (("white", 255), ("grey", 120), ("black", 0), ("noisy", 60)):
        pixels = np.full((300, 400, 3), grey, np.uint8)
        if name == "noisy":
            pixels = (pixels + noise.integers(0, 6, pixels.shape)).astype(np.uint8)
        Image.fromarray(pixels).save(references / f"{name}.png")
        Image.fromarray(pixels[:, :280]).save(queries / f"{name}.jpg", quality=70)
    assert [outcome.status for outcome in case.ingest([references])] == ["added"] * 4
    results = list(case.match([queries]))
    assert len(results) == 4
    for result in results:
        assert result.error is None and not result.matches, result
