"""Commands count one thing in the singular."""

from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from mediafp.cli.app import app


def test_one_file_is_counted_in_the_singular(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    def run(*arguments: object) -> str:
        done = CliRunner().invoke(app, ["--store", str(tmp_path / "store"), *map(str, arguments)])
        return done.stdout

    Image.fromarray(photos["cat"]).save(tmp_path / "a.png")
    quiet = ("--ocr", "no", "--transcribe", "no", "--crops", "no")
    assert run("ingest", tmp_path / "a.png", "--match", "later", *quiet).startswith("1 file in ")
    assert run("relate").startswith("1 comparison in ")
    assert run("cluster").endswith("0 clusters, 1 file in none (* representative)\n")
    assert run("verify").startswith("1 asset; the store is sound\n")
    assert "0 pairs of 0 accounts" in run("coshare")
