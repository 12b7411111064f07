"""Pictures that show nothing are copies of nothing."""

from pathlib import Path

import numpy as np
from PIL import Image

from mediafp.case.case import Case


def test_two_plain_pictures_do_not_match(case: Case, tmp_path: Path) -> None:
    references, queries = tmp_path / "references", tmp_path / "queries"
    references.mkdir()
    queries.mkdir()
    noise = np.random.default_rng(1)
    for name, colour in (("white", 255), ("grey", 120), ("black", 0), ("noisy", 60)):
        pixels = np.full((300, 400, 3), colour, np.uint8)
        if name == "noisy":
            pixels = (pixels + noise.integers(0, 6, pixels.shape)).astype(np.uint8)
        Image.fromarray(pixels).save(references / f"{name}.png")
        Image.fromarray(pixels[:, :280]).save(queries / f"{name}.jpg", quality=70)
    assert {outcome.status for outcome in case.ingest([references])} == {"added"}
    for answer in case.match([queries]):
        assert answer.error is None and not answer.matches, answer
