"""Commands count one thing in the singular."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pdqhash
import pytest
from PIL import Image
from sample_matches import sample_match
from typer.testing import CliRunner

from mediafp.cli.app import app
from mediafp.cli.match import print_match, print_query
from mediafp.types.matches import QueryResult
from mediafp.types.sightings import Sighting


def _pdq(path: Path) -> str:
    bits, _ = pdqhash.compute(np.asarray(Image.open(path).convert("RGB")))
    return np.packbits(bits).tobytes().hex()


def test_one_file_is_counted_in_the_singular(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    def run(*arguments: object) -> str:
        done = CliRunner().invoke(app, ["--store", str(tmp_path / "store"), *map(str, arguments)])
        return done.stdout

    Image.fromarray(photos["cat"]).save(tmp_path / "a.png")
    quiet = ("--ocr", "no", "--transcribe", "no", "--crops", "no")
    assert run("ingest", tmp_path / "a.png", "--match", "later", *quiet).startswith("1 file in ")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.png", "a.png")
    assert "\n1 of them is an archive; " in run("ingest", tmp_path / "a.zip", "--dry-run", *quiet)
    assert run("relate").startswith("1 comparison in ")
    assert run("cluster").endswith("0 clusters, 1 file in none (* representative)\n")
    assert run("verify").startswith("1 asset; the store is sound\n")
    Image.fromarray(photos["cat"][::2, ::2]).save(tmp_path / "b.png")
    Image.fromarray(photos["cat"][4:, 4:]).save(tmp_path / "c.png")
    run("ingest", tmp_path / "b.png", tmp_path / "c.png", *quiet)
    query = ("match", tmp_path / "a.png", "--ocr", "no", "--top")
    assert "\n  and 1 more match: see --top\n" in run(*query, 1) and "more match" not in run(*query, 2)
    found = json.loads(run(*query, 1, "--json"))
    assert (len(found["matches"]), found["more_matches"]) == (1, 1)
    found = json.loads(run("match", "--hash", f"pdq:{_pdq(tmp_path / 'a.png')}", "--top", 1, "--json"))
    assert len(found["matches"]) == 1 and found["more_matches"] >= 1
    forgotten = run("forget", tmp_path / "c.png")
    assert " with 1 sighting, 1 asset, " in forgotten and forgotten.endswith("2 matches, 1 ledger entry\n"), forgotten
    assert "0 pairs of 0 accounts" in run("coshare")


def test_all_paths_of_a_reference_are_printed_or_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """The first may be gone, and a sighting that a sidecar states is printed with its path anyway."""
    seen = Sighting(sha256="a" * 64, uri="/posted.jpg", account="x", source="gallery-dl: posted.jpg.json")
    names = ["/first.jpg", "/posted.jpg", *(f"/copy{number}.jpg" for number in range(5))]
    print_match(sample_match(uris=tuple(names), sightings=(seen,)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("/first.jpg") and lines[2:] == [
        *(f"      also at: /copy{number}.jpg" for number in range(3)),
        "      and at 2 more paths: see --json",
    ]
    print_match(sample_match())
    assert "also at" not in capsys.readouterr().out


def test_warnings_of_a_query_name_it(capsys: pytest.CaptureFixture[str]) -> None:
    """They go to standard error, where the line with its name is not."""
    print_query(
        QueryResult(query="a.mp4", sha256=None, kind="video", error=None, warnings=("it ends early",)), found=True
    )
    assert "warning a.mp4: it ends early" in capsys.readouterr().err
