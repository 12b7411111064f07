"""Warnings of an analysis that finds nothing to compare."""

from pathlib import Path

import pytest
from processes import run_ffmpeg

from mediafp.engine.analysis import analyse_file
from mediafp.ingest.files import open_file

FLAT = "skipped all frames: each is of one colour, so that the video cannot be matched by its frames"
SILENT = "skipped the audio: it is silent, so that the video cannot be matched by it"


@pytest.mark.parametrize(
    ("sound", "warnings"), [("anullsrc", (FLAT, SILENT)), ("sine=f=300", (FLAT,))], ids=["silent", "tone"]
)
def test_black_and_silence_are_told(tmp_path: Path, sound: str, warnings: tuple[str, ...]) -> None:
    run_ffmpeg("-f", "lavfi", "-i", "color=black:s=64x64", "-f", "lavfi", "-i", sound, "-t", 2, tmp_path / "a.mp4")
    with open_file(tmp_path / "a.mp4") as file:
        analysis = analyse_file(file, "")
    assert analysis is not None and analysis.warnings == warnings
